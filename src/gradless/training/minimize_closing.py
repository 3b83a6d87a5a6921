"""Which parameters does :func:`.minimization.minimize` return, and with what losses?"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.tree import Params, Structure
from gradless.problems.contract import Score
from gradless.problems.function import FunctionProblem
from gradless.problems.python import PythonProblem
from gradless.strategies import Strategy
from gradless.training.generation import Run
from gradless.training.history import History
from gradless.training.host_loop import mode_for
from gradless.training.minimum import Minimum
from gradless.training.records import TARGET_LOSS, Stop, target_reached


def reached_before(
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    why: str,
    run: Run,
    start: Params,
    first: Score,
    reason: str,
) -> Minimum:
    """The result of a search that begins at its target, for which reason it ends."""
    history = History()
    losses = np.full(1, first.loss, run.best_loss.dtype)
    measures = {name: np.float32(value) for name, value in first.measures.items()}
    best = {f"best_{name}": value for name, value in measures.items()}
    history.append(
        generation=0, evaluations=0, seconds=0.0, loss=losses, best_loss=losses, **measures, **best
    )
    with mode_for(problem):
        known = {name: jnp.asarray(value) for name, value in measures.items()}
        run = run._replace(best_loss=jnp.asarray(losses[0]), best_measures=known)
    return Minimum(
        best=_returned(problem, start),
        best_loss=first.loss,
        best_measures=dict(first.measures),
        center=_returned(problem, start),
        center_loss=first.loss,
        evaluations=0,
        seconds=0.0,
        compile_seconds=0.0,
        not_finite=0,
        stopped_because=reason,
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
    first: Score | None,
    judged: bool,
) -> tuple[Params, Score, Params, float]:
    """Best parameters and their score, center and its loss."""
    with mode_for(problem):
        best, center = Structure.of(start).unravel(run.best), strategy.center(run.state)
    start, best, center = (_returned(problem, params) for params in (start, best, center))
    of_center = judge(problem, center)
    first = judge(problem, start) if first is None else first
    # No one gets back less than they gave: a search may begin at its minimum.
    if problem.uses_minibatches and not judged:
        contenders = [(judge(problem, best), best), (of_center, center), (first, start)]
    else:
        contenders = [(_numbers(Score(run.best_loss, run.best_measures)), best), (first, start)]
        # What has reached the target of a measure need not have the lowest loss.
        contenders = contenders[:1] if judged else contenders
    score, best = min(
        contenders, key=lambda pair: math.inf if math.isnan(pair[0].loss) else pair[0].loss
    )
    return best, score, center, of_center.loss


def judge(problem: FunctionProblem | PythonProblem, params: Params) -> Score:
    """On all the data, or means over minibatches, the same whatever the seed; as numbers."""
    return _numbers(problem.score_all(params))


def _numbers(score: Score) -> Score:
    return Score(float(score.loss), {name: float(of) for name, of in score.measures.items()})


def target_met(stop: Stop, score: Score, losses: np.dtype[Any]) -> str | None:
    """Why a search ends where it begins, if it does; compared as the loop does."""
    if stop.loss is not None and score.loss <= float(np.asarray(stop.loss, losses)):
        return TARGET_LOSS
    for name, least in stop.targets.items():
        if score.measures[name] >= float(np.float32(least)):
            return target_reached(name)
    return None


def _returned(problem: FunctionProblem | PythonProblem, params: Params) -> Params:
    """Parameters as they were given: for Python those of NumPy, of which JAX may have no type."""
    if isinstance(problem, PythonProblem):
        return problem.own(jax.tree.leaves(params))
    # Arrays that go with any other: the loop's are bound to all devices of its mesh.
    return jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), params)
