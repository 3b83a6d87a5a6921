"""Which rules are there to choose from?

From simple to flexible, all of them fitted on the same rows:

``argmax``
    the class of the largest probability, as the model says it; with a capacity, of the rows that
    would be positive no more than that, the likeliest
``constant``
    one class for all rows, the one that brings most: nobody, or everybody; only where decisions
    bring or cost something
``expected``
    the best rule if the corrected probabilities were true: Bayes' rule for costs, and for a metric
    such as F1 the offsets for which its expectation is best (the plug-in rule); for a network that
    is to decide by itself, of costs of several classes the linear map of logarithms that is closest
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
from gradless.training.decisions import calibration, linear
from gradless.training.decisions.counted import Metric, table
from gradless.training.decisions.rule import NEVER, Decision, logarithms
from gradless.training.decisions.sweep import best_offsets, within

Array = npt.NDArray[np.float64]

KINDS = ("argmax", "constant", "expected", "shrunk", "searched")
"""Kinds of rules, the simplest first."""

_PRIOR_ROWS = 1000  # that expectations count like in a shrunk rule
_LOWEST = 1e-12  # probability


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
    added
        What each row adds to the lead of the positive class, (n,); None for nothing.
    labels, counts
        Class indices and weights that probabilities are corrected by, if ``true`` and ``weight``
        are the better decision and what is at stake; None for the same.
    """

    probabilities: Array
    true: npt.NDArray[np.intp]
    weight: Array
    added: Array | None = None
    labels: npt.NDArray[np.intp] | None = None
    counts: Array | None = None

    def at(self, rows: npt.NDArray[Any]) -> Rows:
        """Some of them."""
        return Rows(*(None if column is None else column[rows] for column in self))  # type: ignore[arg-type]


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
    folds_in
        Whether the rule must be one that a network's last layer can be.
    price
        What each row costs that is decided positive, where rows add what they bring.
    """

    metric: Metric
    classes: tuple[Any, ...]
    most: float | None = None
    positive: int = 1
    folds_in: bool = False
    price: float | None = None


def fitted(kinds: Sequence[str], rows: Rows, aim: Aim) -> dict[str, Decision]:
    """Rules of these kinds, for an aim."""
    probabilities, weight = rows.probabilities, rows.weight
    classes = probabilities.shape[1]
    counts = weight if rows.counts is None else rows.counts
    floor = float(min(1e-3, 0.5 / counts.sum()))
    if _is_mapped(aim):
        floor = _LOWEST  # a layer of a network knows no floor
    true = np.eye(classes)[rows.true]
    seen = true if rows.labels is None else np.eye(classes)[rows.labels]
    logs = logarithms(probabilities, floor)
    temperature, bias = calibration.fitted(logs, seen, counts)
    corrected = logs / temperature + bias
    if rows.added is not None:
        corrected[:, aim.positive] += rows.added
    likely = softmax(corrected)
    expects, matrices = _expecting(corrected, likely, weight, aim)

    def rule(kind: str, offsets: Array) -> Decision:
        name = aim.metric.name
        return Decision(
            aim.classes, name, kind, floor, temperature, bias, offsets, matrices.get("benefits"),
            matrices.get("mixing"), aim.positive, aim.price,
        )  # fmt: skip

    expecting = rule("expected", expects)
    found = {}
    for kind in dict.fromkeys(kinds):
        if kind == "argmax":
            hot, none = calibration.fitted(logs, seen, counts, biases=False)
            limits = none
            if aim.most is not None:
                limits = within(logs / hot, weight, aim.most, aim.positive)
            found[kind] = Decision(
                aim.classes, aim.metric.name, kind, floor, hot, none, limits, positive=aim.positive
            )
        elif kind == "constant":
            alone = np.full(classes, -NEVER)
            alone[_best_alone(true, weight, aim)] = NEVER
            none = np.zeros(classes)
            found[kind] = Decision(
                aim.classes, aim.metric.name, kind, floor, 1.0, none, alone, positive=aim.positive
            )
        elif kind == "expected":
            found[kind] = expecting
        else:
            share = _PRIOR_ROWS / (_PRIOR_ROWS + len(weight)) if kind == "shrunk" else 0.0
            mixed = share * likely + (1 - share) * true
            scores = expecting.combined(corrected)
            offsets = best_offsets(
                scores, mixed, weight, aim.metric, expects, aim.most, aim.positive
            )
            found[kind] = rule(kind, offsets)
    return found


def _best_alone(true: Array, weight: Array, aim: Aim) -> int:
    """The class that is best for all rows; with a capacity it cannot be the positive one."""
    classes = true.shape[1]
    if aim.most is not None and aim.most < 1:
        return 1 - aim.positive
    tables = np.zeros((classes, classes, classes))
    for k in range(classes):
        tables[k, :, k] = weight @ true
    return int(np.argmax(aim.metric.gain(tables)))


def _is_mapped(aim: Aim) -> bool:
    """Whether a rule is a linear map of logarithms: of costs of several classes, in a network."""
    return aim.folds_in and aim.metric.benefits is not None and len(aim.classes) > 2


def _expecting(
    corrected: Array, likely: Array, weight: Array, aim: Aim
) -> tuple[Array, dict[str, Array]]:
    """Offsets of the rule that is best if the probabilities are true, and its matrices if any."""
    metric, classes = aim.metric, corrected.shape[1]
    zeros = np.zeros(classes)
    if metric.benefits is not None and aim.most is None:
        if classes == 2:
            return _of_two(metric.benefits), {}
        if not aim.folds_in:
            return zeros, {"benefits": metric.benefits}
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
    if _is_mapped(aim) and classes <= linear.MOST_CLASSES:
        assert metric.benefits is not None
        mixing, offsets = linear.closest(corrected, likely, weight, metric.benefits, offsets)
        return offsets, {"mixing": mixing}
    return offsets, {}


def _of_two(benefits: Array) -> Array:
    """Bayes' rule of two classes as offsets of logarithms."""
    first = benefits[0, 0] - benefits[0, 1]  # what is lost by deciding wrongly
    second = benefits[1, 1] - benefits[1, 0]
    if first > 0 and second > 0:
        lead = np.log(second) - np.log(first)
    elif first == second:
        lead = 0.0
    else:  # one decision is never worse than the other
        lead = NEVER if second > first else -NEVER
    return np.array([-lead / 2, lead / 2])
