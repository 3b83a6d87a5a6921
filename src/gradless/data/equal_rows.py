"""Which rows are equal? Each is a sample once, with the weight of all of them.

Their order is that of their content. So a sample of weight 2 is exactly two equal ones, the order
in which rows come changes nothing, not even the last digit, and no row that a network learns from
is also among those that judge it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]


class Merged(NamedTuple):
    """Rows that are all different.

    Attributes
    ----------
    first
        Number of the first row of each, (different,).
    weight
        Of each with those that equal it, float64, (different,).
    number
        Which of them each row is, (rows,).
    """

    first: Indices
    weight: npt.NDArray[np.float64]
    number: Indices


def merged(
    features: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    weight: npt.NDArray[np.float64] | None = None,
) -> Merged:
    """Merge rows with equal features and targets.

    Parameters
    ----------
    features
        Numbers, (rows, features); NaN equals nothing.
    targets
        Numbers, (rows,) or (rows, outputs).
    weight
        Of each row, (rows,); by default all count the same.
    """
    rows = np.column_stack([features, targets.astype(np.float64)])
    _, first, number = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    number = number.reshape(-1)
    total = np.bincount(number, weight).astype(np.float64)
    return Merged(first, total, number)


def all_of_them(rows: int) -> Merged:
    """Rows as they come, each of weight 1."""
    return Merged(np.arange(rows), np.ones(rows), np.arange(rows))
