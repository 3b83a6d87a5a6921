"""What does a generation spend its time on? Asking, evaluating, telling, and the loop around them.

Each row is measured by loops that do more and more: ask; evaluate as well; tell; evaluate the
center, where a strategy has one; the whole training loop. What one adds is the difference to the
one before, since the compiler merges what follows one another. They are measured in turns.
"""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.pages.suite import Options

TITLE = "Inside of a generation"
PEERS: tuple[str, ...] = ()

_STEPS = ("ask", "evaluate", "tell", "center", "loop")
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

    from gradless._core.hardware import compiler_options  # noqa: PLC0415
    from gradless._core.noise import fold_in  # noqa: PLC0415
    from gradless.evaluation.layout import layout_for  # noqa: PLC0415
    from gradless.evaluation.population import evaluate, on_every_device, score_one  # noqa: PLC0415
    from gradless.runs.preparation import prepare  # noqa: PLC0415
    from gradless.runs.recipe import Recipe  # noqa: PLC0415
    from gradless.training import loop  # noqa: PLC0415

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
                if depth > 2 and strategy.samples_around_center:
                    center = score_one(problem, strategy.center(state), batch, layout)
                    losses = losses.at[0].min(center.loss)  # used, so that it is computed
                # Made one generation ahead, as in training.
                return fold_in(key, 1), state, candidates, losses

            return jax.lax.fori_loop(0, count, body, carry)

        return on_every_device(repeated, layout)(problem, carry, count)

    losses = jnp.arange(strategy.population, dtype=jnp.float32)
    carry = (run.key, run.state, strategy.ask(run.key, run.state), losses)
    programs = [
        lambda count, depth=depth: jax.block_until_ready(
            repeat(problem, carry, jnp.int32(count), depth)
        )
        for depth in range(len(_STEPS) - 1)
    ]
    counts = [_repetitions(program, seconds) for program in programs]
    stop = loop.Stop(seconds=4 * seconds)
    times: list[list[float]] = []
    for _ in range(rounds + 1):  # the first compiles the training loop
        times.append([_timed(*one) for one in zip(programs, counts, strict=True)])
        *_, last = loop.train(problem, strategy, run, stop)
        times[-1].append(float(last.seconds[-1]) / int(last.generation[-1]))
    medians = [statistics.median(column) for column in zip(*times[1:], strict=True)]
    so_far = list(itertools.accumulate(medians, max))  # more work takes no less time
    steps = [so_far[0], *(b - a for a, b in itertools.pairwise(so_far))]
    microseconds = {step: round(1e6 * t, 1) for step, t in zip(_STEPS, steps, strict=True)}
    return {"population": strategy.population, **microseconds}


def _timed(program: Callable[[int], Any], count: int) -> float:
    """Seconds of one repetition."""
    begun = time.perf_counter()
    program(count)
    return (time.perf_counter() - begun) / count


def _repetitions(program: Callable[[int], Any], seconds: float) -> int:
    """How many fill the time."""
    program(1)  # compiles
    count = 1
    while (each := _timed(program, count)) * count < seconds / 4:
        count *= 4
    return max(1, int(seconds / each))


def render(results: dict[str, Any], folder: Path) -> str:
    """A table in microseconds of a generation."""
    lines = [
        f"Microseconds of one generation with each strategy's own defaults: {results['network']}. "
        "Center is its own evaluation, where a strategy has one that is not among its candidates; "
        "loop is everything else that training does: the best network so far, the limits, and the "
        "row of the history. What the compiler merges with a later step is counted there, and "
        "differences of a few microseconds are noise.",
        "",
        f"| strategy | population | {' | '.join(_STEPS)} | loop, % of evaluations |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in results["rows"].items():
        evaluations = row["evaluate"] + row["center"]
        share = f"{100 * row['loop'] / evaluations:.0f}" if evaluations else "-"
        numbers = " | ".join(f"{row[step]:,.1f}" for step in _STEPS)
        lines.append(f"| {name} | {row['population']} | {numbers} | {share} |")
    return "\n".join(lines)
