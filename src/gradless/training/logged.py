"""What happens in a generation whose losses are kept, or read again instead of being computed?

What :mod:`.generation` does, in both cases by the same operations, which the compiler may not merge
with those that compute the losses: what a strategy makes of losses is then the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from gradless._core.floats import loss_dtype
from gradless._core.hardware import compiler_options
from gradless._core.programs import compiled
from gradless.evaluation.population import evaluate, on_every_device, score_one
from gradless.problems.contract import Layout, Problem, Score
from gradless.strategies.base import Strategy
from gradless.training.generation import (
    CAPACITY,
    CompiledLoop,
    Limits,
    Run,
    after_generation,
    tell,
    turns,
    typed,
    width,
)

_KEPT = 2**20  # losses that are kept on the device at most, but for those of one generation
T = TypeVar("T")


def capacity(population: int) -> int:
    """Generations in one turn at most."""
    return max(1, min(CAPACITY, _KEPT // population))


class LoggedLoop(CompiledLoop):
    """A loop whose rows end with the losses of all candidates, as the strategy was told them."""

    def __init__(
        self, problem: Problem, strategy: Strategy, limits: Limits, layout: Layout | None
    ) -> None:
        """Place the problem; ``layout`` is chosen if not given."""
        super().__init__(problem, strategy, limits, layout)
        self.capacity = capacity(strategy.population)

    def _advance(self, run: Run, limits: Limits) -> tuple[Run, jax.Array]:
        return advance(run, self._strategy, self._problem, limits, self._layout)


@compiled(static_argnames=["layout"], compiler_options=compiler_options())
def advance(
    run: Run, strategy: Strategy, problem: Problem, limits: Limits, layout: Layout
) -> tuple[Run, jax.Array]:
    """As :func:`.generation.advance`; behind each row, the losses of the candidates."""

    def generations(
        run: Run, strategy: Strategy, problem: Problem, limits: Limits
    ) -> tuple[Run, jax.Array]:
        names = problem.measures

        def one(run: Run, drawn: tuple[jax.Array, ...]) -> tuple[Run, jax.Array]:
            batch = _apart(problem.batch(_apart(drawn)[2]))

            def judged(candidates: Any) -> Score:
                score = evaluate(problem, strategy, run.state, candidates, batch, layout)
                return typed(score, names)

            def judged_center(state: Any) -> Score:
                return typed(score_one(problem, strategy.center(state), batch, layout), names)

            after, row, losses = _generation(
                run, drawn, strategy, judged, judged_center, limits, problem.uses_minibatches
            )
            return after, jnp.concatenate([row, losses])

        shape = capacity(strategy.population), width(run) + strategy.population
        return turns(one, run, limits, problem.uses_minibatches, shape)

    return on_every_device(generations, layout)(run, strategy, problem, limits)


@compiled(compiler_options=compiler_options())
def again(
    run: Run, strategy: Strategy, losses: jax.Array, centers: jax.Array, count: jax.Array
) -> Run:
    """The run so many generations later, with losses that were kept.

    Parameters
    ----------
    run
        Before them.
    strategy
        That of the search.
    losses
        (generations, population), of which the first ``count`` are used.
    centers
        (generations,), losses of the strategy's new center; not used where it is a candidate.
    count
        Generations, uint32.
    """
    first = run.generation
    limits = Limits(
        generations=count,
        loss=jnp.asarray(-jnp.inf, loss_dtype()),
        measures={},
        stagnation=jnp.uint32(2**32 - 1),
        rest=jnp.bool_(False),
        not_finite=jnp.uint32(2**32 - 1),
    )

    def one(run: Run, drawn: tuple[jax.Array, ...]) -> tuple[Run, jax.Array]:
        at = run.generation - first
        after, row, _ = _generation(
            run,
            drawn,
            strategy,
            lambda _: Score(losses[at], {}),
            lambda _: Score(centers[at], {}),
            limits,
            on_batches=False,
        )
        return after, row[:1]

    # Nobody looks at the rows.
    return turns(one, run, limits, False, (1, 1))[0]


def _generation(
    run: Run,
    drawn: tuple[jax.Array, ...],
    strategy: Strategy,
    judged: Callable[[Any], Score],
    judged_center: Callable[[Any], Score],
    limits: Limits,
    on_batches: bool,
) -> tuple[Run, jax.Array, jax.Array]:
    """The run after a generation, its row, and the losses told."""
    run, (ask_key, tell_key, _) = _apart((run, drawn))
    candidates = _apart(strategy.ask(ask_key, run.state))
    score = _apart(judged(candidates))
    state, losses = _apart(tell(run, tell_key, strategy, candidates, score.loss))
    center = None
    if strategy.samples_around_center:
        center = _apart(judged_center(state))
    after, row = _apart(
        after_generation(
            run, state, strategy, candidates, losses, score, center, limits, on_batches
        )
    )
    return after, row, losses


def _apart(tree: T) -> T:
    """The same; what it is made of and what is made of it are compiled apart."""
    apart: T = jax.lax.optimization_barrier(tree)
    return apart
