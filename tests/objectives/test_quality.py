"""Values are those of scikit-learn, and so is each resample by its weights."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from gradless._core.probabilities import softmax
from gradless.objectives import get, quality


def problem(rows: int, classes: int, seed: int = 0, digits: int = 1):
    """Targets and probabilities that are somewhat right, with ties."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, rows)
    outputs = random.normal(size=(rows, classes)).round(digits)
    outputs[np.arange(rows), targets] += 0.8
    powers = np.exp(outputs)
    return targets, powers / powers.sum(1, keepdims=True)


def names(classes: int) -> list[str]:
    return [f"c{k}" for k in range(classes)]


def by_scikit_learn(targets, probabilities, weights=None):
    classes, predicted = probabilities.shape[1], probabilities.argmax(1)
    given = {"sample_weight": weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {
            "accuracy": reference.accuracy_score(targets, predicted, **given),
            "balanced accuracy": reference.balanced_accuracy_score(targets, predicted, **given),
            "log loss": reference.log_loss(targets, probabilities, **given, labels=range(classes)),
            "Brier score": reference.mean_squared_error(
                np.eye(classes)[targets], probabilities, **given
            ) * classes / 2,
        }  # fmt: skip
        if classes == 2:
            found["F1"] = reference.f1_score(targets, predicted, **given)
            score = probabilities[:, 1]
            found["ROC AUC"] = reference.roc_auc_score(targets, score, **given)
            found["average precision"] = reference.average_precision_score(targets, score, **given)
        else:
            found["F1"] = reference.f1_score(targets, predicted, average="macro", **given)
            found["ROC AUC"] = reference.roc_auc_score(
                targets, probabilities, multi_class="ovr", **given
            ) if weights is None else np.mean(
                [
                    reference.roc_auc_score(targets == k, probabilities[:, k], **given)
                    for k in range(classes)
                ]
            )  # fmt: skip
    return found


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_values_are_those_of_scikit_learn(classes):
    targets, probabilities = problem(300, classes)
    found = quality.of_classes(targets, probabilities, names(classes))
    expected = by_scikit_learn(targets, probabilities)
    assert {metric.name for metric in found} == set(expected)
    for metric in found:
        assert metric.value == pytest.approx(expected[metric.name], rel=1e-12)
        assert metric.low < metric.value < metric.high


@pytest.mark.parametrize("classes", [2, 4])
def test_each_resample_is_that_of_scikit_learn_with_weights(classes, monkeypatch):
    targets, probabilities = problem(80, classes)
    monkeypatch.setattr(quality, "_RESAMPLES", 60)
    monkeypatch.setattr(quality, "_FEWEST", 60)
    present, predicted = np.unique(targets), probabilities.argmax(1)
    labels = [1] if classes == 2 else np.union1d(present, predicted)
    samples = quality._classification_resamples(targets, probabilities, present, labels)
    order = ["accuracy", "balanced accuracy", "F1", "log loss", "Brier score", "ROC AUC"]
    order += ["average precision"]
    (drawn,) = quality._resamples(80, classes)
    assert samples.shape == (60, 7 if classes == 2 else 6)
    for rows, sample in zip(drawn, samples, strict=True):
        weights = np.bincount(rows, minlength=80)
        expected = by_scikit_learn(targets, probabilities, weights)
        for name, value in zip(order, sample, strict=False):
            assert value == pytest.approx(expected[name], rel=1e-9), name


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        targets = random.integers(0, 2, 150)
        right = random.random(150) < 0.8
        chosen = np.where(right, targets, 1 - targets)
        probabilities = np.where(chosen[:, None] == np.arange(2), 0.9, 0.1)
        accuracy = quality.of_classes(targets, probabilities, names(2))[0]
        held += accuracy.low <= 0.8 <= accuracy.high
    assert 0.88 <= held / 200 <= 0.99


def test_the_same_data_give_the_same_intervals_however_they_are_cut(monkeypatch):
    targets, probabilities = problem(120, 3)
    whole = quality.of_classes(targets, probabilities, names(3))
    monkeypatch.setattr(quality, "_AT_ONCE", 500)
    assert quality.of_classes(targets, probabilities, names(3)) == whole


def test_resamples_that_lack_a_class_are_left_out():
    targets, probabilities = problem(40, 2)
    targets[:] = 0
    targets[0] = 1  # in 37 % of the resamples it is not
    found = {m.name: m for m in quality.of_classes(targets, probabilities, names(2))}
    samples = quality._classification_resamples(targets, probabilities, np.arange(2), [1])
    assert 560 < len(samples) < 720
    assert np.isfinite(samples).all()
    assert found["ROC AUC"].low is not None


def test_what_the_data_do_not_define_is_none():
    targets, probabilities = problem(40, 3)
    targets = targets.clip(0, 1)  # the third class does not occur
    found = {m.name: m for m in quality.of_classes(targets, probabilities, names(3))}
    assert found["ROC AUC"][1:4] == (None, None, None)
    assert found["ROC AUC"].text == "not defined"
    assert found["balanced accuracy"].low < found["balanced accuracy"].value
    one = {m.name: m for m in quality.of_classes(targets * 0, probabilities[:, :2], names(2))}
    assert one["average precision"].value is None
    assert one["accuracy"].value is not None


def test_one_row_is_enough():
    found = quality.of_classes(np.array([1]), np.array([[0.2, 0.8]]), names(2))
    assert found[0][1:4] == (1.0, 1.0, 1.0)
    assert quality.of_numbers(np.array([1.0]), np.array([3.0]))[0][1:4] == (4.0, 4.0, 4.0)


def test_numbers_are_judged_as_by_scikit_learn():
    random = np.random.default_rng(0)
    true = random.normal(100, 20, 250)
    predicted = true + random.normal(0, 9, 250)
    mse, mae, r2 = quality.of_numbers(true, predicted)
    assert mse.value == pytest.approx(reference.mean_squared_error(true, predicted))
    assert mae.value == pytest.approx(reference.mean_absolute_error(true, predicted))
    assert r2.value == pytest.approx(reference.r2_score(true, predicted))
    (drawn,) = quality._resamples(250)
    values = [reference.r2_score(true[rows], predicted[rows]) for rows in drawn[:300]]
    assert r2.low == pytest.approx(np.quantile(values, 0.025), abs=0.01)
    assert r2.high == pytest.approx(np.quantile(values, 0.975), abs=0.01)
    assert quality.of_numbers(np.ones(9), np.arange(9.0))[2].value is None


def test_outputs_that_are_not_finite_are_said_to_be():
    for found in (
        quality.of_classes(np.array([0, 1]), np.full((2, 2), np.nan), names(2)),
        quality.of_numbers(np.ones(2), np.array([1, np.inf])),
    ):
        assert [m.value for m in found] == [None]
        assert "not finite" in found[0].meaning


def test_the_confusion_matrix_has_every_class():
    matrix = quality.confusion_matrix(np.array([0, 0, 1]), np.eye(3)[[0, 1, 1]])
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5000"), (12.345, "12.35"), (123.45, "123.5"), (12345.6, "12,346"), (0.0, "0"),
     (0.00012, "0.0001200"), (-1.5, "-1.500"), (999.96, "1,000"), (2.5e9, "2.500e+09")],
)  # fmt: skip
def test_values_in_words(value, text):
    assert quality.Metric("m", value).text == text


@pytest.mark.parametrize("size", [1.0, 30.0, 1000.0])
def test_the_log_loss_is_the_objective(size):
    random = np.random.default_rng(0)
    outputs = (size * random.normal(size=(50, 3))).astype(np.float32)
    targets = random.integers(0, 3, 50).astype(np.int32)
    found = quality.of_classes(targets, softmax(outputs.astype(np.float64)), "abc")
    (metric,) = (metric for metric in found if metric.name == "log loss")
    assert metric.value == pytest.approx(get("cross_entropy")(outputs, targets), rel=1e-5)
    assert metric.low < metric.value < metric.high
    plain = quality.of_classes(targets, softmax(outputs.astype(np.float64)), "abc", intervals=False)
    assert [(each.name, each.value, each.low) for each in plain] == [
        (each.name, each.value, None) for each in found
    ]


def test_the_brier_score_of_two_classes_is_that_of_scikit_learn():
    targets, probabilities = problem(80, 2)
    found = {m.name: m.value for m in quality.of_classes(targets, probabilities, names(2))}
    expected = reference.brier_score_loss(targets, probabilities[:, 1])
    assert found["Brier score"] == pytest.approx(expected, rel=1e-12)
