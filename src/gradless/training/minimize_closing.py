"""Which parameters does :func:`.minimization.minimize` return, and with what losses?"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.tree import Params, Structure
from gradless.problems.function import FunctionProblem
from gradless.problems.python import PythonProblem
from gradless.strategies import Strategy
from gradless.training.generation import Run
from gradless.training.history import History
from gradless.training.host_loop import mode_for
from gradless.training.loop import TARGET_LOSS
from gradless.training.minimum import Minimum


def reached_before(
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    why: str,
    run: Run,
    start: Params,
    loss: float,
) -> Minimum:
    """The result of a search that begins at its target."""
    history = History()
    losses = np.full(1, loss, run.best_loss.dtype)
    history.append(
        generation=0, evaluations=0, seconds=0.0, loss=losses, accuracy=math.nan,
        best_loss=losses, best_accuracy=math.nan,
    )  # fmt: skip
    with mode_for(problem):
        run = run._replace(best_loss=jnp.asarray(losses[0]))
    return Minimum(
        best=_returned(problem, start),
        best_loss=loss,
        center=_returned(problem, start),
        center_loss=loss,
        evaluations=0,
        seconds=0.0,
        compile_seconds=0.0,
        not_finite=0,
        stopped_because=TARGET_LOSS,
        strategy=strategy,
        why=why,
        history=history,
        run=run,
    )


def closing(
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    run: Run,
    start: Params,
    start_loss: float | None,
    judged: bool,
) -> tuple[Params, float, Params, float]:
    """Best parameters and their loss, center and its loss."""
    with mode_for(problem):
        best, center = Structure.of(start).unravel(run.best), strategy.center(run.state)
    start, best, center = (_returned(problem, params) for params in (start, best, center))
    center_loss = judge(problem, center)
    start_loss = judge(problem, start) if start_loss is None else start_loss
    # No one gets back less than they gave: a search may begin at its minimum.
    if problem.uses_minibatches and not judged:
        contenders = [(judge(problem, best), best), (center_loss, center), (start_loss, start)]
    else:
        contenders = [(float(run.best_loss), best), (start_loss, start)]
    loss, best = min(contenders, key=lambda pair: math.inf if math.isnan(pair[0]) else pair[0])
    return best, loss, center, center_loss


def judge(problem: FunctionProblem | PythonProblem, params: Params) -> float:
    """Loss on all the data, or the mean over minibatches, the same whatever the seed."""
    return float(problem.score_all(params).loss)


def _returned(problem: FunctionProblem | PythonProblem, params: Params) -> Params:
    """Parameters as they were given: for Python those of NumPy, of which JAX may have no type."""
    if isinstance(problem, PythonProblem):
        return problem.own(jax.tree.leaves(params))
    # Arrays that go with any other: the loop's are bound to all devices of its mesh.
    return jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), params)
