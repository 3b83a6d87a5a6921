"""What is a row of a history, and which generations of a run are kept?"""

from __future__ import annotations

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
    loss, accuracy
        What this generation reached; the accuracy is NaN where there is none (regression).
    best_loss, best_accuracy
        Loss and accuracy of the best candidate so far.
    """

    generation: int
    evaluations: int
    seconds: float
    loss: float
    accuracy: float
    best_loss: float
    best_accuracy: float


LOSSES = ("loss", "best_loss")


def dtype(losses: npt.DTypeLike) -> np.dtype[Any]:
    """Of a row with losses of this type."""
    # Most are float32, and accuracies are: the short numbers in the CSV file are the exact ones.
    types = (np.int64, np.int64, np.float64, losses, np.float32, losses, np.float32)
    return np.dtype(list(zip(Row._fields, types, strict=True)))


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
