"""Which rows does a network learn from, which decide when it has learnt enough, which test it?

Three parts that share no row. What a network is chosen by also flatters it, so the rows that test
it are seen once, at the end, and a part of the others decides which network is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless import data
from gradless.cells import listing
from gradless.errors import InputError

VALIDATION = 0.2
"""Share of the training rows of measured data that is held out unless another one is given."""
FEWEST = 10
"""Validation rows: what fewer of them prefer is chance."""

Rows = NDArray[np.integer]
_STREAM = 1  # of the seed: that of the test rows is its own


class Parts(NamedTuple):
    """Indices of the rows of each part; ``note`` says what a person should know of them."""

    train: Rows
    validation: Rows
    test: Rows
    note: str | None = None


def divide(
    name: str,
    targets: NDArray[np.int32] | NDArray[np.float32],
    class_names: Sequence[str] | None,
    *,
    test: float,
    validation: float | None,
    seed: int,
) -> Parts:
    """Divide the rows of a data set.

    Parameters
    ----------
    name, targets, class_names
        Of the data set: class indices if it has class names, otherwise numbers, shape (rows,).
    test
        Share of all rows that tests the network, from 0 to below 1.
    validation
        Share of the others that decides which network is kept, from 0 to below 1; None for a fifth,
        or none of them if that were fewer than 10 rows.
    seed
        The same seed gives the same parts; the test rows do not depend on ``validation``.

    Raises
    ------
    InputError
        If a part cannot be made.
    """
    everything = np.arange(len(targets))
    train: Rows = everything
    tests: Rows = everything[:0]
    if test > 0:
        train, tests = data.split_rows(name, targets, class_names, test, seed)
    elif test != 0:
        raise InputError(f"test fraction {test} was given, expected a share from 0 to below 1")
    if validation is not None and not 0 <= validation < 1:
        raise InputError(
            f"--validation must be a share from 0 to below 1, got {validation}. For example: "
            f"--validation {VALIDATION}"
        )
    none = Parts(train, everything[:0], tests)
    if validation == 0:
        return none
    share = VALIDATION if validation is None else validation
    aside, alone = held_out(targets[train], class_names is not None, share, seed)
    if validation is None and aside.sum() < FEWEST:
        return none._replace(
            note=f"{len(train):,} training rows are too few to hold some out for validation, so "
            "the network may learn them by heart; --validation SHARE does it all the same"
        )
    if not 0 < aside.sum() < len(train):
        raise InputError(
            f"--validation {share} divides {len(train):,} training rows into "
            f"{len(train) - aside.sum():,} and {aside.sum():,}, expected at least one in each; "
            "give another share, or --validation 0"
        )
    note = None
    if len(alone) and class_names is not None:
        names = [class_names[number] for number in alone]
        note = f"no validation row for {listing(names)}: one row of a class can only be learnt from"
    return Parts(train[~aside], train[aside], tests, note)


def held_out(
    targets: NDArray[np.int32] | NDArray[np.float32], classes: bool, share: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Which of some rows are held out, and the classes of which none can be.

    Every class keeps its share, of two rows or more at least one on each side.

    Parameters
    ----------
    targets
        Class indices or numbers, shape (rows,).
    classes
        Whether they are classes.
    share
        Of the rows, between 0 and 1.
    seed
        The same seed holds out the same rows.

    Returns
    -------
    aside : bool, shape (rows,)
    alone : int, shape (classes of one row,)
    """
    draw = np.random.default_rng((seed, _STREAM))
    aside = np.zeros(len(targets), bool)
    groups = [np.arange(len(targets))]
    if classes:
        groups = [np.flatnonzero(targets == number) for number in np.unique(targets)]
    alone = []
    for group in groups:
        wanted = round(share * len(group))
        if classes:
            wanted = min(max(1, wanted), len(group) - 1)
            if not wanted:
                alone.append(int(targets[group[0]]))
        aside[draw.permutation(group)[:wanted]] = True
    return aside, np.array(alone, np.intp)
