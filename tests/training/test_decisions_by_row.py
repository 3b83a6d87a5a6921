"""Decisions that look at a row: what it brings, which group it is of, how many others there are."""

import dataclasses
import json

import numpy as np
import pytest

from gradless import InputError
from gradless.training.decisions import (
    Decision,
    capacity_of,
    counted,
    metric_of,
    tune,
    tune_by_group,
)

ACCURACY = metric_of("accuracy", [0, 1])


def drawn(rows, seed=0, rare=1.5, slope=1.5):
    """Probabilities of two classes that are true, classes drawn by them, and groups a and b.

    Positives of b are rarer.
    """
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], rows)
    logits = slope * rng.normal(size=rows) - rare - 0.8 * (group == "b")
    likely = 1 / (1 + np.exp(-logits))
    true = (rng.uniform(size=rows) < likely).astype(int)
    return np.stack([1 - likely, likely], 1), true, group


# --- Nobody, and everybody ------------------------------------------------------------------------


def test_of_noise_nobody_or_everybody_is_decided_for():
    kinds = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        likely = np.clip(rng.beta(2, 8, 60), 0.01, 0.99)
        true = (rng.uniform(size=60) < 0.25).astype(int)
        found = tune(np.stack([1 - likely, likely], 1), true, counted.profit(100, 24, 1))
        if found.decision.kind == "constant":
            decided = int(found.decision.decide(np.eye(2))[0])
            kinds.add(decided)
            assert (found.decision.decide(np.eye(2)) == decided).all()
            assert found.promise.value.value == pytest.approx((100 * true.mean() - 24) * decided)
    assert kinds == {0, 1}


def test_one_class_of_several_may_be_the_cheapest():
    kinds = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        likely, true = rng.dirichlet([2, 2, 2], 90), rng.integers(0, 3, 90)
        costs = 1 - np.eye(3)
        found = tune(likely, true, metric_of("cost", range(3), costs=costs))
        kinds.append(found.decision.kind)
        if kinds[-1] == "constant":
            assert (found.decision.decide(np.eye(3)) == np.bincount(true).argmax()).all()
            assert found.promise.value.value < 2 / 3
    assert "constant" in kinds


def test_a_rule_that_pays_is_not_given_up_for_nobody():
    likely, true, _ = drawn(1500)
    assert tune(likely, true, counted.profit(10, 4, 1)).decision.kind == "expected"


# --- Values by row --------------------------------------------------------------------------------


def test_rows_are_decided_by_what_they_are_expected_to_bring():
    likely, true, _ = drawn(2000)
    value = np.random.default_rng(1).lognormal(2, 1, 2000)
    found = tune(likely, true, ACCURACY, value=value, price=4.0)
    other, truth, _ = drawn(20_000, seed=2)
    worth = np.random.default_rng(3).lognormal(2, 1, 20_000)

    def profit(acted):
        return (acted * (truth * worth - 4)).mean()

    decided = found.decision.decide(other, value=worth)
    best = profit(other[:, 1] * worth > 4)
    alone = max(profit(other[:, 1] > cut) for cut in np.linspace(0, 1, 101))
    assert profit(decided) > 0.97 * best > alone
    assert found.promise.value.low < profit(decided) < found.promise.value.high
    assert found.promise.better
    again = Decision.from_json(json.loads(json.dumps(found.decision.as_json())))
    assert (again.decide(other, value=worth) == decided).all()


@pytest.mark.parametrize(
    ("value", "price", "said"),
    [
        (np.ones(9), 1.0, r"one value for each row of probabilities, got \(9,\)"),
        (np.full(60, np.nan), 1.0, "values must be finite numbers"),
        (np.ones(60), 0.0, "cost must be above 0 where values differ by row"),
        (np.ones(60), 5.0, "must bring more than a cost of 5, and some rows less, got none"),
    ],
)
def test_values_that_do_not_fit_are_refused(value, price, said):
    likely, true, _ = drawn(60, rare=0)
    with pytest.raises(InputError, match=said):
        tune(likely, true, ACCURACY, value=value, price=price)
    with pytest.raises(InputError, match="capacity must be a number of rows"):
        tune(likely, true, ACCURACY, value=np.full(60, 9.0), price=1.0, most=0.1)


def test_a_rule_of_values_needs_them():
    likely, true, _ = drawn(1000)
    rule = tune(likely, true, ACCURACY, value=np.full(1000, 9.0), price=1.0).decision
    assert rule.price == 1
    with pytest.raises(InputError, match="must have a value for each row"):
        rule.decide(likely)


# --- A number of rows -----------------------------------------------------------------------------


def test_a_number_of_rows_is_of_each_call():
    likely, true, _ = drawn(1000)
    found = tune(likely, true, counted.profit(10, 3, 1), rows=50)
    decided = found.decision.decide(likely)
    assert decided.sum() == 50
    assert likely[decided == 1, 1].min() >= np.sort(likely[:, 1])[-50]
    few = found.decision.decide(likely[:40])  # those that are worth a call, and not their share
    assert 2 < few.sum() == (likely[:40, 1] > found.decision.threshold).sum()
    assert found.promise.share == pytest.approx(0.05)
    assert found.promise.capacity == 0.05


def test_more_rows_than_there_are_is_no_limit():
    likely, true, _ = drawn(200)
    free = tune(likely, true, counted.profit(10, 1, 1))
    wide = tune(likely, true, counted.profit(10, 1, 1), rows=500)
    assert (wide.decision.decide(likely) == free.decision.decide(likely)).all()
    assert wide.promise.capacity is None


@pytest.mark.parametrize("given", [0, -1, 2.5, np.inf, np.nan, True, "many"])
def test_a_capacity_is_a_share_or_a_whole_number(given):
    with pytest.raises(InputError, match=r"a share above 0 and up to 1 or a whole number"):
        capacity_of(given, 2)
    with pytest.raises(InputError, match="of two classes, got 5 of 3"):
        capacity_of(5, 3)
    assert capacity_of(1, 2) == (1.0, None)
    assert capacity_of(200, 2) == (None, 200)


# --- Groups ---------------------------------------------------------------------------------------


def rates(decided, true, group, positive):
    return [
        float((decided[(group == name) & (true == positive)] == positive).mean()) for name in "ab"
    ]


@pytest.mark.parametrize("positive", [0, 1])
def test_each_group_finds_the_same_share(positive):
    likely, true, group = drawn(6000)
    found = tune_by_group(likely, true, ACCURACY, group, positive=positive)
    rule = found.decision
    first, second = rates(rule.decide(likely, group=group), true, group, positive)
    assert abs(first - second) <= 0.02
    other, truth, of = drawn(40_000, seed=1)
    first, second = rates(rule.decide(other, group=of), truth, of, positive)
    assert abs(first - second) < 0.05
    one = tune(likely, true, ACCURACY, positive=positive).decision.decide(other)
    before = np.ptp(rates(one, truth, of, positive))
    assert abs(first - second) < before - 0.02
    assert found.promise.gap < found.promise.gap_before
    for k, name in enumerate("ab"):  # the threshold as people are told it
        own = of == name
        above = other[own, positive] > rule.group_thresholds[name]
        assert (above == (rule.decide(other[own], group=of[own]) == positive)).all(), k


def test_the_thresholds_are_the_best_of_those_tried():
    likely, true, group = drawn(400, rare=0.5)
    rule = tune_by_group(likely, true, ACCURACY, group, gap=0.05).decision
    ours = (rule.decide(likely, group=group) == true).mean()
    best = 0.0
    lead = np.log(likely[:, 1] / likely[:, 0])
    cuts = {name: np.append(np.sort(lead[group == name]), 99) for name in "ab"}
    for first in cuts["a"]:
        for second in cuts["b"][::4]:
            decided = (lead >= np.where(group == "a", first, second)).astype(int)
            if abs(np.subtract(*rates(decided, true, group, 1))) <= 0.05:
                best = max(best, (decided == true).mean())
    assert ours > best - 0.02


def test_weights_and_rows_that_stay_together():
    likely, true, group = drawn(600, rare=0)
    weight = np.where(np.arange(600) % 3 == 0, 0.0, 1.0)
    there = weight > 0
    one = tune_by_group(likely, true, ACCURACY, group, weight=weight)
    two = tune_by_group(likely[there], true[there], ACCURACY, group[there])
    assert one.decision.by_group == two.decision.by_group
    blocks = tune_by_group(likely, true, ACCURACY, group, groups=np.arange(600) // 4)
    assert blocks.decision.by_group.keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("group", "more", "said"),
    [
        (np.full(60, "a"), {}, "groups with a threshold each must be 2 to 32, got 1"),
        (np.arange(60), {}, "must be 2 to 32, got 60; is it another column"),
        (np.array(["a"] * 58 + ["b"] * 2), {}, "10 positive rows or more to have a threshold, got"),
        (np.full(6, "a"), {}, r"one group for each row of probabilities, got \(6,\)"),
        (np.tile(["a", "b"], 30), {"gap": 1.0}, "gap must be from 0 to below 1, got 1"),
    ],
)
def test_groups_that_cannot_have_thresholds_are_refused(group, more, said):
    likely, true, _ = drawn(60, rare=-0.5)
    with pytest.raises(InputError, match=said):
        tune_by_group(likely, true, ACCURACY, group, **more)


def test_a_group_that_is_not_known_is_refused():
    likely, true, group = drawn(400, rare=0)
    rule = tune_by_group(likely, true, ACCURACY, group).decision
    with pytest.raises(InputError, match="the group must be one of a, b, got 'c'"):
        rule.decide(likely[:1], group=["c"])
    with pytest.raises(InputError, match="must have a group for each row"):
        rule.decide(likely)
    broken = dataclasses.replace(rule, by_group={"a": np.nan}).as_json()
    with pytest.raises(InputError, match="a rule must be the JSON object"):
        Decision.from_json(broken)
