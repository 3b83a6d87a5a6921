"""What is a row of a history? Numbers of every run, and two for each of its named measures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Row(NamedTuple):
    """One generation of a run.

    Attributes
    ----------
    generation
        Number of the generation (or of the chapter's iteration).
    evaluations
        Evaluations made up to the end of this generation.
    seconds
        Wall time up to the end of this generation.
    loss, measures
        What this generation reached; measures by name, of classes for example the accuracy.
    best_loss, best_measures
        Loss and measures of the best candidate so far.
    """

    generation: int
    evaluations: int
    seconds: float
    loss: float
    measures: dict[str, float]
    best_loss: float
    best_measures: dict[str, float]


FIRST = ("generation", "evaluations", "seconds", "loss")
LOSSES = ("loss", "best_loss")


def columns_of(measures: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns, in their order."""
    return (*FIRST, *measures, "best_loss", *(f"best_{name}" for name in measures))


def measures_in(columns: Sequence[str]) -> tuple[str, ...] | None:
    """Names of the measures that a history with these columns has; None if it is none."""
    measures = tuple(columns[len(FIRST) : len(columns) // 2 + 2])
    return measures if tuple(columns) == columns_of(measures) else None


def measures_of(columns: Iterable[str]) -> list[str]:
    """Names of the measures among columns in any order: what was saved as a pytree has none."""
    names = set(columns) - {"loss"}
    return sorted(name for name in names if f"best_{name}" in names)


def dtype_of(measures: Sequence[str], losses: npt.DTypeLike) -> np.dtype[Any]:
    """Of a row with these measures and losses of this type."""
    # Most losses are float32, and measures are: short numbers in the CSV file are the exact ones.
    types: dict[str, npt.DTypeLike] = {
        "generation": np.int64,
        "evaluations": np.int64,
        "seconds": np.float64,
        "loss": losses,
        "best_loss": losses,
    }
    return np.dtype([(name, types.get(name, np.float32)) for name in columns_of(measures)])


def parsed(columns: Sequence[str], line: str) -> tuple[float, ...]:
    """Values of one line of the file; an empty cell stands for a measure that is NaN."""

    def value(name: str, cell: str) -> float:
        if name in ("generation", "evaluations"):
            return int(cell)
        return math.nan if not cell and name not in (*FIRST, *LOSSES) else float(cell)

    return tuple(value(*each) for each in zip(columns, line.split(","), strict=True))


def is_short(values: npt.NDArray[np.float64]) -> bool:
    """Whether these are the shortest numbers that stand for float32 ones."""
    with np.errstate(over="ignore"):
        shortest = values.astype(np.float32).astype(str).astype(np.float64)
    return bool(np.array_equal(shortest, values, equal_nan=True))
