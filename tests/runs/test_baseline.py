import numpy as np
import pytest

from gradless.objectives import get
from gradless.objectives.quality import of_numbers
from gradless.runs.baseline import Baseline, baseline, verdicts
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Judged
from gradless.runs.recipe import Recipe


@pytest.fixture
def table(tmp_path):
    """80 rows of which 60 are "no", and numbers with a few large ones."""
    path = tmp_path / "table.csv"
    lines = [f"{k},{'yes' if k % 4 == 0 else 'no'},{k % 4 + (k % 8 == 0) * 90}" for k in range(80)]
    path.write_text("\n".join(["size,churn,price", *lines, ""]), encoding="utf-8")
    return str(path)


def of(table, target, **recipe):
    prepared = prepare(Recipe(table, target=target, hidden=(2,), strategy="openai_es", **recipe))
    return prepared, baseline(prepared)


def test_the_baseline_of_classes_is_their_shares(table):
    _, found = of(table, "churn")
    assert found.answer == "the shares of the classes"
    entropy = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    assert found.train[:2] == pytest.approx((entropy, 0.75), rel=1e-5)
    assert found.test[:2] == pytest.approx((entropy, 0.75), rel=1e-5)


def test_of_f1_it_finds_everything(table):
    _, found = of(table, "churn", objective="f1")
    assert found.answer == "'yes'"
    assert found.test.value == pytest.approx(0.4)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    ("objective", "middle"), [("squared_error", "mean"), ("absolute_error", "median")]
)
def test_of_numbers_it_is_their_middle(table, objective, middle, standardize):
    prepared, found = of(
        table, "price", objective=objective, task="regression", standardize=standardize
    )
    value = getattr(np, middle)(prepared.train.targets)
    assert found.answer.startswith(f"the {middle}, ")
    errors = prepared.test.targets - value
    expected = np.mean(errors**2) if middle == "mean" else np.mean(np.abs(errors))
    assert found.test.value == pytest.approx(expected, rel=1e-4)


def test_of_a_quantile_it_is_that_quantile(table):
    prepared, found = of(table, "price", objective="quantile:0.9", task="regression")
    assert found.answer.startswith("the 0.9 quantile, ")
    value = np.quantile(prepared.train.targets, 0.9, method="inverted_cdf")
    errors = prepared.test.targets - value
    expected = np.maximum(0.9 * errors, -0.1 * errors).mean()
    assert found.test.value == pytest.approx(expected, rel=1e-4)
    measures = of_numbers(prepared.test.targets, np.full(len(errors), value), quantile=0.9)
    assert [each.name for each in measures] == ["pinball loss", "coverage", "MSE", "MAE", "R²"]
    assert measures[0].value == pytest.approx(expected)
    assert measures[1].value == np.mean(errors <= 0)
    assert measures[0].low <= expected <= measures[0].high


SIMPLE = Baseline("the shares of the classes", Judged(0.7, 0.6), Judged(0.6, 0.7))


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (0.35, 0.35, []),
        (0.35, 0.44, []),  # what is lost from training rows to new ones is usual
        (0.60, 0.60, ["no better"]),
        (0.60, np.nan, ["no better", "far better"]),
        (0.10, 0.58, ["far better"]),
        (0.00, 9.90, ["no better", "far better"]),
    ],
)
def test_what_the_figures_say(train, test, said):
    found = verdicts(get("cross_entropy"), train, test, SIMPLE)
    assert len(found) == len(said)
    for sentence, part in zip(found, said, strict=True):
        assert part in sentence
    assert verdicts(get("cross_entropy"), train, None, SIMPLE) == []
    assert verdicts(get("cross_entropy"), train, test, None) == []


def test_less_loss_on_new_rows_is_not_called_far_worse():
    """Rows that spread less have less to lose: a fifth of their baseline, and less than before."""
    simple = Baseline("the mean", Judged(100.0, None), Judged(10.0, None))
    assert verdicts(get("squared_error"), 8.0, 7.0, simple) == []
    (sentence,) = verdicts(get("squared_error"), 8.0, 9.0, simple)
    assert "far better" in sentence


def test_figures_of_which_more_is_better():
    simple = Baseline("'yes'", Judged(0.4, 0.2), Judged(0.4, 0.2))
    assert verdicts(get("f1"), 0.9, 0.85, simple) == []
    (sentence,) = verdicts(get("f1"), 0.9, 0.6, simple)
    assert sentence.endswith("far better than new ones: f1 0.9000 against 0.6000.")
    (sentence, _) = verdicts(get("f1"), 0.9, 0.4, simple)
    assert "f1 0.4000 against 0.4000" in sentence


def test_its_answers_are_those_that_it_was_measured_by(table):
    _, shares = of(table, "churn")
    np.testing.assert_allclose(shares.of(2), [[0.75, 0.25]] * 2)
    _, always = of(table, "churn", objective="f1")
    np.testing.assert_array_equal(always.of(3), [[0.0, 1.0]] * 3)
    prepared, median = of(table, "price", objective="absolute_error", task="regression")
    np.testing.assert_array_equal(median.of(2), [np.median(prepared.train.targets)] * 2)
