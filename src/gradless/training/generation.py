"""What happens in one generation? Ask, evaluate, tell; remember the best, and write a row.

:func:`advance` does that in one compiled loop. ``host_loop`` does the same for
problems whose losses only Python code can compute.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless._core import stagnation, tree
from gradless._core.devices import use_all_cores
from gradless._core.floats import loss_dtype, no_loss
from gradless._core.hardware import compiler_options
from gradless._core.noise import fold_in
from gradless._core.programs import compiled
from gradless._core.tree import Params
from gradless.evaluation.layout import layout_for
from gradless.evaluation.population import evaluate, on_every_device, replicate, score_one
from gradless.problems.contract import NO_FAULTS, Faults, Layout, Problem, Score
from gradless.strategies.base import ComesToRest, Strategy

Rows = npt.NDArray[np.floating]
"""What :func:`after_generation` says of each, (generations, 5), of the type of losses."""

CAPACITY = 2**16  # generations in one chunk at most: the rows of a chunk are kept on the device


class Run(NamedTuple):
    """Everything that a run is between two generations, a pytree."""

    key: jax.Array
    generation: jax.Array  # finished so far, uint32
    state: Any  # of the strategy
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    best_accuracy: jax.Array
    progress: stagnation.Progress
    at_rest: jax.Array  # whether the strategy says so, where that ends a run, boolean
    promising: jax.Array  # whether a minibatch has reached a target; see ``judged_targets``
    judge_from: jax.Array  # generation before which that is not looked into, uint32
    finite_generation: jax.Array  # the last one in which a candidate had a finite loss


class Limits(NamedTuple):
    """What ends :func:`advance`; traced, so that other limits do not recompile."""

    generations: jax.Array  # of this call
    loss: jax.Array
    accuracy: jax.Array
    stagnation: jax.Array  # generations
    rest: jax.Array  # whether a strategy that has come to rest ends it, boolean
    not_finite: jax.Array  # generations in a row without any finite loss


def reached(run: Run, limits: Limits, on_batches: bool) -> jax.Array:
    """Whether a target is reached, boolean; with minibatches, whether all data should be asked."""
    if on_batches:
        return run.promising & (run.generation >= run.judge_from)
    return (run.best_loss <= limits.loss) | (run.best_accuracy >= limits.accuracy)


def goes_on(run: Run, limits: Limits, on_batches: bool) -> jax.Array:
    """Whether another generation follows, however many there were, boolean."""
    return (
        ~reached(run, limits, on_batches)
        & (run.progress.waited < limits.stagnation)
        & ~(run.at_rest & limits.rest)
        & (run.generation - run.finite_generation < limits.not_finite)
    )


def is_due(run: Run) -> bool:
    """Whether all data should be asked, as :func:`reached` has it; outside of compiled code."""
    return bool(run.promising) and int(run.generation) >= int(run.judge_from)


class CompiledLoop:
    """A problem and a strategy in a compiled loop."""

    def __init__(
        self, problem: Problem, strategy: Strategy, limits: Limits, layout: Layout | None
    ) -> None:
        """Place the problem; ``layout`` is chosen if not given."""
        self._layout = layout or layout_for(problem, strategy)
        self._problem = replicate(problem, self._layout)
        self._strategy, self._limits = strategy, limits

    def placed(self, run: Run) -> Run:
        """The run where it runs."""
        return replicate(run, self._layout)

    def turn(self, run: Run, generations: int) -> tuple[Run, Rows, Faults]:
        """Generations until a limit is reached, so many at most, and a row for each.

        Without any generation, all is compiled and nothing else is done.
        """
        limits = self._limits._replace(generations=jnp.uint32(generations))
        after, rows = jax.block_until_ready(
            advance(run, self._strategy, self._problem, limits, self._layout)
        )
        return after, np.asarray(rows)[: int(after.generation) - int(run.generation)], NO_FAULTS

    def back(self, run: Run, generations: int) -> Run:
        """The run so many generations after an earlier one: made again, since it is the same.

        All but ``judge_from``: what all data say of targets is not asked again.
        """
        again = run._replace(judge_from=jnp.uint32(2**32 - 1))
        return self.turn(self.placed(again), generations)[0]


def begin(strategy: Strategy, params: Params, seed: int) -> Run:
    """The run before its first generation."""
    use_all_cores()
    key = jax.random.key(seed)
    infinite = no_loss()
    return Run(
        key=key,
        generation=jnp.uint32(0),
        state=strategy.init(jax.random.fold_in(key, 0), params),
        best=tree.ravel(params),
        best_loss=infinite,
        best_accuracy=jnp.asarray(jnp.nan, jnp.float32),
        progress=stagnation.begin(infinite.dtype),
        at_rest=jnp.bool_(False),
        promising=jnp.bool_(False),
        judge_from=jnp.uint32(0),
        finite_generation=jnp.uint32(0),
    )


def keys(run: Run) -> tuple[jax.Array, ...]:
    """Keys of the next generation, to ask, to tell and to draw a batch."""
    # Stream 0 of the run's key initialised the strategy; generation g uses stream g + 1.
    key = fold_in(run.key, run.generation + 1)
    return tuple(fold_in(key, use) for use in range(3))


def tell(
    run: Run, key: jax.Array, strategy: Strategy, candidates: Any, losses: jax.Array
) -> tuple[Any, jax.Array]:
    """State of the strategy once it knows the losses, and the losses as it was told them."""
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    return strategy.tell(key, run.state, candidates, losses), losses


def after_generation(
    run: Run,
    state: Any,
    strategy: Strategy,
    candidates: Any,
    losses: jax.Array,
    score: Score,
    center: Score | None,
    limits: Limits,
    on_batches: bool,
) -> tuple[Run, jax.Array]:
    """The run after a generation, and its row: loss, accuracy, best ones, losses not finite.

    Parameters
    ----------
    run
        Before the generation.
    state
        Of the strategy, after it.
    strategy, candidates
        Who searched, and what it asked for.
    losses
        Of the candidates, as they were told.
    score
        Of the candidates, as it was computed.
    center
        Of the strategy's new center, if that is not one of the candidates.
    limits
        Targets: the accuracy makes any candidate that reaches it on all samples the best one.
    on_batches
        Whether each generation sees other samples; reaching a target is only a promise then.
    """
    not_finite = jnp.sum(jnp.isinf(losses))
    winner = jnp.argmin(losses)
    loss, accuracy = losses[winner], score.accuracy[winner]
    if center is not None:
        params = strategy.decode(run.state, tree.member(candidates, winner))
        best = _better(run, loss, accuracy, params)
        loss, accuracy = center
        best = _better(best, loss, accuracy, strategy.center(state))
    else:  # a winner that is better than all before it has become the center
        best = _better(run, loss, accuracy, strategy.center(state))
    promising = run.promising
    if on_batches:
        promising |= (loss <= limits.loss) | (accuracy >= limits.accuracy)
    else:
        best = _first_to_reach(limits.accuracy, best, run, strategy, candidates, score)
    generation = run.generation + 1
    after = best._replace(
        generation=generation,
        state=state,
        progress=stagnation.after(run.progress, best.best_loss, loss),
        at_rest=_at_rest(strategy, state, limits),
        promising=promising,
        finite_generation=jnp.where(
            not_finite < losses.shape[0], generation, run.finite_generation
        ),
    )
    row = jnp.stack(
        [loss, accuracy, best.best_loss, best.best_accuracy, not_finite.astype(loss.dtype)]
    )
    return after, row


def _at_rest(strategy: Strategy, state: Any, limits: Limits) -> jax.Array:
    """Whether a strategy has come to rest; not looked into where it does not matter."""
    if not isinstance(strategy, ComesToRest):
        return jnp.bool_(False)
    return jax.lax.cond(limits.rest, strategy.at_rest, lambda _: jnp.bool_(False), state)


def _better(run: Run, loss: jax.Array, accuracy: jax.Array, params: Params) -> Run:
    better = loss < run.best_loss
    return run._replace(
        best=jnp.where(better, tree.ravel(params), run.best),
        best_loss=jnp.where(better, loss, run.best_loss),
        best_accuracy=jnp.where(better, accuracy, run.best_accuracy),
    )


def _first_to_reach(
    wanted: jax.Array, best: Run, run: Run, strategy: Strategy, candidates: Any, score: Score
) -> Run:
    """The candidate that has the accuracy wanted, if there is one and the best one lacks it."""
    reached = (score.accuracy >= wanted) & jnp.isfinite(score.loss)
    first = jnp.argmin(jnp.where(reached, score.loss, jnp.inf))

    def take() -> Run:
        params = strategy.decode(run.state, tree.member(candidates, first))
        return best._replace(
            best=tree.ravel(params),
            best_loss=score.loss[first],
            best_accuracy=score.accuracy[first],
        )

    take_it = reached[first] & ~(best.best_accuracy >= wanted)
    return jax.lax.cond(take_it, take, lambda: best)


def _generation(
    run: Run,
    keys: tuple[jax.Array, ...],
    strategy: Strategy,
    problem: Problem,
    limits: Limits,
    layout: Layout,
) -> tuple[Run, jax.Array]:
    """One generation."""
    ask_key, tell_key, batch_key = keys
    batch = problem.batch(batch_key)
    candidates = strategy.ask(ask_key, run.state)
    score = _typed(evaluate(problem, strategy, run.state, candidates, batch, layout))
    state, losses = tell(run, tell_key, strategy, candidates, score.loss)
    center = None
    if strategy.samples_around_center:
        center = _typed(score_one(problem, strategy.center(state), batch, layout))
    on_batches = problem.uses_minibatches
    return after_generation(
        run, state, strategy, candidates, losses, score, center, limits, on_batches
    )


def _typed(score: Score) -> Score:
    """Losses and accuracies in the types that a run has for them, whatever made them."""
    return Score(score.loss.astype(loss_dtype()), score.accuracy.astype(jnp.float32))


@compiled(static_argnames=["layout"], compiler_options=compiler_options())
def advance(
    run: Run, strategy: Strategy, problem: Problem, limits: Limits, layout: Layout
) -> tuple[Run, jax.Array]:
    """Generations until a limit is reached, and one row for each, (CAPACITY, 5)."""

    def generations(
        run: Run, strategy: Strategy, problem: Problem, limits: Limits
    ) -> tuple[Run, jax.Array]:
        first = run.generation

        def unfinished(carry: tuple[Run, Any, jax.Array]) -> jax.Array:
            run = carry[0]
            left = run.generation - first < limits.generations
            return left & goes_on(run, limits, problem.uses_minibatches)

        def step(carry: tuple[Run, Any, jax.Array]) -> tuple[Run, Any, jax.Array]:
            # The keys come from the step before: computed in this one, they would be computed for
            # every single number of the noise, since the compiler would merge the two.
            run, drawn, rows = carry
            after, row = _generation(run, drawn, strategy, problem, limits, layout)
            rows = jax.lax.dynamic_update_index_in_dim(rows, row, run.generation - first, 0)
            return after, keys(after), rows

        rows = jnp.zeros((CAPACITY, 5), loss_dtype())
        run, _, rows = jax.lax.while_loop(unfinished, step, (run, keys(run), rows))
        return run, rows

    return on_every_device(generations, layout)(run, strategy, problem, limits)
