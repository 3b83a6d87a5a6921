"""How do categories of which there are many, such as towns, become few inputs?

By what the target is in them, shrunk towards what it is in all rows (scikit-learn's TargetEncoder;
Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes", 2001). What a
row of training is given comes from other rows, or it would learn its own answer by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of more categories, each has no input of its own.
MANY = 60
_FOLDS = 5


def encoder(targets: NDArray[Any] | None, classes: int = 0) -> Any:
    """An encoder for these targets, or, of none, for so many classes; 0 for numbers."""
    from sklearn.preprocessing import TargetEncoder  # noqa: PLC0415 - loads in seconds

    if targets is not None:
        classes = int(targets.max()) + 1 if targets.dtype.kind != "f" else 0
    kind = "continuous" if classes == 0 else "binary" if classes == 2 else "multiclass"
    return TargetEncoder(target_type=kind)


def columns_of_many(kinds: Sequence[str], features: NDArray[np.float64]) -> list[int]:
    """The columns of categories of which there are many."""
    return [
        column
        for column, kind in enumerate(kinds)
        if kind == "category" and len(np.unique(features[:, column])) > MANY
    ]


def names(column: str, fitted: Any) -> list[str]:
    """Names of the inputs that stand for a column."""
    if fitted.target_type_ == "multiclass":
        return [f"{column}: target is class {k + 1}" for k in range(len(fitted.classes_))]
    return [f"{column}: mean of the target"]


def of_other_rows(filled: NDArray[Any], targets: NDArray[Any], fitted: Any) -> NDArray[np.float64]:
    """What each row is given: the target in its category, in rows of other folds.

    Parameters
    ----------
    filled
        Categories as texts, (rows, columns).
    targets
        Of the rows, (rows,).
    fitted
        The encoder of all rows.
    """
    from sklearn import base, model_selection  # noqa: PLC0415 - loads in seconds

    found = fitted.transform(filled)
    classes = 0 if fitted.target_type_ == "continuous" else len(np.unique(targets))
    if len(targets) < 2 * _FOLDS:
        return np.asarray(found, np.float64)
    folds = model_selection.KFold(_FOLDS, shuffle=True, random_state=0)
    for others, own in folds.split(filled):
        if classes and len(np.unique(targets[others])) < classes:
            continue  # of a rare class: what is known of all rows
        found[own] = base.clone(fitted).fit(filled[others], targets[others]).transform(filled[own])
    return np.asarray(found, np.float64)
