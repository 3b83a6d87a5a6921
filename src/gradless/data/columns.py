"""What is known of a table's columns of features: numbers and categories, with gaps."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.data.cells import FloatArray

Kind = Literal["number", "category"]


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
        `categories`. NaN where a value is missing.
    feature_names : tuple of str
    categories : tuple
        For each column the names of its categories, or None if it holds numbers.
    """

    features: FloatArray
    feature_names: tuple[str, ...]
    categories: tuple[tuple[str, ...] | None, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What each column holds."""
        return tuple("number" if names is None else "category" for names in self.categories)

    @property
    def plain(self) -> bool:
        """Whether all are numbers without gaps."""
        return set(self.kinds) <= {"number"} and not np.isnan(self.features).any()

    def rows(self, rows: NDArray[np.integer]) -> Columns:
        """Some of the rows."""
        return self._replace(features=self.features[rows])

    def texts(self, column: int) -> NDArray[np.object_]:
        """The category in each row, None where it is missing."""
        names = np.array([*(self.categories[column] or ()), None], object)
        values = self.features[:, column]
        return names[np.where(np.isnan(values), len(names) - 1, values).astype(np.intp)]

    def described(self) -> tuple[Column, ...]:
        """What there is to know of each column; categories are sorted."""
        gaps = np.isnan(self.features).sum(axis=0)
        return tuple(
            Column(name, kind, int(missing), tuple(sorted(names or ())))
            for name, kind, missing, names in zip(
                self.feature_names, self.kinds, gaps, self.categories, strict=True
            )
        )
