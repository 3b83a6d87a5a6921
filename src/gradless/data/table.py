"""How does a CSV or Parquet file become arrays, and what is wrong with it if it cannot?"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import closest, known_name
from gradless.data import targets
from gradless.data.cells import FloatArray, Missing, listing, one_line, short
from gradless.data.columns import Columns, Kind
from gradless.data.csv_file import PARQUET, CsvFile, File
from gradless.data.reading import Reading
from gradless.data.targets import TASKS, Task

__all__ = [
    "Table",
    "Task",
    "read_columns",
    "read_features",
    "read_labelled",
    "read_table",
]

TARGET_NAMES = ("target", "label", "class", "y")


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
    beside : mapping of str to list of str, or arrays (samples,)
        The cells of columns that are no features, by name; None without any.
    """

    features: FloatArray
    targets: NDArray[np.int32] | FloatArray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None
    categories: tuple[tuple[str, ...] | None, ...]
    target: str | None
    notes: tuple[str, ...] = ()
    beside: Mapping[str, Any] | None = None

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
    missing: Sequence[str] | None = None,
    beside: Sequence[str] = (),
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
    beside
        Names of columns that are no features, but are kept as they are.

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
    task = cast("Task", known_name("task", str(task), TASKS))
    file = _open(path)
    dropped = set(_chosen(file, drop, "--drop"))
    chosen = set(_chosen(file, categories, "--categories"))
    target_column = _target_column(file, target)
    name = file.header[target_column]
    if target_column in dropped | chosen:
        option = "--drop" if target_column in dropped else "--categories"
        raise file.error(
            f"{option} must name other columns than the target, got {short(name)}; "
            f"remove it from {option}"
        )
    also = [_known_column(file, each, "other") for each in beside]
    if target_column in also:
        raise file.error(
            f"the target must be a column of its own, got {short(name)} for another option as well"
        )
    left_out = dropped.union(also)
    columns = [column for column in range(len(file.header)) if column not in left_out]
    columns.remove(target_column)
    if not columns:
        raise file.error(
            f"there must be a column to predict the target from, got {short(name)} alone; "
            "add a column"
        )
    kinds: list[Kind | None] = ["category" if column in chosen else None for column in columns]
    says = Missing(missing)
    reading = Reading(file, columns, kinds, target_column, missing=says, training=True, kept=also)
    found = reading.read()
    kept = dict(zip(beside, reading.kept, strict=True)) or None
    column = targets.Answers(file, name, reading.texts, reading.lines, says)
    values, class_names, notes = targets.learned(column, task)
    notes = (*reading.notes(), *notes)
    names = found.feature_names
    return Table(found.features, values, names, class_names, found.categories, name, notes, kept)


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
    return read_beside(path, feature_names, kinds, missing)[0]


def read_beside(
    path: str | os.PathLike[str],
    feature_names: Sequence[str],
    kinds: Sequence[Kind] | None = None,
    missing: Sequence[str] | None = None,
    *,
    keep: Sequence[str] = (),
) -> tuple[Columns, dict[str, list[str]]]:
    """Read the features of unseen rows as `read_columns` does, and other columns as they are.

    Parameters
    ----------
    path, feature_names, kinds, missing
        As for `read_columns`.
    keep
        Names of the other columns; several may stand in one text, with commas.

    Returns
    -------
    columns : Columns
    kept : dict of str to list of str
        The cells of each of the other columns, by its name.
    """
    file = _open(path)
    columns, says = _named(file, feature_names), Missing(missing)
    also = list(dict.fromkeys(_chosen(file, keep, "--keep")))
    reading = Reading(file, columns, kinds, missing=says, gaps=kinds is not None, kept=also)
    found = reading.read()
    names = (file.header[column] for column in also)
    return found, dict(zip(names, reading.kept, strict=True))


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
            "use --target NAME for another column, or gradless predict for rows without answers"
        )
    target_column = _target_column(file, target)
    columns, says = _named(file, feature_names), Missing(missing)
    reading = Reading(file, columns, kinds, target_column, missing=says, gaps=kinds is not None)
    found, name = reading.read(), file.header[target_column]
    column = targets.Answers(file, name, reading.texts, reading.lines, says)
    return found, targets.known(column, class_names)


def column_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of all columns of a file, as `read_table` knows them."""
    return tuple(_open(path).header)


def _named(file: File, names: Sequence[str]) -> list[int]:
    """Indices of columns by name."""
    wanted = [one_line(name) for name in names]
    columns = {name: column for column, name in enumerate(file.header)}
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise file.error(
            f"no column named {listing(missing)}. There must be one for each of the "
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


def _chosen(file: File, given: Sequence[str], option: str) -> list[int]:
    """Indices of columns that an option names; a,b is two of them unless one has that name."""
    found = []
    for name in given:
        parts = [part.strip() for part in name.split(",")]
        split = len(parts) > 1 and one_line(name) not in file.header
        found += [
            _known_column(file, part, option) for part in (parts if split else [name]) if part
        ]
    return found


def _known_column(file: File, given: str, which: str) -> int:
    """Index of a column that was named."""
    name = one_line(given)
    if name not in file.header:
        meant = closest(name, file.header)
        hint = f"did you mean {short(meant)}? " if meant else ""
        raise file.error(
            f"unknown {which} column {short(name)}; {hint}Known: {listing(file.header)}"
        )
    return file.header.index(name)


# --- The target -----------------------------------------------------------------------------------


def _target_column(file: File, target: str | None) -> int:
    """Index of the column to predict."""
    if target is None:
        target = next((name for name in TARGET_NAMES if name in file.header), None)
    if target is None:
        raise file.error(
            "a column must be named target, label, class or y, found none. "
            f"Use --target NAME with one of: {listing(file.header)}"
        )
    return _known_column(file, target, "target")
