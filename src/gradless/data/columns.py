"""What is known of a table's columns of features: numbers and categories, with gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.data import dates, hashed_words
from gradless.data.cells import FloatArray

# "number", "category", "text", or one of `gradless.data.dates`, such as "date, day first, with
# times".
Kind = str


def is_kind(kind: object) -> bool:
    """Whether this is a kind of column."""
    return isinstance(kind, str) and (kind in ("number", "category") or is_several(kind))


def is_several(kind: str) -> bool:
    """Whether a column of this kind is several numbers to a network: a date, or free text."""
    return kind == hashed_words.KIND or dates.is_date_kind(kind)


class Column(NamedTuple):
    """What there is to know of a column of features."""

    name: str
    kind: Kind
    missing: int
    categories: tuple[str, ...]


class Columns(NamedTuple):
    """Columns of features as they are in a file: numbers and categories, with gaps.

    Attributes
    ----------
    features : float64, shape (rows, columns)
        Numbers, in which a large offset costs no digits; of a category, its index in
        `categories`, and so of free text; of a date, days since 1970. NaN where a value is missing.
    feature_names : tuple of str
    categories : tuple
        For each column the names of its categories, or None if it holds numbers or dates.
    dates : tuple
        For each column its kind if that is several numbers to a network, dates or free text, and
        None otherwise; of nothing, no column is.
    """

    features: FloatArray
    feature_names: tuple[str, ...]
    categories: tuple[tuple[str, ...] | None, ...]
    dates: tuple[str | None, ...] = ()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What each column holds."""
        of_dates = self.dates or (None,) * len(self.categories)
        return tuple(
            date or ("number" if names is None else "category")
            for names, date in zip(self.categories, of_dates, strict=True)
        )

    @property
    def plain(self) -> bool:
        """Whether all are numbers without gaps."""
        return set(self.kinds) <= {"number"} and not np.isnan(self.features).any()

    def rows(self, rows: NDArray[np.integer]) -> Columns:
        """Some of the rows."""
        return self._replace(features=self.features[rows])

    def flat(self) -> Columns:
        """The same with dates and words as the numbers that a network sees of them."""
        if not any(self.dates):
            return self._replace(dates=())
        values: list[FloatArray] = []
        names: list[str] = []
        categories: list[tuple[str, ...] | None] = []
        for place, (name, kind, known, column) in enumerate(
            zip(self.feature_names, self.dates, self.categories, self.features.T, strict=True)
        ):
            if kind == hashed_words.KIND:
                found: Mapping[str, FloatArray] = hashed_words.parts(self.texts(place))
                known = None
            else:
                found = {"": column} if kind is None else dates.parts(column, kind)
            values += found.values()
            names += [f"{name}: {part}" if part else name for part in found]
            categories += [known] * len(found)
        return Columns(np.stack(values, axis=1), tuple(names), tuple(categories))

    def texts(self, column: int) -> NDArray[np.object_]:
        """The category in each row, None where it is missing."""
        names = np.array([*(self.categories[column] or ()), None], object)
        values = self.features[:, column]
        return names[np.where(np.isnan(values), len(names) - 1, values).astype(np.intp)]

    def described(self) -> tuple[Column, ...]:
        """What there is to know of each column; categories are sorted."""
        gaps = np.isnan(self.features).sum(axis=0)
        return tuple(
            Column(name, kind, int(missing), tuple(sorted(names or ())) * (kind == "category"))
            for name, kind, missing, names in zip(
                self.feature_names, self.kinds, gaps, self.categories, strict=True
            )
        )
