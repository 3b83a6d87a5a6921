"""Which rows does a network learn from, which decide when it has learnt enough, which test it?

Three parts that share no row. What a network is chosen by also flatters it, so the rows that test
it are seen once, at the end, and a part of the others decides which network is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import InputError
from gradless.data import datasets, held_out
from gradless.data.cells import listing

VALIDATION = 0.2
"""Share of the training rows of measured data that is held out unless another one is given."""
FEWEST = 10
"""Validation rows: what fewer of them prefer is chance."""

Rows = NDArray[np.integer]


class Parts(NamedTuple):
    """Indices of the rows of each part; ``note`` says what a person should know of them."""

    train: Rows
    validation: Rows
    test: Rows
    note: str | None = None


def divide(
    name: str,
    targets: NDArray[np.int32] | NDArray[np.floating],
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
        train, tests = datasets.split_rows(name, targets, class_names, test, seed)
    elif test != 0:
        raise InputError(f"the test fraction must be 0 or more and below 1, got {test}")
    if validation is not None and not 0 <= validation < 1:
        raise InputError(
            f"--validation must be a share from 0 to below 1, got {validation}. For example: "
            f"--validation {VALIDATION}"
        )
    none = Parts(train, everything[:0], tests)
    if validation == 0:
        return none
    share = VALIDATION if validation is None else validation
    aside, alone = _aside(targets[train], class_names is not None, share, seed)
    if validation is None and aside.sum() < FEWEST:
        return none._replace(
            note=(
                f"{len(train):,} training rows are too few to hold some out for validation: the "
                "network may overfit. Use --validation SHARE to hold some out"
            )
        )
    if not aside.any():
        raise InputError(
            f"--validation must leave rows both to train on and to hold out, got {share} of "
            f"{len(train):,} training rows. Use another share, or --validation 0"
        )
    note = None
    if len(alone) and class_names is not None:
        names = [class_names[number] for number in alone]
        note = (
            f"no validation row for {listing(names)}: a class of one row is used for training alone"
        )
    return Parts(train[~aside], train[aside], tests, note)


def _aside(
    targets: NDArray[np.int32] | NDArray[np.floating], classes: bool, share: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Which of some rows are held out, and the classes of which none can be: those of one row."""
    aside, alone = np.zeros(len(targets), bool), np.zeros(0, np.int32)
    rows = np.arange(len(targets))
    if classes:
        counts = np.bincount(targets.astype(np.intp))
        alone = np.flatnonzero(counts == 1).astype(np.int32)
        rows = np.flatnonzero(~np.isin(targets, alone))
    if math.ceil(share * len(rows)) < len(rows):
        chosen = held_out.split(targets[rows], share, seed)
        if chosen is not None:
            aside[rows[chosen[1]]] = True
    return aside, alone
