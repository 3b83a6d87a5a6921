"""What does :func:`.minimization.minimize` return? What its session found, as it was given."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.tree import Params
from gradless.problems.contract import Score
from gradless.problems.evaluated import Evaluated
from gradless.problems.function import FunctionProblem
from gradless.problems.python import Noise, PythonProblem
from gradless.strategies import Strategy
from gradless.training.generation import Run
from gradless.training.history import History
from gradless.training.host_loop import mode_for
from gradless.training.minimum import Minimum
from gradless.training.records import TARGET_LOSS, Stop, target_reached
from gradless.training.session import Session, Trained


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
        domain=problem.domain,
        noise=_noise(problem),
    )


def minimum(session: Session, trained: Trained) -> Minimum:
    """What a session of a function has found."""
    problem, main, history = session.plan.main.problem, session.plan.main, session.history
    assert session.found is not None
    assert session.run is not None
    center = session.found.center
    return Minimum(
        best=_returned(problem, trained.params),
        best_loss=trained.loss,
        best_measures=trained.measures,
        center=_returned(problem, center.params),
        center_loss=float(main.told(center.loss)),
        evaluations=history.last.evaluations,
        seconds=history.last.seconds,
        compile_seconds=trained.compile_seconds,
        not_finite=session.not_finite,
        stopped_because=trained.stopped_because,
        strategy=main.strategy,
        why=main.why,
        history=history,
        run=session.run,
        raised=session.faults.raised,
        error=session.faults.error,
        evaluated=_evaluated(problem),
        noise=_noise(problem),
        domain=problem.domain,
    )


def _evaluated(problem: Any) -> Evaluated | None:
    return problem.evaluated if isinstance(problem, PythonProblem) else None


def _noise(problem: Any) -> Noise | None:
    return problem.noise if isinstance(problem, PythonProblem) else None


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
    own = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), params)
    return problem.joined(own)
