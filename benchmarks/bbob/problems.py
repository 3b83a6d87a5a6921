"""What is searched? Problems of COCO with their optima, and stand-ins where it is not installed.

The optimum of a problem of ``bbob`` is public. That of ``bbob-mixint`` is its value at the best
parameters, which COCO writes into a file when asked. For ``bbob-noisy`` what counts is the value
without noise, which no search sees, but COCO's own observer writes down.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.bbob import TARGETS, Place
from benchmarks.bbob.watched import Watched

INSTALLED = importlib.util.find_spec("cocoex") is not None
Array = npt.NDArray[np.float64]


@dataclass
class Problem:
    """A function to be minimised, from a place in its domain.

    Parameters
    ----------
    function
        Of a vector of shape (dimension,).
    optimum
        Its lowest value; -inf where values have noise.
    lower, upper
        Corners of the domain, of shape (dimension,).
    integers
        So many of the first variables are whole numbers.
    hits
        Asked when a search is over: evaluations at which targets were first reached.
    """

    function: Callable[[Any], float]
    optimum: float
    lower: Array
    upper: Array
    integers: int = 0
    hits: Callable[[Watched], list[int]] = field(default=lambda watched: watched.hits)


@contextlib.contextmanager
def opened(place: Place, observe: Path | None = None, name: str = "") -> Iterator[Problem]:
    """A problem, which is closed afterwards.

    Parameters
    ----------
    place
        Which one.
    observe
        A folder in which COCO's observer also writes its files, for ``cocopp``.
    name
        Of the algorithm, in those files.
    """
    if not INSTALLED:
        yield _stand_in(place)
        return
    import cocoex  # noqa: PLC0415 - a peer, which tests do without

    cocoex.log_level("warning")
    with contextlib.ExitStack() as closing:
        problem, _suite = _found(cocoex, place)
        lower, upper = np.array(problem.lower_bounds), np.array(problem.upper_bounds)
        found = Problem(problem, -math.inf, lower, upper, int(problem.number_of_integer_variables))
        if place.suite == "bbob-noisy" and observe is None:
            observe = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        if observe is not None:
            # A folder for each algorithm, which cocopp is given, with one for each run.
            folder = observe.resolve() / name
            run = f"{place.suite}_f{place.function}_i{place.instance}_d{place.dimension}"
            told = f"outer_folder: {folder} result_folder: {run} algorithm_name: {name}"
            problem.observe_with(cocoex.Observer(place.suite, told))
        if place.suite == "bbob-noisy":

            def logged(watched: Watched) -> list[int]:
                problem.free()  # writes the last lines
                written = folder.glob(f"{run}*/*/*.dat")
                return _hits_of_log(max(written, key=lambda path: path.stat().st_mtime_ns))

            found.hits = logged
        else:
            found.optimum = _optimum(cocoex, place)
        try:
            yield found
        finally:
            problem.free()


def _found(cocoex: Any, place: Place) -> tuple[Any, Any]:
    """The problem, and the suite, which has to live as long."""
    suite = cocoex.Suite(
        place.suite, f"instances:{place.instance}", f"dimensions:{place.dimension}"
    )
    return suite.get_problem_by_function_dimension_instance(*place[1:]), suite


def _optimum(cocoex: Any, place: Place) -> float:
    if place.suite == "bbob":
        return float(cocoex.BareProblem("bbob", *place[1:]).best_value())
    problem, _suite = _found(cocoex, place)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        problem._best_parameter("print")
        best = np.loadtxt(next(Path(folder).iterdir()))
    value = float(problem(best))
    if not problem.final_target_hit:
        raise RuntimeError(f"COCO does not take its own optimum of {place} for one")
    return value


def _hits_of_log(path: Path) -> list[int]:
    """Evaluations at the targets, from lines of evaluations and distances without noise.

    COCO writes a line at each of its targets, which are the powers of ten with steps of a 20th, or
    finer, in the exponent: ours are among them.
    """
    hits: list[int] = []
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("%"):
            continue
        evaluations, _constraints, distance = line.split()[:3]
        # The distance is rounded to ten digits.
        while len(hits) < len(TARGETS) and float(distance) <= TARGETS[len(hits)] * (1 + 1e-9):
            hits.append(int(evaluations))
    return hits


# ---- Without COCO --------------------------------------------------------------------------------


def _stand_in(place: Place) -> Problem:
    """A sphere or Rosenbrock's function with an optimum by chance, to see that all works."""
    generator = np.random.default_rng(list(place[1:]))
    best = generator.uniform(-3, 3, place.dimension)
    optimum = float(generator.integers(-100, 100))

    def sphere(x: Any) -> float:
        return optimum + float(np.sum((np.asarray(x, float) - best) ** 2))

    def rosenbrock(x: Any) -> float:
        z = np.asarray(x, float) - best + 1
        return optimum + float(np.sum(100 * (z[:-1] ** 2 - z[1:]) ** 2 + (z[:-1] - 1) ** 2))

    corner = np.full(place.dimension, 5.0)
    return Problem(sphere if place.function == 1 else rosenbrock, optimum, -corner, corner)
