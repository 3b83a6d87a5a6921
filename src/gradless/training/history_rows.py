"""What is a row of a history, and which generations of a run are kept?"""

from __future__ import annotations

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
    """Names of the columns, in their order: two for each measure."""
    return (*FIRST, *measures, "best_loss", *(f"best_{name}" for name in measures))


def measures_in(columns: Sequence[str]) -> tuple[str, ...] | None:
    """Names of the measures that a history with these columns has; None if it is none."""
    measures = tuple(columns[len(FIRST) : len(columns) // 2 + 2])
    return measures if tuple(columns) == columns_of(measures) else None


def measures_among(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of the measures among columns in any order: what was saved as a pytree has none."""
    names = set(columns) - {"loss"}
    return tuple(sorted(name for name in names if f"best_{name}" in names))


def dtype(measures: Sequence[str], losses: npt.DTypeLike) -> np.dtype[Any]:
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


def kept_count(first: int, latest: int, stride: int) -> int:
    """Rows kept of the generations `first` to `latest`: never fewer as `latest` grows."""
    multiples = latest // stride - (first - 1) // stride
    ends = {generation for generation in (first, latest) if generation % stride}
    return multiples + len(ends)


def stride_of(generations: npt.NDArray[np.int64], capacity: int) -> int | None:
    """Stride that keeps exactly these generations; None if no stride does."""
    first, latest = int(generations[0]), int(generations[-1])
    inner = generations[1:-1]
    stride = 1
    # The smallest stride that fits the capacity comes first: it is the one the run had, unless it
    # ran with a smaller capacity, which a larger stride then explains.
    while first >= 0 and stride <= 2 * max(latest, 1):
        count = kept_count(first, latest, stride)
        if count < len(generations):
            return None
        if count == len(generations) <= capacity:
            start = first // stride + 1
            expected = stride * np.arange(start, start + len(inner))
            return stride if np.array_equal(inner, expected) else None
        stride *= 2
    return None
