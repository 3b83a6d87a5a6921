"""How are the cells of a text separated and quoted, and where does the table begin?"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gradless.data import cells, dates

# In this order where several would do.
DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_ROWS = 200  # so many are looked at
# What tells Excel how cells are separated.
_SEPARATED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+,\d*|\d+,(\d{1,2}|\d{4,})|0,\d+|,\d+)\s*[%€$£]?")
_POINT = re.compile(r"[+-]?(\d{1,3}(,\d{3})+\.\d*|\d*\.(\d{1,2}|\d{4,})|0\.\d+)([eE][+-]?\d+)?")


class Dialect(NamedTuple):
    """How a table is written as text.

    Attributes
    ----------
    delimiter, quote
        One character each.
    escape
        Character before a quotation mark inside of a quoted cell, or None where it is doubled.
    decimal
        What stands before the decimals of a number: ``.`` or ``,``.
    skip
        Lines before the table.
    names
        Whether the first row has the names of the columns, as far as can be told.
    width
        Cells of most rows below the first.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    decimal: str = "."
    skip: int = 0
    names: bool = True
    width: int = 0

    def reader(self, lines: Iterable[str], *, strict: bool = True) -> Iterator[list[str]]:
        """Rows of these lines."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            strict=strict,
            skipinitialspace=self.delimiter != " ",
        )


def sniffed(
    lines: Sequence[str], delimiter: str | None = None, decimal: str | None = None
) -> Dialect:
    """The dialect that the first lines of a text are in.

    Parameters
    ----------
    lines
        With their ends; the last one may be cut.
    delimiter, decimal
        What is known of it.
    """
    first, said = 0, None
    if lines and (found := _SEPARATED.fullmatch(lines[0])):
        first, said = 1, found[1]
    lines = lines[first : first + _ROWS]
    quote = _quote(lines)
    named = delimiter or said
    if named is None:
        scores = {one: _regularity(_rows(lines, Dialect(one, quote))) for one in DELIMITERS}
        named = max(DELIMITERS, key=lambda one: scores[one])
        if scores[named][1] < 2:
            spaced = _regularity(_rows(lines, Dialect(" ", quote)))
            named = " " if spaced[0] == 1 and spaced[1] > 2 and len(lines) > 2 else ","
    dialect = Dialect(named, quote)
    if not _is_strict(lines, dialect) and _is_strict(lines, dialect._replace(escape="\\")):
        dialect = dialect._replace(escape="\\")
    rows = _rows(lines, dialect)
    skip = _preamble(rows)
    dialect = dialect._replace(skip=first + skip, decimal=decimal or _decimal(rows, named))
    widths = Counter(len(row) for row in rows[skip + 1 :] if any(map(str.strip, row)))
    (width, count), *_ = widths.most_common(1) or [(0, 0)]
    return dialect._replace(
        names=_has_names(rows[skip:]),
        width=width if count > 1 and 2 * count > widths.total() else 0,
    )


def _quote(lines: Sequence[str]) -> str:
    """Of single quotes only where they enclose cells and there are no others."""
    if any('"' in line for line in lines):
        return '"'
    enclosed = sum(
        len(re.findall(r"(?:^|[,;|\t])\s*'[^']*'\s*(?=[,;|\t\r\n]|$)", x)) for x in lines
    )
    loose = sum(line.count("'") for line in lines) - 2 * enclosed
    return "'" if enclosed > 1 and enclosed > loose else '"'


def _is_strict(lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether quotation marks are where they should be, as far as the lines go."""
    if not any("\\" + dialect.quote in line for line in lines):
        return True
    try:
        deque(dialect.reader(iter(lines)), maxlen=0)
    except csv.Error as error:
        return "unexpected end" in str(error) and len(lines) == _ROWS
    return True


def _rows(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """The rows of these lines, empty ones too; of damaged ones what can be read."""
    try:
        return list(dialect.reader(iter(lines), strict=False))
    except csv.Error:
        return [line.split(dialect.delimiter) for line in lines]


def _regularity(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """Which share of the rows has as many cells as most have, and how many these are."""
    widths = [len(row) for row in rows if any(cell.strip() for cell in row)]
    if not widths:
        return 0.0, 0
    (width, count), *_ = Counter(widths).most_common(1)
    # Names that are not separated so say that commas below are those of numbers and texts.
    named = widths[0] in (width, width - 1) and widths[0] > 1
    if len(widths) < 3 and width != widths[0]:  # of two rows, that of the names says
        width, named = widths[0], widths[0] > 1
    return (round(count / len(widths), 2) if named else 0.0), width if named else 0


def _preamble(rows: Sequence[Sequence[str]]) -> int:
    """How many lines stand before the names: titles, and rows with hardly a cell."""
    width = _regularity(rows)[1] or Counter(map(len, filter(any, rows))).most_common(1)
    if isinstance(width, list):
        width = width[0][0] if width else 0
    if width < 3:
        return 0
    for place, row in enumerate(rows[:20]):
        if sum(map(bool, map(str.strip, row))) > max(1, len(row) // 2) and len(row) >= width - 1:
            return place
    return 0


def _decimal(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """A decimal comma where numbers can only be read so."""
    if delimiter == "," and not any("," in cell for row in rows for cell in row):
        return "."
    found = [cell.strip() for row in rows[1:] for cell in row]
    commas, points = (sum(bool(p.fullmatch(c)) for c in found) for p in (_COMMA, _POINT))
    return "," if commas > points else "."


def _has_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is unlike the others where these are numbers or dates."""
    rows = [row for row in rows if any(row)]
    if len(rows) < 2:
        return bool(rows) and not all(map(_is_value, rows[0]))
    first, others = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    filled = [cell.strip() for cell in first if cell.strip()]
    if not others or _are_places(filled):
        return not all(map(_is_value, filled))
    typed = [k for k in range(len(first)) if _share(row[k] for row in others) > 0.8]
    like = [k for k in typed if _is_value(first[k])]
    whole = like == typed and len(like) > 1
    return not (whole or (like and len(like) == len(filled)))


def _is_value(cell: str) -> bool:
    return bool(cell.strip()) and (cells.is_number(cell) or dates.is_date(cell))


def _are_places(names: Sequence[str]) -> bool:
    """Whether numbers may be names: years, or places such as 0, 1, 2, after some other name."""
    numbers = [int(name) for name in names if name.isdecimal() and len(name) <= 4]
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    return (
        len(numbers) > 2 and len(numbers) >= len(names) - 2 and len(steps) == 1 and 0 not in steps
    )


def _share(texts: Iterable[str]) -> float:
    found = [_is_value(cell) for cell in texts if cell.strip()]
    return sum(found) / len(found) if found else 0.0
