"""How are the rows of a table read, and which files are no tables?"""

from __future__ import annotations

import abc
import csv
import io
import itertools
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import InputError
from gradless.data.cells import MISSING, QUOTED, listing, number, one_line, short

# Rows are converted in blocks: as text they take some twenty times the memory of the array.
BLOCK_CELLS = 2**15

# What other files begin with, what they are, and what to do.
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel file or a zip archive", "save its table as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "save its table as CSV in UTF-8"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"\xff\xfe", "text in UTF-16 or UTF-32", "save it as CSV in UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as CSV in UTF-8"),
    (b"%PDF-1.", "a PDF document", "save its table as CSV in UTF-8"),
    (b"<!doctype html", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
)
PARQUET = b"PAR1"
# Bytes that are not UTF-8 are read as these, to be found again with the line that they are in.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
# A quoted cell that would say, without its quotes, that it is missing. Inside of another quoted
# cell such quotes are doubled, and where a file breaks that rule it is refused.
_WORDS = "|".join(map(re.escape, sorted(MISSING - {""})))
_TEXT = re.compile(rf'((?:^|,) *"\s*(?:{_WORDS})\s*)(?="(?:,|\s*$))', re.IGNORECASE)
# What tells Excel how cells are separated.
_SEPARATED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)

# A column of some rows: as text, or as numbers with NaN where one is missing.
Cells = Sequence[str] | NDArray[np.float64]
# Where each of some rows is, and their columns.
Block = tuple[Sequence[int], Sequence[Cells]]


class File(abc.ABC):
    """A file with a checked header, whose rows are to be read once."""

    path: str
    header: tuple[str, ...]
    # Columns that hold neither numbers nor text, and what they hold.
    unusable: Mapping[int, str] = {}
    _place = "line"

    def place(self, line: int) -> str:
        """Where a row is, in words."""
        return f"{self._place} {line}"

    def error(
        self, message: str, *, line: int | None = None, column: str | None = None
    ) -> InputError:
        """Error that names the file and, where known, line and column."""
        # A path with a line break would make two lines of the message.
        place = self.path if self.path.isprintable() else repr(self.path)
        place += "" if line is None else f", {self.place(line)}"
        place += "" if column is None else f", column {short(column)}"
        return InputError(f"{place}: {message}")

    @abc.abstractmethod
    def blocks(self, columns: Sequence[int], as_text: Collection[int] = ()) -> Iterator[Block]:
        """The columns, some rows at a time, some of them as text whatever they hold."""

    def check_names(self, line: int | None = None) -> None:
        """Refuse columns without a name, or of the same name."""
        for place, name in enumerate(self.header, start=1):
            if not name:
                raise self.error(
                    f"column {place} has no name in the header; name it, or leave it out "
                    "(pandas writes such a column for its index unless told index=False)",
                    line=line,
                )
        repeated = [name for name, count in Counter(self.header).items() if count > 1]
        if repeated:
            raise self.error(
                f"several columns are named {listing(repeated)}; give each its own name, "
                "or add a header line if these are not names",
                line=line,
            )


class CsvFile(File):
    """A CSV file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the file and read its header."""
        self.path = os.fspath(path)
        self._rows = self._read_rows()
        self._read_header()

    def blocks(self, columns: Sequence[int], as_text: Collection[int] = ()) -> Iterator[Block]:
        """The columns, some rows at a time; all cells are text."""
        rows = iter(self)
        while block := list(itertools.islice(rows, max(1, BLOCK_CELLS // len(self.header)))):
            cells = list(zip(*(row for _, row in block), strict=True))
            yield [line for line, _ in block], [cells[column] for column in columns]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        width = len(self.header)
        line = None
        for line, row in self._rows:
            if len(row) != width:
                raise self.error(
                    f"the row must have {width} cells as the header has, got {len(row)}; "
                    f"{_advice(row, width)}",
                    line=line,
                )
            yield line, row
        if line is None:
            raise self.error("no rows below the header; add at least one")

    def _read_header(self) -> None:
        line, cells = next(self._rows, (0, None))
        if cells is None:
            raise self.error("the file is empty; it must begin with a header line")
        self.header = header = tuple(one_line(cell) for cell in cells)
        if all(number(name) is not None for name in header):
            raise self.error(
                f"the first line must hold column names, got numbers only: {listing(header)}; "
                "add a header line",
                line=line,
            )
        for separator in (";", "\t", "|"):
            if len(header) == 1 and separator in cells[0]:
                raise self.error(
                    f"cells must be separated by commas, got {separator!r}; save the file with "
                    "commas, and with points in its decimals",
                    line=line,
                )
        if len(header) > 1 and not header[-1] and "" not in header[:-1]:
            raise self.error(
                f"column {len(header)} has no name in the header, which ends in a comma; delete "
                "the comma, and those at the end of the rows if they have one, or name the column",
                line=line,
            )
        self.check_names(line)

    def _read_rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line numbers and rows, the header first; blank lines are skipped."""
        line = 0
        try:
            with Path(self.path).open("rb") as binary:
                self._check_beginning(binary.peek())
                text = io.TextIOWrapper(
                    binary, encoding="utf-8", errors="surrogateescape", newline=""
                )
                reader = csv.reader(self._lines(text), strict=True, skipinitialspace=True)
                while (row := next(reader, None)) is not None:
                    line = reader.line_num
                    if row:
                        yield line, row
        except FileNotFoundError:
            raise self.error("no such file; check the path") from None
        except IsADirectoryError:
            raise self.error("this must be a CSV file, got a folder; name a file in it") from None
        except OSError as error:
            raise self.error(f"cannot be read ({error.strerror}); check the file") from None
        except csv.Error as error:
            raise self.error(
                f"not valid CSV ({error}); look for a quotation mark that is not closed, not "
                "doubled, or not at the end of its cell, and for a cell that is far too long",
                line=line + 1,
            ) from None

    def _check_beginning(self, head: bytes) -> None:
        """Refuse other files before a line is read, which in them may have no end."""
        for magic, what, todo in _OTHER_FILES:
            if head[: len(magic)].lower() == magic.lower():
                raise self.error(f"this must be a CSV file, got {what}; {todo}")
        if b"\0" in head:
            raise self._nul(len(head[: head.index(b"\0") + 1].splitlines()))

    def _nul(self, line: int) -> InputError:
        return self.error(
            "this must be text, got a NUL byte; save the file as CSV in UTF-8", line=line
        )

    def _lines(self, text: Iterable[str]) -> Iterator[str]:
        """The lines of the file, all of them text; those of white space alone are empty."""
        for place, line in enumerate(text, start=1):
            if "\0" in line:
                raise self._nul(place)
            if not line.isascii() and (byte := _NOT_UTF8.search(line)):
                raise self.error(
                    f"this must be text in UTF-8, got the byte 0x{ord(byte[0]) - 0xDC00:x}; save "
                    "the file as CSV in UTF-8, in Excel as 'CSV UTF-8'",
                    line=place,
                )
            if place == 1:  # of byte order marks, some files have two
                line = self._without_separator(line.lstrip("\ufeff"))
            if '"' in line:
                line = _TEXT.sub(rf"\1{QUOTED}", line)
            yield "\n" if line.isspace() else line

    def _without_separator(self, line: str) -> str:
        """The first line, or an empty one if it only says what separates cells."""
        found = _SEPARATED.fullmatch(line)
        if found and found[1] != ",":
            raise self.error(
                f"cells must be separated by commas, got a line that says {found[1]!r}; save the "
                "file with commas, and with points in its decimals",
                line=1,
            )
        return "\n" if found else line


def _advice(row: Sequence[str], width: int) -> str:
    """What to do about a row of another number of cells."""
    if len(row) < width:
        return "add the missing ones"
    if not any(cell.strip() for cell in row[width:]):
        return (
            "the row ends in a comma that the header does not have: delete it in all rows, or name "
            "the column in the header"
        )
    return "quote a text that contains a comma, and write numbers without: 1234.5"
