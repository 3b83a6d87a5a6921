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
from gradless.objectives.objective import ITSELF
from gradless.strategies import FDLBFGS
from gradless.training import decisions
from gradless.training.decisions import Metric
from gradless.training.decisions.counted import at_stake
from gradless.training.records import Stop
from gradless.training.regularized import Settings, applies, least_evaluations
from gradless.training.samples import Samples

STRATEGY = FDLBFGS()
"""The method of its searches: L-BFGS on slopes by finite differences."""


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
    metric
        What the decision is then chosen for, if the objective that was asked for judges decisions.
    """

    settings: Settings
    member: MLP
    objective: Objective
    task: Task
    samples: Samples
    of_outputs: Callable[[npt.NDArray[np.float64]], tuple[float, float | None]]
    metric: Metric | None = None


def surrogate(objective: Objective, task: Task) -> Objective | None:
    """The loss of rows by which a network for an objective is fitted; None if there is none.

    Raises
    ------
    InputError
        If it names a loss that there is not.
    """
    if objective.fitted_by is None or task not in objective.tasks:
        return None
    itself = objective.fitted_by == ITSELF
    loss = objective if itself else objectives.get(objective.fitted_by)
    if task == "regression":  # targets are scaled, which must leave what is best where it is
        return loss if loss.degree else None
    # Outputs for classes are logits, and a loss that takes numbers as well takes them for numbers.
    return loss if task == "classification" and "regression" not in loss.tasks else None


def decides(objective: Objective, task: Task) -> bool:
    """Whether an objective judges decisions, which can be moved after a fit."""
    return task == "classification" and objective.decided


def fitted_samples(objective: Objective, samples: Samples) -> Samples:
    """The samples as they are fitted: where rows bring different amounts, with these as weights."""
    if objective.stakes is None:
        return samples
    better, stake = objective.stakes(samples.targets, samples.extras or {})
    weight = samples.weight * stake
    return samples._replace(targets=better, weight=weight) if weight.any() else samples


def metric_for(objective: Objective, task: Task, samples: Samples, classes: int) -> Metric | None:
    """What decisions on fitted samples are chosen for; None if there are none to choose.

    Raises
    ------
    InputError
        If an objective of a person's own is no metric of decisions alone.
    """
    if not decides(objective, task):
        return None
    if objective.stakes is None:
        return decisions.metric_of(objective, range(classes))
    return at_stake(objective.name, float(samples.weight.sum()))


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
) -> str | None:
    """Why a network cannot be fitted with a penalty, in a few words; None if it can."""
    if len(member.sizes) != 3:
        return "it takes one hidden layer"
    if member.is_piecewise_constant or precision != "float32":
        return "a network that goes in steps has no slope"
    if not isinstance(objective, Objective) or surrogate(objective, task) is None:
        return "the objective is not known to be a loss of rows"
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
