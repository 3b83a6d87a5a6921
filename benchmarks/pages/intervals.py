"""How sure is a mean? Its interval by Student's t."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95


class Interval(NamedTuple):
    """A mean of independent numbers, and half of its interval."""

    mean: float
    half: float

    @classmethod
    def of(cls, values: Any) -> Interval:
        """Interval of the mean of two numbers or more."""
        values = np.asarray(values)
        quantile = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)
        half = quantile * values.std(ddof=1) / np.sqrt(len(values))
        return cls(float(values.mean()), float(half))

    @classmethod
    def of_splits(cls, values: Any, test: float) -> Interval:
        """Of two numbers or more from splits of one table, which share rows.

        Nadeau and Bengio, "Inference for the generalization error" (2003); ``test`` is the share
        of the rows that test.
        """
        values = np.asarray(values)
        quantile = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)
        shared = 1 / len(values) + test / (1 - test)
        return cls(float(values.mean()), float(quantile * np.sqrt(shared * values.var(ddof=1))))
