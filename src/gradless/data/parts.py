"""Which rows does a network learn from, which decide when it has learnt enough, which test it?

Three parts that share no row. What a network is chosen by also flatters it, so the rows that test
it are seen once, at the end, and a part of the others decides which network is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless._core import defaults
from gradless._core.errors import InputError
from gradless.data import datasets, held_out, together
from gradless.data.cells import listing
from gradless.data.equal_rows import Merged, all_of_them, merged

Rows = NDArray[np.integer]


Weight = NDArray[np.float64]


class Parts(NamedTuple):
    """Indices of the rows of each part; ``note`` says what a person should know of them.

    ``samples`` and ``held_out`` are the training and validation rows as a network learns from them:
    one of each that are equal, in the order of their content, and their weights.
    """

    train: Rows
    validation: Rows
    test: Rows
    samples: tuple[Rows, Weight]
    held_out: tuple[Rows, Weight]
    note: str | None = None


def divide(
    name: str,
    targets: NDArray[np.int32] | NDArray[np.floating],
    class_names: Sequence[str] | None,
    *,
    test: float,
    validation: float | None,
    seed: int,
    features: NDArray[np.floating] | None = None,
    apart: bool = False,
    groups: NDArray[np.intp] | None = None,
    times: NDArray[np.float64] | None = None,
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
    features
        By which rows are equal, (rows, features); None to take each as it comes.
    apart
        Whether no test row may equal a training row.
    groups
        The group of each row, (rows,), which is in one part.
    times
        The time of each row, (rows,), the last of which test, and validate.

    Raises
    ------
    InputError
        If a part cannot be made.
    """
    everything = np.arange(len(targets))
    train: Rows = everything
    tests: Rows = everything[:0]
    copies: str | None = None
    is_classes = class_names is not None
    if test > 0:
        if times is not None:
            train, tests = together.by_time(times, test)
        elif groups is not None:
            train, tests = together.by_group(groups, targets, test, seed, classes=is_classes)
        else:
            train, tests = datasets.split_rows(name, targets, class_names, test, seed)
            if apart and features is not None:
                train, tests, copies = together.without_copies(train, tests, features, targets)
    elif test != 0:
        raise InputError(f"the test fraction must be 0 or more and below 1, got {test}")
    if validation is not None and not 0 <= validation < 1:
        raise InputError(
            f"--validation must be a share from 0 to below 1, got {validation}. For example: "
            f"--validation {defaults.VALIDATION}"
        )
    if validation != 0 and (groups is not None or times is not None):
        share = defaults.VALIDATION if validation is None else validation
        chosen = np.zeros(len(train), bool)
        if times is not None:
            chosen[together.by_time(times[train], share)[1]] = True
        elif groups is not None:
            own = groups[train], targets[train]
            chosen[together.by_group(*own, share, seed, classes=is_classes)[1]] = True
        return _parts(train, tests, all_of_them(len(train)), chosen)
    one_of_each = all_of_them(len(train))
    if features is not None:
        one_of_each = merged(features[train], targets[train])
    if validation == 0:
        none = np.zeros(len(one_of_each.first), bool)
        return _parts(train, tests, one_of_each, none)._replace(note=copies)
    outputs = targets[train][one_of_each.first]
    aside = held_out.aside(outputs, validation, seed)
    if validation is None and aside.few:
        return _parts(train, tests, one_of_each, aside.chosen)._replace(
            note=_sentences(
                copies,
                f"{len(train):,} training rows are too few to hold some out for validation: the "
                "network may overfit. Use --validation SHARE to hold some out",
            )
        )
    if not aside.chosen.any():
        share = defaults.VALIDATION if validation is None else validation
        raise InputError(
            f"--validation must leave rows both to train on and to hold out, got {share} of "
            f"{len(train):,} training rows. Use another share, or --validation 0"
        )
    note = copies
    if len(aside.alone) and class_names is not None:
        names = [class_names[number] for number in aside.alone]
        alone = (
            f"no validation row for {listing(names)}: a class of one row is used for training alone"
        )
        note = _sentences(note, alone)
    return _parts(train, tests, one_of_each, aside.chosen)._replace(note=note)


def _sentences(*texts: str | None) -> str:
    return ". ".join(filter(None, texts))


def _parts(train: Rows, tests: Rows, one_of_each: Merged, aside: NDArray[np.bool_]) -> Parts:
    """The parts once it is known which of the different rows are held out."""
    first, weight = train[one_of_each.first], one_of_each.weight
    held = aside[one_of_each.number]
    return Parts(
        train[~held],
        train[held],
        tests,
        (first[~aside], weight[~aside]),
        (first[aside], weight[aside]),
    )
