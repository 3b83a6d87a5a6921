"""The pictures of predictions show the numbers they were given, and what these mean."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, r2_score, roc_auc_score, roc_curve

from gradless.views.predictions import confusion, residuals, roc
from gradless.views.style import DPI
from helpers.figures import labels, line, png_size, texts


def test_confusion_counts_true_rows_and_predicted_columns():
    figure = confusion([0, 0, 0, 1, 2], [0, 0, 2, 1, 2], "abc", None, "iris")
    axes = figure.axes[0]
    counts, subtitle = texts(figure)[:9], texts(figure)[9]
    assert counts == ["2", "0", "1", "0", "1", "0", "0", "0", "1"]
    assert subtitle == "accuracy 80.0% (4 of 5)"
    shares = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shares, [[2 / 3, 0, 1 / 3], [0, 1, 0], [0, 0, 1]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "c"]
    assert figure.axes[1].get_ylabel() == "share of the true class"


@pytest.mark.parametrize("classes", [1, 2, 30])
@pytest.mark.slow
def test_confusion_grows_with_its_classes_and_turns_long_names(classes, tmp_path):
    path = tmp_path / "p.png"
    names = [f"a class with quite a long name {index}" for index in range(classes)]
    targets = np.arange(classes)
    figure = confusion(targets, targets, names, path, "title")
    width, height = figure.get_size_inches() * DPI
    assert png_size(path) == pytest.approx((width, height), abs=1)
    ticks = figure.axes[0].get_xticklabels()
    assert all(len(tick.get_text()) <= 24 for tick in ticks)
    assert ticks[0].get_rotation() == (0 if classes == 1 else 45)
    # Cells keep a size in which a count is readable.
    assert figure.axes[0].get_window_extent().width / classes > 0.3 * DPI


def test_confusion_with_a_class_that_never_occurs():
    figure = confusion([0, 0], [0, 1], ["a", "b"], None, "")
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), [[0.5, 0.5], [0, 0]])


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([0, 1], [0], "2 targets but 1"),
        ([], [], "n at least 1"),
        ([0.0, 1.0], [0, 1], "expected integers"),
        ([0, 1], [0, 2], "expected 0 to 1"),
        ([0, -1], [0, 1], "expected 0 to 1"),
    ],
)
def test_confusion_refuses_what_it_cannot_count(targets, predictions, message):
    with pytest.raises(ValueError, match=message):
        confusion(targets, predictions, ["a", "b"], None, "")


# Ties in the middle, and a sample of each class at both ends.
ROC = ([1, 0, 1, 1, 0, 1, 0, 0, 1, 0], [9, 8, 7, 5, 5, 5, 5, 2, 1, 0])


def test_roc_shows_curve_diagonal_and_area(tmp_path):
    true, scores = ROC
    path = tmp_path / "p.png"
    figure = roc(true, scores, path, "churn: test data", name="yes")
    assert png_size(path) == (900, 930)
    wrong, found, _ = roc_curve(true, scores, drop_intermediate=False)
    area = roc_auc_score(true, scores)
    curve = line(figure, f"the network: {area:.3f}")
    np.testing.assert_allclose(curve, np.stack([wrong, found], axis=1))
    assert line(figure, "guessing: 0.5").tolist() == [[0, 0], [1, 1]]
    assert texts(figure) == [f"ROC AUC {area:.3f}, 5 of 'yes', 5 others"]
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "churn: test data"
    assert axes.get_xlabel() == "false positive rate: others taken for 'yes'"
    assert axes.get_ylabel() == "true positive rate: 'yes' found"


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_that_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    true, scores = random.integers(0, 2, 200), random.normal(size=200).round(seed)
    figure = roc(true, scores, None, "title")
    assert f"the network: {roc_auc_score(true, scores):.3f}" in labels(figure)


@pytest.mark.parametrize(
    ("true", "scores"),
    [([0, 0], [1, 2]), ([0, 1], [1]), ([0, 1], [np.nan, 1]), ([0, 2], [1, 2]), ([], [])],
)
def test_roc_refuses_what_has_no_curve(true, scores):
    with pytest.raises(ValueError, match=r"class|both"):
        roc(np.array(true, int), scores, None, "title")


def test_residuals_show_pairs_diagonal_and_facts(tmp_path):
    path = tmp_path / "p.png"
    true, predicted = np.array([1.0, 2, 3, 4]), np.array([[1.0], [2], [3], [2]])
    figure = residuals(true, predicted, path, "diabetes", name="progression")
    axes = figure.axes[0]
    assert png_size(path) == (900, 930)
    assert texts(figure) == ["R² 0.200, RMSE 1.000, 4 samples"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true progression", "predicted progression")
    expected = np.stack([true, predicted[:, 0]], axis=1)
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), expected)
    diagonal = line(figure, "perfect")
    np.testing.assert_array_equal(diagonal[:, 0], diagonal[:, 1])
    assert axes.get_xlim() == axes.get_ylim() == tuple(diagonal[:, 0])


@pytest.mark.parametrize(
    ("true", "predicted", "facts"),
    [
        ([1.0, 2.0, 3.0], [1.0, np.nan, 3.0], "R² 1.000, RMSE 0, 2 samples, 1 left out"),
        ([1.0], [3.0], "RMSE 2.000, 1 sample"),
        ([1.0, 1.0], [1.0, 1.0], "RMSE 0, 2 samples"),
        ([1.0], [np.inf], "0 samples, 1 left out"),
    ],
)
def test_residuals_of_few_or_broken_predictions(true, predicted, facts):
    assert texts(residuals(true, predicted, None, ""))[-1].startswith(facts)


@pytest.mark.parametrize(
    ("offset", "beside"), [(0, "true value"), (1e9, "true value (+1e9)"), (1e3, "true value")]
)
def test_numbers_beside_an_axis_differ_whatever_their_offset(offset, beside):
    true = offset + np.array([1.0, 2, 3, 8])
    axes = residuals(true, true, None, "").axes[0]
    labels = [each.get_text() for each in axes.get_xticklabels()]
    assert len(set(labels)) == len(labels) >= 4
    assert axes.get_xlabel() == beside


def test_facts_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(2, 50))
    facts = texts(residuals(true, predicted, None, ""))[-1]
    assert facts.startswith(f"R² {r2_score(true, predicted):.3f}, RMSE ")
    true, predicted = rng.integers(0, 4, size=(2, 500))
    figure = confusion(true, predicted, "abcd", None, "")
    expected = confusion_matrix(true, predicted)
    assert texts(figure)[:16] == [str(count) for count in expected.ravel()]
    assert texts(figure)[16].startswith(f"accuracy {accuracy_score(true, predicted):.1%}")


def test_residuals_refuse_several_outputs():
    with pytest.raises(ValueError, match="one output at a time"):
        residuals(np.ones((3, 2)), np.ones((3, 2)), None, "")


@pytest.mark.parametrize(
    ("predicted", "warning"),
    [
        ([1.0, 2, 3, 4], None),
        ([2.45, 2.5, 2.5, 2.55], "Hardly better than answering the mean every time"),
        ([4.0, 3, 2, 1], "Worse than answering the mean of the true values every time"),
    ],
)
def test_a_poor_fit_is_said_to_be_one(predicted, warning):
    figure = residuals([1.0, 2, 3, 4], predicted, None, "")
    said = [text for text in texts(figure) if "answering" in text]
    assert said == ([] if warning is None else [warning])
    assert line(figure, "mean of the true values")[:, 1].tolist() == [2.5, 2.5]
