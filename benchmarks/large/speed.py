"""How much does a generation cost beside plain inference on as many samples?

A generation is all of it: noise, forward passes of the whole population, and the update. Plain
inference is the same loss of one network, on as many samples at once. Both take turns, and the
medians of their times are compared.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.large import models
from benchmarks.large.models import Case
from gradless.problems.function import FunctionProblem
from gradless.strategies import OpenAIES
from gradless.training.factors import fitted
from gradless.training.generation import CompiledLoop, Limits, begin


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
    Row("784-1024-1024-10, rank 4", lambda: models.mlp(784, 1024, 1024, 10), 256, 16, rank=4),
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
    return in_turn(functions, rounds)


def main() -> None:
    """Print the ratios."""
    import sys  # noqa: PLC0415

    chosen = [ROWS[int(i)] for i in sys.argv[1:]] or ROWS
    for row in chosen:
        begun = time.perf_counter()
        found = measured(row, 5)
        wall, own = (
            found["plain"][kind] / found["generation"][kind] for kind in ("wall", "processor")
        )
        print(
            f"{row.name:32s} population {row.population:5d} batch {row.batch:4d} "
            f"{'own' if row.own else 'shared':6s} rank {row.rank}  plain / generation: wall {wall:.2f} "
            f"processor {own:.2f}  ({found['generation']['wall']:.3f} s, {time.perf_counter() - begun:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
