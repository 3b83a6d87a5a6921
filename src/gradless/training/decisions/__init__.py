"""Which class is to be decided for, given a model's probabilities and a metric?

:func:`tune` finds a :class:`Decision` and promises what it brings on rows that did not choose it;
:func:`metric_of` makes the metric of an objective. Nothing here knows a model or loads JAX.
"""

from gradless.training.decisions.by_group import tune_by_group
from gradless.training.decisions.capacity import capacity_of
from gradless.training.decisions.choosing import (
    Promise,
    Tuned,
    Value,
    tune,
)
from gradless.training.decisions.counted import Metric
from gradless.training.decisions.folds import check_groups
from gradless.training.decisions.metric import metric_of, positive_index
from gradless.training.decisions.rule import Decision

__all__ = [
    "Decision",
    "Metric",
    "Promise",
    "Tuned",
    "Value",
    "capacity_of",
    "check_groups",
    "metric_of",
    "positive_index",
    "tune",
    "tune_by_group",
]
