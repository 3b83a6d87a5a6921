"""How sure are values of decisions? The same metrics of resamples of the rows.

Rows with the same true class, weight and decisions are the same to every metric, so a resample with
replacement (Efron and Tibshirani, 1993, chapter 13) is a draw of how many there are of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gradless.training.decisions.counted import Metric

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]

# Numbers drawn in all: of very many different rows fewer resamples are enough.
_DRAWN, _FEWEST = 4_000_000, 100


def resampled(
    decided: Sequence[Classes],
    true: Classes,
    weight: Array,
    metric: Metric,
    classes: int,
    draws: int = 1000,
    seed: int = 0,
) -> Array:
    """The metric's gain (resamples, rules) of several rules' decisions on the same resamples.

    Parameters
    ----------
    decided
        Class indices (n,) by each rule.
    true
        True class indices, (n,).
    weight
        Of the rows, (n,).
    metric
        What is measured; values are turned so that more is better.
    classes
        How many there are.
    draws
        Resamples at most.
    seed
        Of the resamples.
    """
    _, kinds = np.unique(weight, return_inverse=True)
    for column in (true, *decided):
        _, kinds = np.unique(kinds * classes + column, return_inverse=True)
    _, first, counts = np.unique(kinds, return_index=True, return_counts=True)
    draws = int(np.clip(_DRAWN // len(counts), _FEWEST, draws))
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(true), counts / len(true), size=draws).astype(np.float64)
    values = []
    for column in decided:
        cells = true[first] * classes + column[first]
        places = (np.arange(len(first)), cells)
        weights = sparse.csr_array((weight[first], places), shape=(len(first), classes**2))
        values.append(metric.gain((drawn @ weights).reshape(-1, classes, classes)))
    return np.stack(values, axis=1)
