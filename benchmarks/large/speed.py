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
from gradless.evaluation.layout import layout_for
from gradless.evaluation.population import replicate
from gradless.problems.contract import Layout
from gradless.problems.function import FunctionProblem
from gradless.strategies import OpenAIES
from gradless.training.factors import fitted
from gradless.training.generation import CompiledLoop, Limits, advance, begin

TITLE = "Large networks beside plain inference"
PEERS: tuple[str, ...] = ()


GENERATIONS = 4  # in one call, as `minimize` has them: that begins with a copy of the run


class Row(NamedTuple):
    """A network, a population, and what it sees."""

    name: str
    case: Callable[[], Case]
    population: int
    batch: int
    own: bool = True  # batches, of each pair
    rank: int = 1
    full: bool = False  # whether full noise is measured too


ROWS = [
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 256, 16, full=True),
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 1024, 16),
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 256, 128, own=False),
    Row("4 x 2,048", lambda: models.mlp(*[2048] * 5), 256, 16),
    Row("4 x 2,048", lambda: models.mlp(*[2048] * 5), 1024, 16),
    Row("GPT 256, 4 layers, 64 tokens", lambda: models.gpt(256, 4, 64), 64, 2, full=True),
    Row("the same, scanned", lambda: models.gpt(256, 4, 64, scan=True), 64, 2),
    Row("784-1024-1024-10", lambda: models.mlp(784, 1024, 1024, 10), 256, 16, rank=4),
    Row("small convolutional", models.convolutional, 256, 16),
]
TOY = [Row("8-16-3", lambda: models.mlp(8, 16, 3), 8, 4)]


def search(row: Row, case: Case, rank: int) -> tuple[Any, Any, Limits, Layout]:
    """Problem, strategy, limits and layout of a row."""
    samples = 4 * row.batch * (row.population if row.own else 1)
    data = case.batch(min(samples, 4096))
    problem = FunctionProblem.of(case.loss, case.params, data, row.batch, own_batches=row.own)
    strategy: Any = OpenAIES(population=row.population, rank=rank, optimizer="sgd")
    strategy = fitted(problem, strategy, case.params)
    limits = Limits(
        jnp.uint32(0),
        jnp.float32(-jnp.inf),
        {},
        jnp.float32(jnp.inf),
        jnp.bool_(False),
        jnp.uint32(2**31),
    )
    return problem, strategy, limits, layout_for(problem, strategy)


def generations(row: Row, case: Case, rank: int, count: int) -> Callable[[], Any]:
    """A function that runs so many generations more, compiled, by the loop of ``minimize``."""
    problem, strategy, limits, layout = search(row, case, rank)
    loop = CompiledLoop(problem, strategy, limits, layout)
    run = loop.placed(begin(strategy, case.params, 0))

    def some() -> None:
        nonlocal run
        run, _, _ = loop.turn(run, count)

    return some


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
        "generation": generations(row, case, row.rank, GENERATIONS),
    }
    found = in_turn(functions, rounds)
    found["generation"] = {k: v / GENERATIONS for k, v in found["generation"].items()}
    if row.full:
        found["full"] = in_turn({"full": generations(row, case, 0, 1)}, 3)["full"]
    temporary = {
        "plain": plain.lower(case.params, whole).compile(),
        "generation": compiled_loop(row, case),
    }
    memory = {
        name: program.memory_analysis().temp_size_in_bytes for name, program in temporary.items()
    }
    return {"parameters": tree.size(case.params), "temporary": memory, **found}


def compiled_loop(row: Row, case: Case) -> Any:
    """The program of a row's loop."""
    problem, strategy, limits, layout = search(row, case, row.rank)
    run = replicate(begin(strategy, case.params, 0), layout)
    return advance.lower(run, strategy, replicate(problem, layout), limits, layout).compile()


def measure(options: Options) -> dict[str, Any]:
    """Times by row."""
    use_all_cores()
    rows = []
    for row in TOY if options.toy else ROWS:
        found = measured(row, 1 if options.toy else options.rounds)
        ratio = found["plain"]["wall"] / found["generation"]["wall"]
        own = found["plain"]["processor"] / found["generation"]["processor"]
        memory = found["temporary"]["generation"] / 2**20
        print(
            f"{row.name:32} {row.population:5} wall {ratio:.2f} processor {own:.2f} "
            f"memory {memory:.0f} MiB",
            flush=True,
        )
        rows.append({**row._asdict(), "case": None, **found})
    return {"rows": rows}


def render(results: dict[str, Any], folder: Path) -> str:
    """The section of the page."""
    lines = [
        "What a generation of `openai_es` with a rank takes beside plain inference on as",
        "many samples, a shared batch counted for each member: noise, forward passes and",
        "update, by the loop of `minimize`. Above 1, it is faster: it can be where",
        "all members see one batch: the center's part is computed once. Opposite candidates share",
        "a batch of their own. Calls of four generations, as in `minimize`. Memory is what the",
        "compiled program asks for beside its arguments and results: that of plain inference is",
        "little where the compiler makes one pass of it, layer after layer.",
        "",
        "| network | parameters | rank | population | batch | plain / generation, wall clock | "
        "processor | memory, MiB (plain) | full noise / generation |",
        "|---|---:|---:|---:|---|---:|---:|---:|---:|",
    ]
    for row in results["rows"]:
        plain, one = row["plain"], row["generation"]
        memory, of_plain = (row["temporary"][of] / 2**20 for of in ("generation", "plain"))
        full = f"{row['full']['wall'] / one['wall']:.1f}" if row["full"] else ""
        lines.append(
            f"| {row['name']} | {row['parameters']:,} | {row['rank']} | {row['population']:,} | "
            f"{row['batch']}, {'own' if row['own'] else 'shared'} | "
            f"{plain['wall'] / one['wall']:.2f} | {plain['processor'] / one['processor']:.2f} | "
            f"{memory:.0f} ({of_plain:.0f}) | {full} |"
        )
    return "\n".join(lines)
