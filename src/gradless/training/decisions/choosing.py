"""Which rule is best for a metric, and what does it bring on rows that did not choose it?

Rules are fitted on some folds and judged on another; the kind of rule is chosen by all of that, and
the choice itself is judged by folds around it: for each outer fold, kind and numbers are chosen by
the other rows alone. What is promised is the metric of these decisions, one for each row, with a
bootstrap interval. Without the outer folds, the best of several values would be promised, which is
too high by as much as it was luck (the winner's curse).

The rule that expects is used unless the table speaks against it. A more flexible one has to be
better by one and a half standard errors of the difference. The largest probability stays where it
is ahead by at least what the probabilities expect the rule to gain: two estimates of one gain, of
equal weight. One class for all rows, such as calling nobody, is used where it is ahead of all that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError
from gradless.training.decisions.candidates import KINDS, Aim, Rows, fitted
from gradless.training.decisions.capacity import capacity_of
from gradless.training.decisions.counted import Metric, at_stake, table
from gradless.training.decisions.folds import check_groups, divided
from gradless.training.decisions.resampled import resampled
from gradless.training.decisions.rule import Decision, checked, worth

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]

_JUDGED = ("argmax", "expected")  # in any case
_SEARCHED = ("shrunk", "searched")
_SAME = ("argmax", "constant")  # whatever the rows say
_INNER, _INNER_SLOW = 3, 2  # folds within those of an outer fold
_ERRORS = 1.5  # standard errors that a searched rule must be better by
_LEVEL = 0.95
_FEWEST = 4  # rows
# With fewer rows for each of more than two classes, searched offsets are luck; of many classes,
# shrunk ones are hardly more, and take long.
_ROWS_A_CLASS, _MANY = 300, 12
_FOR_CHOICE, _FOR_SLOW = 200, 25  # resamples for a standard error


class Value(NamedTuple):
    """A value of the metric with its 95 % interval."""

    value: float
    low: float
    high: float


class Promise(NamedTuple):
    """What a rule brings on rows that did not choose it.

    Attributes
    ----------
    value
        The metric.
    argmax
        That of the largest probability, on the same rows; with a capacity, of the same share of
        them.
    expected
        That of the rule that is best if corrected probabilities are true (of costs, Bayes' rule).
    improvement
        Over argmax, above 0 where it is better, with an interval from paired resamples.
    rows
        How many there were.
    share
        Of two classes, the share of rows that were decided to be positive; else None.
    capacity
        The largest share that was asked for, if it was.
    gap, gap_before
        With thresholds by group, how far apart the groups' shares of positive rows that are found
        are, on rows that did not choose; and by ``expected``, with one threshold.
    """

    value: Value
    argmax: Value
    expected: Value
    improvement: Value
    rows: int
    share: float | None
    capacity: float | None = None
    gap: float | None = None
    gap_before: float | None = None

    @property
    def better(self) -> bool:
        """Whether the rule is better than argmax, beyond the interval."""
        return self.improvement.low > 0

    def as_json(self) -> dict[str, Any]:
        """All of it, for a file."""
        return {
            name: part._asdict() if isinstance(part, Value) else part
            for name, part in self._asdict().items()
        } | {"better": self.better}


class Tuned(NamedTuple):
    """A rule and what it promises."""

    decision: Decision
    promise: Promise


def tune(
    probabilities: Any,
    true: Any,
    metric: Metric,
    *,
    weight: Any = None,
    groups: Any = None,
    classes: Sequence[Any] | None = None,
    folds: int = 5,
    seed: int = 0,
    most: float | None = None,
    positive: int = 1,
    folds_in: bool = False,
    rows: int | None = None,
    value: Any = None,
    price: float = 0.0,
) -> Tuned:
    """Choose a rule for a metric, from probabilities of rows that the model had not seen.

    Parameters
    ----------
    probabilities
        Of the classes, (n, classes), cross-fitted or of a table apart.
    true
        Indices of the true classes, (n,).
    metric
        What is to be best; see ``counted``.
    weight
        How much each row counts, (n,); by default all count the same. One of weight 0 might as well
        not be there.
    groups
        Rows of one group stay in one fold, (n,).
    classes
        Labels that the rule will say; by default 0, 1, ...
    folds
        Outer folds; fewer if a class or the groups have fewer.
    seed
        Of folds and resamples: the same seed gives the same rule.
    most
        Of two classes, the largest share of the rows that the rule may decide to be positive. It is
        a threshold, so of other rows it is about this share.
    positive
        Index of the positive one of two classes.
    folds_in
        Whether the rule must be one that a network's last layer can be (``Decision.folded``).
    rows
        Of two classes, how many rows may be decided positive, those of the largest lead: of all
        these, of its share of them in a fold, and of each call of ``Decision.decide``.
    value
        What each row brings if it is positive and found, (n,): then profit is the metric, and rows
        are decided by what they are expected to bring.
    price
        What each row costs that is decided positive, for such values.

    Returns
    -------
    Tuned
        Rule and promise.

    Raises
    ------
    InputError
        If probabilities, classes, weights or groups do not fit together.

    Examples
    --------
    >>> from gradless.training.decisions import counted
    >>> rng = np.random.default_rng(0)
    >>> likely = rng.uniform(0, 0.4, 3000)
    >>> true = (rng.uniform(size=3000) < likely).astype(int)
    >>> found = tune(np.stack([1 - likely, likely], 1), true, counted.profit(100, 10, positive=1))
    >>> found.decision.kind, found.promise.better
    ('expected', True)
    """
    given = checked(probabilities)
    table_rows = checked_rows(given, true, weight)
    count = given.shape[1]
    limit = rows if rows is not None and rows < len(given) else None
    if value is not None:
        if most is not None:
            raise InputError(
                f"capacity must be a number of rows where values differ by row, got {most:g}. For "
                "example: 200"
            )
        metric = at_stake("profit", float(table_rows.weight.sum()), positive)
        table_rows = _at_stake(table_rows, value, price, positive)
    names = tuple(range(count)) if classes is None else tuple(classes)
    if len(names) != count:
        raise InputError(
            f"there must be a column of probabilities for each class, got {count} for {len(names)} "
            "classes"
        )
    if most is not None or rows is not None:
        capacity_of(rows if most is None else most, count)
    there = table_rows.weight > 0
    seen = table_rows.at(there)
    if len(seen.true) < _FEWEST:
        raise InputError(
            f"there must be {_FEWEST} rows or more with a weight above 0, some to hold out and of "
            f"the others some again, got {len(seen.true)}"
        )
    if groups is not None:
        if np.shape(groups) != there.shape:
            raise InputError(
                f"there must be one group for each row of probabilities, got {np.shape(groups)} "
                f"for {len(there)} rows"
            )
        groups = np.asarray(groups)[there]
        check_groups(groups)
    aim = Aim(metric, names, most, positive, folds_in, None if value is None else price)
    limited = None if limit is None else limit / len(given)
    kinds = _worthwhile(len(seen.true), count, metric, most if rows is None else rows)
    generator = np.random.default_rng(seed)
    outer = divided(seen.true, groups, folds, generator)
    parts = [np.flatnonzero(outer == fold) for fold in range(outer.max() + 1)]
    nested = np.empty(len(seen.true), np.intp)
    crossed = _Crossed.empty([*kinds, *_JUDGED], seen.probabilities)
    for part in parts:
        rest = np.setdiff1d(np.arange(len(outer)), part, assume_unique=True)
        inside = seen.at(rest)
        of_groups = None if groups is None else groups[rest]
        inner_folds = _INNER if metric.fast else _INNER_SLOW
        inner = divided(inside.true, of_groups, inner_folds, generator)
        within = _Crossed.empty(kinds, inside.probabilities)
        for fold in range(inner.max() + 1):
            held = inner == fold
            within.judge(held, fitted(kinds, inside.at(~held), aim), inside, limited)
        kind = within.chosen(inside, aim)
        crossed.judge(part, fitted([*kinds, *_JUDGED], inside, aim), seen, limited)
        nested[part] = crossed.decided[kind][part]
    kind = crossed.chosen(seen, aim, among=kinds)
    decision = fitted([kind], seen, aim)[kind]
    if kind in _SAME:  # then it is decided like that, whatever other folds chose
        nested = crossed.decided[kind]
    decision = replace(decision, rows=rows)
    return Tuned(decision, promised(nested, crossed.decided, seen, aim, seed, limited))


def _worthwhile(rows: int, classes: int, metric: Metric, most: float | None) -> list[str]:
    """The kinds of rules that a table may speak for."""
    left_out = {"argmax"} if most is not None else set()
    if metric.benefits is None:
        left_out.add("constant")
    if classes > 2 and rows < _ROWS_A_CLASS * classes:
        left_out.add("searched")
    if not metric.fast or (classes > _MANY and rows < _ROWS_A_CLASS * classes):
        left_out.add("shrunk")
    return [kind for kind in KINDS if kind not in left_out]


class _Crossed(NamedTuple):
    """What rules say of rows that they were not fitted on.

    Attributes
    ----------
    decided
        Class indices (n,) by each kind of rule.
    likely
        Corrected probabilities, (n, classes).
    """

    decided: dict[str, Classes]
    likely: Array

    @classmethod
    def empty(cls, kinds: Sequence[str], probabilities: Array) -> _Crossed:
        """Nothing yet, for so many rows."""
        decided = {kind: np.empty(len(probabilities), np.intp) for kind in kinds}
        return cls(decided, np.empty_like(probabilities))

    def judge(
        self, part: Any, rules: dict[str, Decision], rows: Rows, limited: float | None
    ) -> None:
        """Keep what rules say of a part of the rows, of which a share at most may be positive."""
        of = rows.at(part)
        most = None if limited is None else max(1, round(limited * len(of.true)))
        for kind, rule in rules.items():
            scores = rule.scores(of.probabilities)
            added = None if rule.price is None else of.added
            self.decided[kind][part] = rule.chosen(scores, added, most)
        rule = rules["expected"]
        likely = rule.probabilities(of.probabilities)
        if of.added is not None:
            lead = np.log(likely[:, rule.positive] / likely[:, 1 - rule.positive]) + of.added
            likely[:, rule.positive] = 1 / (1 + np.exp(-np.clip(lead, -500, 500)))
            likely[:, 1 - rule.positive] = 1 - likely[:, rule.positive]
        self.likely[part] = likely

    def chosen(self, rows: Rows, aim: Aim, among: Sequence[str] | None = None) -> str:
        """The kind of rule to use."""
        metric, classes = aim.metric, rows.probabilities.shape[1]
        decided = {kind: of for kind, of in self.decided.items() if among is None or kind in among}

        def gain(truth: Array, kind: str) -> float:
            return float(metric.gain(table(truth, decided[kind], rows.weight)[None])[0])

        truth = np.eye(classes)[rows.true]
        gains = {kind: gain(truth, kind) for kind in decided}
        draws = _FOR_CHOICE if metric.fast else _FOR_SLOW
        drawn = resampled(list(decided.values()), rows.true, rows.weight, metric, classes, draws)
        columns = dict(zip(decided, drawn.T, strict=True))
        chosen = "expected"
        for kind in (kind for kind in _SEARCHED if kind in decided):
            error = float(np.nanstd(columns[kind] - columns[chosen]))
            if gains[kind] - gains[chosen] > _ERRORS * error:
                chosen = kind
        if "argmax" in decided:
            expects = gain(self.likely, "expected") - gain(self.likely, "argmax")
            if gains["argmax"] - gains[chosen] >= expects:
                chosen = "argmax"
        if "constant" in decided and gains["constant"] > gains[chosen]:
            chosen = "constant"
        return chosen


def promised(
    nested: Classes,
    by_kind: dict[str, Classes],
    rows: Rows,
    aim: Aim,
    seed: int,
    limited: float | None = None,
) -> Promise:
    """What decisions (n,) on rows that did not choose them bring, beside those of two rules."""
    metric, classes = aim.metric, rows.probabilities.shape[1]
    rules = [nested, by_kind["argmax"], by_kind["expected"]]
    truth = np.eye(classes)[rows.true]
    tables = np.stack([table(truth, of, rows.weight) for of in rules])
    values = metric.of(tables)
    draws = 1000 if metric.fast else 8 * _FOR_SLOW
    drawn = resampled(rules, rows.true, rows.weight, metric, classes, draws, seed)
    sign = 1.0 if metric.greater_is_better else -1.0
    gain = sign * float(values[0] - values[1])
    value, argmax, expected = [
        _value(float(v), sign * column) for v, column in zip(values, drawn.T, strict=True)
    ]
    share = None
    if classes == 2:
        counts = rows.weight if rows.counts is None else rows.counts
        share = float(counts @ (nested == aim.positive) / counts.sum())
    improvement = _value(gain, drawn[:, 0] - drawn[:, 1])
    most = aim.most if limited is None else limited
    return Promise(value, argmax, expected, improvement, len(nested), share, most)


def _value(value: float, drawn: Array) -> Value:
    tail = (1 - _LEVEL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail]).tolist()
    return Value(value, low, high)


def _at_stake(rows: Rows, value: Any, price: float, positive: int) -> Rows:
    """The same rows by what is the better decision for each, and what it brings or costs."""
    if rows.probabilities.shape[1] != 2:
        raise InputError(
            "values by row must be of two classes, the positive one being what brings them, got "
            f"{rows.probabilities.shape[1]} classes"
        )
    if not 0 < price < np.inf:
        raise InputError(
            "cost must be above 0 where values differ by row, since every row is worth a call "
            f"otherwise, got {price:g}"
        )
    if np.shape(value) != rows.true.shape:
        raise InputError(
            f"there must be one value for each row of probabilities, got {np.shape(value)} for "
            f"{len(rows.true)} rows"
        )
    added = worth(value, price)
    brings = np.where(rows.true == positive, np.asarray(value, np.float64), 0.0) - price
    better = np.where(brings > 0, positive, 1 - positive)
    if len(np.unique(better[rows.weight > 0])) < 2:
        raise InputError(
            f"some positive rows must bring more than a cost of {price:g}, and some rows less, got "
            f"{'none that do' if better[0] != positive else 'all of them'}"
        )
    stake = rows.weight * np.abs(brings)
    return Rows(rows.probabilities, better, stake, added, rows.true, rows.weight)


def checked_rows(probabilities: Any, true: Any, weight: Any) -> Rows:
    """Rows of probabilities, class indices and weights that fit together.

    Raises
    ------
    InputError
        If they do not.
    """
    given = checked(probabilities)
    labels = np.asarray(true)
    if labels.shape != (len(given),):
        raise InputError(
            f"there must be one true class for each row of probabilities, got {labels.shape} for "
            f"{len(given)} rows"
        )
    if labels.dtype.kind not in "biuf" or (labels != np.floor(labels)).any():
        raise InputError("true classes must be their indices, 0, 1, ..., got other values")
    labels = labels.astype(np.intp)
    if labels.min() < 0 or labels.max() >= given.shape[1]:
        raise InputError(
            f"true classes must be from 0 to {given.shape[1] - 1}, got {labels.min()} to "
            f"{labels.max()}"
        )
    weights = np.ones(len(given)) if weight is None else np.asarray(weight, np.float64)
    if weights.shape != labels.shape or not (np.isfinite(weights) & (weights >= 0)).all():
        raise InputError("weights must be one finite number of 0 or more for each row")
    present = np.unique(labels[weights > 0])
    if len(present) < 2:
        raise InputError(
            "there must be two true classes or more in the table, got "
            f"{len(present)} with a weight above 0"
        )
    return Rows(given, labels, weights)
