"""How much does a generation cost beside plain inference on as many samples?

A generation is all of it: noise, forward passes of the whole population, and the update. Plain
inference is the same loss of one network, on as many samples at once. Both take turns, and the
medians of their times are compared.

    python -m benchmarks large
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.large import models
from benchmarks.large.models import Case
from benchmarks.pages.suite import Options
from gradless._core import tree
from gradless._core.devices import use_all_cores
from gradless.problems.function import FunctionProblem
from gradless.strategies import OpenAIES
from gradless.training.factors import fitted
from gradless.training.generation import CompiledLoop, Limits, begin

TITLE = "Large networks beside plain inference"
PEERS: tuple[str, ...] = ()


class Row(NamedTuple):
    """A network, a population, and what it sees."""

    name: str
    case: Callable[[], Case]
    population: int
    batch: int
    own: bool = True  # batches, of each pair
    rank: int = 1


ROWS = [
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 256, 16),
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 1024, 16),
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 256, 128, own=False),
    Row("4 x 2,048", lambda: models.mlp(*[2048] * 5), 256, 16),
    Row("GPT 256, 4 layers, 64 tokens", lambda: models.gpt(256, 4, 64), 64, 2),
    Row("the same, scanned", lambda: models.gpt(256, 4, 64, scan=True), 64, 2),
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 256, 16, rank=4),
    Row("small convolutional", models.convolutional, 256, 16),
]
TOY = [Row("8-16-3", lambda: models.mlp(8, 16, 3), 8, 4)]


def generation(row: Row, case: Case, rank: int | None = None) -> Callable[[], Any]:
    """A function that runs one generation more, compiled."""
    samples = 4 * row.batch * (row.population if row.own else 1)
    data = case.batch(min(samples, 4096))
    problem = FunctionProblem.of(case.loss, case.params, data, row.batch, own_batches=row.own)
    strategy: Any = OpenAIES(
        population=row.population, rank=row.rank if rank is None else rank, optimizer="sgd"
    )
    strategy = fitted(problem, strategy, case.params)
    limits = Limits(
        jnp.uint32(0),
        jnp.float32(-jnp.inf),
        {},
        jnp.float32(jnp.inf),
        jnp.bool_(False),
        jnp.uint32(2**31),
    )
    loop = CompiledLoop(problem, strategy, limits, None)
    run = loop.placed(begin(strategy, case.params, 0))

    def one() -> None:
        nonlocal run
        run, _, _ = loop.turn(run, 1)

    return one


def in_turn(functions: dict[str, Callable[[], Any]], rounds: int) -> dict[str, dict[str, float]]:
    """Medians of wall clock and of processor seconds, each function once a round."""
    for each in functions.values():
        each()
        each()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            wall, own = time.perf_counter(), time.process_time()
            function()
            found[name].append((time.perf_counter() - wall, time.process_time() - own))
    return {
        name: {
            "wall": statistics.median(wall for wall, _ in times),
            "processor": statistics.median(own for _, own in times),
        }
        for name, times in found.items()
    }


def measured(row: Row, rounds: int) -> dict[str, Any]:
    """Times of plain inference, of a generation, and of one with noise for every weight."""
    case = row.case()
    plain, whole = jax.jit(case.loss), case.batch(row.population * row.batch)
    functions = {
        "plain": lambda: jax.block_until_ready(plain(case.params, whole)),
        "generation": generation(row, case),
    }
    return {"parameters": tree.size(case.params), **in_turn(functions, rounds)}


def measure(options: Options) -> dict[str, Any]:
    """Times by row."""
    use_all_cores()
    rows = []
    for row in TOY if options.toy else ROWS:
        found = measured(row, 1 if options.toy else options.rounds)
        ratio = found["plain"]["wall"] / found["generation"]["wall"]
        own = found["plain"]["processor"] / found["generation"]["processor"]
        print(f"{row.name:32} {row.population:5} wall {ratio:.2f} processor {own:.2f}", flush=True)
        rows.append({**row._asdict(), "case": None, **found})
    return {"rows": rows}


def render(results: dict[str, Any], folder: Path) -> str:
    """The section of the page."""
    lines = [
        "What a generation of `openai_es` with a rank takes beside plain inference on as",
        "many samples, a shared batch counted for each member: noise, forward passes and",
        "update, by the loop of `minimize`. Above 1, it is faster: it can be where",
        "all members see one batch: the center's part is computed once. Opposite candidates share",
        "a batch of their own.",
        "",
        "| network | parameters | rank | population | batch | plain / generation, wall clock | "
        "processor |",
        "|---|---:|---:|---:|---|---:|---:|",
    ]
    for row in results["rows"]:
        plain, one = row["plain"], row["generation"]
        lines.append(
            f"| {row['name']} | {row['parameters']:,} | {row['rank']} | {row['population']:,} | "
            f"{row['batch']}, {'own' if row['own'] else 'shared'} | "
            f"{plain['wall'] / one['wall']:.2f} | {plain['processor'] / one['processor']:.2f} |"
        )
    return "\n".join(lines)
