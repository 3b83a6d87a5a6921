"""How are runs made and kept? One line of JSON for each, so that a long measurement can go on.

A file is only ever added to. What is in it is not run again, so other dimensions, instances and
algorithms can be added later, and an interrupted command is repeated as it was.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from benchmarks.bbob import DIMENSIONS, FUNCTIONS, PER_DIMENSION, TARGETS, Place, Row
from benchmarks.bbob.algorithms import Task, algorithm
from benchmarks.bbob.problems import opened
from benchmarks.bbob.watched import Finished, Watched
from benchmarks.pages import machine


class Options(NamedTuple):
    """What is measured."""

    suite: str = "bbob"
    dimensions: tuple[int, ...] = DIMENSIONS["bbob"]
    instances: tuple[int, ...] = tuple(range(1, 16))
    functions: tuple[int, ...] = tuple(FUNCTIONS["bbob"])
    algorithms: tuple[str, ...] = ("gradless",)
    per_dimension: int = PER_DIMENSION
    seed: int = 0
    observe: Path | None = None


class Job(NamedTuple):
    """A run to be made."""

    algorithm: str
    place: Place
    per_dimension: int
    seed: int
    observe: Path | None = None

    @property
    def key(self) -> tuple[str | int, ...]:
        """What makes it another one."""
        return self.algorithm, *self.place, self.per_dimension, self.seed


def jobs(options: Options) -> list[Job]:
    """All runs, an instance of everything after the other."""
    order = itertools.product(
        options.dimensions, options.instances, options.algorithms, options.functions
    )
    return [
        Job(
            name,
            Place(options.suite, function, dimension, instance),
            options.per_dimension,
            options.seed,
            options.observe,
        )
        for dimension, instance, name, function in order
    ]


def run(job: Job) -> Row:
    """Search a problem once."""
    chosen = algorithm(job.algorithm)
    budget = job.per_dimension * job.place.dimension
    error = ""
    with opened(job.place, job.observe, job.algorithm.replace(":", "-")) as problem:
        watched = Watched(problem.function, problem.optimum, budget)
        task = Task.of(problem, job.place, job.seed)
        wall, processor = time.perf_counter(), time.process_time()
        try:
            chosen.search(watched, task)
            while chosen.again:
                before = watched.evaluations
                task.again()
                chosen.search(watched, task)
                if watched.evaluations == before:
                    raise RuntimeError("it ended without an evaluation")
        except Finished:
            pass
        except Exception as problem_of_peer:
            error = f"{type(problem_of_peer).__name__}: {problem_of_peer}"
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        hits = problem.hits(watched)
    return {
        "algorithm": job.algorithm,
        **job.place._asdict(),
        "per_dimension": job.per_dimension,
        "seed": job.seed,
        "evaluations": watched.evaluations,
        "hits": hits,
        "seconds": round(wall, 4),
        "processor": round(processor, 4),
        "version": machine.installed(chosen.package),
        **({"error": error[:200]} if error else {}),
    }


def measure(options: Options, path: Path, processes: int = 1) -> Iterator[Row]:
    """Make the runs that a file lacks, add a line for each, and hand them out."""
    done = {_key(row) for row in read([path]) if "error" not in row}
    left = [job for job in jobs(options) if job.key not in done]
    path.parent.mkdir(parents=True, exist_ok=True)
    _mend(path)
    with ExitStack() as closing:
        made: Iterable[Row] = map(run, left)
        if processes > 1:
            # Fresh processes: JAX does not survive a fork.
            pool = closing.enter_context(multiprocessing.get_context("spawn").Pool(processes))
            made = pool.imap_unordered(run, left)
        for row in made:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            yield row


def read(paths: Iterable[Path]) -> list[Row]:
    """All runs of files, the last one of each; half a line, of a command that was killed, is none.

    Raises
    ------
    ValueError
        If a file has lines of something else.
    """
    found: dict[tuple[str | int, ...], Row] = {}
    for path in paths:
        if not path.exists():
            continue
        lines = path.read_text(encoding="utf-8").split("\n")
        for line in lines[:-1]:
            try:
                row = json.loads(line)
                found[_key(row)] = row
            except (KeyError, TypeError, json.JSONDecodeError) as error:
                raise ValueError(f"{path} has a line that is no run: {line[:60]!r}") from error
    return list(found.values())


def _mend(path: Path) -> None:
    """Cut off half a line at the end."""
    if not path.exists():
        return
    text = path.read_bytes()
    if not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])


def _key(row: Row) -> tuple[str | int, ...]:
    place = (row[name] for name in Place._fields)
    return row["algorithm"], *place, row["per_dimension"], row["seed"]


def said(row: Row) -> str:
    """A run in a line."""
    place = f"f{row['function']} {row['dimension']}-D instance {row['instance']}"
    reached = f"{len(row['hits'])} of {len(TARGETS)} targets"
    error = f", {row['error']}" if "error" in row else ""
    return (
        f"{row['algorithm']}, {place}: {reached}, {row['evaluations']:,} evaluations, "
        f"{row['seconds']:.2f} s{error}"
    )
