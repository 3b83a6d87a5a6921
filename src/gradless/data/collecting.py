"""What is in the columns of a file, all of their cells, before it is said what they hold?

A column is numbers as long as its cells are, and texts that are kept once each otherwise. A column
of numbers in which texts turn up keeps these beside it, with their rows; where that does not do, it
is read again as text, because ``01`` and ``1`` may be different.
"""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.data import cells, numerals
from gradless.data.cells import FloatArray, Missing
from gradless.data.files import Cells, File

# A column has no more different texts than these.
MOST_TEXTS = 200_000
# Cells of each block by which it is said that numbers may be codes.
_LOOKED_AT = 1_000


class Numbers(NamedTuple):
    """A column of numbers: NaN for gaps and for texts, which are beside with their rows.

    Where all have the same number of digits, and some begin with 0, ``padded`` is one of these.
    """

    values: FloatArray
    odd: dict[str, array[int]]
    padded: str = ""


class Texts(NamedTuple):
    """A column of texts: the place of each among those that there are, -1 for a gap."""

    codes: NDArray[np.int32]
    texts: list[str]


class TooMany(NamedTuple):
    """A column of more texts than are kept."""

    example: str


Content = Numbers | Texts | TooMany


def collected(
    file: File,
    columns: Sequence[int],
    missing: Missing,
    *,
    as_text: Sequence[int] = (),
    kept: Sequence[int] = (),
) -> tuple[list[Content], array[int], list[list[str]]]:
    """Read a file once.

    Parameters
    ----------
    file
        Of which no row has been read.
    columns
        Indices of the columns.
    missing
        Which cells are gaps.
    as_text
        Which of the columns are texts whatever they hold.
    kept
        Indices of columns whose cells are kept as they are.

    Returns
    -------
    contents
        Of each column.
    lines
        Where each row is.
    kept
        The cells of each of those columns.
    """
    lines: array[int] = array("q")
    text = set(as_text)
    begun = [_Column(missing, file.decimal, is_text=column in text) for column in columns]
    asides: list[list[str]] = [[] for _ in kept]
    for places, found in file.blocks([*columns, *kept], {*as_text, *kept}):
        first = len(lines)
        if file.rows is not None and first + len(places) > file.rows:
            left = file.rows - first
            places, found = places[:left], [some[:left] for some in found]
            if not left:
                continue
        if isinstance(places, range):  # as fast as can be: there may be millions
            lines.frombytes(np.arange(places.start, places.stop, dtype=np.int64).tobytes())
        else:
            lines.extend(places)
        for column, some in zip(begun, found, strict=False):
            column.add(first, some)
        for aside, some in zip(asides, found[len(columns) :], strict=True):
            aside += (str(cell).removesuffix(cells.QUOTED).lstrip(" ") for cell in some)
    contents = [column.content() for column in begun]
    again = [k for k, content in enumerate(contents) if content is None]
    if again:
        file.again()
        those = [columns[k] for k in again]
        more, lines_again, _ = collected(file, those, missing, as_text=those)
        if len(lines_again) != len(lines):
            raise file.error("the file changed while it was read; try again when it is complete")
        for k, content in zip(again, more, strict=True):
            contents[k] = content
    return [content for content in contents if content is not None], lines, asides


def as_texts(file: File, columns: Sequence[int], missing: Missing) -> list[Content]:
    """Columns of a file that was read, again as texts."""
    file.again()
    return collected(file, columns, missing, as_text=columns)[0]


class _Column:
    """One column, of which some rows are known."""

    def __init__(self, missing: Missing, decimal: str, *, is_text: bool) -> None:
        self._missing, self._given = missing, is_text
        self._plain: Callable[[str], str] | None = None
        if decimal != ".":
            self._plain = functools.partial(numerals.plain, decimal=decimal)
        self._is_text: bool | None = True if is_text else None
        # Arrays that grow in place: of many small ones, memory would stay in pieces.
        self._numbers: array[float] = array("d")
        self._odd: dict[str, array[int]] = {}
        self._codes: array[int] = array("i")
        self._known: dict[str, int] = {}
        self._rows = self._count = 0
        self._again = self._too_many = False
        self._digits: set[int] = set()  # how many each number has
        self._padded = ""

    def add(self, first: int, some: Cells) -> None:
        """Some more rows, of which this is the number of the first."""
        if self._again or self._too_many:
            return
        if isinstance(some, np.ndarray):
            # Numbers after words, as in another file of several: all of it is read again as text.
            self._again = bool(self._is_text)
            if not self._again:
                self._add_array(some)
        elif self._is_text:
            self._add_texts(some)
        else:
            self._add_numbers(first, some)

    def content(self) -> Content | None:
        """What was found; None if the column has to be read again as text."""
        if self._again:
            return None
        if self._too_many:
            return TooMany(next(reversed(self._known)).removesuffix(cells.QUOTED))
        if self._is_text:
            codes = np.frombuffer(self._codes, np.int32) if self._codes else np.zeros(0, np.int32)
            return Texts(codes, [text for text, code in self._known.items() if code >= 0])
        values = np.frombuffer(self._numbers) if self._numbers else np.zeros(0)
        return Numbers(values, self._odd, self._padded if self._alike else "")

    def _add_array(self, some: FloatArray) -> None:
        self._is_text = False
        said = [*self._missing.numbers]
        values = np.where(np.isin(some, said), math.nan, some) if said else some
        large = np.abs(values) >= cells.FLOAT32_OVERFLOW
        if large.any():
            for row in np.flatnonzero(large).tolist():
                self._odd.setdefault(repr(float(values[row])), array("q")).append(self._rows + row)
            values = np.where(large, math.nan, values)
        self._rows += len(values)
        self._numbers.frombytes(values.tobytes())

    def _add_numbers(self, first: int, some: Sequence[str]) -> None:
        texts = some if self._plain is None else [*map(self._plain, some)]
        values = cells.finite(texts) if not self._missing.numbers else None
        if values is None:
            values = self._with_odd(first, some, texts)
        if values is None:
            # Words: from the first of them on, or the column is read again.
            self._again = bool(self._numbers)
            self._is_text = True
            if not self._again:
                self._odd.clear()
                self._add_texts(some)
            return
        if self._is_text is None and not np.isnan(values).all():
            self._is_text = False
        self._numbers.frombytes(values.tobytes())
        self._rows += len(values)
        if self._alike:
            self._look_at_digits(some[:_LOOKED_AT])

    @property
    def _alike(self) -> bool:
        """Whether all that were looked at are whole, with the same number of digits."""
        return len(self._digits) < 2 and -1 not in self._digits

    def _look_at_digits(self, some: Sequence[str]) -> None:
        """How many digits some whole numbers have, and whether one begins with 0; else -1."""
        filled = [text for cell in some if (text := cell.strip())]
        self._digits |= {len(text) if text.isdecimal() else -1 for text in filled}
        padded = (text for text in filled if text[0] == "0" and text.strip("0"))
        self._padded = self._padded or next(padded, "")

    def _with_odd(self, first: int, some: Sequence[str], texts: Sequence[str]) -> FloatArray | None:
        """Numbers of which some are none; None if these are most."""
        values = np.full(len(texts), math.nan)
        odd: dict[str, array[int]] = {}
        count = numbers = 0
        said = self._missing.numbers
        for row, (cell, text) in enumerate(zip(some, texts, strict=True)):
            if self._missing.even_quoted(cell):
                continue
            value = cells.number(text)
            if value is not None and value in said:
                continue
            if value is not None and abs(value) < cells.FLOAT32_OVERFLOW:
                values[row] = value
                numbers += 1
            else:
                odd.setdefault(cell, array("q")).append(first + row)
                count += 1
        if count > numbers or len(odd) + len(self._odd) > MOST_TEXTS:
            return None
        for text, rows in odd.items():
            self._odd.setdefault(text, array("q")).extend(rows)
        return values

    def _add_texts(self, some: Sequence[str]) -> None:
        known = self._known
        try:
            codes = np.fromiter(map(known.__getitem__, some), np.int32, len(some))
        except KeyError:
            for text in dict.fromkeys(some):
                if text not in known:
                    gap = self._missing(text)
                    known[text] = -1 if gap else self._more()
            codes = np.fromiter(map(known.__getitem__, some), np.int32, len(some))
        self._codes.frombytes(codes.tobytes())
        self._rows += len(codes)
        self._too_many = len(known) > MOST_TEXTS

    def _more(self) -> int:
        self._count += 1
        return self._count - 1
