"""How does training run? Compiled chunks of generations, and a generator of what they did.

:func:`train` turns the wheel ask -> evaluate -> tell and yields a :class:`Record` after every
chunk. History, plots, saving, progress display and early stopping by the user are consumers of
that generator, not hooks inside the loop. How a run is cut into chunks never changes what it finds.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless import checkpoint, tree
from gradless.errors import InputError
from gradless.evaluate import (
    Layout,
    Problem,
    Score,
    evaluate,
    everywhere,
    layout_for,
    replicate,
    score_one,
)
from gradless.noise import fold_in
from gradless.processor import compiler_options
from gradless.strategies.base import Strategy
from gradless.tree import Params

_CAPACITY = 2**16  # generations in one chunk at most: the rows of a chunk are kept on the device
_SECONDS_PER_CHUNK = 0.2  # long enough to hide the host's work, short enough to follow and to stop
_WORTHWHILE = 1e-3  # a fall of the best loss by less than this share is stagnation


@dataclass(frozen=True)
class Stop:
    """When a run ends: at the first of these that is reached.

    Parameters
    ----------
    evaluations
        Candidates evaluated; a run never exceeds it, and ends when another generation would.
    seconds
        Wall time after compilation; checked between chunks.
    loss
        Reached by the best parameters so far.
    accuracy
        Reached by any parameters that were evaluated, on all samples; these become the best ones,
        even if others with a lower accuracy had a lower loss. With minibatches, reached by the best
        ones so far.
    stagnation
        Evaluations without a fall of the best loss by at least 0.1 %.
    """

    evaluations: int | None = None
    seconds: float | None = None
    loss: float | None = None
    accuracy: float | None = None
    stagnation: int | None = None

    def __post_init__(self) -> None:
        """Refuse limits that no run can have."""
        limits = {
            "evaluations": self.evaluations,
            "seconds": self.seconds,
            "stagnation": self.stagnation,
        }
        for name, value in limits.items():
            if value is not None and not value > 0:
                raise InputError(f"stop after {name}={value} was given, expected more than 0")
        if self.accuracy is not None and not 0 <= self.accuracy <= 1:
            raise InputError(
                f"target accuracy {self.accuracy} was given, expected a share from 0 to 1; "
                f"for percent, divide by 100"
            )
        if self.loss is not None and math.isnan(self.loss):
            raise InputError("target loss NaN was given, expected a number")


class Run(NamedTuple):
    """Everything that a run is between two generations, a pytree."""

    key: jax.Array
    generation: jax.Array  # finished so far, uint32
    state: Any  # of the strategy
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    best_accuracy: jax.Array
    reference_loss: jax.Array  # best loss at the last worthwhile improvement
    reference_generation: jax.Array


class Record(NamedTuple):
    """What one chunk did; the arrays have one number for each of its generations.

    ``loss`` and ``accuracy`` are those of the strategy's center where it is evaluated, otherwise
    of the best candidate of the generation; ``best_loss`` and ``best_accuracy`` those of the best
    parameters so far.
    """

    generation: np.ndarray
    evaluations: np.ndarray
    seconds: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray
    best_loss: np.ndarray
    best_accuracy: np.ndarray
    not_finite: int  # losses in this chunk that were NaN or infinite
    compile_seconds: float
    run: Run
    stopped_because: str | None  # in the last record

    @property
    def rows(self) -> dict[str, np.ndarray]:
        """The arrays by column name, as ``History.append`` takes them."""
        return {name: getattr(self, name) for name in self._fields[:7]}


class _Limits(NamedTuple):
    """Traced, so that other limits do not recompile."""

    generations: jax.Array
    loss: jax.Array
    accuracy: jax.Array
    stagnation: jax.Array  # generations


def begin(strategy: Strategy, params: Params, seed: int) -> Run:
    """The run before its first generation."""
    key = jax.random.key(seed)
    infinite = jnp.asarray(jnp.inf, jnp.float32)
    return Run(
        key=key,
        generation=jnp.uint32(0),
        state=strategy.init(jax.random.fold_in(key, 0), params),
        best=tree.ravel(params),
        best_loss=infinite,
        best_accuracy=jnp.asarray(jnp.nan, jnp.float32),
        reference_loss=infinite,
        reference_generation=jnp.uint32(0),
    )


def evaluations_per_generation(strategy: Strategy) -> int:
    """Candidates evaluated in one generation, the center included where it is one."""
    return strategy.population + strategy.samples_around_center


def check_budget(strategy: Strategy, stop: Stop) -> None:
    """Refuse limits that never end a run, or that are smaller than one generation.

    Raises
    ------
    InputError
        For these.
    """
    per_generation = evaluations_per_generation(strategy)
    if stop == Stop():
        raise InputError("no limit was given, expected at least one; give evaluations or seconds")
    if stop.evaluations is not None and stop.evaluations < per_generation:
        raise InputError(
            f"{stop.evaluations} evaluations were given, expected at least the {per_generation} "
            f"of one generation of {strategy.name}; give more, or a smaller population"
        )


def _keys(run: Run) -> tuple[jax.Array, ...]:
    """Keys of the next generation, to ask, to tell and to draw a batch."""
    # Stream 0 of the run's key initialised the strategy; generation g uses stream g + 1.
    key = fold_in(run.key, run.generation + 1)
    return tuple(fold_in(key, use) for use in range(3))


def _generation(
    run: Run,
    keys: tuple[jax.Array, ...],
    strategy: Strategy,
    problem: Problem,
    wanted: jax.Array,
    layout: Layout,
) -> tuple[Run, jax.Array]:
    """One turn of the wheel, and its row: loss, accuracy, best ones, losses not finite."""
    ask_key, tell_key, batch_key = keys
    batch = problem.batch(batch_key)
    candidates = strategy.ask(ask_key, run.state)
    score = evaluate(problem, strategy, run.state, candidates, batch, layout)
    losses = jnp.where(jnp.isfinite(score.loss), score.loss, jnp.inf)
    not_finite = jnp.sum(jnp.isinf(losses))
    state = strategy.tell(tell_key, run.state, candidates, losses)

    winner = jnp.argmin(losses)
    loss, accuracy = losses[winner], score.accuracy[winner]
    if strategy.samples_around_center:
        params = strategy.decode(run.state, tree.member(candidates, winner))
        best = _better(run, loss, accuracy, params)
        params = strategy.center(state)
        loss, accuracy = score_one(problem, params, batch, layout)
        best = _better(best, loss, accuracy, params)
    else:  # a winner that is better than all before it has become the center
        best = _better(run, loss, accuracy, strategy.center(state))
    if not problem.uses_minibatches:
        best = _first_to_reach(wanted, best, run, strategy, candidates, score)
    worthwhile = best.best_loss < run.reference_loss - _WORTHWHILE * jnp.abs(run.reference_loss)
    worthwhile |= jnp.isinf(run.reference_loss) & jnp.isfinite(best.best_loss)
    generation = run.generation + 1
    following = best._replace(
        generation=generation,
        state=state,
        reference_loss=jnp.where(worthwhile, best.best_loss, run.reference_loss),
        reference_generation=jnp.where(worthwhile, generation, run.reference_generation),
    )
    row = jnp.stack(
        [loss, accuracy, best.best_loss, best.best_accuracy, not_finite.astype(loss.dtype)]
    )
    return following, row


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


@functools.partial(jax.jit, static_argnames="layout", compiler_options=compiler_options())
def _advance(
    run: Run, strategy: Strategy, problem: Problem, limits: _Limits, layout: Layout
) -> tuple[Run, jax.Array]:
    """Generations until a limit is reached, and one row for each, (capacity, 5)."""

    def generations(
        run: Run, strategy: Strategy, problem: Problem, limits: _Limits
    ) -> tuple[Run, jax.Array]:
        first = run.generation

        def unfinished(carry: tuple[Run, Any, jax.Array]) -> jax.Array:
            run = carry[0]
            return (
                (run.generation - first < limits.generations)
                & (run.best_loss > limits.loss)
                & ~(run.best_accuracy >= limits.accuracy)
                & (run.generation - run.reference_generation < limits.stagnation)
            )

        def step(carry: tuple[Run, Any, jax.Array]) -> tuple[Run, Any, jax.Array]:
            # The keys come from the step before: computed in this one, they would be computed for
            # every single number of the noise, since the compiler would merge the two.
            run, keys, rows = carry
            following, row = _generation(run, keys, strategy, problem, limits.accuracy, layout)
            rows = jax.lax.dynamic_update_index_in_dim(rows, row, run.generation - first, 0)
            return following, _keys(following), rows

        rows = jnp.zeros((_CAPACITY, 5), jnp.float32)
        run, _, rows = jax.lax.while_loop(unfinished, step, (run, _keys(run), rows))
        return run, rows

    return everywhere(generations, layout)(run, strategy, problem, limits)


def train(
    problem: Problem,
    strategy: Strategy,
    run: Run,
    stop: Stop,
    *,
    layout: Layout | None = None,
    asked_to_stop: Callable[[], str | None] = lambda: None,
    resume_from: Path | None = None,
) -> Iterator[Record]:
    """Train, yielding a record after every chunk; the last one says why it stopped.

    Parameters
    ----------
    problem
        What is trained.
    strategy
        How.
    run
        From :func:`begin`, or that of an earlier record to go on from there.
    stop
        When it ends; counted over the whole run, except the seconds, which are of this call.
    layout
        How populations are evaluated; chosen if not given.
    asked_to_stop
        Called between chunks; a text ends the run for that reason.
    resume_from
        Folder in which a :class:`gradless.checkpoint.Keeper` has kept this run; goes on from its
        newest checkpoint, of which ``run`` gives the shapes.

    Raises
    ------
    InputError
        If nothing would ever stop the run, the budget is smaller than one generation, or no
        checkpoint can be read.
    """
    check_budget(strategy, stop)
    if resume_from is not None:
        run = checkpoint.newest(resume_from, run).run
    return _chunks(problem, strategy, run, stop, layout, asked_to_stop)


def _chunks(
    problem: Problem,
    strategy: Strategy,
    run: Run,
    stop: Stop,
    layout: Layout | None,
    asked_to_stop: Callable[[], str | None],
) -> Iterator[Record]:
    per_generation = evaluations_per_generation(strategy)
    layout = layout or layout_for(problem, strategy)
    problem, run = replicate((problem, run), layout)
    limits = _Limits(
        jnp.uint32(0),
        jnp.float32(-jnp.inf if stop.loss is None else stop.loss),
        jnp.float32(jnp.inf if stop.accuracy is None else stop.accuracy),
        jnp.uint32(min(2**32 - 1, -(-(stop.stagnation or 2**62) // per_generation))),
    )
    # A chunk of no generations compiles and does nothing else.
    begun = time.perf_counter()
    run, _ = jax.block_until_ready(_advance(run, strategy, problem, limits, layout))
    compile_seconds = time.perf_counter() - begun

    total = None if stop.evaluations is None else stop.evaluations // per_generation
    done = int(run.generation)
    length = 1.0
    begun = time.perf_counter()
    elapsed = 0.0
    reason = None
    while reason is None:
        chunk = _CAPACITY if total is None else min(_CAPACITY, total - done)
        chunk = max(0, min(chunk, int(length)))
        chunk_begun = time.perf_counter()
        run, rows = _advance(
            run, strategy, problem, limits._replace(generations=jnp.uint32(chunk)), layout
        )
        made = int(run.generation) - done
        pace = (time.perf_counter() - chunk_begun) / max(made, 1)
        judged = not (math.isnan(run.best_accuracy) and math.isfinite(run.best_loss))
        if stop.accuracy is not None and not judged:
            raise InputError(
                f"target accuracy {stop.accuracy} was given for a problem without classes, "
                "expected a target loss"
            )
        before, elapsed = elapsed, time.perf_counter() - begun
        reason = _reason(run, stop, limits, elapsed, total) or asked_to_stop()
        yield _record(
            np.asarray(rows)[:made], done, per_generation, before, elapsed, compile_seconds, run,
            reason,
        )  # fmt: skip
        done += made
        wanted = _SECONDS_PER_CHUNK
        if stop.seconds is not None:
            wanted = min(wanted, stop.seconds - elapsed)
        length = max(1.0, min(4 * length, wanted / max(pace, 1e-9)))


def _reason(run: Run, stop: Stop, limits: _Limits, elapsed: float, total: int | None) -> str | None:
    if stop.loss is not None and float(run.best_loss) <= limits.loss:
        return "target loss reached"
    if stop.accuracy is not None and float(run.best_accuracy) >= limits.accuracy:
        return "target accuracy reached"
    if total is not None and int(run.generation) >= total:
        return "evaluations used up"
    if int(run.generation) - int(run.reference_generation) >= int(limits.stagnation):
        return "no improvement"
    if stop.seconds is not None and elapsed >= stop.seconds:
        return "time used up"
    return None


def _record(
    rows: np.ndarray,
    done: int,
    per_generation: int,
    before: float,
    elapsed: float,
    compile_seconds: float,
    run: Run,
    reason: str | None,
) -> Record:
    loss, accuracy, best_loss, best_accuracy, not_finite = rows.T
    share = np.arange(1, len(rows) + 1) / max(len(rows), 1)
    generation = done + np.arange(1, len(rows) + 1)
    return Record(
        generation=generation,
        evaluations=generation * per_generation,
        seconds=before + share * (elapsed - before),
        loss=loss,
        accuracy=accuracy,
        best_loss=best_loss,
        best_accuracy=best_accuracy,
        not_finite=int(not_finite.sum()),
        compile_seconds=compile_seconds,
        run=run,
        stopped_because=reason,
    )
