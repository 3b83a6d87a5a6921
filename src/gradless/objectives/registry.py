"""Which objectives are there, and what are they called?"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import jax

from gradless._core import words
from gradless._core.errors import InputError, unknown_name
from gradless.models.contract import FeatureRows
from gradless.objectives import metrics
from gradless.objectives.losses import (
    absolute_error,
    cross_entropy,
    huber,
    log_cosh,
    quantile,
    right,
    squared_error,
    wrong,
)
from gradless.objectives.metrics import Targets
from gradless.objectives.objective import Objective
from gradless.objectives.targets import Task

_CLASSES: tuple[Task, ...] = ("classification",)
_LABELS: tuple[Task, ...] = ("classification", "multilabel")
_NUMBERS: tuple[Task, ...] = ("regression",)


def _all_at_once(
    name: str,
    description: str,
    of_samples: Callable[[FeatureRows, Targets], jax.Array],
    of_all: Callable[[jax.Array, Targets], jax.Array],
    tasks: tuple[Task, ...],
    smooth: bool = False,
    classes: int | None = None,
) -> Objective:
    degree = 0 if tasks == _NUMBERS else None
    return Objective(name, description, of_samples, tasks, True, smooth, of_all, classes, degree)


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            "cross_entropy",
            "mean negative log-likelihood of the true class",
            cross_entropy,
            tasks=_LABELS,
        ),
        Objective(
            "zero_one",
            "share of wrong predictions, not differentiable",
            wrong,
            tasks=_LABELS,
            smooth=False,
        ),
        Objective(
            "accuracy",
            "share of right predictions, not differentiable",
            right,
            tasks=_LABELS,
            greater_is_better=True,
            smooth=False,
        ),
        _all_at_once(
            "balanced_accuracy",
            "mean of the classes' shares of right predictions",
            metrics.decision,
            metrics.balanced_accuracy,
            _CLASSES,
        ),
        _all_at_once(
            "f1",
            "F1 of the positive class, or the mean over the classes",
            metrics.decision,
            metrics.f_beta,
            _LABELS,
        ),
        _all_at_once(
            "f1_macro", "mean of the classes' F1", metrics.decision, metrics.f_macro, _LABELS
        ),
        _all_at_once(
            "f1_weighted",
            "mean of the classes' F1, weighted by their samples",
            metrics.decision,
            metrics.f_weighted,
            _LABELS,
        ),
        _all_at_once(
            "matthews", "Matthews' correlation", metrics.decision, metrics.matthews, _CLASSES
        ),
        _all_at_once(
            "cohen_kappa",
            "Cohen's kappa, agreement beyond chance",
            metrics.decision,
            metrics.cohen_kappa,
            _CLASSES,
        ),
        _all_at_once(
            "roc_auc",
            "area under the ROC curve, each class against the rest",
            metrics.scores,
            metrics.roc_auc,
            _LABELS,
        ),
        _all_at_once(
            "average_precision",
            "mean precision at the positives, each class against the rest",
            metrics.scores,
            metrics.average_precision,
            _LABELS,
        ),
        Objective(
            "squared_error",
            "mean squared error",
            squared_error,
            tasks=("classification", "regression"),
            degree=2,
        ),
        Objective(
            "absolute_error", "mean absolute error", absolute_error, tasks=_NUMBERS, degree=1
        ),
        Objective("log_cosh", "mean of log cosh(error)", log_cosh, tasks=_NUMBERS),
        _all_at_once(
            "r2", "share of variance explained", metrics.stacked, metrics.r2, _NUMBERS, smooth=True
        ),
        _all_at_once(
            "spearman", "Spearman's rank correlation", metrics.stacked, metrics.spearman, _NUMBERS
        ),
    )
}
"""Every objective without a number, by name."""

ALIASES = {"log_loss": "cross_entropy", "mse": "squared_error", "mae": "absolute_error"}
"""Other names of objectives."""


def _fbeta(name: str, number: float) -> Objective:
    of_all = functools.partial(metrics.f_beta, beta=number)
    description = f"F-beta for beta {number:g} of the positive class, or the mean over the classes"
    return _all_at_once(name, description, metrics.decision, of_all, _LABELS)


def _precision_at_recall(name: str, number: float) -> Objective:
    of_all = functools.partial(metrics.precision_at_recall, recall=number)
    description = f"best precision at a recall of {number:g} or more, of the positive class"
    return _all_at_once(name, description, metrics.scores, of_all, _CLASSES, classes=2)


def _huber(name: str, number: float) -> Objective:
    of_samples = functools.partial(huber, delta=number)
    description = f"half the squared error up to {number:g}, linear beyond"
    return Objective(name, description, of_samples, _NUMBERS)


def _quantile(name: str, number: float) -> Objective:
    of_samples = functools.partial(quantile, share=number)
    description = f"pinball loss of the quantile {number:g}"
    return Objective(name, description, of_samples, _NUMBERS, degree=1)


@dataclass(frozen=True)
class _Family:
    """Objectives that differ in a number, as ``name:number``."""

    make: Callable[[str, float], Objective]
    expected: str
    allowed: Callable[[float], bool]
    example: float
    optional: bool = False  # the example is the default

    def number(self, name: str, text: str) -> float:
        if not text and self.optional:
            return self.example
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not self.allowed(number):
            raise InputError(
                f"objective {name!r} must have a number {self.expected}, got {text or 'none'}. "
                f"For example: {_numbered(name, self.example)}"
            )
        return number


_FAMILIES = {
    "fbeta": _Family(_fbeta, "above 0", lambda beta: 0 < beta < math.inf, 2.0),
    "precision_at_recall": _Family(
        _precision_at_recall, "above 0 and up to 1", lambda recall: 0 < recall <= 1, 0.9
    ),
    "huber": _Family(_huber, "above 0", lambda delta: 0 < delta < math.inf, 1.0, optional=True),
    "quantile": _Family(
        _quantile,
        "between 0 and 1",
        lambda share: 0 < share < 1,
        0.5,
        optional=True,
    ),
}


def _numbered(family: str, number: float) -> str:
    return f"{family}:{number!r}".removesuffix(".0")


NAMES = (*OBJECTIVES, *(_numbered(name, family.example) for name, family in _FAMILIES.items()))
"""Every objective's name, those with a number having an example of it."""


def get(name: str) -> Objective:
    """Objective by name.

    Parameters
    ----------
    name
        One of ``OBJECTIVES`` or ``ALIASES``, with hyphens or underscores; or ``fbeta:B``,
        ``precision_at_recall:R``, ``huber:D`` (``huber`` is ``huber:1``) or ``quantile:Q``
        (``quantile`` is ``quantile:0.5``).

    Returns
    -------
    Objective
        Always the same one for a name and an equal number, so that a program is compiled once.

    Raises
    ------
    InputError
        For an unknown name, with the closest one, or a number out of its range.

    Examples
    --------
    >>> get("quantile:0.90").name
    'quantile:0.9'
    """
    family, colon, text = name.partition(":")
    family = words.alike(family)
    family = ALIASES.get(family, family)
    if family in OBJECTIVES and not colon:
        return OBJECTIVES[family]
    if family not in _FAMILIES:
        raise unknown_name("objective", name, (*NAMES, *ALIASES))
    return _of_family(family, _FAMILIES[family].number(family, text))


@functools.cache
def _of_family(family: str, number: float) -> Objective:
    return _FAMILIES[family].make(_numbered(family, number), number)
