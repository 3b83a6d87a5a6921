"""Which rows choose, and which of them judge? Folds with the classes' shares in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError

Classes = npt.NDArray[np.intp]


def check_groups(groups: Any) -> int:
    """How many there are.

    Raises
    ------
    InputError
        If they are too few to hold some out, and of the others some again.
    """
    number = len(np.unique(np.asarray(groups)))
    if number < 3:
        raise InputError(f"groups must be three or more, got {number}")
    return number


def divided(true: Classes, groups: Any, most: int, generator: np.random.Generator) -> Classes:
    """The fold of each row, with the classes' shares in each; groups stay together."""
    if groups is not None:
        return _of_groups(true, groups, most, generator)
    count = max(2, min(most, len(true) // 2))
    order = generator.permutation(len(true))
    by_class = order[np.argsort(true[order], kind="stable")]
    fold = np.empty(len(true), np.intp)
    fold[by_class] = np.arange(len(true)) % count
    return fold


def _of_groups(true: Classes, groups: Any, most: int, generator: np.random.Generator) -> Classes:
    """Whole groups, the largest first, each to the fold that has most room for its classes."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    number = int(group.max()) + 1
    count = max(2, min(most, number))
    classes = int(true.max()) + 1
    held = np.zeros((number, classes))
    np.add.at(held, (group, true), 1.0)
    held /= np.maximum(held.sum(0), 1.0)
    order = generator.permutation(number)
    order = order[np.argsort(-held[order].max(1), kind="stable")]
    fold_of, filled = np.empty(number, np.intp), np.zeros((count, classes))
    for one in order:
        more = ((filled + held[one]) ** 2 - filled**2).sum(1)
        fold = int(np.lexsort((filled.sum(1), more))[0])  # an empty one before one as good
        fold_of[one] = fold
        filled[fold] += held[one]
    empty = np.setdiff1d(np.arange(count), fold_of)
    return fold_of[group] if not len(empty) else np.unique(fold_of[group], return_inverse=True)[1]
