"""What does a classifier say of rows that it has not seen? Its probabilities by folds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, has_fit_parameter

from gradless._core.errors import InputError
from gradless.training.decisions import check_groups


def cross_fitted(
    estimator: Any,
    X: Any,
    labels: npt.NDArray[Any],
    classes: npt.NDArray[Any],
    groups: Any,
    given: dict[str, Any],
    *,
    cv: Any,
    seed: int,
    n_jobs: int | None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Probabilities of the rows that a split holds out, and these rows.

    Of a row that several splits hold out, the mean.

    Raises
    ------
    InputError
        If there can be no such folds.
    """
    splits = list(_splits(cv, X, labels, groups, seed))
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fitted_apart)(estimator, X, labels, train, test, given, classes)
        for train, test in splits
    )
    sums = np.zeros((len(labels), len(classes)))
    times = np.zeros(len(labels))
    for (_, test), likely in zip(splits, parts, strict=True):
        np.add.at(sums, test, likely)
        np.add.at(times, test, 1)
    rows = np.flatnonzero(times)
    return sums[rows] / times[rows, None], rows


def weights_for(estimator: Any, weight: Any) -> dict[str, Any]:
    """Weights as the classifier's ``fit`` takes them, or its last step's; none if it does not."""
    if weight is None:
        return {}
    if has_fit_parameter(estimator, "sample_weight"):
        return {"sample_weight": weight}
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return {f"{name}__{key}": value for key, value in weights_for(last, weight).items()}
    return {}


def _splits(cv: Any, X: Any, labels: Any, groups: Any, seed: int) -> Iterable[tuple[Any, Any]]:
    """Rows to fit and rows held out."""
    if isinstance(cv, int | np.integer) and not isinstance(cv, bool):
        if cv < 2:
            raise InputError(f"cv must be 2 folds or more, got {cv}")
        classes, members = np.unique(labels, return_counts=True)
        if members.min() < 2:
            raise InputError(
                "y must have two samples or more of each class for folds, got 1 of "
                f"{classes.tolist()[members.argmin()]!r}; leave it out or give cv='prefit'"
            )
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        folds = int(min(cv, members.min()))
        if groups is not None:
            folds = min(folds, check_groups(groups))
        return kind(folds, shuffle=True, random_state=seed).split(X, labels, groups)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The groups parameter is ignored")  # not by the rule
        return list(check_cv(cv, labels, classifier=True).split(X, labels, groups))


def _fitted_apart(
    estimator: Any,
    X: Any,
    labels: npt.NDArray[Any],
    train: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    given: dict[str, Any],
    classes: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Probabilities of rows held out, of a classifier fitted on the others."""
    of_rows = {
        name: _safe_indexing(value, train) if _is_of_samples(value, len(labels)) else value
        for name, value in given.items()
    }
    model = clone(estimator).fit(_safe_indexing(X, train), labels[train], **of_rows)
    made = np.asarray(model.predict_proba(_safe_indexing(X, test)), np.float64)
    likely = np.zeros((len(test), len(classes)))
    likely[:, np.searchsorted(classes, model.classes_)] = made
    return likely


def _is_of_samples(value: Any, samples: int) -> bool:
    try:
        return bool(_num_samples(value) == samples) and not isinstance(value, str)
    except TypeError:
        return False
