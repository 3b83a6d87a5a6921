"""When is a network fitted with a penalty, and by what loss?

A search that only lowers the loss learns small tables by heart. So networks for tables are fitted
with a penalty on their weights, whose strength is chosen by cross-validation, as
``training.regularized`` does it. That takes a loss that follows small changes: a metric that counts
is judged afterwards, by a decision on the outputs of networks that have not seen the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradless import objectives
from gradless._core.errors import InputError
from gradless.models.mlp import MLP
from gradless.objectives import Objective, Task
from gradless.strategies import FDLBFGS
from gradless.training.records import Stop
from gradless.training.regularized import Settings, applies, least_evaluations
from gradless.training.samples import Samples

STRATEGY = FDLBFGS()
"""The method of its searches: L-BFGS on slopes by finite differences."""

# Their decisions count, or are ranked: probabilities that are right are what they need.
_RANKED = {"roc_auc", "average_precision", "precision_at_recall", "precision_at_k"}
_COSTS = "cost_matrix"  # of two classes, they are a threshold
_DECIDED = {
    _COSTS,
    "accuracy", "zero_one", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "fbeta",
    "matthews", "cohen_kappa",
}  # fmt: skip


@dataclass(frozen=True)
class Regularization:
    """How a network is fitted with a penalty.

    Attributes
    ----------
    settings
        Folds, strengths, starts and iterations.
    member
        The network of one start; the mean of all is the wider network of the result.
    objective
        Of rows, that is minimised.
    task, samples
        What is learned from.
    of_outputs
        Loss, as people know it, and accuracy of outputs (samples, outputs) for these samples.
    decides
        Whether classes are then decided on for the objective that was asked for.
    """

    settings: Settings
    member: MLP
    objective: Objective
    task: Task
    samples: Samples
    of_outputs: Callable[[npt.NDArray[np.float64]], tuple[float, float | None]]
    decides: bool = False


def surrogate(objective: Objective, task: Task) -> Objective | None:
    """The loss of rows by which a network for an objective is fitted; None if there is none."""
    family = objective.name.partition(":")[0]
    if task == "classification":
        fits = family == "cross_entropy" or family in _RANKED | _DECIDED
        return objectives.get("cross_entropy") if fits else None
    if task == "regression" and family in ("squared_error", "r2"):
        return objectives.get("squared_error")
    if task == "regression" and family in ("absolute_error", "quantile"):
        return objective
    return None


def decides(objective: Objective, task: Task) -> bool:
    """Whether an objective judges decisions, which can be moved after a fit."""
    return task == "classification" and objective.name.partition(":")[0] in _DECIDED


def averaged(member: MLP, starts: int) -> MLP:
    """The network that is the mean of several networks of one hidden layer."""
    inputs, hidden, outputs = member.sizes
    sizes = (inputs, starts * hidden, outputs)
    return MLP(sizes, member.activation, member.initializer, member.weights)


def checked_alpha(given: object) -> float | None:
    """The strength of a penalty; None for one that is chosen.

    Raises
    ------
    InputError
        If it is neither "auto" nor 0 or more.
    """
    if given == "auto":
        return None
    try:
        alpha = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        alpha = -1.0
    if not 0 <= alpha < float("inf") or isinstance(given, bool):
        raise InputError(f"alpha must be 'auto', or a number, 0 or more, got {given!r}")
    return alpha


def settings_of(alpha: float | None, why: str | None, named: str) -> Settings | None:
    """How a network is fitted with a penalty; None for a search.

    Parameters
    ----------
    alpha
        The strength; None for one that is chosen.
    why
        Why there can be no penalty, by :func:`obstacle`, :func:`too_large` or a door's own reason;
        None if there can.
    named
        What the user knows the strength as.

    Raises
    ------
    InputError
        If a strength was asked for where there can be none.
    """
    if why is None:
        return None if alpha == 0 else Settings(alpha=alpha)
    if alpha:
        raise InputError(
            f"{named} must be left out or 0 here, got {alpha:g}: {why}. Remove {named}"
        )
    return None


def obstacle(
    objective: object,
    task: Task,
    member: MLP,
    stop: Stop,
    *,
    precision: str = "float32",
    batch_size: int | None = None,
    classes: int | None = None,
) -> str | None:
    """Why a network cannot be fitted with a penalty, in a few words; None if it can."""
    if len(member.sizes) != 3:
        return "it takes one hidden layer"
    if member.is_piecewise_constant or precision != "float32":
        return "a network that goes in steps has no slope"
    if not isinstance(objective, Objective) or surrogate(objective, task) is None:
        return "the objective is not known to be a loss of rows"
    if objective.name.startswith(_COSTS) and classes != 2:
        return "costs of more than two classes are searched for"
    if batch_size is not None:
        return "a batch size was given"
    if stop.has_target or stop.stagnation is not None:
        return "a target was given"
    return None


def too_large(
    samples: Samples, task: Task, member: MLP, objective: Objective, stop: Stop, settings: Settings
) -> str | None:
    """Why these samples are not for it; None if they are."""
    fitted = surrogate(objective, task)
    assert fitted is not None
    if why := applies(task, samples, member, fitted):
        return why
    least = least_evaluations(settings, task, member, fitted)
    if stop.evaluations is not None and stop.evaluations < least:
        return f"it takes {least:,} evaluations or more"
    return None


def described(settings: Settings, member: MLP) -> str:
    """How it is fitted, for people."""
    penalty = "a penalty on the weights "
    if settings.alpha is None:
        penalty += f"chosen by {settings.folds}-fold cross-validation"
    else:
        penalty += f"of {settings.alpha:g}"
    return f"The mean of {settings.starts} networks of {member.sizes[1]} neurons, with {penalty}"
