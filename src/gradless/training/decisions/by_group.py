"""Which thresholds give each group the same chance of being found?

Equal opportunity: of the positive rows of each group, about the same share is decided positive
(Hardt, Price and Srebro, "Equality of opportunity in supervised learning", 2016). For each such
share, every group has one threshold; the share is taken for which the metric is best. What that
brings, and how far apart the groups' shares are, is measured on folds that did not choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError
from gradless.training.decisions.candidates import Aim, Rows, fitted
from gradless.training.decisions.choosing import Tuned, checked_rows, promised
from gradless.training.decisions.counted import Metric
from gradless.training.decisions.folds import check_groups, divided
from gradless.training.decisions.rule import NEVER, Decision

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]

MOST_GROUPS = 32
GAP = 0.02
"""How far apart the groups' shares may be, by default."""

_FEWEST = 10  # positive rows of a group
_RATES = 201  # shares that are tried


def tune_by_group(
    probabilities: Any,
    true: Any,
    metric: Metric,
    group: Any,
    *,
    weight: Any = None,
    groups: Any = None,
    classes: Sequence[Any] = (0, 1),
    folds: int = 5,
    seed: int = 0,
    gap: float = GAP,
    positive: int = 1,
) -> Tuned:
    """Choose a threshold for each group, from probabilities of rows that the model had not seen.

    Parameters
    ----------
    probabilities, true, metric, weight, groups, classes, folds, seed, positive
        As for :func:`.tune`, of two classes.
    group
        Of each row, (n,): what has a threshold of its own. ``groups`` are rows that stay together.
    gap
        How far apart the groups' shares of positive rows that are found may be.

    Returns
    -------
    Tuned
        Rule and promise, which has the gap on rows that did not choose.

    Raises
    ------
    InputError
        If probabilities, classes, weights or groups do not fit together.
    """
    if not 0 <= gap < 1:
        raise InputError(f"gap must be from 0 to below 1, got {gap:g}. For example: {GAP}")
    rows = checked_rows(probabilities, true, weight)
    names = check(group, rows, positive)
    there = rows.weight > 0
    rows, of = rows.at(there), np.asarray(group).astype(str)[there]
    if groups is not None:
        groups = np.asarray(groups)[there]
        check_groups(groups)
    aim = Aim(metric, tuple(classes), None, positive)
    decided = crossed(rows, of, groups, aim, gap, folds, seed)
    promise = promised(decided["by_group"], decided, rows, aim, seed)
    gaps = [rate_gap(decided[kind], rows, of, positive) for kind in ("by_group", "expected")]
    rule = thresholds(rows, of, aim, gap)
    assert rule.by_group is not None
    rule = replace(rule, by_group={name: rule.by_group[name] for name in names})
    return Tuned(rule, promise._replace(gap=gaps[0], gap_before=gaps[1]))


def check(group: Any, rows: Rows, positive: int) -> list[str]:
    """The names of the groups, each of which can have a threshold.

    Raises
    ------
    InputError
        If there is one group, more than 32, or one of fewer than 10 positive rows.
    """
    if np.shape(group) != rows.true.shape:
        raise InputError(
            f"there must be one group for each row of probabilities, got {np.shape(group)} for "
            f"{len(rows.true)} rows"
        )
    if rows.probabilities.shape[1] != 2:
        raise InputError(
            f"thresholds by group must be of two classes, got {rows.probabilities.shape[1]} classes"
        )
    texts = np.asarray(group).astype(str)
    names = np.unique(texts).tolist()
    if not 2 <= len(names) <= MOST_GROUPS:
        raise InputError(
            f"groups with a threshold each must be 2 to {MOST_GROUPS}, got {len(names):,}; is it "
            "another column?"
        )
    for name in names:
        found = int((rows.true[texts == name] == positive).sum())
        if found < _FEWEST:
            raise InputError(
                f"each group must have {_FEWEST} positive rows or more to have a threshold, got "
                f"{found} in {name!r}. Merge some groups"
            )
    return names


def thresholds(rows: Rows, group: Any, aim: Aim, gap: float) -> Decision:
    """The rule of the best thresholds whose shares are no further apart on these rows.

    Parameters
    ----------
    rows
        What it is fitted on.
    group
        Of each row, as text, (n,).
    aim
        What is to be best.
    gap
        Between the shares of two groups, at most.
    """
    positive = aim.positive
    base = replace(fitted(["expected"], rows, aim)["expected"], offsets=np.zeros(2), benefits=None)
    logs = base.scores(rows.probabilities)
    lead = logs[:, positive] - logs[:, 1 - positive]
    rates = np.linspace(0, 1, _RATES)
    names = np.unique(group).tolist()
    cuts, shares = np.empty((len(names), _RATES)), np.empty((len(names), _RATES))
    tables = np.zeros((_RATES, 2, 2))
    for k, name in enumerate(names):
        own = group == name
        cuts[k], shares[k], found = _of_one(
            lead[own], rows.true[own] == positive, rows.weight[own], rates
        )
        whole = np.array([rows.weight[own & (rows.true == kind)].sum() for kind in (0, 1)])
        by_class = found if positive == 1 else found[:, ::-1]
        tables[:, :, positive] += by_class
        tables[:, :, 1 - positive] += whole - by_class
    apart = shares.max(0) - shares.min(0)
    gains = np.where(apart <= gap + 1e-12, aim.metric.gain(tables), -np.inf)
    best = int(np.argmax(np.nan_to_num(gains, nan=-np.inf)))
    by_group = dict(zip(names, (-cuts[:, best]).tolist(), strict=True))
    return replace(base, kind="by_group", by_group=by_group)


def _of_one(
    lead: Array, is_positive: npt.NDArray[np.bool_], weight: Array, rates: Array
) -> tuple[Array, Array, Array]:
    """Of one group: cuts of the lead for rates, their true rates, and what is decided positive.

    The last is weight by class, the negative and the positive one, (rates, 2).
    """
    order = np.argsort(-lead, kind="stable")
    ordered, weights = lead[order], weight[order]
    hits = np.cumsum(weights * is_positive[order])
    others = np.cumsum(weights * ~is_positive[order])
    # A cut lies between two different scores: after the last row of a score.
    ends = np.flatnonzero(np.append(ordered[:-1] > ordered[1:], True))
    between = np.append((ordered[ends[:-1]] + ordered[ends[:-1] + 1]) / 2, -NEVER)
    between = np.concatenate([[NEVER], between])
    at = np.concatenate([[0.0], hits[ends]]), np.concatenate([[0.0], others[ends]])
    true_rates = at[0] / hits[-1]
    # Of cuts with one rate, the first has the fewest negatives.
    after = np.minimum(np.searchsorted(true_rates, rates, side="left"), len(true_rates) - 1)
    before = np.searchsorted(true_rates, true_rates[np.maximum(after - 1, 0)], side="left")
    nearer = np.abs(true_rates[before] - rates) < np.abs(true_rates[after] - rates)
    chosen = np.where(nearer, before, after)
    return between[chosen], true_rates[chosen], np.stack([at[1][chosen], at[0][chosen]], axis=1)


def rate_gap(decided: Classes, rows: Rows, group: Any, positive: int) -> float:
    """Largest difference between the shares of positive rows that two groups have decided so."""
    rates = []
    for name in np.unique(group):
        own = (group == name) & (rows.true == positive)
        weight = rows.weight[own]
        if weight.sum() > 0:
            rates.append(float(weight @ (decided[own] == positive) / weight.sum()))
    return max(rates) - min(rates)


def crossed(
    rows: Rows, group: Any, groups: Any, aim: Aim, gap: float, folds: int, seed: int
) -> dict[str, Classes]:
    """Class indices (n,) by folds that did not choose: with thresholds by group, and without."""
    names, kind = np.unique(group, return_inverse=True)
    generator = np.random.default_rng(seed)
    fold = divided(rows.true * len(names) + kind, groups, folds, generator)
    decided = {
        name: np.empty(len(rows.true), np.intp) for name in ("by_group", "argmax", "expected")
    }
    for held in range(fold.max() + 1):
        part, rest = np.flatnonzero(fold == held), np.flatnonzero(fold != held)
        of, given = rows.at(part), rows.at(rest)
        rules = fitted(["argmax", "expected"], given, aim)
        for name, rule in rules.items():
            decided[name][part] = rule.decide(of.probabilities)
        apart = thresholds(given, group[rest], aim, gap)
        # A group that is whole in one fold has no threshold by the others.
        missing = {name: 0.0 for name in names.tolist() if name not in (apart.by_group or {})}
        apart = replace(apart, by_group={**(apart.by_group or {}), **missing})
        decided["by_group"][part] = apart.decide(of.probabilities, group=group[part])
    return decided
