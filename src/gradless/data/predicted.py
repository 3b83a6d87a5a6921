"""Which columns of a file are a model's probabilities, and which are the true classes?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core import words
from gradless._core.errors import InputError, unknown_name
from gradless.data.cells import listing, number, short
from gradless.data.table import column_names, read_beside

Array = npt.NDArray[np.float64]

_MOST_CLASSES = 200
PATTERNS = ("{}", "probability of {}", "probability_{}", "proba_{}", "prob_{}", "p_{}")
"""How a class's column may be named."""


class Predicted(NamedTuple):
    """A file of predictions.

    Attributes
    ----------
    columns
        Names of the columns of probabilities, one for each class or one score of the second.
    probabilities
        (n, classes); of a score, of both classes.
    kept
        Cells of other columns, by name.
    """

    columns: tuple[str, ...]
    probabilities: Array
    kept: dict[str, list[str]]


def check_columns(path: str | os.PathLike[str], given: Mapping[str, str | None]) -> None:
    """Refuse options that name columns which a file does not have.

    Raises
    ------
    InputError
        For the first such name, with the closest column.
    """
    header = column_names(path)
    for option, name in given.items():
        if name is not None and name not in header:
            raise unknown_name(f"{option} column", name, header)


def read_target(path: str | os.PathLike[str], target: str) -> tuple[list[str], list[str]]:
    """The true classes (n,) as texts, and the sorted names of the classes.

    Raises
    ------
    InputError
        If there is no such column, a cell of it is empty, or all are of one class.
    """
    cells = next(iter(read_beside(path, [], keep=[target])[1].values()))
    empty = sum(not cell.strip() for cell in cells)
    if empty:
        raise InputError(
            f"{path}: each row must have a true class in {short(target)}, got "
            f"{words.plural(empty, 'empty cell')}; remove these rows"
        )
    names = sorted(set(cells), key=_order)
    if len(names) > _MOST_CLASSES:
        raise InputError(
            f"{path}: {short(target)} must hold at most {_MOST_CLASSES} classes, got "
            f"{len(names):,}; is it another column?"
        )
    if len(names) < 2:
        raise InputError(
            f"{path}: {short(target)} must have two classes or more, got {listing(names)} alone"
        )
    return cells, names


def _order(name: str) -> tuple[bool, float, str]:
    value = number(name)
    return value is None, value or 0.0, name


def find_columns(path: str | os.PathLike[str], classes: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns of probabilities, one for each class.

    Raises
    ------
    InputError
        If the file has no such columns.
    """
    header = column_names(path)
    for pattern in PATTERNS:
        names = tuple(pattern.format(name) for name in classes)
        if set(names) <= set(header):
            return names
    example = ", ".join(short(PATTERNS[1].format(name)) for name in classes[:3])
    raise InputError(
        f"{path}: there must be a column of probabilities for each class, named "
        f"{listing(classes)} or {example}, got none. For two classes: --score NAME"
    )


def read_predicted(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    positive: int = 1,
    keep: Sequence[str] = (),
) -> Predicted:
    """Probabilities in these columns, and other columns as they are.

    Parameters
    ----------
    path
        CSV or Parquet file.
    columns
        Of each class, or one of the positive of two classes.
    positive
        Index of the class that a single column is of.
    keep
        Other columns.

    Raises
    ------
    InputError
        If a column is missing, or a single one is not of numbers from 0 to 1.
    """
    found, kept, _ = read_beside(path, columns, keep=keep)
    values: Any = found.features
    if len(columns) == 1:
        score = values[:, 0]
        if not ((score >= 0) & (score <= 1)).all():
            raise InputError(
                f"{path}: {short(columns[0])} must be probabilities from 0 to 1, got "
                f"{score.min():g} to {score.max():g}"
            )
        values = np.stack([1 - score, score] if positive == 1 else [score, 1 - score], axis=1)
    return Predicted(tuple(columns), np.asarray(values, np.float64), kept)
