"""How does a CSV or Parquet file become arrays, and what is wrong with it if it cannot?"""

from __future__ import annotations

import contextlib
import difflib
import functools
import itertools
import math
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import InputError, unknown_name
from gradless.data import cells, targets
from gradless.data.cells import FloatArray, Missing, argument, listing, one_line, short, shown
from gradless.data.csv_file import PARQUET, Cells, CsvFile, File
from gradless.data.targets import TASKS, Task

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

Kind = Literal["number", "category"]

TARGET_NAMES = ("target", "label", "class", "y")
# A text that has more, most of them only once, is an identifier; that has very many, it is text.
MAX_RARE_CATEGORIES = 20
MAX_CATEGORIES = 1000

# So many texts of the target are kept once, not once a row.
_SHARED_TEXTS = 2**10
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


class Table(NamedTuple):
    """What a file holds, as arrays.

    Attributes
    ----------
    features : float64, shape (samples, features)
        As of `Columns`.
    targets : int32 class indices, or float64 numbers, shape (samples,)
    feature_names : tuple of str
    class_names : tuple of str, or None for regression
    categories : tuple
        As of `Columns`.
    target : str
        Name of the target's column.
    notes : tuple of str
        What someone should know of how the file was read, a line each.
    """

    features: FloatArray
    targets: NDArray[np.int32] | FloatArray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None
    categories: tuple[tuple[str, ...] | None, ...]
    target: str | None
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> Columns:
        """The features."""
        return Columns(self.features, self.feature_names, self.categories)

    def in_float32(self) -> Table:
        """The same table with its numbers rounded."""
        values = self.targets if self.class_names is not None else self.targets.astype(np.float32)
        return self._replace(features=self.features.astype(np.float32), targets=values)  # type: ignore[arg-type]


def read_table(
    path: str | os.PathLike[str],
    target: str | None = None,
    task: Task = "auto",
    *,
    drop: Sequence[str] = (),
    categories: Sequence[str] = (),
    missing: Sequence[str] | None = None,
) -> Table:
    """Read a CSV or Parquet file for training.

    A CSV file is UTF-8, separated by commas, with the columns' names in its first line. Empty lines
    are skipped; white space around cells has no meaning, and inside of names it counts as one
    space. Names are brought into Unicode's form NFC, so that an accented letter is always the same.

    Every column but the target's is a feature. It holds numbers if its first filled cell is a
    number or looks like one, and categories otherwise; the two do not mix. Cells may be empty, or
    say that they are, in any case: ``NA``, ``N/A``, ``#N/A``, ``<NA>``, ``NaN``, ``null``, ``?``.
    In quotes, and in the text columns of a Parquet file, these are categories and classes like any
    other. Dates, identifiers, free text and columns without any value are refused.

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
    missing
        What cells hold, in quotes or not, whose value is not known, instead of the texts above;
        of nothing, only empty cells are missing.

    Returns
    -------
    Table
        Class names are sorted, by value if all are numbers, and kept as they are written, but for
        white space and accents. One class that is written in several ways, as ``True`` and
        ``TRUE`` or ``100`` and ``1E2``, has the name that comes first.

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
    says = Missing(missing)
    reading = _Reading(file, columns, kinds, target_column, missing=says, training=True)
    found = reading.read()
    column = targets.Answers(file, name, reading.texts, reading.lines, says)
    values, class_names, notes = targets.learned(column, task)
    notes = (*reading.notes(), *notes)
    names = found.feature_names
    return Table(found.features, values, names, class_names, found.categories, name, notes)


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
        float64, shape (rows, features), columns in the order of `feature_names`.

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
    missing: Sequence[str] | None = None,
) -> Columns:
    """Read the features of unseen rows as `read_features` does, but with categories and gaps.

    Parameters
    ----------
    path, feature_names
        As for `read_features`.
    kinds
        What each column holds; None means numbers without gaps in all of them.
    missing
        As for `read_table`.
    """
    file = _open(path)
    columns, says = _named(file, feature_names), Missing(missing)
    return _Reading(file, columns, kinds, missing=says, gaps=kinds is not None).read()


def read_labelled(
    path: str | os.PathLike[str],
    feature_names: Sequence[str],
    kinds: Sequence[Kind] | None,
    target: str | None,
    class_names: Sequence[str] | None,
    missing: Sequence[str] | None = None,
) -> tuple[Columns, NDArray[np.int32] | FloatArray]:
    """Read unseen rows with their targets: numbers, or indices of classes that are known.

    Parameters
    ----------
    path, feature_names, kinds, missing
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
    columns, says = _named(file, feature_names), Missing(missing)
    reading = _Reading(file, columns, kinds, target_column, missing=says, gaps=kinds is not None)
    found, name = reading.read(), file.header[target_column]
    column = targets.Answers(file, name, reading.texts, reading.lines, says)
    return found, targets.known(column, class_names)


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
    from gradless.data.parquet_file import ParquetFile  # noqa: PLC0415 - needs an extra

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
    missing
        Which cells are.
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
        missing: Missing,
        gaps: bool = True,
        training: bool = False,
    ) -> None:
        self.file = file
        self.lines = array("q")
        self.texts: list[str] = []
        self._indices = [*columns] if target_column is None else [*columns, target_column]
        self._target = target_column
        self._missing, self._gaps, self._training = missing, gaps, training
        self._names = tuple(file.header[column] for column in columns)
        self._kinds: list[Kind | None] = list(kinds or ["number"] * len(columns))
        self._inferred = [kind is None for kind in self._kinds]
        self._first: dict[int, tuple[int, str]] = {}
        self._known: list[dict[str, int]] = [{} for _ in columns]
        # Of each column the names of cells, which are categories, by how they are written.
        self._names_of: list[dict[str, str]] = [{} for _ in columns]
        self._blocks: list[FloatArray] = []
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
        shared = functools.lru_cache(_SHARED_TEXTS)(_one_line_as_quoted)
        kinds = zip(self._indices, self._kinds, strict=False)
        as_text = {column for column, kind in kinds if kind == "category"}
        as_text |= set() if self._target is None else {self._target}
        for lines, found in self.file.blocks(self._indices, as_text):
            self.lines.extend(lines)
            if self._target is not None:
                *found, texts = found
                self.texts += map(shared, texts)
            self._blocks.append(self._numbers(lines, found))
        features = np.concatenate(self._blocks)
        self._blocks.clear()
        for k, known in enumerate(self._known):
            if known:
                self._kinds[k] = "category"  # of nothing but what would be missing without quotes
        categories = tuple(
            tuple(names) if kind == "category" else None
            for names, kind in zip(self._known, self._kinds, strict=True)
        )
        if self._training:
            self._refuse_useless(features)
        return Columns(features, self._names, categories)

    def notes(self) -> Iterator[str]:
        """What someone should know of how the columns were read."""
        for name, names_of in zip(self._names, self._names_of, strict=True):
            spellings: dict[str, dict[str, None]] = {}
            for cell, category in names_of.items():
                spellings.setdefault(category, {})[one_line(cell)] = None
            merged = targets.merged(name, list(map(list, spellings.values())), "category")
            if merged is not None:
                yield merged
            if in_quotes := [cell for cell in names_of if cell.endswith(cells.QUOTED)]:
                yield targets.quoted(name, in_quotes)

    def _numbers(self, lines: Sequence[int], found: Sequence[Cells]) -> FloatArray:
        """A block as numbers, (rows, columns)."""
        simple = "category" not in self._kinds and not self._missing.numbers
        if simple and not any(isinstance(c, np.ndarray) for c in found):
            numbers = cells.finite(itertools.chain.from_iterable(found), len(lines) * len(found))
            if numbers is not None:
                for k, kind in enumerate(self._kinds):
                    if kind is None:
                        self._decide(k, lines[0], found[k][0])
                return np.ascontiguousarray(numbers.reshape(len(found), len(lines)).T)
        block = np.empty((len(lines), len(found)))
        for k, column in enumerate(found):
            block[:, k] = math.nan if k in self._useless else self._column(k, lines, column)
        return block

    def _decide(self, k: int, line: int, cell: str) -> None:
        """Let a column's first filled cell decide what it holds."""
        self._kinds[k] = "number" if cells.is_number(cell) else "category"
        self._first[k] = line, cell
        if self._kinds[k] == "number" and self._known[k]:
            # Until here there were gaps, in quotes, which only in a column of words are words.
            for block in self._blocks:
                block[:, k] = math.nan
            self._known[k].clear()
            self._names_of[k].clear()

    def _column(self, k: int, lines: Sequence[int], column: Cells) -> FloatArray:
        if isinstance(column, np.ndarray):
            return self._checked(k, lines, column)
        words = self._kinds[k] == "category"
        if self._kinds[k] is None:
            for line, cell in zip(lines, column, strict=True):
                if not self._missing.even_quoted(cell):
                    self._decide(k, line, cell)
                    break
            words = self._kinds[k] != "number"
        if words:
            return self._codes(k, lines, column)
        numbers = cells.finite(column, len(column))
        if numbers is None and self._gaps:
            numbers = cells.with_gaps(column, self._missing)
        if numbers is None:
            raise self._bad(k, lines, column)
        return self._without_missing(numbers)

    def _without_missing(self, numbers: FloatArray) -> FloatArray:
        """With NaN in the place of numbers that mean that a value is missing."""
        says = [*self._missing.numbers]
        return np.where(np.isin(numbers, says), math.nan, numbers) if says else numbers

    def _checked(self, k: int, lines: Sequence[int], numbers: FloatArray) -> FloatArray:
        """Numbers that were numbers in the file."""
        numbers = self._without_missing(numbers)
        gaps = np.isnan(numbers)
        if self._kinds[k] is None and not gaps.all():
            self._kinds[k] = "number"
        large = np.abs(numbers) >= cells.FLOAT32_OVERFLOW
        if large.any() or (gaps.any() and not self._gaps):
            texts = ["" if math.isnan(number) else repr(number) for number in numbers.tolist()]
            raise self._bad(k, lines, texts)
        return numbers

    def _codes(self, k: int, lines: Sequence[int], column: Sequence[str]) -> FloatArray:
        """The index of each cell among the categories that are known, which become more."""
        known, names_of = self._known[k], self._names_of[k]
        codes: list[float] = []
        for line, cell in zip(lines, column, strict=True):
            name = names_of.get(cell)
            if name is None:
                if self._missing(cell):
                    codes.append(math.nan)
                    continue
                name = cells.category(cell)
                if name not in known:
                    self._check_new(k, line, cell)
                    known[name] = len(known)
                names_of[cell] = name
            codes.append(known[name])
            if k in self._useless:
                known.clear()
                names_of.clear()
                return np.full(len(column), math.nan)
        return np.array(codes, np.float64)

    def _check_new(self, k: int, line: int, cell: str) -> None:
        """Refuse what is no category, or one too many."""
        if not self._training:
            return
        if len(self._known[k]) == MAX_CATEGORIES:
            self._useless[k] = f"more than {MAX_CATEGORIES:,} different texts"
        elif self._inferred[k] and cells.is_date(cell):
            self._useless[k] = f"{_DATES} such as {shown(cell)}"
        elif self._inferred[k] and cells.is_number(cell):
            line_before, before = self._first[k]
            raise self.file.error(
                f"{shown(cell)} is a number, but {shown(before)} in "
                f"{self.file.place(line_before)} is not; {self._if_mixed(k, before)}",
                line=line,
                column=self._names[k],
            )

    def _bad(self, k: int, lines: Sequence[int], column: Sequence[str]) -> InputError:
        """Error for the first cell that is not a number, as it should be."""
        line, cell = next(
            (line, cell)
            for line, cell in zip(lines, column, strict=True)
            if not cells.is_finite(cell) and not (self._gaps and self._missing.even_quoted(cell))
        )
        otherwise = "leave the cell empty if it is not known"
        if self._missing.even_quoted(cell):
            problem = cells.missing(cell)
        elif k in self._first and not cells.is_number(cell):
            line_before, before = self._first[k]
            problem = (
                f"{shown(cell)} is not a number, but {shown(before)} in "
                f"{self.file.place(line_before)} is; {self._if_mixed(k, cell)}"
            )
        else:
            if self._inferred[k]:
                otherwise = f"leave the column out with --drop {argument(self._names[k])}"
            elif not self._gaps:
                otherwise = "drop the row"
            problem = cells.not_a_number(cell, otherwise)
        return self.file.error(problem, line=line, column=self._names[k])

    def _if_mixed(self, k: int, word: str) -> str:
        """What to do about a column of numbers and words, of which this is one."""
        name = argument(self._names[k])
        return (
            "leave cells empty whose number is not known, or pass "
            f"--missing {argument(one_line(word))} if that is what it says, or --drop {name} to "
            f"leave the column out, or --categories {name} if all its cells are categories"
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


# --- The target -----------------------------------------------------------------------------------


def _one_line_as_quoted(cell: str) -> str:
    """A cell in one line, with the mark of its quotes if it has one."""
    return one_line(cell) + (cells.QUOTED if cell.endswith(cells.QUOTED) else "")


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
