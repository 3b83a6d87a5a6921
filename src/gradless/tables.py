"""How does a CSV file become arrays, and what is wrong with it if it cannot?"""

from __future__ import annotations

import csv
import difflib
import functools
import io
import itertools
import math
import os
import re
import reprlib
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.errors import InputError, unknown_name

__all__ = ["Table", "Task", "read_features", "read_table"]

FloatArray = NDArray[np.float32]
Task = Literal["auto", "classification", "regression"]

TASKS: tuple[Task, ...] = ("auto", "classification", "regression")
TARGET_NAMES = ("target", "label", "class", "y")
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "?"})
# Up to so many distinct whole numbers are classes, unless the task is given.
MAX_NUMERIC_CLASSES = 20

# Rows are converted in blocks: as text they take some twenty times the memory of the array.
_BLOCK_CELLS = 2**15
# So many texts of the target are kept once, not once a row.
_SHARED_TEXTS = 2**10
# From here on, rounding to float32 gives infinity.
_FLOAT32_OVERFLOW = 2.0**128 - 2.0**103
# From here on, different whole numbers are the same float.
_EXACT_WHOLE = 2.0**53
_LISTED = 20
_SHORT = reprlib.Repr()
_SHORT.maxstring = 40

# What other files begin with, what they are, and what to do.
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel file or a zip archive", "save its table as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "save its table as CSV in UTF-8"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"PAR1\x15", "a Parquet file", "save it as CSV, for example with pandas"),
    (b"\xff\xfe", "text in UTF-16 or UTF-32", "save it as CSV in UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as CSV in UTF-8"),
    (b"%PDF-1.", "a PDF document", "save its table as CSV in UTF-8"),
    (b"<!doctype html", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
)
# Bytes that are not UTF-8 are read as these, to be found again with the line that they are in.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")

# Letters that no number has, unlike that of an exponent.
_LETTER = re.compile(r"[^\W\d_eE]")
_HEXADECIMAL = re.compile("[+-]?0[xX][0-9a-fA-F]+")
# What people and spreadsheets add to numbers, and what to replace it by.
_ADDED = (
    ("an invisible character", re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"), ""),
    ("a minus sign other than '-'", re.compile("^[\u2010-\u2015\u2212\ufe63\uff0d]"), "-"),
    ("a percent sign", re.compile(r"\s*[%‰]$"), ""),
    ("a currency sign", re.compile(r"\s*[$¢-¥₠-⃀]\s*"), ""),
    ("a thousands separator", re.compile(r"(?<=\d)[\s'\u2019_](?=\d{3}(?!\d))"), ""),
)


class Table(NamedTuple):
    """What a CSV file holds, as arrays.

    Attributes
    ----------
    features : float32, shape (samples, features)
    targets : int32 class indices, or float32 numbers, shape (samples,)
    feature_names : tuple of str
    class_names : tuple of str, or None for regression
    """

    features: FloatArray
    targets: NDArray[np.int32] | FloatArray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None


def read_table(
    path: str | os.PathLike[str], target: str | None = None, task: Task = "auto"
) -> Table:
    """Read a CSV file for training.

    The file is UTF-8, separated by commas, with the columns' names in its first line. Every
    column but the target's is a feature and holds finite numbers, without gaps. Empty lines are
    skipped; white space around cells has no meaning, and inside of names it counts as one space.
    Names are brought into Unicode's form NFC, so that an accented letter is always the same.

    Parameters
    ----------
    path
        Path of the file.
    target
        Name of the column to predict. By default the first of ``target``, ``label``, ``class``
        and ``y`` that the file has.
    task
        ``"auto"`` takes text, and whole numbers with at most 20 distinct values, for classes,
        and other numbers for regression.

    Returns
    -------
    Table
        Class names are sorted, by value if all are numbers, and kept as they are written, but for
        white space and accents.

    Raises
    ------
    InputError
        If the file cannot be used. The message says why, and where: file, line and column.
    """
    if task not in TASKS:
        raise unknown_name("task", str(task), TASKS)
    file = _CsvFile(path)
    target_column = _target_column(file, target)
    columns = [column for column in range(len(file.header)) if column != target_column]
    if not columns:
        raise file.error(
            f"the only column is the target, {_short(file.header[target_column])}; "
            "add at least one column to predict it from"
        )
    features, lines, texts = _read(file, columns, target_column)
    targets, class_names = _targets(file, file.header[target_column], texts, lines, task)
    return Table(features, targets, tuple(file.header[column] for column in columns), class_names)


def read_features(path: str | os.PathLike[str], feature_names: Sequence[str]) -> FloatArray:
    """Read the features of unseen rows from a CSV file, by column name.

    Parameters
    ----------
    path
        Path of the file; its format is that of `read_table`. Columns may come in any order, and
        columns that are not features, such as the target, are not looked at.
    feature_names
        Names of the columns to read.

    Returns
    -------
    ndarray
        float32, shape (rows, features), columns in the order of `feature_names`.

    Raises
    ------
    InputError
        If a feature is missing or the file cannot be used, as for `read_table`.
    """
    file = _CsvFile(path)
    wanted = [_one_line(name) for name in feature_names]
    columns = {name: column for column, name in enumerate(file.header)}
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise file.error(
            f"no column named {_listing(missing)}; expected a column for each of the "
            f"{len(feature_names)} features, found: {_listing(file.header)}"
        )
    features, _, _ = _read(file, [columns[name] for name in wanted])
    return features


class _CsvFile:
    """A CSV file with a checked header, to be iterated over once.

    The iterator yields line numbers and rows of as many cells as the header has.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._rows = self._read_rows()
        self.header = self._read_header()

    def error(
        self, message: str, *, line: int | None = None, column: str | None = None
    ) -> InputError:
        """Error that names the file and, where known, line and column."""
        # A path with a line break would make two lines of the message.
        place = self.path if self.path.isprintable() else repr(self.path)
        place += "" if line is None else f", line {line}"
        place += "" if column is None else f", column {_short(column)}"
        return InputError(f"{place}: {message}")

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        width = len(self.header)
        line = None
        for line, row in self._rows:
            if len(row) != width:
                todo = (
                    "add the missing ones"
                    if len(row) < width
                    else "quote a text that contains a comma, and write numbers without: 1234.5"
                )
                raise self.error(
                    f"number of cells is {len(row)}, expected {width} as in the header; {todo}",
                    line=line,
                )
            yield line, row
        if line is None:
            raise self.error("no rows below the header; add at least one")

    def _read_header(self) -> tuple[str, ...]:
        line, cells = next(self._rows, (0, None))
        if cells is None:
            raise self.error("the file is empty, expected a header line and rows of numbers")
        header = tuple(_one_line(cell) for cell in cells)
        for number, name in enumerate(header, start=1):
            if not name:
                raise self.error(
                    f"column {number} has no name in the header; name it, or leave it out "
                    "(pandas writes such a column for its index unless told index=False)",
                    line=line,
                )
        if all(_number(name) is not None for name in header):
            raise self.error(
                f"the first line holds only numbers, expected column names, found: "
                f"{_listing(header)}; add a header line",
                line=line,
            )
        repeated = [name for name, count in Counter(header).items() if count > 1]
        if repeated:
            raise self.error(
                f"several columns are named {_listing(repeated)}; give each its own name, "
                "or add a header line if these are not names",
                line=line,
            )
        for separator in (";", "\t", "|"):
            if len(header) == 1 and separator in cells[0]:
                raise self.error(
                    f"cells seem to be separated by {separator!r}, expected commas; "
                    "save the file with commas, and with points in its decimals",
                    line=line,
                )
        return header

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
            raise self.error("a directory, expected a CSV file; name a file in it") from None
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
                raise self.error(f"{what}, expected a CSV file; {todo}")
        if b"\0" in head:
            raise self._nul(len(head[: head.index(b"\0") + 1].splitlines()))

    def _nul(self, line: int) -> InputError:
        return self.error(
            "a NUL byte, which text does not have; save it as CSV in UTF-8", line=line
        )

    def _lines(self, text: Iterable[str]) -> Iterator[str]:
        """The lines of the file, all of them text; those of white space alone are empty."""
        for number, line in enumerate(text, start=1):
            if "\0" in line:
                raise self._nul(number)
            if not line.isascii() and (byte := _NOT_UTF8.search(line)):
                raise self.error(
                    f"not text in UTF-8 (byte 0x{ord(byte[0]) - 0xDC00:x}); save the file as CSV "
                    "in UTF-8, in Excel as 'CSV UTF-8'",
                    line=number,
                )
            if number == 1:  # of byte order marks, some files have two
                line = line.lstrip("\ufeff")
            yield "\n" if line.isspace() else line


def _target_column(file: _CsvFile, target: str | None) -> int:
    """Index of the column to predict."""
    if target is None:
        target = next((name for name in TARGET_NAMES if name in file.header), None)
    if target is None:
        raise file.error(
            "which column is the target? None is named target, label, class or y; "
            f"pass --target NAME with one of: {_listing(file.header)}"
        )
    name = _one_line(target)
    if name not in file.header:
        close = difflib.get_close_matches(name, file.header, n=1, cutoff=0.5)
        hint = f"did you mean {_short(close[0])}? " if close else ""
        raise file.error(
            f"unknown target column {_short(name)}; {hint}Known: {_listing(file.header)}"
        )
    return file.header.index(name)


def _read(
    file: _CsvFile, columns: Sequence[int], target_column: int | None = None
) -> tuple[FloatArray, Sequence[int], list[str]]:
    """The numbers in `columns`, each row's line number, and the target's texts."""
    names = [file.header[column] for column in columns]
    blocks: list[FloatArray] = []
    lines = array("q")
    texts: list[str] = []
    shared = functools.lru_cache(_SHARED_TEXTS)(_one_line)
    block_rows = max(1, _BLOCK_CELLS // len(file.header))
    rows = iter(file)
    while block := list(itertools.islice(rows, block_rows)):
        block_lines = [line for line, _ in block]
        cells = [row[column] for _, row in block for column in columns]
        numbers = _numbers(file, block_lines, names, cells, "drop the column")
        blocks.append(numbers.reshape(len(block), len(columns)))
        lines.extend(block_lines)
        if target_column is not None:
            texts += [shared(row[target_column]) for _, row in block]
    return np.concatenate(blocks), lines, texts


def _numbers(
    file: _CsvFile, lines: Sequence[int], names: Sequence[str], cells: list[str], instead: str
) -> FloatArray:
    """Cells, row by row, as float32, or an error at the first that is not a finite number."""
    try:
        with np.errstate(over="ignore"):  # what overflows is reported below
            numbers = np.fromiter(map(float, cells), np.float64, len(cells)).astype(np.float32)
        # Python reads 1_000 as a number, `_number` does not.
        if np.isfinite(numbers).all() and not any("_" in cell for cell in cells):
            return numbers
    except ValueError:
        pass
    raise next(
        file.error(problem, line=lines[k // len(names)], column=names[k % len(names)])
        for k, cell in enumerate(cells)
        if (problem := _problem(cell, instead))
    )


def _problem(cell: str, instead: str) -> str | None:
    """What keeps a cell from being a finite float32, if anything does."""
    if _is_missing(cell):
        return _missing(cell)
    number = _number(cell)
    if number is None:
        if meant := _meant(cell):
            added, plain = meant
            return (
                f"{reprlib.repr(cell)} is not a number, but looks like one with {added}; "
                f"write {plain}, or {instead}"
            )
        return f"{reprlib.repr(cell)} is not a number; encode it as a number or {instead}"
    if abs(number) >= _FLOAT32_OVERFLOW:
        return (
            f"{reprlib.repr(cell)} is not finite in float32, whose largest number is 3.4e38; "
            "correct it or rescale the column"
        )
    return None


def _targets(
    file: _CsvFile, name: str, texts: list[str], lines: Sequence[int], task: Task
) -> tuple[NDArray[np.int32] | FloatArray, tuple[str, ...] | None]:
    """Class indices and class names, or numbers and None."""
    for line, text in zip(lines, texts, strict=True):
        if _is_missing(text):
            raise file.error(_missing(text), line=line, column=name)
    if task == "auto":
        task = _guess_task(texts)
    if task == "regression":
        instead = "predict classes with --task classification"
        return _numbers(file, lines, [name], texts, instead), None
    numbers = {text: _number(text) for text in dict.fromkeys(texts)}
    # 1 and 1.0 are one class, unless some other class is a word.
    numeric = None not in numbers.values()
    keys = {
        text: _numeric_key(text, number) if numeric and number is not None else (0.0, text)
        for text, number in numbers.items()
    }
    names: dict[tuple[float, str], str] = {}
    for text in numbers:
        names.setdefault(keys[text], text)
    order = {key: index for index, key in enumerate(sorted(names))}
    if len(order) == 1:
        raise file.error(
            f"all rows are of class {_short(texts[0])}, expected two classes or more; "
            "choose another target",
            column=name,
        )
    if len(order) == len(texts):
        raise file.error(
            f"each of the {len(texts)} rows is a class of its own, expected classes that repeat; "
            "choose another target, or predict numbers with --task regression",
            column=name,
        )
    targets = np.array([order[keys[text]] for text in texts], dtype=np.int32)
    return targets, tuple(names[key] for key in order)


def _numeric_key(text: str, number: float) -> tuple[float, str]:
    """What classes are told apart and sorted by if all are numbers."""
    return number, text if abs(number) >= _EXACT_WHOLE else ""


def _guess_task(texts: Iterable[str]) -> Task:
    """Classification or regression, by the target's distinct values."""
    seen: set[str] = set()
    numbers: set[float | str] = set()
    words = fractions = False
    for text in texts:
        if text in seen:
            continue
        seen.add(text)
        number = _number(text)
        if number is None:
            words = True
            if _meant(text):
                numbers.add(text)
        else:
            fractions |= not number.is_integer()
            numbers.add(number)
        if len(numbers) > MAX_NUMERIC_CLASSES:
            return "regression"  # which then refuses the odd text among numbers
    return "regression" if fractions and not words else "classification"


# --- Cells ----------------------------------------------------------------------------------------


def _number(text: str) -> float | None:
    """The number that a cell holds, infinite or not, or None if it does not hold one."""
    try:
        number = float(text)
    except ValueError:
        return None
    # Python reads 1_000 as a number; in a file it is rather an identifier.
    return None if "_" in text or math.isnan(number) else number


def _meant(cell: str) -> tuple[str, str] | None:
    """What was added to a number so that it is none, and the number to write instead."""
    text = cell.strip()
    if len(text) > _SHORT.maxstring:
        return None
    if _HEXADECIMAL.fullmatch(text):
        return "hexadecimal digits", str(int(text, 16))
    if _LETTER.search(text):
        return None
    found = []
    for added, pattern, replacement in _ADDED:
        changed = pattern.sub(replacement, text)
        if changed != text:
            found.append(added)
            text = changed.strip()
    plain = [text]
    if _number(text) is None:
        added, plain = _marks(text)
        found.append(added)
    if not found or None in map(_number, plain):
        return None
    return " and ".join(dict.fromkeys(found)), " or ".join(plain)


def _marks(text: str) -> tuple[str, list[str]]:
    """What the commas and points in a number are, and what it is without them."""
    without_commas, without_points = text.replace(",", ""), text.replace(".", "").replace(",", ".")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
        return "a thousands separator or a decimal comma", [without_commas, without_points]
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", text):
        return "a thousands separator", [without_commas]
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3}){2,}", text):
        return "a thousands separator", [without_points]
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d*", text):
        return "a thousands separator and a decimal comma", [without_points]
    return "a decimal comma", [text.replace(",", ".")]


def _is_missing(cell: str) -> bool:
    return cell.strip().casefold() in MISSING


def _missing(cell: str) -> str:
    return f"missing value {cell.strip()!r}; fill it in or drop the row"


def _one_line(text: str) -> str:
    """The text in NFC, with each run of white space, line breaks among it, as one space."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _listing(names: Sequence[str]) -> str:
    """Names for a message, not all of them if there are many."""
    shown = ", ".join(_short(name) for name in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown}, ... ({len(names)} in all)"


def _short(text: str) -> str:
    """A name in quotes, for a message, without its middle if it is long."""
    return _SHORT.repr(text)
