"""How does a CSV file become arrays, and what is wrong with it if it cannot?"""

from __future__ import annotations

import csv
import itertools
import math
import os
import reprlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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
MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})
# Up to so many distinct whole numbers are classes, unless the task is given.
MAX_NUMERIC_CLASSES = 20

# Rows are converted in blocks: as text they take some twenty times the memory of the array.
_BLOCK_ROWS = 4096
# From here on, rounding to float32 gives infinity.
_FLOAT32_OVERFLOW = 2.0**128 - 2.0**103
_LISTED = 20


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
    skipped; white space around cells and names has no meaning.

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
        Class names are sorted, by value if all are numbers, and kept as they are written.

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
            f"the only column is the target, {file.header[target_column]!r}; "
            "add at least one column to predict it from"
        )
    features, lines, cells = _read(file, columns, target_column)
    targets, class_names = _targets(file, file.header[target_column], cells, lines, task)
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
    missing = [name for name in feature_names if name not in file.header]
    if missing:
        raise file.error(
            f"no column named {_listing(missing)}; expected a column for each of the "
            f"{len(feature_names)} features, found: {_listing(file.header)}"
        )
    features, _, _ = _read(file, [file.header.index(name) for name in feature_names])
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
        place += "" if column is None else f", column {column!r}"
        return InputError(f"{place}: {message}")

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        width = len(self.header)
        line = None
        for line, row in self._rows:
            if len(row) != width:
                raise self.error(
                    f"number of cells is {len(row)}, expected {width} as in the header; "
                    "add or remove cells, or quote a cell that contains a comma",
                    line=line,
                )
            yield line, row
        if line is None:
            raise self.error("no rows below the header; add at least one")

    def _read_header(self) -> tuple[str, ...]:
        _, cells = next(self._rows, (0, None))
        if cells is None:
            raise self.error("the file is empty, expected a header line and rows of numbers")
        header = tuple(_one_line(cell) for cell in cells)
        for number, name in enumerate(header, start=1):
            if not name:
                raise self.error(
                    f"column {number} has no name in the header; name it, or leave it out "
                    "(pandas writes such a column for its index unless told index=False)"
                )
        if all(_number(name) is not None for name in header):
            raise self.error(
                f"the first line holds only numbers, expected column names, found: "
                f"{_listing(header)}; add a header line"
            )
        repeated = [name for name, count in Counter(header).items() if count > 1]
        if repeated:
            raise self.error(
                f"several columns are named {_listing(repeated)}; give each its own name"
            )
        for separator in (";", "\t"):
            if len(header) == 1 and separator in cells[0]:
                raise self.error(
                    f"cells seem to be separated by {separator!r}, expected commas; "
                    "save the file with commas, and with points in its decimals"
                )
        return header

    def _read_rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line numbers and rows, the header first; blank lines are skipped."""
        line = 0
        try:
            with Path(self.path).open(encoding="utf-8-sig", newline="") as text:
                reader = csv.reader(self._lines(text), strict=True)
                while (row := next(reader, None)) is not None:
                    line = reader.line_num
                    blank = not row or (len(row) == 1 and row[0].isspace())
                    if not blank:
                        yield line, row
        except FileNotFoundError:
            raise self.error("no such file; check the path") from None
        except IsADirectoryError:
            raise self.error("a directory, expected a CSV file; name a file in it") from None
        except OSError as error:
            raise self.error(f"cannot be read ({error.strerror}); check the file") from None
        except UnicodeDecodeError:
            raise self.error(
                "not text in UTF-8; save it as CSV in UTF-8, not as a spreadsheet or archive"
            ) from None
        except csv.Error as error:
            raise self.error(
                f"not valid CSV ({error}); look for a quotation mark that is not closed "
                "or not doubled",
                line=line + 1,
            ) from None

    def _lines(self, text: Iterable[str]) -> Iterator[str]:
        """The lines of the file, none of them binary."""
        for number, line in enumerate(text, start=1):
            if "\0" in line:
                raise self.error("a NUL byte, expected text; save it as CSV in UTF-8", line=number)
            yield line


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
        raise file.error(str(unknown_name("target column", name, file.header)))
    return file.header.index(name)


def _read(
    file: _CsvFile, columns: Sequence[int], target_column: int | None = None
) -> tuple[FloatArray, list[int], list[str]]:
    """The numbers in `columns`, each row's line number, and the target's cells, still text."""
    names = [file.header[column] for column in columns]
    blocks: list[FloatArray] = []
    lines: list[int] = []
    targets: list[str] = []
    rows = iter(file)
    while block := list(itertools.islice(rows, _BLOCK_ROWS)):
        block_lines = [line for line, _ in block]
        cells = [[row[column] for column in columns] for _, row in block]
        blocks.append(
            _numbers(file, block_lines, names, cells, "encode it as a number or drop the column")
        )
        lines += block_lines
        if target_column is not None:
            targets += [row[target_column] for _, row in block]
    return np.concatenate(blocks), lines, targets


def _numbers(
    file: _CsvFile,
    lines: Sequence[int],
    names: Sequence[str],
    cells: list[list[str]],
    advice: str,
) -> FloatArray:
    """Cells as float32, or an error at the first that is not a finite number."""
    try:
        with np.errstate(over="ignore"):  # what overflows is reported below
            numbers = np.array(cells, dtype=np.float64).astype(np.float32)
        # NumPy reads 1_000 as Python does, `_number` does not.
        if np.isfinite(numbers).all() and not any("_" in "".join(row) for row in cells):
            return numbers
    except ValueError:
        pass
    raise next(
        file.error(problem, line=line, column=name)
        for line, row in zip(lines, cells, strict=True)
        for name, cell in zip(names, row, strict=True)
        if (problem := _problem(cell, advice))
    )


def _problem(cell: str, advice: str) -> str | None:
    """What keeps a cell from being a finite float32, if anything does."""
    if _is_missing(cell):
        return _missing(cell)
    number = _number(cell)
    if number is None:
        return f"{reprlib.repr(cell)} is not a number; {advice}"
    if abs(number) >= _FLOAT32_OVERFLOW:
        return (
            f"{reprlib.repr(cell)} is not finite in float32, whose largest number is 3.4e38; "
            "correct it or rescale the column"
        )
    return None


def _targets(
    file: _CsvFile, name: str, cells: Sequence[str], lines: Sequence[int], task: Task
) -> tuple[NDArray[np.int32] | FloatArray, tuple[str, ...] | None]:
    """Class indices and class names, or numbers and None."""
    for line, cell in zip(lines, cells, strict=True):
        if _is_missing(cell):
            raise file.error(_missing(cell), line=line, column=name)
    texts = [_one_line(cell) for cell in cells]
    numbers = {text: _number(text) for text in dict.fromkeys(texts)}
    if task == "auto":
        task = _guess_task(numbers.values())
    if task == "regression":
        advice = "correct it, or predict classes with --task classification"
        return _numbers(file, lines, [name], [[text] for text in texts], advice)[:, 0], None
    # 1 and 1.0 are one class, unless some other class is a word.
    numeric = None not in numbers.values()
    keys = {
        text: (number, "") if numeric and number is not None else (0.0, text)
        for text, number in numbers.items()
    }
    names: dict[tuple[float, str], str] = {}
    for text in numbers:
        names.setdefault(keys[text], text)
    order = {key: index for index, key in enumerate(sorted(names))}
    if len(order) == 1:
        raise file.error(
            f"all rows are of class {texts[0]!r}, expected two classes or more; "
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


def _guess_task(numbers: Collection[float | None]) -> Task:
    """Classification or regression, by the target's distinct values; None is one of text."""
    known = {number for number in numbers if number is not None}
    if len(known) > MAX_NUMERIC_CLASSES:
        return "regression"  # which then refuses the odd text among numbers
    if None not in numbers and not all(number.is_integer() for number in known):
        return "regression"
    return "classification"


# --- Cells ----------------------------------------------------------------------------------------


def _number(text: str) -> float | None:
    """The number that a cell holds, infinite or not, or None if it does not hold one."""
    try:
        number = float(text)
    except ValueError:
        return None
    # Python reads 1_000 as a number; in a file it is rather an identifier.
    return None if "_" in text or math.isnan(number) else number


def _is_missing(cell: str) -> bool:
    return cell.strip().casefold() in MISSING


def _missing(cell: str) -> str:
    return f"missing value {cell.strip()!r}; fill it in or drop the row"


def _one_line(text: str) -> str:
    """The text with each run of white space, line breaks among it, as one space."""
    return " ".join(text.split())


def _listing(names: Sequence[str]) -> str:
    """Names for a message, not all of them if there are many."""
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown}, ... ({len(names)} in all)"
