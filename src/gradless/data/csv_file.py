"""How are the rows of a text with separated cells read, and which files are no tables?"""

from __future__ import annotations

import csv
import os
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from gradless._core.errors import InputError
from gradless.data import dialect as dialects
from gradless.data.cells import MISSING, QUOTED, listing, one_line
from gradless.data.dialect import Dialect
from gradless.data.files import UNTOLD, Block, File, Reading
from gradless.data.sources import WINDOWS, Source

# Rows are converted in blocks: as text they take some twenty times the memory of the array.
BLOCK_CELLS = 2**15

# What other files begin with, what they are, and what to do.
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel file or a zip archive", "save its table as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "save its table as CSV in UTF-8"),
    (b"%PDF-1.", "a PDF document", "save its table as CSV in UTF-8"),
    (b"<!doctype html", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
)
_HEAD = 2**16  # characters of the beginning that say how a file is written
_PIECE = 2**18  # characters that are looked at together
_WORDS = "|".join(map(re.escape, sorted(MISSING - {""})))


class CsvFile(File):
    """A text with a row in each line, or in several where line breaks are quoted."""

    def __init__(self, path: str | os.PathLike[str], how: Reading = UNTOLD) -> None:
        """Open the file, find out how it is written, and read its names."""
        self.path = os.fspath(path)
        self._source = Source(self.path, self.error)
        beginning = next(self._source.pieces(), b"")
        for magic, what, todo in _OTHER_FILES:
            if beginning[: len(magic)].lower() == magic.lower():
                raise self.error(f"this must be a table as text, got {what}; {todo}")
        if how.delimiter == r"\t":  # as a tab is typed
            how = how._replace(delimiter="\t")
        if how.delimiter is not None and (len(how.delimiter) != 1 or how.delimiter in '"\r\n'):
            raise InputError(
                f"--delimiter must be one character, and no quotation mark, got {how.delimiter!r}. "
                "For example: --delimiter ';'"
            )
        self._encoding = self._source.encoding(how.encoding)
        with self._source.text(self._encoding) as text:
            head = text.read(_HEAD)
        lines = _lines_of(head.lstrip("\ufeff"))
        self.dialect = dialects.sniffed(
            lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines,
            how.delimiter,
            how.decimal,
        )
        self.decimal = self.dialect.decimal
        self._how = how
        self._gap = _quoted_gap(self.dialect)
        self._pieces = _Pieces(self)
        self._read_header()

    def blocks(self, columns: Sequence[int], as_text: Collection[int] = ()) -> Iterator[Block]:
        """The columns, some rows at a time; all cells are text."""
        width, empty = len(self.header), True
        try:
            for first, lines, cells in self._pieces.blocks(width):
                empty = False
                count = len(cells) // width
                rows = max(1, BLOCK_CELLS // width)
                for start in range(0, count, rows):
                    end = min(count, start + rows) * width
                    found = [cells[start * width + column : end : width] for column in columns]
                    if lines is None:
                        yield range(first + start, first + min(count, start + rows)), found
                    else:
                        yield lines[start : start + rows], found
        except csv.Error as error:
            raise self._invalid(error) from None
        if empty:
            raise self.error("no rows below the header; add at least one")
        self._source.check_unchanged()

    def loose_rows(self) -> list[list[str]]:
        """All rows as they are, the names first if there are some, of whatever width."""
        pieces = _Pieces(self, strict=False)
        rows = []
        while found := pieces.row():
            rows.append(found[1])
        return rows

    def again(self) -> None:
        """Begin anew with the rows."""
        self._pieces = _Pieces(self)
        if self.dialect.names:
            self._pieces.row()

    def notes(self) -> Iterator[str]:
        """What was found out of how the file is written, where that is unusual."""
        found, given = [], self._how
        dialect = self.dialect
        if dialect.delimiter != "," and given.delimiter is None:
            found.append(f"{dialects.NAMES[dialect.delimiter]} between cells")
        if dialect.quote != '"':
            found.append("single quotes")
        if dialect.decimal != "." and given.decimal is None:
            found.append("decimal commas")
        if self._encoding == WINDOWS and given.encoding is None:
            found.append("the letters of Windows (cp1252)")
        elif self._encoding != "utf-8-sig" and given.encoding is None:
            found.append(self._encoding.upper())
        if dialect.skip > 1:
            found.append(f"{dialect.skip} lines before the names")
        if found:
            yield (
                f"read with {', '.join(found)}. Use --delimiter, --decimal or --encoding if that "
                "is wrong"
            )

    # --- Rows -------------------------------------------------------------------------------------

    def _read_header(self) -> None:
        try:
            line, cells = self._pieces.row() or (0, [])
            following = self._pieces.peek()
        except csv.Error as error:
            raise self._invalid(error) from None
        if not cells:
            raise self.error("the file is empty; it must begin with a header line")
        known = not {*map(one_line, cells)}.isdisjoint(map(one_line, self._how.known))
        names = (known or self.dialect.names) if self._how.names is None else self._how.names
        if not names and self._how.names is None:
            raise self.error(
                f"the first line must hold column names, got {listing(_some(cells))}; add a "
                "line of names, or pass --no-header if this is the first row, or --header if these "
                "are names",
                line=line,
            )
        self.dialect = self.dialect._replace(names=names)
        width = len(cells)
        if following is not None and len(following) == width + 1 == self.dialect.width:
            # R writes the names of rows without a name for their column; others end each row so.
            cells = [*cells, ""] if not following[-1].strip() else ["", *cells]
        header = tuple(map(one_line, cells))
        if not names:
            self._pieces = _Pieces(self)
            header = tuple(f"column {k + 1}" for k in range(width))
        self.set_names(header, line)

    def _invalid(self, error: csv.Error) -> InputError:
        return self.error(
            f"not valid CSV ({_shown(error)}); look for a quotation mark that is not closed, not "
            "doubled, or not at the end of its cell, and for a cell that is far too long",
            line=self._pieces.line + 1,
        )

    def cells(self, row: list[str], width: int, line: int) -> list[str]:
        """A row with as many cells as there are names."""
        if len(row) == width:
            return row
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            return row[:width]
        if len(row) == width - 1 and not self.header[-1]:
            return [*row, ""]
        raise self.error(
            f"the row must have {width} cells as the header has, got {len(row)}; "
            f"{self._advice(row, width)}",
            line=line,
        )

    def _advice(self, row: Sequence[str], width: int) -> str:
        """What to do about a row of another number of cells."""
        if len(row) < width:
            return "add the missing ones"
        name = {",": "a comma"}.get(self.dialect.delimiter, "a separator")
        return f"quote a text that contains {name}, and write numbers without: 1234.5"

    # --- Text -------------------------------------------------------------------------------------

    def pieces(self) -> Iterator[str]:
        """Whole lines, all of which end in a newline, from the first of the table on."""
        with self._source.text(self._encoding) as text:
            first = True
            try:
                while piece := text.read(_PIECE):
                    piece += text.readline()
                    if first:  # of byte order marks, some files have two
                        piece, first = piece.lstrip("\ufeff"), False
                    yield _with_newlines(piece)
            except UnicodeError:
                raise self.error("the file changed while it was read; try again") from None

    def marked(self, line: str) -> str:
        """A line in which quoted cells that would say that they are missing are marked."""
        return self._gap.sub(rf"\1{QUOTED}", line) if self.dialect.quote in line else line


class _Pieces:
    """Rows of a file: many at once where nothing is quoted, otherwise one by one."""

    def __init__(self, file: CsvFile, *, strict: bool = True) -> None:
        self._file = file
        self._of = file.pieces()
        self._lines: deque[str] = deque()
        self._read = 0
        self.line = 0  # the last one that was read
        self._rows = file.dialect.reader(self._following(), strict=strict)
        self._rest, self._begun = "", False  # of the piece that the header is in
        self._ahead: deque[tuple[int, list[str]]] = deque()
        for _ in range(file.dialect.skip):
            self._skip()

    def _skip(self) -> None:
        if self._lines or self._fill():
            self._lines.popleft()
            self.line += 1

    def _fill(self) -> bool:
        """Lines of the next piece, if there is one."""
        piece = next(self._of, "")
        self._lines.extend(piece.split("\n")[:-1])
        return bool(piece)

    def _following(self) -> Iterator[str]:
        """Lines for the parser, as long as it wants more."""
        while self._lines or self._fill():
            line = self._lines.popleft()
            self._read += 1
            yield "\n" if line.isspace() else self._file.marked(line) + "\n"

    def row(self) -> tuple[int, list[str]] | None:
        """The next row that is not empty, and its line."""
        if self._ahead:
            return self._ahead.popleft()
        while True:
            before = self._read
            row = next(self._rows, None)
            if row is None:
                return None
            self.line += self._read - before
            if row:
                return self.line, row

    def peek(self) -> list[str] | None:
        """The row after, which stays the next one."""
        found = self.row()
        if found is not None:
            self._ahead.append(found)
        return None if found is None else found[1]

    def blocks(self, width: int) -> Iterator[tuple[int, list[int] | None, list[str]]]:
        """Some rows: the first line, or all their lines, and their cells one after another."""
        while True:
            lines: list[int] = []
            cells: list[str] = []
            while self._ahead or self._lines:
                if not self._ahead and self._lines and not self._begun:
                    self._rest = "\n".join(self._lines) + "\n"
                    self._lines.clear()
                    break
                found = self.row()
                if found is None:
                    break
                lines.append(found[0])
                cells += self._file.cells(found[1], width, found[0])
            if lines:
                yield 0, lines, cells
            piece, self._rest = self._rest or next(self._of, ""), ""
            if not piece:
                return
            delimiter = self._file.dialect.delimiter
            self._begun = True
            if self._is_plain(piece, width):
                first = self.line + 1
                cells = piece[:-1].replace("\n", delimiter).split(delimiter)
                self.line += len(cells) // width
                yield first, None, cells
            else:
                self._lines.extend(piece.split("\n")[:-1])

    def _is_plain(self, piece: str, width: int) -> bool:
        """Whether lines are rows of cells that are not quoted, and nothing else."""
        dialect = self._file.dialect
        if dialect.quote in piece or (dialect.escape is not None and dialect.escape in piece):
            return False
        if dialect.delimiter == " " or not dialect.delimiter.isascii():  # by bytes below
            return False
        data = np.frombuffer(piece.encode(), np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        if np.diff(ends, prepend=-1).max() > csv.field_size_limit():
            return False
        if width == 1:
            blank = not all(line.strip() for line in piece.split("\n")[:-1])
            return dialect.delimiter not in piece and not blank
        between = np.flatnonzero(data == ord(dialect.delimiter))
        if len(between) != len(ends) * (width - 1):
            return False
        of_rows = between.reshape(len(ends), width - 1)
        return bool((of_rows[:, -1] < ends).all() and (of_rows[1:, 0] > ends[:-1]).all())


def _lines_of(text: str) -> list[str]:
    return [line + "\n" for line in _with_newlines(text).split("\n")[:-1]]


def _with_newlines(text: str) -> str:
    """Lines that all end in a newline: inside of cells, too, white space is one space."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def _quoted_gap(dialect: Dialect) -> re.Pattern[str]:
    """A quoted cell that would say, without its quotes, that it is missing. Inside of another
    quoted cell such quotes are doubled, and where a file breaks that rule it is refused."""
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    return re.compile(
        rf"((?:^|{delimiter}) *{quote}\s*(?:{_WORDS})\s*)(?={quote}(?:{delimiter}|\s*$))",
        re.IGNORECASE,
    )


def _some(cells: Sequence[str]) -> list[str]:
    return list(map(one_line, cells[:3])) + ([] if len(cells) <= 3 else ["..."])


def _shown(error: csv.Error) -> str:
    """What the parser says, in which a separator may be a tab."""
    return str(error).replace("\t", "\\t")
