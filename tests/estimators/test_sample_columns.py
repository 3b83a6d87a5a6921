"""Estimators trained for objectives that look at more than the answers, or at classes by name."""

import numpy as np
import pytest

from gradless import GradientFreeClassifier, GradientFreeRegressor, InputError, load_estimator
from gradless.objectives import cost_matrix, get

QUICK = {
    "hidden_layer_sizes": (3,), "strategy": "hill_climbing", "random_state": 0,
    "early_stopping": False, "max_evaluations": 1500,
}  # fmt: skip
STRAIGHT = {**QUICK, "log_loss_first": False}
ROWS = 60


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 2))
    y = np.where(X[:, 0] + rng.normal(size=ROWS) > 0.5, "yes", "no")
    return X, y, rng.uniform(0, 10, ROWS)


def test_profit_is_that_of_the_values_of_each_row(rows):
    X, y, value = rows
    model = GradientFreeClassifier(objective="profit:3", **STRAIGHT).fit(X, y, sample_value=value)
    chosen = model.predict(X) == "yes"
    profit = np.mean(chosen * ((y == "yes") * value - 3))
    assert -model.best_loss_ == pytest.approx(profit, rel=1e-5)
    assert profit > max(0, np.mean((y == "yes") * value - 3))
    # Rows of equal features and other values are no equal rows, and their order means nothing.
    order = np.random.default_rng(1).permutation(ROWS)
    again = GradientFreeClassifier(objective="profit:3", **STRAIGHT)
    again.fit(X[order], y[order], sample_value=value[order])
    np.testing.assert_array_equal(model.coefs_[0], again.coefs_[0])


@pytest.mark.parametrize(
    "objective",
    ["cost_matrix:yes:no=5 no:yes=1", cost_matrix({("yes", "no"): 5, ("no", "yes"): 1})],
    ids=["typed", "by name"],
)
def test_costs_are_those_of_the_labels(rows, objective, tmp_path):
    X, y, _ = rows
    model = GradientFreeClassifier(objective=objective, **STRAIGHT).fit(X, y)
    predicted = model.predict(X)
    cost = 5 * np.mean((y == "yes") & (predicted == "no"))
    cost += np.mean((y == "no") & (predicted == "yes"))
    assert model.best_loss_ == pytest.approx(cost, rel=1e-5)
    assert cost < min(5 * np.mean(y == "yes"), np.mean(y == "no"))


def test_an_estimator_for_costs_is_saved(rows, tmp_path):
    X, y, _ = rows
    model = GradientFreeClassifier(objective="costs:[[0,1],[5,0]]", **STRAIGHT).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    loaded = load_estimator(tmp_path / "model.safetensors")
    assert loaded.objective == "costs:[[0,1],[5,0]]"
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_groups_and_events_go_with_their_rows(rows):
    X, _, time = rows
    event = np.arange(ROWS) % 3 > 0
    model = GradientFreeRegressor(objective="concordance", **QUICK)
    model.fit(X, time, sample_event=event)
    value = get("concordance")(model.predict(X)[:, None], time, extras={"event": event})
    assert -model.best_loss_ == pytest.approx(value, rel=1e-5)
    group, grade = np.repeat(["a", "b", "c"], ROWS // 3), np.floor(time / 2)
    ranker = GradientFreeRegressor(objective="ndcg", **QUICK).fit(X, grade, sample_group=group)
    value = get("ndcg")(ranker.predict(X)[:, None], grade, extras={"group": group})
    assert -ranker.best_loss_ == pytest.approx(value, rel=1e-5)


def test_a_number_of_rows_is_its_share_of_them(rows):
    X, y, _ = rows
    model = GradientFreeClassifier(objective="precision_at_k:12", **STRAIGHT).fit(X, y)
    best = np.argsort(-model.decision_function(X))[:12]
    assert -model.best_loss_ == pytest.approx(np.mean(y[best] == "yes"), rel=1e-5)


@pytest.mark.parametrize(
    ("objective", "columns", "said"),
    [
        ("profit:3", {}, r"must have a value for each row, got none.*sample_value="),
        (
            "f1",
            {"sample_value": np.ones(ROWS)},
            "sample_value, must be left out for objective 'f1'",
        ),
        ("jaccard", {"sample_group": np.ones(ROWS)}, "sample_group, must be left out"),
        ("profit:3", {"sample_value": np.ones(3)}, r"sample_value must be of shape \(60,\), got"),
        (
            "profit:3",
            {"sample_value": np.full(ROWS, np.nan)},
            "a finite number in each row, got nan",
        ),
        ("equal_opportunity:0.1", {"sample_group": np.arange(ROWS)}, "at most 32 for .* got 60"),
        ("profit_at_k:60", {"sample_value": np.ones(ROWS)}, "of fewer rows than there are, got 60"),
        ("costs:a:b=1", {}, "unknown class 'a'"),
    ],
)
def test_what_does_not_fit_is_refused(rows, objective, columns, said):
    X, y, _ = rows
    with pytest.raises(InputError, match=said):
        GradientFreeClassifier(objective=objective, **STRAIGHT).fit(X, y, **columns)


def test_relevances_are_zero_or_more(rows):
    X, _, time = rows
    with pytest.raises(InputError, match="answers must be 0 or more for objective 'ndcg'"):
        GradientFreeRegressor(objective="ndcg", **QUICK).fit(X, -time, sample_group=np.ones(ROWS))
    with pytest.raises(InputError, match="must be used for 1 number to predict, got 2"):
        GradientFreeRegressor(objective="concordance", **QUICK).fit(X, np.c_[time, time])


def test_pairs_of_more_rows_than_are_compared_at_once():
    """In blocks, the last of which is filled up."""
    rng = np.random.default_rng(2)
    time, score, event = rng.integers(0, 50, 300), rng.integers(0, 50, 300), rng.integers(0, 2, 300)
    known = (time[:, None] < time) | ((time[:, None] == time) & (event == 0))
    pairs = known & (event[:, None] == 1)
    right = (score[:, None] < score) + (score[:, None] == score) / 2
    found = get("concordance")(score[:, None], time, extras={"event": event})
    assert found == pytest.approx((pairs * right).sum() / pairs.sum(), rel=1e-5)
