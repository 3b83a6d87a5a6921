"""What does a generation spend its time on? Asking, evaluating, telling, and the loop around them.

Each row is measured by loops that do more and more: ask; ask and evaluate; ask, evaluate and tell;
the whole training loop. What one adds is the difference to the one before, since the compiler
merges what follows one another.
"""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.suite import Options

TITLE = "Inside of a generation"
PEERS: tuple[str, ...] = ()

_STEPS = ("ask", "evaluate", "tell", "loop")
_NAMES = (
    "random_search", "hill_climbing", "openai_es", "pgpe", "ars", "snes", "sep_cma_es", "cma_es",
    "fd_lbfgs", "genetic_algorithm", "differential_evolution", "particle_swarm",
)  # fmt: skip
_TOY = ("openai_es",)


def measure(options: Options) -> dict[str, Any]:
    """Microseconds of each step, by strategy."""
    rounds = 1 if options.toy else options.rounds
    found = {}
    for name in _TOY if options.toy else _NAMES:
        found[name] = _one(name, rounds, 0.02 if options.toy else 0.2)
        print(f"{name:24} {found[name]}", flush=True)
    return {"network": "2-64-3 on 300 samples, the spiral", "rows": found}


def _one(name: str, rounds: int, seconds: float) -> dict[str, float]:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    from gradless import train  # noqa: PLC0415
    from gradless.evaluate import evaluate, everywhere, layout_for  # noqa: PLC0415
    from gradless.noise import fold_in  # noqa: PLC0415
    from gradless.processor import compiler_options  # noqa: PLC0415
    from gradless.recipe import Recipe, prepare  # noqa: PLC0415

    prepared = prepare(Recipe("spiral", hidden=(64,), strategy=name))
    problem, strategy = prepared.problem, prepared.strategy
    run = prepared.begin()
    layout = layout_for(problem, strategy)

    # Data are arguments: what the compiler knows to be constant, it computes in another way.
    @functools.partial(jax.jit, static_argnames="depth", compiler_options=compiler_options())
    def repeat(problem: Any, carry: Any, count: Any, depth: int) -> Any:
        def repeated(problem: Any, carry: Any, count: Any) -> Any:
            batch = problem.batch(run.key)

            def body(_: Any, carry: Any) -> Any:
                key, state, candidates, losses = carry
                candidates = strategy.ask(key, state)
                if depth > 0:
                    losses = evaluate(problem, strategy, state, candidates, batch, layout).loss
                if depth > 1:
                    state = strategy.tell(key, state, candidates, losses)
                # Made one generation ahead, as in training.
                return fold_in(key, 1), state, candidates, losses

            return jax.lax.fori_loop(0, count, body, carry)

        return everywhere(repeated, layout)(problem, carry, count)

    losses = jnp.arange(strategy.population, dtype=jnp.float32)
    carry = (run.key, run.state, strategy.ask(run.key, run.state), losses)
    programs = [
        lambda count, depth=depth: repeat(problem, carry, jnp.int32(count), depth)
        for depth in range(3)
    ]
    times = [_median(program, rounds, seconds, jax.block_until_ready) for program in programs]
    whole = []
    for _ in range(rounds + 1):  # the first compiles
        for record in train.train(problem, strategy, run, train.Stop(seconds=4 * seconds)):
            last = record
        whole.append(float(last.seconds[-1] / _generations(last)))
    times.append(statistics.median(whole[1:]))
    steps = [times[0], *(max(0.0, b - a) for a, b in itertools.pairwise(times))]
    microseconds = {step: round(1e6 * t, 1) for step, t in zip(_STEPS, steps, strict=True)}
    return {"population": strategy.population, **microseconds}


def _generations(record: Any) -> int:
    """Generations so far."""
    return int(record.generation[-1])


def _median(program: Callable[[int], Any], rounds: int, seconds: float, ready: Any) -> float:
    """Seconds of one repetition."""
    ready(program(1))
    count, elapsed = 1, 0.0
    while elapsed < seconds / 4:
        count *= 4
        begun = time.perf_counter()
        ready(program(count))
        elapsed = time.perf_counter() - begun
    count = max(1, int(count * seconds / elapsed))
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        ready(program(count))
        times.append((time.perf_counter() - begun) / count)
    return statistics.median(times)


def render(results: dict[str, Any], folder: Path) -> str:
    """A table in microseconds of a generation."""
    lines = [
        f"Microseconds of one generation with each strategy's own defaults: {results['network']}. "
        "Loop is everything else that training does: the best network so far, the center's own "
        "evaluation where a strategy has one, and the row of the history.",
        "",
        "| strategy | population | ask | evaluate | tell | loop | loop, % of evaluation |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in results["rows"].items():
        share = 100 * row["loop"] / row["evaluate"] if row["evaluate"] else float("nan")
        numbers = " | ".join(f"{row[step]:,.1f}" for step in _STEPS)
        lines.append(f"| {name} | {row['population']} | {numbers} | {share:.0f} |")
    return "\n".join(lines)
