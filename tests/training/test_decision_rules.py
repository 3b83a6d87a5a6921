"""Rules of decision: the sweep, Bayes' rule, folds that promise, and files."""

import functools
import json
import time

import numpy as np
import pytest
from sklearn import metrics

from gradless import InputError, objectives
from gradless.training.decisions import Decision, counted, metric_of, tune
from gradless.training.decisions.candidates import Aim, Rows, fitted
from gradless.training.decisions.resampled import resampled
from gradless.training.decisions.sweep import best_offsets, within

F1 = counted.named("f1", positive=1)


def two(rows, seed=0, rare=2.0, slope=1.0):
    """Probabilities of two classes, true for a slope of 1, and classes drawn by them."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=rows) - rare
    true = (rng.uniform(size=rows) < 1 / (1 + np.exp(-logits))).astype(int)
    likely = 1 / (1 + np.exp(-slope * logits))
    return np.stack([1 - likely, likely], 1), true


def several(rows, classes, seed=0):
    rng = np.random.default_rng(seed)
    powers = np.exp(1.5 * rng.normal(size=(rows, classes)) - np.linspace(0, 2, classes))
    likely = powers / powers.sum(1, keepdims=True)
    return likely, (likely.cumsum(1) < rng.uniform(size=(rows, 1))).sum(1)


def value(metric, true, decided, classes, weight=None):
    cells = np.bincount(true * classes + decided, weight, classes**2).astype(float)
    return float(metric.of(cells.reshape(1, classes, classes))[0])


# --- Metrics --------------------------------------------------------------------------------------


def _macro(**more):
    return lambda a, b, w: metrics.f1_score(a, b, sample_weight=w, zero_division=0, **more)


KNOWN = {
    "accuracy": lambda a, b, w: metrics.accuracy_score(a, b, sample_weight=w),
    "balanced_accuracy": lambda a, b, w: metrics.balanced_accuracy_score(a, b, sample_weight=w),
    "f1_macro": _macro(average="macro"),
    "f1_weighted": _macro(average="weighted"),
    "matthews": lambda a, b, w: metrics.matthews_corrcoef(a, b, sample_weight=w),
    "cohen_kappa": lambda a, b, w: metrics.cohen_kappa_score(a, b, sample_weight=w),
    "quadratic_kappa": lambda a, b, w: metrics.cohen_kappa_score(
        a, b, sample_weight=w, weights="quadratic"
    ),
}
OF_TWO = {
    "f1": _macro(),
    "fbeta:2": lambda a, b, w: metrics.fbeta_score(a, b, beta=2, sample_weight=w),
    "precision": lambda a, b, w: metrics.precision_score(a, b, sample_weight=w),
    "recall": lambda a, b, w: metrics.recall_score(a, b, sample_weight=w),
    "jaccard": lambda a, b, w: metrics.jaccard_score(a, b, sample_weight=w),
}


@pytest.mark.parametrize(
    ("name", "classes"),
    [*((name, count) for name in KNOWN for count in (2, 4)), *((name, 2) for name in OF_TWO)],
)
def test_metrics_are_those_of_scikit_learn(name, classes):
    rng = np.random.default_rng(1)
    true, decided = rng.integers(0, classes, (2, 200))
    weight = rng.uniform(0, 2, 200)
    mine = value(counted.named(name, 1, classes), true, decided, classes, weight)
    assert mine == pytest.approx((KNOWN | OF_TWO)[name](true, decided, weight))


def test_an_objective_of_this_package_is_the_metric_of_its_name():
    names = ["n", "y"]
    for alias, name in objectives.ALIASES.items():
        if name in counted.NAMES:
            assert metric_of(alias, names).of == metric_of(name, names).of
    assert metric_of(objectives.get("f1"), names).of(np.array([[[5.0, 2], [1, 3]]])) == [6 / 9]
    own = objectives.Objective("mine", "share of wrong ones", objectives.get("zero_one").of_samples)
    metric = metric_of(own, names)
    assert metric.benefits == pytest.approx(np.array([[0, -1], [-1, 0]]))


def test_a_function_that_is_a_sum_is_known_to_be_one():
    def profit(true, decided):
        return 10 * np.sum((true == "y") & (decided == "y")) - np.sum(decided == "y")

    metric = metric_of(profit, ["n", "y"], greater_is_better=True)
    assert metric.fast
    assert metric.total
    assert metric.benefits.tolist() == [[0, -1], [0, 9]]
    mean = metric_of(metrics.hamming_loss, ["n", "y"], greater_is_better=False)
    assert mean.fast
    assert not mean.total


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_a_function_is_a_sum_or_none_in_any_unit(unit):
    names = ["n", "y"]
    of_function = functools.partial(metric_of, classes=names, greater_is_better=True)
    assert of_function(lambda true, decided: unit * np.mean(true == decided)).fast
    assert not of_function(lambda true, decided: unit * np.mean(true == decided) ** 2).fast


def test_a_function_that_is_no_sum_is_called_with_rows_or_weights():
    names = ["n", "y"]
    scorer = metric_of(metrics.make_scorer(metrics.fbeta_score, beta=0.5, pos_label="y"), names)
    assert not scorer.fast
    tables = np.random.default_rng(0).integers(1, 9, (3, 2, 2)).astype(float)
    assert scorer.of(tables) == pytest.approx(counted.named("fbeta:0.5", 1).of(tables))
    unweighted = metric_of(lambda true, decided: float(np.sum(true == decided)) ** 2, names,
                           greater_is_better=True)  # fmt: skip
    assert unweighted.of(tables) == pytest.approx(np.trace(tables, axis1=1, axis2=2) ** 2)


# --- The sweep ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "matthews", "profit"])
@pytest.mark.parametrize("digits", [1, 12])
def test_the_sweep_of_two_classes_is_every_threshold_tried(name, digits):
    likely, true = two(120, seed=3)
    weight = np.random.default_rng(4).uniform(0, 2, len(true))
    metric = counted.profit(10, 2, 1) if name == "profit" else counted.named(name, 1)
    scores = np.log(likely).round(digits)  # of few digits: many are equal
    offsets = best_offsets(scores, np.eye(2)[true], weight, metric, np.zeros(2))
    found = value(metric, true, (scores + offsets).argmax(1), 2, weight)
    lead = scores[:, 1] - scores[:, 0]
    tried = [-np.inf, *np.unique(lead)]
    best = max(value(metric, true, (lead > cut).astype(int), 2, weight) for cut in tried)
    assert found == pytest.approx(best, rel=1e-12)


def test_sweeps_of_more_classes_never_end_below_their_beginning():
    likely, true = several(400, 4)
    metric, weight = counted.named("f1_macro", 1), np.ones(len(true))
    logs, start = np.log(likely), np.array([0.0, 0.1, -0.2, 0.3])
    offsets = best_offsets(logs, np.eye(4)[true], weight, metric, start)
    before = value(metric, true, (logs + start).argmax(1), 4)
    after = value(metric, true, (logs + offsets).argmax(1), 4)
    assert after > before
    for k in range(4):  # and no single class's offset makes it much better
        for step in np.linspace(-1, 1, 41):
            moved = (logs + offsets + step * np.eye(4)[k]).argmax(1)
            assert value(metric, true, moved, 4) < after + 0.01


def test_no_more_rows_are_positive_than_there_is_capacity_for():
    likely, true = two(2000)
    found = tune(likely, true, metric_of("profit", [0, 1], value=100), most=0.05)
    assert found.promise.share == pytest.approx(0.05, abs=0.01)
    assert (found.decision.decide(likely) == 1).mean() <= 0.05 + 1e-9


@pytest.mark.parametrize("positive", [0, 1])
def test_with_a_capacity_argmax_has_the_same_one(positive):
    likely, true = two(1000, rare=0)
    profit = counted.profit(10, 1, positive)
    promise = tune(likely, true, profit, most=0.1, positive=positive).promise
    # The threshold is above 0.5 for both, so they decide alike.
    assert promise.improvement.value == pytest.approx(0, abs=0.02)
    assert promise.capacity == 0.1
    scores = np.log(likely)
    lead = scores[:, positive] - scores[:, 1 - positive]
    for most in (0.1, 0.9):
        moved = (scores + within(scores, np.ones(1000), most, positive)).argmax(1) == positive
        assert moved.mean() == pytest.approx(min(most, (lead > 0).mean()), abs=1e-9)


# --- Rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
def test_costs_have_the_rule_of_bayes_where_probabilities_are_true(classes):
    likely, true = two(4000) if classes == 2 else several(4000, 3)
    costs = np.random.default_rng(5).uniform(1, 9, (classes, classes))
    np.fill_diagonal(costs, 0)
    metric = metric_of("cost", list(range(classes)), costs=costs)
    rule = fitted(["expected"], Rows(likely, true, np.ones(4000)), Aim(metric, (0, 1, 2)[:classes]))
    decided = rule["expected"].decide(likely)
    bayes = (likely @ costs).argmin(1)
    assert (decided == bayes).mean() > 0.97
    assert rule["expected"].temperature == pytest.approx(1, abs=0.1)


def test_a_temperature_is_found():
    likely, true = two(3000, slope=2.5)
    rule = tune(likely, true, F1).decision
    assert rule.temperature == pytest.approx(2.5, rel=0.2)
    corrected = rule.probabilities(likely)
    assert metrics.log_loss(true, corrected) < metrics.log_loss(true, likely) - 0.03


def test_probabilities_of_a_model_with_weighted_classes_are_corrected():
    likely, true = two(3000)
    odds = 9 * likely[:, 1] / likely[:, 0]
    weighted = np.stack([1 / (1 + odds), odds / (1 + odds)], 1)
    profit = counted.profit(10, 3, 1)
    assert tune(weighted, true, profit).decision.threshold > 0.6
    assert tune(likely, true, profit).decision.threshold == pytest.approx(0.3, abs=0.08)


def test_offsets_fold_into_logits():
    likely, true = several(1500, 4)
    logits = np.log(likely) + 3.0
    rule = tune(likely, true, counted.named("balanced_accuracy", 1)).decision
    assert rule.kind != "argmax"
    folded = (logits + rule.logit_offsets).argmax(1)
    assert (folded == rule.decide(likely)).mean() > 0.999
    two_likely, two_true = two(1500)
    rule = tune(two_likely, two_true, F1).decision
    assert ((two_likely[:, 1] > rule.threshold) == rule.decide(two_likely)).all()


def test_costs_of_several_classes_fold_into_a_last_layer():
    likely, true = several(1500, 4)
    costs = np.abs(np.arange(4)[:, None] - np.arange(4)) ** 2.0
    metric = metric_of("cost", range(4), costs=costs)
    found = tune(likely, true, metric, folds_in=True)
    rule = found.decision
    assert rule.logit_offsets is None
    logits = 0.5 * np.log(likely) + 3
    weights, biases = rule.folded(2 * np.eye(4), np.full(4, 7.0))
    assert ((logits @ weights + biases).argmax(1) == rule.decide(likely)).all()
    # Nearly as good as Bayes' rule, which offsets are not: classes between others are hedges.
    rows = Rows(likely, true, np.ones(1500))
    bayes = fitted(["expected"], rows, Aim(metric, tuple(range(4))))["expected"]
    offsets_alone = counted.Metric("costs", False, metric.of)
    moved = fitted(["expected"], rows, Aim(offsets_alone, tuple(range(4))))["expected"]
    other, truth = several(20_000, 4, seed=1)
    best, mapped, worse = (
        value(metric, truth, one.decide(other), 4) for one in (bayes, rule, moved)
    )
    assert best <= mapped < best + 0.5 * (worse - best)
    assert found.promise.value.low < mapped < found.promise.value.high
    assert Decision.from_json(json.loads(json.dumps(rule.as_json()))).mixing == pytest.approx(
        rule.mixing
    )
    with pytest.raises(InputError, match="is no layer of a network"):
        bayes.folded(np.eye(4), np.zeros(4))


def test_a_decision_that_is_never_worse_is_always_taken():
    likely, true = two(300)
    metric = metric_of("cost", [0, 1], costs=[[0, 0], [5, 0]])
    assert tune(likely, true, metric).promise.value.value == 0


def test_a_rule_is_the_same_for_a_seed_and_for_any_scale_of_weights():
    likely, true = two(500)
    one, same = (tune(likely, true, F1, seed=3) for _ in range(2))
    assert one.promise == same.promise
    assert one.decision.as_json() == same.decision.as_json()
    twice = tune(likely, true, F1, weight=np.full(500, 2.0), seed=3)
    assert twice.promise.value.value == pytest.approx(one.promise.value.value, abs=0.02)


def test_rows_of_weight_zero_might_as_well_not_be_there():
    likely, true = two(400)
    group, weight = np.arange(400) // 4, np.ones(400)
    weight[::3] = 0
    for groups in (None, group):
        whole = tune(likely, true, F1, weight=weight, groups=groups)
        kept = None if groups is None else groups[weight > 0]
        part = tune(likely[weight > 0], true[weight > 0], F1, groups=kept)
        assert whole.decision.as_json() == part.decision.as_json()
        assert whole.promise == part.promise


def test_rules_are_read_back_from_json(tmp_path):
    for metric in (counted.named("f1_macro", 1),
                   metric_of("cost", [0, 1, 2], costs=np.ones((3, 3)) - np.eye(3))):  # fmt: skip
        likely, true = several(300, 3)
        rule = tune(likely, true, metric, classes=["a", "b", "c"]).decision
        rule.save(tmp_path / "rule.json", note="beside")
        read = Decision.load(tmp_path / "rule.json")
        assert read.as_json() == rule.as_json()
        assert (read.scores(likely) == rule.scores(likely)).all()
    facts = json.loads((tmp_path / "rule.json").read_text())
    assert facts["note"] == "beside"
    with pytest.raises(InputError, match=r"rule.json cannot be written .* make its folder first"):
        rule.save(tmp_path / "none" / "rule.json")
    for wrong in ({"offsets": [0.0]}, {"format": 9}, {"temperature": 0}, {"bias": None}):
        with pytest.raises(InputError, match="must be the JSON object"):
            Decision.from_json(facts | wrong)
    with pytest.raises(InputError, match="cannot be read"):
        Decision.load(tmp_path / "nothing.json")


# --- Promises -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("f1_macro", 12),
        pytest.param("f1_macro", 100, marks=pytest.mark.slow),
    ],
)
def test_of_noise_nothing_is_promised(name, times):
    """Probabilities that know nothing: what is found on 120 rows is luck, and not promised."""
    held, gains = [], []
    for seed in range(times):
        rng = np.random.default_rng(seed)
        likely = rng.dirichlet([4, 4], 120)
        true = rng.permutation(120) % 2
        gain = tune(likely, true, counted.named(name, 1), seed=seed).promise.improvement
        held.append(gain.low <= 0 <= gain.high)
        gains.append(gain.value)
    assert np.mean(held) >= 0.88
    assert abs(np.mean(gains)) < 0.02


@pytest.mark.slow
def test_what_is_promised_is_what_other_rows_see():
    likely, true = two(20_000, seed=6, slope=2.0)
    promised, seen = [], []
    for part in np.arange(6_000).reshape(10, 600):
        rule, promise = tune(likely[part], true[part], F1)
        promised.append(promise.value.value)
        seen.append(value(F1, true[6_000:], rule.decide(likely[6_000:]), 2))
    assert np.mean(promised) == pytest.approx(np.mean(seen), abs=0.02)


def test_where_nothing_is_better_argmax_stays():
    likely, true = two(400, seed=1, rare=0.0)
    found = tune(likely, true, counted.named("accuracy", 1))
    assert found.decision.kind == "argmax"
    assert found.promise.improvement == (0, 0, 0)
    assert not found.promise.better
    assert found.promise.value == found.promise.argmax


def test_groups_stay_together():
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(60), 10)
    luck = rng.integers(0, 2, 60)[group]  # each group has one class, and a score of its own
    score = rng.uniform(size=60)[group]
    likely = np.stack([1 - score, score], 1)
    apart = tune(likely, luck, counted.named("accuracy", 1), groups=group).promise
    assert apart.improvement.value <= 0.1
    with pytest.raises(InputError, match="groups must be three or more, got 2"):
        tune(likely, luck, F1, groups=group % 2)
    # One group of each class, and one of both: every fold has one.
    three = np.where(group % 3 == 0, 2, luck)
    assert tune(likely, luck, F1, groups=three).promise.rows == len(luck)


def test_resamples_are_as_far_apart_as_drawn_rows_are():
    likely, true = two(300)
    decided = likely.argmax(1)
    drawn = resampled([decided], true, np.ones(300), counted.named("accuracy", 1), 2)[:, 0]
    right = (decided == true).mean()
    assert drawn.mean() == pytest.approx(right, abs=0.005)
    assert drawn.std() == pytest.approx(np.sqrt(right * (1 - right) / 300), rel=0.1)


def test_five_thousand_rows_take_about_a_second():
    likely, true = two(5000)
    begun = time.process_time()
    tune(likely, true, F1)
    assert time.process_time() - begun < 3
