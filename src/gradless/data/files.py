"""What does a reader of tables offer, whatever kind of file it reads?"""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import InputError
from gradless.data.cells import listing, short

# A column of some rows: as text, or as numbers with NaN where one is missing.
Cells = Sequence[str] | NDArray[np.float64]
# Where each of some rows is, and their columns.
Block = tuple[Sequence[int], Sequence[Cells]]


class Reading(NamedTuple):
    """What a person says of how a file is written; None for what the file itself says.

    Attributes
    ----------
    delimiter
        What is between two cells.
    decimal
        What is before the decimals of a number, ``.`` or ``,``.
    encoding
        Of the text, as Python names it.
    names
        Whether the first row has the names of the columns.
    known
        Names of some columns: where the first row has one of them, it has names.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    names: bool | None = None
    known: tuple[str, ...] = ()


UNTOLD = Reading()

# How names of files end.
PARQUET = (".parquet", ".pq")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
PACKED = (".gz", ".zst")
TABLES = (".csv", ".tsv", ".txt", *PARQUET, *WORKBOOKS, *PACKED)


class File(abc.ABC):
    """A file with a checked header, whose rows are to be read, more than once if need be."""

    path: str
    header: tuple[str, ...]
    # Columns that hold neither numbers nor text, and what they hold.
    unusable: Mapping[int, str] = {}
    # Columns without a name of their own.
    unnamed: frozenset[int] = frozenset()
    # What stands before the decimals of numbers in texts.
    decimal = "."
    # So many rows are of use; None for all of them.
    rows: int | None = None
    _place = "line"

    def place(self, line: int) -> str:
        """Where a row is, in words."""
        return f"{self._place} {line}"

    def error(
        self, message: str, *, line: int | None = None, column: str | None = None
    ) -> InputError:
        """Error that names the file and, where known, line and column."""
        # A path with a line break would make two lines of the message.
        path = "standard input" if self.path == "-" else self.path
        place = path if path.isprintable() else repr(path)
        place += "" if line is None else f", {self.place(line)}"
        place += "" if column is None else f", column {short(column)}"
        return InputError(f"{place}: {message}")

    @abc.abstractmethod
    def blocks(self, columns: Sequence[int], as_text: Collection[int] = ()) -> Iterator[Block]:
        """The columns, some rows at a time, some of them as text whatever they hold."""

    @abc.abstractmethod
    def again(self) -> None:
        """Begin anew with the rows."""

    def notes(self) -> Iterator[str]:
        """What was found out of how the file is written, where that is unusual."""
        return iter(())

    def set_names(self, names: Sequence[str], line: int | None = None) -> None:
        """Name the columns; those without a name by their places.

        Raises
        ------
        InputError
            If several have the same name.
        """
        repeated = [name for name, count in Counter(filter(None, names)).items() if count > 1]
        if repeated:
            raise self.error(
                f"several columns are named {listing(repeated)}; give each its own name, "
                "or pass --no-header if these are not names",
                line=line,
            )
        self.unnamed = frozenset(k for k, name in enumerate(names) if not name)
        taken = set(names)
        made = []
        for place, name in enumerate(names, start=1):
            own = name or f"column {place}"
            while not name and own in taken:
                own += "'"
            made.append(own)
        self.header = tuple(made)
