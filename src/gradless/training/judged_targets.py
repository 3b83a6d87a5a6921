"""May a run say that it has reached its target? Not by one lucky minibatch.

Where each generation sees other samples, a batch that reaches the target is only a promise. The
compiled loop remembers it and leaves, all of the data judge the strategy's center, and what they
say decides: the run ends with that network and that number, or goes on and asks again after a
while. When it asks depends on the numbers of generations alone, so neither chunks nor going on from
a checkpoint change it.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from gradless._core import tree
from gradless._core.errors import InputError
from gradless._core.floats import mode_of
from gradless._core.programs import compiled
from gradless._core.tree import Params
from gradless.problems.contract import Score
from gradless.strategies.base import Strategy
from gradless.training.generation import Limits, Run, meets_target

_LEAST_WAIT = 10  # generations until all data are asked again
_SHARE_WAITED = 32  # of a run so far, one part in so many: a target is seen 3 % later at most


@runtime_checkable
class JudgedOnAll(Protocol):
    """A problem with minibatches that may have a target."""

    def score_all(self, params: Params) -> Score:
        """Loss and measures of one candidate on all of the data, NaN where undefined.

        ``params`` are NumPy arrays. It is called between generations, never inside compiled code.
        """


def check(problem: Any, has_target: bool) -> None:
    """Refuse a target that only lucky batches could judge.

    Raises
    ------
    InputError
        For that.
    """
    if has_target and problem.uses_minibatches and not isinstance(problem, JudgedOnAll):
        raise InputError(
            "a problem with minibatches must have a method score_all(params) for a target, "
            f"which judges parameters on all of the data, got {type(problem).__name__} without "
            "it. Add one, or give evaluations or seconds in place of the target"
        )


def asked(problem: JudgedOnAll, strategy: Strategy, run: Run, limits: Limits) -> tuple[Run, bool]:
    """What all of the data say of the center, and whether it has reached a target.

    If it has, it becomes the best network of the run, with loss and measures on all data. What
    is changed of the run are arrays of NumPy.
    """
    # Off the devices of the training: the data may lie on one of them alone.
    with mode_of(run.best_loss):
        center, vector = jax.device_get(_center(strategy, run.state))
    loss, measures = jax.tree.map(np.asarray, problem.score_all(center))
    if meets_target(loss, measures, jax.tree.map(np.asarray, limits)):
        judged: dict[str, Any] = {
            "best": vector,
            "best_loss": loss.astype(run.best_loss.dtype),
            "best_measures": {name: of.astype(np.float32) for name, of in measures.items()},
        }
        return run._replace(**judged), True
    number = int(run.generation)
    later: Any = np.uint32(number + max(_LEAST_WAIT, number // _SHARE_WAITED))
    return run._replace(judge_from=later), False


@compiled()
def _center(strategy: Strategy, state: Any) -> tuple[Params, jax.Array]:
    center = strategy.center(state)
    return center, tree.ravel(center)
