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
