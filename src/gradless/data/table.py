"""How does a file become arrays, and what is wrong with it if it cannot?"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import closest, known_name
from gradless.data import answers, targets
from gradless.data.cells import FloatArray, Missing, listing, one_line, short
from gradless.data.columns import Columns, Kind
from gradless.data.csv_file import CsvFile
from gradless.data.files import PARQUET, UNTOLD, WORKBOOKS, File, Reading
from gradless.data.reading import Left, Used, learned
from gradless.data.several_files import SeveralFiles, paths_of
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
_MAGIC = b"PAR1"  # of Parquet


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
    dates : tuple
        As of `Columns`.
    left_out : tuple of Left
        Columns that are not used, and why.
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
    dates: tuple[str | None, ...] = ()
    left_out: tuple[Left, ...] = ()
    beside: Mapping[str, Any] | None = None

    @property
    def columns(self) -> Columns:
        """The features."""
        return Columns(self.features, self.feature_names, self.categories, self.dates)


def read_table(
    path: str | os.PathLike[str],
    target: str | None = None,
    task: Task = "auto",
    *,
    drop: Sequence[str] = (),
    categories: Sequence[str] = (),
    text: Sequence[str] = (),
    missing: Sequence[str] | None = None,
    how: Reading = UNTOLD,
    beside: Sequence[str] = (),
) -> Table:
    """Read a CSV, Parquet or Excel file for training.

    Text may be separated by commas, semicolons, tabs, bars or spaces, and be packed; what it is is
    found out, and said where it is unusual. Empty lines are skipped; white space around cells has
    no meaning, and inside of names it counts as one space. Names are brought into Unicode's form
    NFC, so that an accented letter is always the same.

    Every column but the target's is a feature, if something can be learned from it: numbers,
    categories or dates, by all of its cells (:mod:`gradless.data.deciding`). The others are left
    out, as are rows without a target. Cells may be empty, or say that they are, in any case:
    ``NA``, ``N/A``, ``#N/A``, ``<NA>``, ``NaN``, ``null``, ``?``. In quotes, and in the text
    columns of a Parquet file, these are categories and classes like any other.

    Parameters
    ----------
    path
        Path of the file, or ``-`` for standard input.
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
    text
        Names of columns of free text, whose words are hashed into numbers.
    missing
        What cells hold, in quotes or not, whose value is not known, instead of the texts above;
        of nothing, only empty cells are missing.
    how
        What is known of how the file is written.
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
    known = ("target", "label", "class") if target is None else (target,)
    file = opened(path, how._replace(known=(*known, *drop, *categories, *text)))
    dropped = set(_chosen(file, drop, "--drop"))
    chosen = _chosen(file, categories, "--categories")
    free = _chosen(file, text, "--text")
    target_column = _target_column(file, target)
    name = file.header[target_column]
    if target_column in dropped.union(chosen, free):
        option = "--categories" if target_column in chosen else "--text"
        option = "--drop" if target_column in dropped else option
        raise file.error(
            f"{option} must name other columns than the target, got {short(name)}; "
            f"remove it from {option}"
        )
    if both := sorted({*chosen} & {*free}):
        raise file.error(
            f"--text must name other columns than --categories, got {short(file.header[both[0]])} "
            "for both; remove it from one"
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
    says = Missing(missing)
    found, texts = learned(file, columns, target_column, chosen, says, also, free)
    column = answers.of(file, target_column, found.target, found.lines, says, task)
    answer = targets.learned(column, task)
    notes = (*file.notes(), *found.notes, *column.notes, *answer.notes)
    features = found.columns.features
    if column.rows is not None:
        features = features[column.rows]
        texts = [[cells[row] for row in column.rows] for cells in texts]
    return Table(
        features,
        answer.values,
        found.columns.feature_names,
        answer.class_names,
        found.columns.categories,
        name,
        notes,
        found.columns.dates,
        found.left_out,
        dict(zip(beside, texts, strict=True)) or None,
    )


def column_names(path: str | os.PathLike[str], how: Reading = UNTOLD) -> tuple[str, ...]:
    """Names of all columns of a file, as `read_table` knows them."""
    return opened(path, how).header


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
    return read_beside(path, feature_names)[0].features


def read_columns(
    path: str | os.PathLike[str],
    feature_names: Sequence[str],
    kinds: Sequence[Kind] | None = None,
    missing: Sequence[str] | None = None,
    how: Reading = UNTOLD,
) -> Columns:
    """Read the features of unseen rows as `read_features` does, but with categories and gaps.

    Parameters
    ----------
    path, feature_names
        As for `read_features`.
    kinds
        What each column holds; None means numbers without gaps in all of them.
    missing, how
        As for `read_table`.
    """
    return read_beside(path, feature_names, kinds, missing, how)[0]


def read_beside(
    path: str | os.PathLike[str],
    feature_names: Sequence[str],
    kinds: Sequence[Kind] | None = None,
    missing: Sequence[str] | None = None,
    how: Reading = UNTOLD,
    *,
    keep: Sequence[str] = (),
) -> tuple[Columns, dict[str, list[str]], tuple[str, ...]]:
    """Read the features of unseen rows as `read_columns` does, and other columns as they are.

    Parameters
    ----------
    path, feature_names, kinds, missing, how
        As for `read_columns`.
    keep
        Names of the other columns; several may stand in one text, with commas.

    Returns
    -------
    columns : Columns
    kept : dict of str to list of str
        The cells of each of the other columns, by its name.
    notes : tuple of str
        What someone should know of how the file was read, a line each.
    """
    file = opened(path, how._replace(known=tuple(feature_names)))
    columns, says = _named(file, feature_names), Missing(missing)
    also = list(dict.fromkeys(_chosen(file, keep, "--keep")))
    used = Used(file, columns, kinds, says, kept=also)
    names = (file.header[column] for column in also)
    return used.columns, dict(zip(names, used.kept, strict=True)), tuple(used.notes())


def read_labelled(
    path: str | os.PathLike[str],
    feature_names: Sequence[str],
    kinds: Sequence[Kind] | None,
    target: str | None,
    class_names: Sequence[str] | None,
    missing: Sequence[str] | None = None,
    how: Reading = UNTOLD,
) -> tuple[Columns, NDArray[np.int32] | FloatArray, tuple[str, ...]]:
    """Read unseen rows with their targets: numbers, or indices of classes that are known.

    Parameters
    ----------
    path, feature_names, kinds, missing, how
        As for `read_columns`.
    target
        Name of the target's column, found as for `read_table` if it is None.
    class_names
        Names of the classes, or None for numbers.

    Returns
    -------
    columns : Columns
    targets : int32 class indices, or float64 numbers, shape (rows,)
    notes : tuple of str
        What someone should know of how the file was read, a line each.
    """
    file = opened(path, how._replace(known=tuple(feature_names)))
    if target is not None and one_line(target) not in file.header:
        raise file.error(
            f"no column {short(one_line(target))} with the answers, found: {listing(file.header)}; "
            "use --target NAME for another column, or gradless predict for rows without answers"
        )
    target_column = _target_column(file, target)
    columns, says = _named(file, feature_names), Missing(missing)
    used = Used(file, columns, kinds, says, target=target_column)
    assert used.target is not None
    task: Task = "regression" if class_names is None else "classification"
    column = answers.of(file, target_column, used.target, used.lines, says, task)
    found = used.columns if column.rows is None else used.columns.rows(column.rows)
    notes = (*used.notes(), *column.notes)
    return found, targets.known(column, class_names), notes


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


def opened(path: str | os.PathLike[str], how: Reading = UNTOLD) -> File:
    """The file with a checked header; its kind is known by its first bytes or its ending."""
    several = paths_of(os.fspath(path))
    if several is not None:
        return SeveralFiles(os.fspath(path), several, lambda each: opened(each, how))
    place, begins = Path(path), b""
    with contextlib.suppress(OSError):  # is said when it is read
        if place.is_file():  # what comes through a pipe can be read only once
            with place.open("rb") as file:
                begins = file.read(4)
    ending = place.suffix.lower()
    if begins == _MAGIC or (begins and ending in PARQUET):
        from gradless.data.parquet_file import ParquetFile  # noqa: PLC0415 - needs an extra

        return ParquetFile(path)
    if ending in WORKBOOKS and begins:
        from gradless.data.excel_file import ExcelFile  # noqa: PLC0415 - needs an extra

        return ExcelFile(path, how)
    return CsvFile(path, how)


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
