"""How does a CSV or Parquet file become arrays, and what is wrong with it if it cannot?"""

from __future__ import annotations

import contextlib
import difflib
import functools
import itertools
import math
import os
import reprlib
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless import cells
from gradless.cells import argument, listing, one_line, short
from gradless.errors import InputError, unknown_name
from gradless.files import PARQUET, Cells, CsvFile, File

__all__ = [
    "Column",
    "Columns",
    "Kind",
    "Table",
    "Task",
    "read_columns",
    "read_features",
    "read_labelled",
    "read_table",
]

FloatArray = NDArray[np.float32]
Kind = Literal["number", "category"]
Task = Literal["auto", "classification", "regression"]

TASKS: tuple[Task, ...] = ("auto", "classification", "regression")
TARGET_NAMES = ("target", "label", "class", "y")
# Up to so many distinct whole numbers are classes, unless the task is given.
MAX_NUMERIC_CLASSES = 20
# A text that has more, most of them only once, is an identifier; that has very many, it is text.
MAX_RARE_CATEGORIES = 20
MAX_CATEGORIES = 1000

# So many texts of the target are kept once, not once a row.
_SHARED_TEXTS = 2**10
# From here on, different whole numbers are the same float.
_EXACT_WHOLE = 2.0**53
# So many columns that cannot be used are named.
_LISTED = 8
_DATES = "dates or times"


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
    features : float32, shape (rows, columns)
        Numbers; of a category, its index in `categories`. NaN where a value is missing.
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


class Table(NamedTuple):
    """What a file holds, as arrays.

    Attributes
    ----------
    features : float32, shape (samples, features)
        As of `Columns`.
    targets : int32 class indices, or float32 numbers, shape (samples,)
    feature_names : tuple of str
    class_names : tuple of str, or None for regression
    categories : tuple
        As of `Columns`.
    target : str
        Name of the target's column.
    """

    features: FloatArray
    targets: NDArray[np.int32] | FloatArray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None
    categories: tuple[tuple[str, ...] | None, ...]
    target: str | None

    @property
    def columns(self) -> Columns:
        """The features."""
        return Columns(self.features, self.feature_names, self.categories)


def read_table(
    path: str | os.PathLike[str],
    target: str | None = None,
    task: Task = "auto",
    *,
    drop: Sequence[str] = (),
    categories: Sequence[str] = (),
) -> Table:
    """Read a CSV or Parquet file for training.

    A CSV file is UTF-8, separated by commas, with the columns' names in its first line. Empty lines
    are skipped; white space around cells has no meaning, and inside of names it counts as one
    space. Names are brought into Unicode's form NFC, so that an accented letter is always the same.

    Every column but the target's is a feature. It holds numbers if its first filled cell is a
    number or looks like one, and categories otherwise; the two do not mix. Cells may be empty, or
    say that they are (``NA``, ``NaN``, ``null``, ``?``). Dates, identifiers, free text and columns
    without any value are refused.

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
    drop
        Names of columns that are not looked at.
    categories
        Names of columns whose cells are categories, whatever they look like.

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
    file = _open(path)
    dropped = {_known_column(file, name, "--drop") for name in drop}
    chosen = {_known_column(file, name, "--categories") for name in categories}
    target_column = _target_column(file, target)
    name = file.header[target_column]
    if target_column in dropped | chosen:
        option = "--drop" if target_column in dropped else "--categories"
        raise file.error(
            f"{option} names the target, {short(name)}, expected other columns; leave it away"
        )
    columns = [column for column in range(len(file.header)) if column not in dropped]
    columns.remove(target_column)
    if not columns:
        raise file.error(
            f"the only column is the target, {short(name)}; "
            "add at least one column to predict it from"
        )
    kinds: list[Kind | None] = ["category" if column in chosen else None for column in columns]
    reading = _Reading(file, columns, kinds, target_column, training=True)
    found = reading.read()
    targets, class_names = _targets(file, name, reading.texts, reading.lines, task)
    return Table(found.features, targets, found.feature_names, class_names, found.categories, name)


def read_features(path: str | os.PathLike[str], feature_names: Sequence[str]) -> FloatArray:
    """Read the features of unseen rows from a file by column name: numbers, without gaps.

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
    return read_columns(path, feature_names).features


def read_columns(
    path: str | os.PathLike[str],
    feature_names: Sequence[str],
    kinds: Sequence[Kind] | None = None,
) -> Columns:
    """Read the features of unseen rows as `read_features` does, but with categories and gaps.

    Parameters
    ----------
    path, feature_names
        As for `read_features`.
    kinds
        What each column holds; None means numbers without gaps in all of them.
    """
    file = _open(path)
    return _Reading(file, _named(file, feature_names), kinds, gaps=kinds is not None).read()


def read_labelled(
    path: str | os.PathLike[str],
    feature_names: Sequence[str],
    kinds: Sequence[Kind] | None,
    target: str | None,
    class_names: Sequence[str] | None,
) -> tuple[Columns, NDArray[np.int32] | FloatArray]:
    """Read unseen rows with their targets: numbers, or indices of classes that are known.

    Parameters
    ----------
    path, feature_names, kinds
        As for `read_columns`.
    target
        Name of the target's column, found as for `read_table` if it is None.
    class_names
        Names of the classes, or None for numbers.
    """
    file = _open(path)
    if target is not None and one_line(target) not in file.header:
        raise file.error(
            f"no column {short(one_line(target))} with the answers, found: {listing(file.header)}; "
            "name it with --target, or use gradless predict for rows without answers"
        )
    target_column = _target_column(file, target)
    columns = _named(file, feature_names)
    reading = _Reading(file, columns, kinds, target_column, gaps=kinds is not None)
    found, name = reading.read(), file.header[target_column]
    targets = _known_targets(file, name, reading.texts, reading.lines, class_names)
    return found, targets


def _named(file: File, names: Sequence[str]) -> list[int]:
    """Indices of columns by name."""
    wanted = [one_line(name) for name in names]
    columns = {name: column for column, name in enumerate(file.header)}
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise file.error(
            f"no column named {listing(missing)}; expected a column for each of the "
            f"{len(names)} features, found: {listing(file.header)}"
        )
    return [columns[name] for name in wanted]


def _open(path: str | os.PathLike[str]) -> File:
    """The file with a checked header; a Parquet file is known by its first bytes or its ending."""
    place, is_parquet = Path(path), False
    with contextlib.suppress(OSError):  # is said when it is read
        if place.is_file():  # what comes through a pipe can be read only once
            with place.open("rb") as file:
                begins = file.read(len(PARQUET)) == PARQUET
            is_parquet = begins or place.suffix.lower() in (".parquet", ".pq")
    if not is_parquet:
        return CsvFile(path)
    from gradless.parquet import ParquetFile  # noqa: PLC0415 - needs an extra

    return ParquetFile(path)


def _known_column(file: File, given: str, which: str) -> int:
    """Index of a column that was named."""
    name = one_line(given)
    if name not in file.header:
        close = difflib.get_close_matches(name, file.header, n=1, cutoff=0.5)
        hint = f"did you mean {short(close[0])}? " if close else ""
        raise file.error(
            f"unknown {which} column {short(name)}; {hint}Known: {listing(file.header)}"
        )
    return file.header.index(name)


# --- Columns --------------------------------------------------------------------------------------


class _Reading:
    """Reads a file once, and finds out what each column holds.

    Parameters
    ----------
    file
        To read.
    columns
        Indices of the columns that are features.
    kinds
        What each of them holds; None for what its first filled cell decides. All are numbers if
        the whole is None.
    target_column
        Index of the column whose texts are kept, too.
    gaps
        Whether cells may be empty.
    training
        Whether columns of no use are refused.
    """

    def __init__(
        self,
        file: File,
        columns: Sequence[int],
        kinds: Sequence[Kind | None] | None,
        target_column: int | None = None,
        *,
        gaps: bool = True,
        training: bool = False,
    ) -> None:
        self.file = file
        self.lines = array("q")
        self.texts: list[str] = []
        self._indices = [*columns] if target_column is None else [*columns, target_column]
        self._target = target_column
        self._gaps, self._training = gaps, training
        self._names = tuple(file.header[column] for column in columns)
        self._kinds: list[Kind | None] = list(kinds or ["number"] * len(columns))
        self._inferred = [kind is None for kind in self._kinds]
        self._first: dict[int, tuple[int, str]] = {}
        self._known: list[dict[str, int]] = [{} for _ in columns]
        self._useless: dict[int, str] = {}
        for k, column in enumerate(self._indices):
            if holds := file.unusable.get(column):
                if k == len(columns) or not self._inferred[k]:
                    raise file.error(
                        f"holds {holds}, expected numbers or text", column=file.header[column]
                    )
                self._useless[k] = holds

    def read(self) -> Columns:
        """Read everything.

        Raises
        ------
        InputError
            If a cell is not what its column holds, or a column is of no use.
        """
        shared = functools.lru_cache(_SHARED_TEXTS)(one_line)
        kinds = zip(self._indices, self._kinds, strict=False)
        as_text = {column for column, kind in kinds if kind == "category"}
        as_text |= set() if self._target is None else {self._target}
        blocks = []
        for lines, found in self.file.blocks(self._indices, as_text):
            self.lines.extend(lines)
            if self._target is not None:
                *found, texts = found
                self.texts += map(shared, texts)
            blocks.append(self._numbers(lines, found))
        features = np.concatenate(blocks)
        categories = tuple(
            tuple(names) if kind == "category" else None
            for names, kind in zip(self._known, self._kinds, strict=True)
        )
        if self._training:
            self._refuse_useless(features)
        return Columns(features, self._names, categories)

    def _numbers(self, lines: Sequence[int], found: Sequence[Cells]) -> FloatArray:
        """A block as numbers, (rows, columns)."""
        if "category" not in self._kinds and not any(isinstance(c, np.ndarray) for c in found):
            numbers = _finite(itertools.chain.from_iterable(found), len(lines) * len(found))
            if numbers is not None:
                for k, kind in enumerate(self._kinds):
                    if kind is None:
                        self._decide(k, lines[0], found[k][0])
                return np.ascontiguousarray(numbers.reshape(len(found), len(lines)).T)
        block = np.empty((len(lines), len(found)), np.float32)
        for k, column in enumerate(found):
            block[:, k] = math.nan if k in self._useless else self._column(k, lines, column)
        return block

    def _decide(self, k: int, line: int, cell: str) -> None:
        """Let a column's first filled cell decide what it holds."""
        self._kinds[k] = "number" if _is_number(cell) else "category"
        self._first[k] = line, cell

    def _column(self, k: int, lines: Sequence[int], column: Cells) -> FloatArray:
        if isinstance(column, np.ndarray):
            return self._checked(k, lines, column)
        if self._kinds[k] is None:
            for line, cell in zip(lines, column, strict=True):
                if not cells.is_missing(cell):
                    self._decide(k, line, cell)
                    break
        if self._kinds[k] == "category":
            return self._codes(k, lines, column)
        # What has no filled cell so far is read as numbers, all of them missing.
        numbers = _finite(column, len(column))
        if numbers is None and self._gaps:
            numbers = _with_gaps(column)
        if numbers is None:
            raise self._bad(k, lines, column)
        return numbers

    def _checked(self, k: int, lines: Sequence[int], numbers: NDArray[np.float64]) -> FloatArray:
        """Numbers that were numbers in the file."""
        gaps = np.isnan(numbers)
        if self._kinds[k] is None and not gaps.all():
            self._kinds[k] = "number"
        large = np.abs(numbers) >= cells.FLOAT32_OVERFLOW
        if large.any() or (gaps.any() and not self._gaps):
            texts = ["" if math.isnan(number) else repr(number) for number in numbers.tolist()]
            raise self._bad(k, lines, texts)
        return numbers.astype(np.float32)

    def _codes(self, k: int, lines: Sequence[int], column: Sequence[str]) -> FloatArray:
        """The index of each cell among the categories that are known, which become more."""
        known = self._known[k]
        codes: list[float] = []
        for line, cell in zip(lines, column, strict=True):
            if cells.is_missing(cell):
                codes.append(math.nan)
                continue
            name = cells.category(cell)
            if name not in known:
                self._check_new(k, line, cell)
                known[name] = len(known)
            codes.append(known[name])
            if k in self._useless:
                known.clear()
                return np.full(len(column), math.nan, np.float32)
        return np.array(codes, np.float32)

    def _check_new(self, k: int, line: int, cell: str) -> None:
        """Refuse what is no category, or one too many."""
        if not self._training:
            return
        if len(self._known[k]) == MAX_CATEGORIES:
            self._useless[k] = f"more than {MAX_CATEGORIES:,} different texts"
        elif self._inferred[k] and cells.is_date(cell):
            self._useless[k] = f"{_DATES} such as {reprlib.repr(cell)}"
        elif self._inferred[k] and _is_number(cell):
            line_before, before = self._first[k]
            raise self.file.error(
                f"{reprlib.repr(cell)} is a number, but {reprlib.repr(before)} in "
                f"{self.file.place(line_before)} is not; {self._if_mixed(k)}",
                line=line,
                column=self._names[k],
            )

    def _bad(self, k: int, lines: Sequence[int], column: Sequence[str]) -> InputError:
        """Error for the first cell that is not a number, as it should be."""
        line, cell = next(
            (line, cell)
            for line, cell in zip(lines, column, strict=True)
            if not _is_finite(cell) and not (self._gaps and cells.is_missing(cell))
        )
        otherwise = "leave the cell empty if it is not known"
        if cells.is_missing(cell):
            problem = cells.missing(cell)
        elif k in self._first and not _is_number(cell):
            line_before, before = self._first[k]
            problem = (
                f"{reprlib.repr(cell)} is not a number, but {reprlib.repr(before)} in "
                f"{self.file.place(line_before)} is; {self._if_mixed(k)}"
            )
        else:
            if self._inferred[k]:
                otherwise = f"leave the column out with --drop {argument(self._names[k])}"
            elif not self._gaps:
                otherwise = "drop the row"
            problem = _not_a_number(cell, otherwise)
        return self.file.error(problem, line=line, column=self._names[k])

    def _if_mixed(self, k: int) -> str:
        """What to do about a column of numbers and words."""
        name = argument(self._names[k])
        return (
            f"leave cells empty whose number is not known, or pass --drop {name} to leave the "
            f"column out, or --categories {name} if all its cells are categories"
        )

    def _refuse_useless(self, features: FloatArray) -> None:
        """Refuse columns that nothing general can be learned from, all of them at once."""
        useless = self._useless
        for k, kind in enumerate(self._kinds):
            count = len(self._known[k])
            if k in useless:
                continue
            if np.isnan(features[:, k]).all():
                useless[k] = "no filled cell"
            elif kind == "category" and self._inferred[k] and count > MAX_RARE_CATEGORIES:
                filled = int(np.count_nonzero(~np.isnan(features[:, k])))
                if count > filled / 2:
                    useless[k] = f"{count:,} different texts in {filled:,} filled cells"
        if not useless:
            return
        one, columns = len(useless) == 1, sorted(useless)
        found = ", ".join(
            f"column {short(self._names[k])} has {useless[k]}" for k in columns[:_LISTED]
        )
        more = f", and {len(columns) - _LISTED} more columns" if len(columns) > _LISTED else ""
        names = argument(*(self._names[k] for k in columns[:_LISTED]))
        advice = f"leave {'it' if one else 'them'} out with --drop {names}"
        if any(useless[k].startswith(_DATES) for k in columns):
            advice += (
                ", or replace dates by numbers, such as days since a first day, or year, month and "
                "weekday"
            )
        raise self.file.error(
            f"{found}{more}; expected numbers, or categories that repeat: {advice}"
        )


def _is_number(cell: str) -> bool:
    """Whether a cell is a number or looks like one."""
    return cells.number(cell) is not None or cells.like_number(cell) is not None


def _is_finite(cell: str) -> bool:
    found = cells.number(cell)
    return found is not None and abs(found) < cells.FLOAT32_OVERFLOW


def _not_a_number(cell: str, otherwise: str) -> str:
    """What keeps a cell from being a finite float32, and what to do."""
    if cells.number(cell) is None:
        like = cells.like_number(cell)
        return f"{like or f'{reprlib.repr(cell)} is not a number; write a number'}, or {otherwise}"
    return (
        f"{reprlib.repr(cell)} is not finite in float32, whose largest number is 3.4e38; "
        "correct it or rescale the column"
    )


def _finite(texts: Iterable[str], count: int) -> FloatArray | None:
    """Cells as float32, or None if one is not a finite number."""
    texts = list(texts)
    try:
        with np.errstate(over="ignore"):  # what overflows is infinite, and reported
            numbers = np.fromiter(map(float, texts), np.float64, count).astype(np.float32)
    except ValueError:
        return None
    # Python reads 1_000 as a number, `cells.number` does not.
    fine = np.isfinite(numbers).all() and not any("_" in text for text in texts)
    return numbers if fine else None


def _with_gaps(texts: Sequence[str]) -> FloatArray | None:
    """Cells as float32, NaN where one is empty, or None if another one is not a finite number."""
    gaps = np.fromiter(map(cells.is_missing, texts), bool, len(texts))
    filled = list(itertools.compress(texts, ~gaps))
    found = _finite(filled, len(filled))
    if found is None:
        return None
    numbers = np.full(len(texts), math.nan, np.float32)
    numbers[~gaps] = found
    return numbers


# --- The target -----------------------------------------------------------------------------------


def _target_column(file: File, target: str | None) -> int:
    """Index of the column to predict."""
    if target is None:
        target = next((name for name in TARGET_NAMES if name in file.header), None)
    if target is None:
        raise file.error(
            "which column is the target? None is named target, label, class or y; "
            f"pass --target NAME with one of: {listing(file.header)}"
        )
    return _known_column(file, target, "target")


def _targets(
    file: File, name: str, texts: list[str], lines: Sequence[int], task: Task
) -> tuple[NDArray[np.int32] | FloatArray, tuple[str, ...] | None]:
    """Class indices and class names, or numbers and None."""
    _refuse_missing(file, name, texts, lines)
    if task == "auto":
        task = _guess_task(texts)
    if task == "regression":
        return _numeric_targets(file, name, texts, lines), None
    keys = _keys(dict.fromkeys(texts))
    names: dict[tuple[float, str], str] = {}
    for text in keys:
        names.setdefault(keys[text], text)
    order = {key: index for index, key in enumerate(sorted(names))}
    if len(order) == 1:
        raise file.error(
            f"all rows are of class {short(texts[0])}, expected two classes or more; "
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


def _known_targets(
    file: File,
    name: str,
    texts: list[str],
    lines: Sequence[int],
    class_names: Sequence[str] | None,
) -> NDArray[np.int32] | FloatArray:
    """Indices of classes that are known, or numbers if there are none."""
    _refuse_missing(file, name, texts, lines)
    if class_names is None:
        return _numeric_targets(file, name, texts, lines)
    known = {key: index for index, key in enumerate(_keys(class_names).values())}
    numeric = None not in map(cells.number, class_names)
    found = _keys(dict.fromkeys(texts), numeric=numeric)
    indices = {text: known.get(key) for text, key in found.items()}
    if None in indices.values():
        line, text = next(
            pair for pair in zip(lines, texts, strict=True) if indices[pair[1]] is None
        )
        raise file.error(
            f"class {short(text)} is none of those that the network knows, "
            f"{listing(class_names)}; correct it or drop the row",
            line=line,
            column=name,
        )
    return np.array([indices[text] for text in texts], dtype=np.int32)


def _refuse_missing(file: File, name: str, texts: list[str], lines: Sequence[int]) -> None:
    for line, text in zip(lines, texts, strict=True):
        if cells.is_missing(text):
            raise file.error(cells.missing(text), line=line, column=name)


def _numeric_targets(file: File, name: str, texts: list[str], lines: Sequence[int]) -> FloatArray:
    numbers = _finite(texts, len(texts))
    if numbers is not None:
        return numbers
    line, text = next(pair for pair in zip(lines, texts, strict=True) if not _is_finite(pair[1]))
    problem = _not_a_number(text, "predict classes with --task classification")
    raise file.error(problem, line=line, column=name)


def _keys(texts: Iterable[str], *, numeric: bool | None = None) -> dict[str, tuple[float, str]]:
    """What classes are told apart and sorted by: 1 and 1.0 are one, unless some class is a word."""
    numbers = {text: cells.number(text) for text in texts}
    if numeric is None:
        numeric = None not in numbers.values()
    return {
        text: (0.0, text)
        if number is None or not numeric
        else (number, text if abs(number) >= _EXACT_WHOLE else "")
        for text, number in numbers.items()
    }


def _guess_task(texts: Iterable[str]) -> Task:
    """Classification or regression, by the target's distinct values."""
    seen: set[str] = set()
    numbers: set[float | str] = set()
    words = fractions = False
    for text in texts:
        if text in seen:
            continue
        seen.add(text)
        number = cells.number(text)
        if number is None:
            words = True
            if cells.like_number(text):
                numbers.add(text)
        else:
            fractions |= not number.is_integer()
            numbers.add(number)
        if len(numbers) > MAX_NUMERIC_CLASSES:
            return "regression"  # which then refuses the odd text among numbers
    return "regression" if fractions and not words else "classification"
