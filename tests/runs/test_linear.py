"""Linear models beside a network, and whether the network is better than luck."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gradless.objectives import get
from gradless.runs.advantage import Advantage, advantages, verdicts
from gradless.runs.linear import linear
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.runs.scoring import Scoring, drawn


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two numbers, and a word, three words and a number that follow them with some noise."""
    rng = np.random.default_rng(0)
    a, b, noise = rng.normal(size=(3, 160)).round(3)
    lead = a - 2 * b + 0.5 * noise
    path = tmp_path_factory.mktemp("linear") / "table.csv"
    lines = [
        f"{x},{y},{'yes' if z > 1 else 'no'},{'lmh'[np.digitize(z, [-1, 1])]},{1e6 + 1000 * z:.2f}"
        for x, y, z in zip(a, b, lead, strict=True)
    ]
    path.write_text("\n".join(["a,b,word,three,amount", *lines, ""]), encoding="utf-8")
    return str(path)


def of(table, target, **recipe):
    drop = tuple({"word", "three", "amount"} - {target})
    prepared = prepare(Recipe(table, target=target, drop=drop, hidden=(2,), **recipe))
    scoring = Scoring(prepared, prepared.test)
    return prepared, scoring, linear(prepared, scoring)


@pytest.mark.parametrize("target", ["word", "three"])
def test_classes_have_a_logistic_regression(table, target):
    prepared, _, found = of(table, target)
    assert (found.model, found.rows, found.decided) == ("logistic regression", 120, False)
    assert found.answers.sum(1) == pytest.approx(np.ones(40))
    train, test = prepared.train, prepared.test
    likely = found.answers[np.arange(40), test.targets]
    assert found.judged.value == pytest.approx(-np.log(likely).mean(), rel=1e-4)
    assert found.judged.accuracy == pytest.approx(np.mean(found.answers.argmax(1) == test.targets))
    theirs = [
        LogisticRegression(C=strength, max_iter=1000).fit(train.features, train.targets)
        for strength in (0.01, 0.1, 1, 10)
    ]
    apart = [np.abs(m.predict_proba(test.features) - found.answers).max() for m in theirs]
    assert min(apart) < 1e-3


def test_numbers_have_a_ridge_regression_in_their_units(table):
    prepared, _, found = of(table, "amount")
    assert found.model == "ridge regression"
    errors = found.answers - prepared.test.targets
    assert found.judged.value == pytest.approx(np.mean(errors**2), rel=1e-3)
    assert found.judged.value < 0.1 * np.var(prepared.test.targets)


def test_an_objective_of_decisions_gets_one(table):
    _, test, found = of(table, "word", objective="f1")
    assert found.judged.value == pytest.approx(test.value(found.outputs))
    assert found.judged.value > 0.7


def test_what_cannot_be_fitted_is_left_out(tmp_path):
    lines = [f"{k},{k % 2}" for k in range(8)]
    path = tmp_path / "few.csv"
    path.write_text("\n".join(["a,y", *lines, ""]), encoding="utf-8")
    prepared = prepare(Recipe(str(path), test_fraction=0.0, hidden=(2,)))
    assert linear(prepared, Scoring(prepared, prepared.train)) is None


@pytest.mark.parametrize(
    ("target", "objective"),
    [("word", "cross_entropy"), ("word", "f1"), ("amount", "squared_error"), ("amount", "r2")],
)
def test_resamples_are_the_objective_of_these_rows(table, target, objective):
    prepared, test, found = of(table, target, objective=objective)
    counts = np.concatenate([np.ones((1, 40)), drawn(40, 2)])
    values = test.resampled(found.outputs, counts)
    assert values[0] == pytest.approx(test.value(found.outputs), rel=1e-4)
    for value, count in zip(values, counts, strict=True):
        rows = np.repeat(np.arange(40), count.astype(int))
        shift = 0 if prepared.outputs is None else prepared.outputs.shift
        outputs, targets = found.outputs[rows] - shift, prepared.test.targets[rows] - shift
        expected = get(objective)(outputs, targets)
        assert value == pytest.approx(expected, rel=1e-3)


def test_an_advantage_has_the_sign_of_the_better_one(table):
    prepared, test, found = of(table, "word")
    shares = np.tile(np.log(np.bincount(prepared.train.targets) / 120), (40, 1))
    over, itself, nothing = advantages(test, found.outputs, shares, found.outputs, None)
    assert over.low < over.value < over.high
    assert over.is_sure
    assert itself == (0, 0, 0)
    assert nothing is None
    back, *_ = advantages(test, shares, found.outputs)
    assert back.is_lost
    assert back == pytest.approx([-over.value, -over.high, -over.low])


@pytest.mark.parametrize(
    ("advantage", "said"),
    [
        (Advantage(0.2, 0.1, 0.3), None),
        (Advantage(0.2, -0.1, 0.3), "may be luck"),
        (Advantage(-0.1, -0.3, 0.1), "no better than the line: loss 0.5000 against 0.7000"),
        (Advantage(-0.2, -0.3, -0.1), "worse than the line"),
        (None, None),
    ],
)
def test_what_an_advantage_says(advantage, said):
    found = list(verdicts(get("cross_entropy"), 0.5, [("the line", 0.7, advantage)]))
    assert len(found) == (said is not None)
    if said is not None:
        assert said in found[0]
