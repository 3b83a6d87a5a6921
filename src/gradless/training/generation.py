"""What happens in one generation? Ask, evaluate, tell; remember the best, and write a row.

:func:`advance` does that in one compiled loop. ``host_loop`` does the same for problems whose
losses only Python code can compute.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless._core import stagnation, tree
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
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
"""What :func:`after_generation` says of each, (generations, 3 + 2 measures), as losses are."""

_LARGE = 2**16  # parameters; to make those of a candidate takes longer than to ask whether to
CAPACITY = 2**16  # generations in one chunk at most: the rows of a chunk are kept on the device


class Run(NamedTuple):
    """Everything that a run is between two generations, a pytree."""

    key: jax.Array
    generation: jax.Array  # finished so far, uint32
    state: Any  # of the strategy
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    best_measures: dict[str, jax.Array]  # float32, by the names that the problem has
    progress: stagnation.Progress
    at_rest: jax.Array  # whether the strategy says so, where that ends a run, boolean
    promising: jax.Array  # whether a minibatch has reached a target; see ``judged_targets``
    judge_from: jax.Array  # generation before which that is not looked into, uint32
    finite_generation: jax.Array  # the last one in which a candidate had a finite loss


class Limits(NamedTuple):
    """What ends :func:`advance`; traced, so that other limits do not recompile."""

    generations: jax.Array  # of this call
    loss: jax.Array
    measures: dict[str, jax.Array]  # at least, infinite where there is no target
    stagnation: jax.Array  # generations
    rest: jax.Array  # whether a strategy that has come to rest ends it, boolean
    not_finite: jax.Array  # generations in a row without any finite loss


def reached(run: Run, limits: Limits, on_batches: bool) -> jax.Array:
    """Whether a target is reached, boolean; with minibatches, whether all data should be asked."""
    if on_batches:
        return run.promising & (run.generation >= run.judge_from)
    return meets_target(run.best_loss, run.best_measures, limits)


def meets_target(loss: Any, measures: Mapping[str, Any], limits: Limits) -> Any:
    """Whether one of the targets is met, boolean; of arrays of JAX, of NumPy or of numbers."""
    of_measures = (_wanted(measures[name], least) for name, least in limits.measures.items())
    return functools.reduce(operator.or_, of_measures, loss <= limits.loss)


def _wanted(measure: Any, least: Any) -> Any:
    """Whether a measure reaches its target; infinity is none, which a measure may well be."""
    return (measure >= least) & (least < math.inf)


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
        self.capacity = CAPACITY  # generations in one turn at most

    def placed(self, run: Run) -> Run:
        """The run where it runs."""
        return replicate(run, self._layout)

    def turn(self, run: Run, generations: int) -> tuple[Run, Rows, Faults]:
        """Generations until a limit is reached, so many at most, and a row for each.

        Without any generation, all is compiled and nothing else is done.
        """
        limits = self._limits._replace(generations=jnp.uint32(generations))
        after, rows = jax.block_until_ready(self._advance(run, limits))
        return after, np.asarray(rows)[: int(after.generation) - int(run.generation)], NO_FAULTS

    def _advance(self, run: Run, limits: Limits) -> tuple[Run, jax.Array]:
        return advance(run, self._strategy, self._problem, limits, self._layout)

    def back(self, run: Run, generations: int) -> Run:
        """The run so many generations after an earlier one: made again, since it is the same.

        All but ``judge_from``: what all data say of targets is not asked again.
        """
        again = run._replace(judge_from=jnp.uint32(2**32 - 1))
        return self.turn(self.placed(again), generations)[0]


def begin(strategy: Strategy, params: Params, seed: int, measures: Iterable[str] = ()) -> Run:
    """The run before its first generation.

    Whoever trains adds the names of ``measures`` that the problem has.
    """
    use_all_cores()
    key = jax.random.key(seed)
    infinite = no_loss()
    return Run(
        key=key,
        generation=jnp.uint32(0),
        state=strategy.init(jax.random.fold_in(key, 0), params),
        best=tree.ravel(params),
        best_loss=infinite,
        best_measures=unknown(measures),
        progress=stagnation.begin(infinite.dtype),
        at_rest=jnp.bool_(False),
        promising=jnp.bool_(False),
        judge_from=jnp.uint32(0),
        finite_generation=jnp.uint32(0),
    )


def unknown(measures: Iterable[str]) -> dict[str, jax.Array]:
    """Measures of these names of which nothing is known yet."""
    return {name: jnp.asarray(jnp.nan, jnp.float32) for name in measures}


def with_measures(run: Run, measures: Iterable[str]) -> Run:
    """The run with measures of these names; those that it does not have yet are unknown."""
    if run.best_measures.keys() == set(measures):
        return run
    known = {name: run.best_measures[name] for name in measures if name in run.best_measures}
    return run._replace(best_measures={**unknown(measures), **known})


def width(run: Run) -> int:
    """Numbers in a row of :func:`after_generation`."""
    return 3 + 2 * len(run.best_measures)


def keys(run: Run) -> tuple[jax.Array, ...]:
    """Keys of the next generation, to ask, to tell and to draw a batch."""
    return keys_after(run.key, run.generation)


def keys_after(key: jax.Array, generation: jax.Array) -> tuple[jax.Array, ...]:
    """The same of a run with this key, after so many generations."""
    # Stream 0 of the run's key initialised the strategy; generation g uses stream g + 1.
    own = fold_in(key, generation + 1)
    return tuple(fold_in(own, use) for use in range(3))


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
    """The run after a generation, and its row.

    A row is loss and measures, best loss and measures, and how many losses were not finite; the
    measures by their names.

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
        Targets: any candidate that reaches one of a measure on all samples becomes the best one.
    on_batches
        Whether each generation sees other samples; reaching a target is only a promise then.
    """
    not_finite = jnp.sum(jnp.isinf(losses))
    winner = jnp.argmin(losses)
    told = Score(losses[winner], {name: of[winner] for name, of in score.measures.items()})
    if center is not None:
        decoded = lambda: strategy.decode(run.state, tree.member(candidates, winner))  # noqa: E731
        best = _better(run, told, decoded)
        told = center
        best = _better(best, told, lambda: strategy.center(state))
    else:  # a winner that is better than all before it has become the center
        best = _better(run, told, lambda: strategy.center(state))
    loss = told.loss
    promising = run.promising
    if on_batches:
        promising |= meets_target(loss, told.measures, limits)
    elif score.measures:
        best = _first_to_reach(limits, best, run, strategy, candidates, score)
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
    scores = told, Score(best.best_loss, best.best_measures)
    numbers = jax.tree.leaves(scores)  # measures by their names
    return after, jnp.stack([*numbers, not_finite.astype(loss.dtype)])


def _at_rest(strategy: Strategy, state: Any, limits: Limits) -> jax.Array:
    """Whether a strategy has come to rest; not looked into where it does not matter."""
    if not isinstance(strategy, ComesToRest):
        return jnp.bool_(False)
    return jax.lax.cond(limits.rest, strategy.at_rest, lambda _: jnp.bool_(False), state)


def _better(run: Run, score: Score, params: Callable[[], Params]) -> Run:
    better = score.loss < run.best_loss

    def taken() -> jax.Array:
        return tree.ravel(params())

    if run.best.size > _LARGE:  # most generations find nothing better, and make nothing of it
        best = _replaced_if(better, taken, run.best)
    else:
        best = jnp.where(better, taken(), run.best)
    return run._replace(
        best=best,
        best_loss=jnp.where(better, score.loss, run.best_loss),
        best_measures=tree.where(better, dict(score.measures), run.best_measures),
    )


def _replaced_if(wanted: jax.Array, new: Callable[[], jax.Array], old: jax.Array) -> jax.Array:
    """``lax.cond(wanted, new, lambda: old)`` that does not copy the old array.

    A loop of at most one turn: what a loop carries stays where it is.
    """

    def once(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros_like(wanted), new()

    return jax.lax.while_loop(lambda carry: carry[0], once, (wanted, old))[1]


def _first_to_reach(
    limits: Limits, best: Run, run: Run, strategy: Strategy, candidates: Any, score: Score
) -> Run:
    """The candidate with a measure that is wanted, if there is one and the best one has none."""

    def wanted(measures: Mapping[str, jax.Array]) -> jax.Array:
        met = [_wanted(measures[name], least) for name, least in limits.measures.items()]
        return functools.reduce(operator.or_, met)

    reached = wanted(score.measures) & jnp.isfinite(score.loss)
    first = jnp.argmin(jnp.where(reached, score.loss, jnp.inf))

    def take() -> Run:
        params = strategy.decode(run.state, tree.member(candidates, first))
        return best._replace(
            best=tree.ravel(params),
            best_loss=score.loss[first],
            best_measures={name: of[first] for name, of in score.measures.items()},
        )

    take_it = reached[first] & ~wanted(best.best_measures)
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
    names = problem.measures
    score = typed(evaluate(problem, strategy, run.state, candidates, batch, layout), names)
    state, losses = tell(run, tell_key, strategy, candidates, score.loss)
    center = None
    if strategy.samples_around_center:
        if run.best.size > _LARGE:  # otherwise the step is made again for the weights of each layer
            state = jax.tree.map(_made_once, run.state, state)
        center = typed(score_one(problem, strategy.center(state), batch, layout), names)
    on_batches = problem.uses_minibatches
    return after_generation(
        run, state, strategy, candidates, losses, score, center, limits, on_batches
    )


def typed(score: Score, names: Iterable[str]) -> Score:
    """Losses and measures in the types that a run has for them, whatever made them."""
    if score.measures.keys() != set(names):
        given, expected = (", ".join(map(repr, each)) or "none" for each in (score.measures, names))
        raise InputError(
            f"score of a problem must return the measures that it names, {expected}, got {given}"
        )
    measures = {name: of.astype(jnp.float32) for name, of in score.measures.items()}
    return Score(score.loss.astype(loss_dtype()), measures)


def _made_once(before: Any, after: Any) -> Any:
    return after if after is before else jax.lax.optimization_barrier(after)


@compiled(static_argnames=["layout"], compiler_options=compiler_options())
def advance(
    run: Run, strategy: Strategy, problem: Problem, limits: Limits, layout: Layout
) -> tuple[Run, jax.Array]:
    """Generations until a limit is reached, and one row for each, (CAPACITY, numbers of a row)."""

    def generations(
        run: Run, strategy: Strategy, problem: Problem, limits: Limits
    ) -> tuple[Run, jax.Array]:
        def one(run: Run, drawn: tuple[jax.Array, ...]) -> tuple[Run, jax.Array]:
            return _generation(run, drawn, strategy, problem, limits, layout)

        return turns(one, run, limits, problem.uses_minibatches, (CAPACITY, width(run)))

    return on_every_device(generations, layout)(run, strategy, problem, limits)


def turns(
    one: Callable[[Run, tuple[jax.Array, ...]], tuple[Run, jax.Array]],
    run: Run,
    limits: Limits,
    on_batches: bool,
    shape: tuple[int, int],
) -> tuple[Run, jax.Array]:
    """Generations until a limit is reached, inside of compiled code, and rows of this shape.

    ``one`` makes a generation and its row of a run and of :func:`keys`.
    """
    first = run.generation

    def unfinished(carry: tuple[Run, Any, jax.Array]) -> jax.Array:
        run = carry[0]
        left = run.generation - first < limits.generations
        return left & goes_on(run, limits, on_batches)

    def step(carry: tuple[Run, Any, jax.Array]) -> tuple[Run, Any, jax.Array]:
        # The keys come from the step before: computed in this one, they would be computed for
        # every single number of the noise, since the compiler would merge the two.
        run, drawn, rows = carry
        after, row = one(run, drawn)
        rows = jax.lax.dynamic_update_index_in_dim(rows, row, run.generation - first, 0)
        return after, keys(after), rows

    rows = jnp.zeros(shape, loss_dtype())
    run, _, rows = jax.lax.while_loop(unfinished, step, (run, keys(run), rows))
    return run, rows
