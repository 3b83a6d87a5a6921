"""How good are decisions, from a table of true and decided classes?

A metric of decisions needs nothing but how much weight of each true class was decided as which. So
each is a function of such tables, (..., true, decided), of many at once; those of people (a scorer,
a function of labels) are given one row for each cell, with the cell as its weight.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core import words
from gradless._core.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """What decisions are judged by.

    Attributes
    ----------
    name
        For people.
    greater_is_better
        Direction.
    of
        Values from tables of weights (..., true, decided), shape (...).
    benefits
        What each decision brings for each true class, (true, decided), if the value is its mean or
        its sum; minus the costs, where those were given.
    fast
        Whether ``of`` takes many tables at about the price of one.
    total
        Whether the value is a sum, which grows with the number of rows.
    """

    name: str
    greater_is_better: bool
    of: Callable[[Array], Array]
    benefits: Array | None = None
    fast: bool = True
    total: bool = False

    def gain(self, tables: Array) -> Array:
        """Values turned so that more is better."""
        return self.of(tables) if self.greater_is_better else -self.of(tables)


def table(true: npt.NDArray[Any], decided: npt.NDArray[np.intp], weight: Array) -> Array:
    """Weight by true and decided class, (classes, classes).

    Parameters
    ----------
    true
        Probabilities of the true class, (n, classes): one-hot where it is known.
    decided
        Class indices, (n,).
    weight
        Of the rows, (n,).
    """
    classes = true.shape[1]
    columns = [np.bincount(decided, weight * true[:, k], minlength=classes) for k in range(classes)]
    return np.stack(columns)


# --- By name --------------------------------------------------------------------------------------


def _ratio(part: Array, whole: Array) -> Array:
    """The quotient, and 0 where it is 0 / 0."""
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _sums(tables: Array) -> tuple[Array, Array, Array]:
    """Hits, true and decided weight of each class, each (..., classes)."""
    return np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(-1), tables.sum(-2)


def _accuracy(tables: Array) -> Array:
    return _ratio(_sums(tables)[0].sum(-1), tables.sum((-2, -1)))


def _balanced_accuracy(tables: Array) -> Array:
    hits, true, _ = _sums(tables)
    return _ratio(_ratio(hits, true).sum(-1), (true > 0).sum(-1))


def _f_each(tables: Array, beta: float) -> Array:
    hits, true, decided = _sums(tables)
    return _ratio((1 + beta**2) * hits, beta**2 * true + decided)


def _f_positive(tables: Array, beta: float, positive: int) -> Array:
    return _f_each(tables, beta)[..., positive]


def _f_macro(tables: Array, beta: float = 1.0) -> Array:
    _, true, decided = _sums(tables)
    return _ratio(_f_each(tables, beta).sum(-1), (true + decided > 0).sum(-1))


def _f_weighted(tables: Array) -> Array:
    true = tables.sum(-1)
    return _ratio((_f_each(tables, 1.0) * true).sum(-1), true.sum(-1))


def _agreement(tables: Array) -> tuple[Array, Array, Array]:
    """Agreement beyond chance, and the shares of true and of decided classes."""
    shares = tables / np.maximum(tables.sum((-2, -1), keepdims=True), np.finfo(float).tiny)
    hits, true, decided = _sums(shares)
    return hits.sum(-1) - (true * decided).sum(-1), true, decided


def _matthews(tables: Array) -> Array:
    agreement, true, decided = _agreement(tables)
    spread = (1 - (true**2).sum(-1)) * (1 - (decided**2).sum(-1))
    return _ratio(agreement, np.where(spread > 1e-12, np.sqrt(np.abs(spread)), 0.0))


def _cohen_kappa(tables: Array) -> Array:
    agreement, true, decided = _agreement(tables)
    return _ratio(agreement, 1 - (true * decided).sum(-1))


def _quadratic_kappa(tables: Array) -> Array:
    classes = np.arange(tables.shape[-1])
    far = (classes[:, None] - classes) ** 2.0
    total = np.maximum(tables.sum((-2, -1)), np.finfo(float).tiny)
    by_chance = tables.sum(-1)[..., :, None] * tables.sum(-2)[..., None, :]
    expected = (by_chance * far).sum((-2, -1)) / total
    return np.where(expected > 0, 1 - _ratio((tables * far).sum((-2, -1)), expected), 0.0)


def _precision(tables: Array, positive: int) -> Array:
    hits, _, decided = _sums(tables)
    return _ratio(hits, decided)[..., positive]


def _recall(tables: Array, positive: int) -> Array:
    hits, true, _ = _sums(tables)
    return _ratio(hits, true)[..., positive]


def _jaccard(tables: Array, positive: int) -> Array:
    hits, true, decided = _sums(tables)
    return _ratio(hits, true + decided - hits)[..., positive]


_OF_POSITIVE = {"precision": _precision, "recall": _recall, "jaccard": _jaccard}
_NAMED: dict[str, Callable[[Array], Array]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f_macro,
    "f1_weighted": _f_weighted,
    "matthews": _matthews,
    "cohen_kappa": _cohen_kappa,
    "quadratic_kappa": _quadratic_kappa,
}
_ALIASES = {
    "macro_f1": "f1_macro",
    "matthews_corrcoef": "matthews",
    "mcc": "matthews",
    "qwk": "quadratic_kappa",
    "quadratic_weighted_kappa": "quadratic_kappa",
}

NAMES = (*_NAMED, "f1", "fbeta:2", *_OF_POSITIVE, "profit", "cost")
"""Metrics of decisions by name; ``profit`` and ``cost`` need numbers as well."""

# Of probabilities or their ranks: no decision changes them.
_RANKS = (
    "roc_auc", "average_precision", "precision_at_recall", "precision_at_k", "profit_at_k",
    "cross_entropy", "log_loss",
)  # fmt: skip


def named(name: str, positive: int, classes: int = 2) -> Metric | None:
    """The metric of a name, None if it is none of these; ``positive`` is the class that F1 is of.

    Raises
    ------
    InputError
        If decisions cannot change it, or its number is out of range.
    """
    family, _, number = name.partition(":")
    family = words.alike(family)
    family = _ALIASES.get(family, family)
    if family in _RANKS:
        raise InputError(
            f"objective must be a metric of decided classes, got {name!r}, which is one of "
            f"probabilities: no decision changes it. For example: {', '.join(NAMES[:6])}"
        )
    if family == "fbeta" or (family == "f1" and not number):
        try:
            beta = float(number or (1 if family == "f1" else "none"))
        except ValueError:
            beta = 0.0
        if not 0 < beta < np.inf:
            raise InputError(f"objective {name!r} must have a number above 0. For example: fbeta:2")
        of = functools.partial(_f_either, beta=beta, positive=positive)
        return Metric(name, True, of)
    if family in _OF_POSITIVE and not number:
        if classes != 2:
            raise InputError(
                f"objective {family!r} must be of two classes, got {classes}. For example: "
                f"{family}_macro"
            )
        return Metric(family, True, functools.partial(_OF_POSITIVE[family], positive=positive))
    if family == "zero_one" and not number:
        return Metric("zero_one", False, lambda tables: 1 - _accuracy(tables))
    return Metric(family, True, _NAMED[family]) if family in _NAMED and not number else None


def _f_either(tables: Array, beta: float, positive: int) -> Array:
    """Of the positive one of two classes, and the mean over more."""
    two = tables.shape[-1] == 2
    return _f_positive(tables, beta, positive) if two else _f_macro(tables, beta)


# --- What a decision brings -----------------------------------------------------------------------


def mean_benefit(name: str, benefits: Any, *, as_cost: bool = False, total: bool = False) -> Metric:
    """Mean over the rows of what decisions bring, or with ``as_cost`` of what they cost.

    Parameters
    ----------
    name
        For people.
    benefits
        Of each decision for each true class, (true, decided); costs with ``as_cost``.
    as_cost
        Whether less is better.
    total
        The sum instead of the mean.

    Raises
    ------
    InputError
        If it is no square matrix of finite numbers, or wrong decisions are best for every class.
    """
    try:
        matrix = np.asarray(benefits, np.float64)
    except (TypeError, ValueError):
        shown = repr(benefits) if isinstance(benefits, str) else "other values"
        raise InputError(
            "costs must be a matrix of numbers (true classes, decided classes), got "
            f"{shown}. For example: [[0, 1], [5, 0]]"
        ) from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            "costs must be numbers (true classes, decided classes), as many rows as columns, got "
            f"shape {matrix.shape}. For example: [[0, 1], [5, 0]]"
        )
    if not (finite := np.isfinite(matrix)).all():
        row, column = np.argwhere(~finite)[0].tolist()
        raise InputError(
            f"costs must be finite numbers, got {matrix[row, column]:g} in row {row + 1}, column "
            f"{column + 1}"
        )
    gains = -matrix if as_cost else matrix
    if (np.diagonal(gains) < gains.max(1)).all():
        kind, best = ("costs", "lowest") if as_cost else ("benefits", "highest")
        raise InputError(
            f"{kind} must be {best} on the diagonal, where the decision is right, for one class at "
            f"least, got {matrix.tolist()}"
        )

    def of(tables: Array) -> Array:
        sums: Array = (tables * matrix).sum((-2, -1))
        return sums if total else _ratio(sums, tables.sum((-2, -1)))

    return Metric(name, not as_cost, of, gains, total=total)


def profit(value: float, cost: float, positive: int) -> Metric:
    """Mean profit a row: each row that is decided positive costs, and brings if it is positive.

    Parameters
    ----------
    value
        What a positive that is found brings.
    cost
        Of each row that is decided positive, whether it is or not.
    positive
        Index of the positive one of two classes.

    Raises
    ------
    InputError
        If a number is not finite, or no decision would ever pay.
    """
    if not (np.isfinite(value) and np.isfinite(cost) and value > 0 and cost >= 0):
        raise InputError(
            f"a profit must have a value above 0 and a cost of 0 or more, got {value:g} and "
            f"{cost:g}. For example: value 100, cost 5"
        )
    benefits = np.zeros((2, 2))
    benefits[:, positive] = -cost
    benefits[positive, positive] += value
    return mean_benefit("profit", benefits)


def at_stake(name: str, rows: float, positive: int = 1) -> Metric:
    """Mean profit of so many rows, of tables of what is at stake by the better decision.

    A row that is decided positive brings what is at stake, or costs it; the others bring nothing.
    """
    benefits = np.zeros((2, 2))
    benefits[1 - positive, positive], benefits[positive, positive] = -1.0, 1.0
    return Metric(name, True, lambda tables: (tables * benefits).sum((-2, -1)) / rows, benefits)


# --- Of people ------------------------------------------------------------------------------------


def of_function(
    function: Callable[..., Any],
    classes: Sequence[Any] | npt.NDArray[Any],
    greater_is_better: bool,
    name: str | None = None,
) -> Metric:
    """A function (y_true, y_predicted), or with ``sample_weight`` as well, as a metric.

    A function that takes no weights is given each row as often as there are such rows; where
    weights are no whole numbers, that cannot be.

    Parameters
    ----------
    function
        Of labels; it must not depend on the order of rows.
    classes
        Labels of the classes, in the order of the probabilities.
    greater_is_better
        Direction.
    name
        For people; by default the function's.
    """
    labels = np.asarray(classes)
    count = len(labels)
    true, decided = np.repeat(labels, count), np.tile(labels, count)
    weighs = takes_weights(function)

    def one(cells: Array) -> float:
        if not cells.any():
            return np.nan
        if weighs:
            kept = cells > 0
            return float(function(true[kept], decided[kept], sample_weight=cells[kept]))
        times = np.rint(cells).astype(np.intp)
        return float(function(np.repeat(true, times), np.repeat(decided, times)))

    def of(tables: Array) -> Array:
        flat = tables.reshape(-1, count * count)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # thresholds are tried that decide for one class only
            return np.array([one(cells) for cells in flat]).reshape(tables.shape[:-2])

    told = name or str(getattr(function, "__name__", "metric"))
    return Metric(told, greater_is_better, of, fast=False, total=not weighs)


def takes_weights(function: Callable[..., Any]) -> bool:
    """Whether a function of labels has an argument ``sample_weight``."""
    try:
        return "sample_weight" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
