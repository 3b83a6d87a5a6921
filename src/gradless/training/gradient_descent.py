"""How far would gradient descent come? Adam on the same problem, to measure searches against.

This is the one place of the library that takes a derivative, of the problem's own loss by
``jax.grad``. Where that loss is a count, or the network is made of thresholds, the gradient is zero
and Adam stays where it began.

Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gradless._core import stagnation, tree
from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.problems.contract import Problem, Score
from gradless.training.generation import unknown, with_measures
from gradless.training.loop import Record, Run, Stop
from gradless.training.records import EVALUATIONS, SECONDS

NAME = "Adam (uses gradients)"

EVALUATIONS_PER_STEP = 3
"""What a gradient step counts as: a forward pass, and a backward pass of about two.

A layer's forward pass is one matrix product; its backward pass is two of the same size, one for the
gradient of the weights and one for that of the inputs.
"""

_CAPACITY = 2**14  # steps in one chunk at most
_SECONDS_PER_CHUNK = 0.2


class State(NamedTuple):
    """Where Adam is, and its moments."""

    params: Params
    moments: Any


class _Carry(NamedTuple):
    """What goes round the compiled loop."""

    run: Run
    rows: jax.Array  # (capacity, 2 + 2 measures): loss and measures, best loss and measures


@jax.tree_util.register_static
@dataclass(frozen=True)
class Adam:
    """Gradient descent with optax's Adam and a constant learning rate."""

    learning_rate: float = 0.01

    name: ClassVar[str] = NAME

    def __post_init__(self) -> None:
        """Refuse steps that lead nowhere."""
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(
                f"Adam's learning rate must be above 0, got {self.learning_rate}. For example: 0.01"
            )

    def begin(self, params: Params, seed: int, measures: Iterable[str] = ()) -> Run:
        """The run before its first step."""
        infinite = jnp.asarray(jnp.inf, jnp.float32)
        return Run(
            key=jax.random.key(seed),
            generation=jnp.uint32(0),
            state=State(params, optax.scale_by_adam().init(params)),
            best=tree.ravel(params),
            best_loss=infinite,
            best_measures=unknown(measures),
            progress=stagnation.begin(infinite.dtype),
            at_rest=jnp.bool_(False),
            promising=jnp.bool_(False),
            judge_from=jnp.uint32(0),
            finite_generation=jnp.uint32(0),
        )

    def center(self, state: State) -> Params:
        """Where it is."""
        return state.params


def descend(
    problem: Problem,
    adam: Adam,
    run: Run,
    stop: Stop,
    *,
    asked_to_stop: Callable[[], str | None] = lambda: None,
    pauses: Callable[[int], int] | None = None,
) -> Iterator[Record]:
    """Descend, yielding records as :func:`gradless.training.loop.train` does.

    Parameters
    ----------
    problem
        Its loss is differentiated; with minibatches, each step sees its own.
    adam
        How large the steps are.
    run
        From :meth:`Adam.begin`.
    stop
        ``evaluations`` and ``seconds`` end it; a step counts as ``EVALUATIONS_PER_STEP``.
    asked_to_stop
        Called between chunks; a text ends the run for that reason.
    pauses
        From a number of steps to the next one after which a record is wanted, a larger one.

    Yields
    ------
    Record
        The loss of a step is that before it, which comes with the gradient.
    """
    rate = jnp.float32(adam.learning_rate)
    begun = time.perf_counter()
    run = with_measures(run, problem.measures)
    names = sorted(problem.measures)
    run, _ = jax.block_until_ready(_steps(run, problem, jnp.uint32(0), rate))
    compile_seconds = time.perf_counter() - begun

    total = None if stop.evaluations is None else stop.evaluations // EVALUATIONS_PER_STEP
    done, length, elapsed = 0, 1.0, 0.0
    reason = None
    begun = time.perf_counter()
    while reason is None:
        chunk = max(0, min(_CAPACITY if total is None else total - done, _CAPACITY, int(length)))
        if pauses is not None:
            chunk = min(chunk, pauses(done) - done)
        run, device_rows = _steps(run, problem, jnp.uint32(chunk), rate)
        now, best = np.split(np.asarray(device_rows)[:chunk].T, 2)  # losses, then measures
        before, elapsed = elapsed, time.perf_counter() - begun
        if total is not None and done + chunk >= total:
            reason = EVALUATIONS
        elif stop.seconds is not None and elapsed >= stop.seconds:
            reason = SECONDS
        reason = reason or asked_to_stop()
        steps = done + np.arange(1, chunk + 1)
        yield Record(
            generation=steps,
            evaluations=steps * EVALUATIONS_PER_STEP,
            seconds=before + np.arange(1, chunk + 1) / max(chunk, 1) * (elapsed - before),
            loss=now[0],
            measures=dict(zip(names, now[1:], strict=True)),
            best_loss=best[0],
            best_measures=dict(zip(names, best[1:], strict=True)),
            not_finite=int(np.sum(~np.isfinite(now[0]))),
            compile_seconds=compile_seconds,
            run=run,
            stopped_because=reason,
        )
        done += chunk
        pace = (elapsed - before) / max(chunk, 1)
        left = _SECONDS_PER_CHUNK
        if stop.seconds is not None:
            left = min(left, stop.seconds - elapsed)
        length = max(1.0, min(4 * length, left / max(pace, 1e-9)))


@jax.jit
def _steps(run: Run, problem: Problem, steps: jax.Array, learning_rate: jax.Array) -> _Carry:
    """So many steps, and a row for each."""
    first = run.generation

    def loss(params: Params, batch: Any) -> tuple[jax.Array, Score]:
        score = problem.score(params, batch)
        return score.loss, score

    def step(carry: _Carry) -> _Carry:
        run, rows = carry
        # The stream that the batches of a search with this seed come from.
        key = jax.random.fold_in(jax.random.fold_in(run.key, run.generation + 1), 2)
        state = run.state
        gradient, score = jax.grad(loss, has_aux=True)(state.params, problem.batch(key))
        direction, moments = optax.scale_by_adam().update(gradient, state.moments)
        params = jax.tree.map(lambda p, d: p - learning_rate * d, state.params, direction)
        better = score.loss < run.best_loss
        following = run._replace(
            generation=run.generation + 1,
            state=State(params, moments),
            best=jnp.where(better, tree.ravel(state.params), run.best),
            best_loss=jnp.where(better, score.loss, run.best_loss),
            best_measures=tree.where(better, dict(score.measures), run.best_measures),
        )
        best = Score(following.best_loss, following.best_measures)
        row = jnp.stack(jax.tree.leaves((score, best)))  # measures by their names
        rows = jax.lax.dynamic_update_index_in_dim(rows, row, run.generation - first, 0)
        return _Carry(following, rows)

    return jax.lax.while_loop(
        lambda carry: carry.run.generation - first < steps,
        step,
        _Carry(run, jnp.zeros((_CAPACITY, 2 + 2 * len(run.best_measures)), jnp.float32)),
    )
