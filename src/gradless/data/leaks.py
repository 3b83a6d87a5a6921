"""Does a single column give the target away? Such a one may not be known where a network is used.

A decision tree sees one column at a time (Breiman et al., "Classification and Regression Trees",
1984) and predicts rows that it was not fitted on.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradless.data import hashed_words
from gradless.data.cells import argument, short
from gradless.data.columns import Columns

_ROWS = 2_000  # so many are looked at
_COLUMNS = 300
_FOLDS = 3
_FEWEST = 30
# Of what a constant answer leaves open: errors, or squared errors.
_ALONE = 0.97


def leaks(
    columns: Columns, targets: NDArray[Any], class_names: tuple[str, ...] | None, name: str
) -> Iterator[str]:
    """What to say of columns that predict the target almost alone, a line each.

    Of many columns, the first are looked at, and it is said that the others were not.

    Parameters
    ----------
    columns
        The features.
    targets
        Class indices or numbers, (rows,).
    class_names
        Of the classes; None for numbers.
    name
        Of the target.
    """
    rows = np.arange(len(targets))
    if len(rows) > _ROWS:
        rows = np.random.default_rng(0).choice(len(rows), _ROWS, replace=False)
    answers = targets[rows]
    if len(rows) < _FEWEST or (answers == answers[0]).all():
        return
    if class_names is None:
        # From -1 to 1 around 0: to a tree, numbers that vary by 1e-9 are all the same.
        answers = answers.astype(np.float64) / np.abs(answers).max()
        answers = answers - answers.mean()
        answers = answers / np.abs(answers).max()
        whole = float((answers**2).sum())
    else:
        whole = float(len(answers) - np.bincount(answers).max())
    folds = _folds(answers, class_names)
    for place, column in enumerate(columns.feature_names[:_COLUMNS]):
        if columns.kinds[place] == hashed_words.KIND:  # places of texts in the file say nothing
            continue
        # By their order, which has no units and no offset; gaps come last.
        ranks = np.unique(columns.features[rows, place], return_inverse=True)[1]
        if ranks.any() and _says_all(ranks[:, None], answers, class_names, folds, whole):
            yield (
                f"column {short(column)} predicts {short(name)} almost alone. If it is not known "
                f"beforehand, use --drop {argument(column)}"
            )
    more = len(columns.feature_names) - _COLUMNS
    if more > 0:
        yield (
            f"the first {_COLUMNS} columns were tried for predicting {short(name)} almost alone, "
            f"the other {more:,} were not"
        )


def _folds(targets: NDArray[Any], class_names: tuple[str, ...] | None) -> list[Any]:
    """Rows to learn from and rows to judge on, of each fold."""
    from sklearn import model_selection  # noqa: PLC0415 - loads in seconds

    folds: Any = model_selection.KFold(_FOLDS, shuffle=True, random_state=0)
    if class_names is not None and np.bincount(targets).max() >= _FOLDS:
        folds = model_selection.StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes of fewer rows than folds
        return list(folds.split(targets, targets))


def _says_all(
    ranks: NDArray[np.intp],
    targets: NDArray[Any],
    class_names: tuple[str, ...] | None,
    folds: list[Any],
    whole: float,
) -> bool:
    """Whether a column explains nearly the whole of what a constant answer leaves open."""
    from sklearn import tree  # noqa: PLC0415 - loads in seconds

    kind = tree.DecisionTreeRegressor if class_names is None else tree.DecisionTreeClassifier
    model, left = kind(min_samples_leaf=3, random_state=0), 0.0
    for others, own in folds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of nearly as many classes as rows
            found = model.fit(ranks[others], targets[others]).predict(ranks[own])
        wrong = (found - targets[own]) ** 2 if class_names is None else found != targets[own]
        left += float(wrong.sum())
        if 1.0 - left / whole < _ALONE:  # of most columns, in the first fold
            return False
    return True
