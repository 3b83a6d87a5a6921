"""Which rows belong together, so that no part of a table gives another one away?

Rows of one group, such as a patient, are in one part; by time, the last rows test; and a row that
is in the table twice is not both learned from and tested on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import InputError
from gradless.data import cells, dates
from gradless.data.cells import short
from gradless.data.equal_rows import merged

Rows = NDArray[np.integer]


class Together(NamedTuple):
    """The group, or the time, of each row, (rows,); None where there is none."""

    groups: NDArray[np.intp] | None = None
    times: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, cells: Mapping[str, Sequence[str]] | None, group: str | None, time: str | None
    ) -> Together:
        """From columns of a table by name."""
        found = cells or {}
        return cls(
            None if group is None else groups_of(found[group]),
            None if time is None else times_of(found[time], time),
        )

    def blocks(self, rows: Rows, most: int = 10) -> NDArray[np.intp] | None:
        """Which rows cross-validation keeps together, a number for each; None for none.

        By time, they are ``most`` stretches of about as many rows.
        """
        if self.groups is not None:
            return self.groups[rows]
        if self.times is None:
            return None
        order = np.argsort(self.times[rows], kind="stable")
        found = np.empty(len(rows), np.intp)
        found[order] = np.arange(len(rows)) * most // max(1, len(rows))
        return found


def groups_of(texts: Sequence[str]) -> NDArray[np.intp]:
    """The number of each row's group; cells without a value are groups of their own."""
    names: dict[str, int] = {}
    return np.array(
        [
            names.setdefault(cells.one_line(text) or f"\0{row}", len(names))
            for row, text in enumerate(texts)
        ],
        np.intp,
    )


def times_of(texts: Sequence[str], name: str) -> NDArray[np.float64]:
    """The time of each row, as a number.

    Raises
    ------
    InputError
        If a cell is neither a number nor a date.
    """
    different = list(dict.fromkeys(texts))
    found = {text: cells.number(text) for text in different}
    if None in found.values():
        kind, _ = dates.kind_of(different)
        by_date = dates.days(different, kind)
        found = {text: None if math.isnan(by_date[text]) else by_date[text] for text in different}
    odd = next((text for text in different if found[text] is None), None)
    if odd is not None:
        raise InputError(
            f"--time-column must name a column of dates or numbers without gaps, got {short(odd)} "
            f"in {short(name)}. Fill it in or drop the row"
        )
    return np.array([found[text] for text in texts], np.float64)


def by_group(
    groups: NDArray[np.intp], targets: NDArray[Any], share: float, seed: int, *, classes: bool
) -> tuple[Rows, Rows]:
    """Rows to keep and to hold out, of whole groups, in about this share.

    Raises
    ------
    InputError
        If there are too few groups.
    """
    from sklearn import model_selection  # noqa: PLC0415 - loads in seconds

    count = len(np.unique(groups))
    if count < 2:
        raise InputError(f"--group must name a column of two groups or more, got {count}")
    rows = np.zeros(len(groups))
    folds = min(count, max(2, round(1 / share)))
    if classes and folds <= np.bincount(targets).max():
        splitter: Any = model_selection.StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    else:
        splitter = model_selection.GroupShuffleSplit(1, test_size=share, random_state=seed)
    keep, aside = next(splitter.split(rows, targets, groups))
    return keep, aside


def by_time(times: NDArray[np.float64], share: float) -> tuple[Rows, Rows]:
    """Rows to keep, and the last ones in this share; rows of one time are together."""
    order = np.argsort(times, kind="stable")
    border = times[order[max(1, len(times) - math.ceil(share * len(times)))]]
    keep, aside = np.flatnonzero(times < border), np.flatnonzero(times >= border)
    if not len(keep):
        raise InputError("--time-column must have two different times or more, got one")
    return keep, aside


def without_copies(
    train: Rows, test: Rows, features: NDArray[np.floating], targets: NDArray[Any]
) -> tuple[Rows, Rows, str | None]:
    """Test rows that equal a training row are learned from; and what to say of them.

    Where most rows are equal to others, as in a table of few categories, they stay.
    """
    comparable = np.where(np.isnan(features), np.finfo(np.float64).max, features)
    number = merged(comparable, targets).number
    copies = np.isin(number[test], number[train])
    count = int(copies.sum())
    if not count:
        return train, test, None
    if 2 * count > len(test):
        return train, test, (
            f"{count:,} of {len(test):,} test rows equal rows of training: there are few "
            "different rows"
        )  # fmt: skip
    are = "row equals one" if count == 1 else "rows equal some"
    note = f"{count:,} test {are} of training and moved there, so that the test is of new rows"
    return np.concatenate([train, test[copies]]), test[~copies], note
