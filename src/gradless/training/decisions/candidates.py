"""Which rules are there to choose from?

From simple to flexible, all of them fitted on the same rows:

``argmax``
    the class of the largest probability, as the model says it; with a capacity, of the rows that
    would be positive no more than that, the likeliest
``expected``
    the best rule if the corrected probabilities were true: Bayes' rule for costs, and for a metric
    such as F1 the offsets for which its expectation is best (the plug-in rule)
``shrunk``
    offsets for which the metric is best on the rows themselves and on what the probabilities expect
    of as many of them as stand in ``_PRIOR_ROWS``
``searched``
    offsets for which it is best on the rows themselves
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core.probabilities import softmax
from gradless.training.decisions import calibration
from gradless.training.decisions.counted import Metric, table
from gradless.training.decisions.rule import Decision, logarithms
from gradless.training.decisions.sweep import best_offsets, within

Array = npt.NDArray[np.float64]

KINDS = ("argmax", "expected", "shrunk", "searched")
"""Kinds of rules, the simplest first."""

_PRIOR_ROWS = 1000  # that expectations count like in a shrunk rule
_NEVER = 1e3  # an offset of a class that is never worth it


class Rows(NamedTuple):
    """What rules are fitted on.

    Attributes
    ----------
    probabilities
        Of a model that had not seen these rows, (n, classes).
    true
        Class indices, (n,).
    weight
        Of the rows, (n,).
    """

    probabilities: Array
    true: npt.NDArray[np.intp]
    weight: Array

    def at(self, rows: npt.NDArray[Any]) -> Rows:
        """Some of them."""
        return Rows(*(column[rows] for column in self))


class Aim(NamedTuple):
    """What rules are fitted for.

    Attributes
    ----------
    metric
        What is to be best.
    classes
        Labels.
    most
        Of two classes, the largest share of the rows that may be decided to be positive.
    positive
        Index of the positive class.
    """

    metric: Metric
    classes: tuple[Any, ...]
    most: float | None = None
    positive: int = 1


def fitted(kinds: Sequence[str], rows: Rows, aim: Aim) -> dict[str, Decision]:
    """Rules of these kinds, for an aim."""
    probabilities, labels, weight = rows
    classes = probabilities.shape[1]
    floor = float(min(1e-3, 0.5 / weight.sum()))
    true = np.eye(classes)[labels]
    logs = logarithms(probabilities, floor)
    temperature, bias = calibration.fitted(logs, true, weight)
    corrected = logs / temperature + bias
    likely = softmax(corrected)

    def rule(kind: str, offsets: Array, benefits: Array | None = None) -> Decision:
        name = aim.metric.name
        return Decision(aim.classes, name, kind, floor, temperature, bias, offsets, benefits)

    expects, matrix = _expecting(corrected, likely, weight, aim)
    scores = corrected if matrix is None else likely @ matrix
    found = {}
    for kind in dict.fromkeys(kinds):
        if kind == "argmax":
            alone, none = calibration.fitted(logs, true, weight, biases=False)
            limits = none
            if aim.most is not None:
                limits = within(logs / alone, weight, aim.most, aim.positive)
            found[kind] = Decision(aim.classes, aim.metric.name, kind, floor, alone, none, limits)
        elif kind == "expected":
            found[kind] = rule(kind, expects, matrix)
        else:
            share = _PRIOR_ROWS / (_PRIOR_ROWS + len(weight)) if kind == "shrunk" else 0.0
            mixed = share * likely + (1 - share) * true
            offsets = best_offsets(
                scores, mixed, weight, aim.metric, expects, aim.most, aim.positive
            )
            found[kind] = rule(kind, offsets, matrix)
    return found


def _expecting(
    corrected: Array, likely: Array, weight: Array, aim: Aim
) -> tuple[Array, Array | None]:
    """Offsets of the rule that is best if the probabilities are true, and its benefits if any."""
    metric, classes = aim.metric, corrected.shape[1]
    zeros = np.zeros(classes)
    if metric.benefits is not None and aim.most is None:
        if classes > 2:
            return zeros, metric.benefits
        return _of_two(metric.benefits), None
    if classes == 2:
        start = zeros
    else:
        # Coordinates are searched from the better of two places: the largest probability, and the
        # largest one beside the class's share.
        shares = -np.log(np.maximum(weight @ likely / weight.sum(), 1e-9))
        starts = [zeros, shares - shares.mean()]
        gains = [
            metric.gain(table(likely, (corrected + one).argmax(1), weight)[None])[0]
            for one in starts
        ]
        start = starts[int(np.argmax(np.nan_to_num(gains, nan=-np.inf)))]
    offsets = best_offsets(corrected, likely, weight, metric, start, aim.most, aim.positive)
    return offsets, None


def _of_two(benefits: Array) -> Array:
    """Bayes' rule of two classes as offsets of logarithms."""
    first = benefits[0, 0] - benefits[0, 1]  # what is lost by deciding wrongly
    second = benefits[1, 1] - benefits[1, 0]
    if first > 0 and second > 0:
        lead = np.log(second) - np.log(first)
    elif first == second:
        lead = 0.0
    else:  # one decision is never worse than the other
        lead = _NEVER if second > first else -_NEVER
    return np.array([-lead / 2, lead / 2])
