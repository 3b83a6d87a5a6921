"""The pictures show the numbers they were given, labelled, whatever the numbers are."""

import struct
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.metrics import accuracy_score, confusion_matrix, r2_score, roc_auc_score, roc_curve

from gradless.objectives import get
from gradless.training.history import History
from gradless.views import plots


@pytest.fixture
def unsaved(monkeypatch):
    """Leave out the rendering, most of the time, where only the figure is looked at."""
    monkeypatch.setattr(plots, "_save", lambda figure, path: figure)


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def line(figure: Figure, label: str) -> np.ndarray:
    """Points of the line with this label, shape (n, 2)."""
    (found,) = [entry for entry in figure.axes[0].lines if str(entry.get_label()) == label]
    return np.asarray(found.get_xydata())


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def falling(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    evaluations = 100 * np.arange(1, rows + 1)
    trend = 1.1 * np.exp(-np.linspace(0, 4.7, rows))
    values = trend * np.random.default_rng(0).uniform(0.8, 1.4, rows)
    return evaluations, values, np.minimum.accumulate(values)


def test_curve_shows_values_average_best_and_target(tmp_path):
    x, y, best = falling(10_000)
    path = tmp_path / "new" / "loss.png"
    figure = plots.curve(x, y, best, path, title="spiral: loss 0.01", target=0.02)
    axes = figure.axes[0]
    assert png_size(path) == (1200, 750)
    assert labels(figure) == [
        "each generation",
        "moving average",
        "best network so far",
        "target 0.02",
    ]
    np.testing.assert_array_equal(line(figure, "each generation"), np.stack([x, y], axis=1))
    np.testing.assert_array_equal(line(figure, "best network so far"), np.stack([x, best], axis=1))
    smooth = line(figure, "moving average")[:, 1]
    assert smooth[5000] == pytest.approx(y[4900:5101].mean())
    assert smooth[0] == pytest.approx(y[:101].mean())
    assert smooth[-1] == pytest.approx(y[-101:].mean())
    assert line(figure, "target 0.02")[:, 1].tolist() == [0.02, 0.02]
    assert texts(figure) == [f"{best[-1]:.4g}"]
    assert axes.get_title(loc="left") == "spiral: loss 0.01"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("evaluations", "loss (log scale)")


@pytest.mark.parametrize(("rises", "kept"), [(False, (30, 0.5)), (True, (20, 0.9))])
def test_the_network_kept_by_validation_rows_is_marked(rises, kept, tmp_path):
    judged = [(10, 0.8), (20, 0.9), (30, 0.5), (40, np.inf), (50, 0.5)]
    x, y = np.arange(50), np.linspace(1, 0.1, 50)
    figure = plots.curve(
        x, y, y, tmp_path / "p.png", title="", rises=rises, validation=judged, log=False
    )
    assert line(figure, "on validation rows").tolist() == [
        [where, value] for where, value in judged if np.isfinite(value)
    ]
    assert line(figure, "network kept").tolist() == [list(kept)]
    assert [text for text in texts(figure) if text] == [f"{kept[1]:.4g}"]


def test_scale_is_logarithmic_only_for_a_wide_positive_loss(tmp_path, unsaved):
    def scale(values, **options):
        n = range(len(values))
        figure = plots.curve(n, values, values, tmp_path / "p.png", title="", **options)
        return figure.axes[0].get_yscale()

    assert scale([1.0, 0.04]) == "log"
    assert scale([1.0, 0.06]) == "linear"
    assert scale([1.0, 0.0]) == "linear"
    assert scale([1.0, -5.0]) == "linear"
    assert scale([1.0, 0.01], quantity="accuracy") == "linear"
    assert scale([1.0, 0.01], log=False) == "linear"
    assert scale([1.0, 0.9], log=True) == "log"


def test_accuracy_is_in_percent_and_iterations_are_called_so(tmp_path):
    y = np.linspace(1 / 3, 0.95, 300)
    figure = plots.curve(
        range(300), y, y, tmp_path / "p.png", quantity="accuracy", title="", x_label="iteration",
        target=0.98,
    )  # fmt: skip
    axes = figure.axes[0]
    assert axes.get_xlabel() == "iteration"
    assert "each iteration" in labels(figure)
    assert texts(figure) == ["95 %"]
    assert axes.yaxis.get_major_formatter()(0.8) == "80 %"
    low, high = axes.get_ylim()
    assert low < 1 / 3
    assert 0.98 < high <= 1.02


@pytest.mark.parametrize(
    ("largest", "label", "tick", "text"),
    [
        (50_000, "evaluations", 20_000, "20,000"),
        (5_000_000, "evaluations (millions)", 2_500_000, "2.5"),
        (7e9, "evaluations (billions)", 2e9, "2"),
    ],
)
def test_large_counts_stay_readable(largest, label, tick, text, tmp_path, unsaved):
    figure = plots.curve([0, largest], [1, 1], None, tmp_path / "p.png", title="")
    assert figure.axes[0].get_xlabel() == label
    assert figure.axes[0].xaxis.get_major_formatter()(tick) == text
    assert labels(figure) == ["each generation"]


def test_nan_and_inf_are_left_out(tmp_path, unsaved):
    values = [np.inf, 2.0, np.nan, 1.0, -np.inf]
    best = [np.inf, 2.0, 2.0, 1.0, 1.0]
    figure = plots.curve(range(5), values, best, tmp_path / "p.png", title="")
    assert line(figure, "each generation").tolist() == [[1, 2], [3, 1]]
    assert line(figure, "best network so far").tolist() == [[1, 2], [2, 2], [3, 1], [4, 1]]


@pytest.mark.parametrize("values", [[], [np.nan] * 3])
def test_nothing_to_draw_says_so(values, tmp_path):
    figure = plots.curve(range(len(values)), values, values, tmp_path / "p.png", title="")
    assert texts(figure) == ["no finite values"]


@pytest.mark.parametrize("quantity", ["loss", "accuracy"])
@pytest.mark.parametrize("rows", [1, 500])
def test_constant_and_single_values(quantity, rows, tmp_path):
    path = tmp_path / "p.png"
    y = np.full(rows, 0.5)
    figure = plots.curve(range(rows), y, y, path, quantity=quantity, title="")
    assert png_size(path) == (1200, 750)
    low, high = figure.axes[0].get_ylim()
    assert low < 0.5 < high
    assert figure.axes[0].lines[0].get_marker() == ("o" if rows == 1 else "")


def test_one_huge_loss_does_not_spoil_the_average_after_it(tmp_path, unsaved):
    y = np.ones(1000)
    y[100] = 1e30
    figure = plots.curve(range(1000), y, None, tmp_path / "p.png", title="")
    np.testing.assert_allclose(line(figure, "moving average")[200:, 1], 1)


def test_very_many_rows_are_thinned_and_end_with_the_last(tmp_path, unsaved):
    x, y, best = falling(300_001)
    figure = plots.curve(x, y, best, tmp_path / "p.png", title="")
    raw = line(figure, "each generation")
    assert 10_000 < len(raw) <= 20_000
    assert raw[-1].tolist() == [x[-1], y[-1]]
    assert line(figure, "best network so far")[-1, 1] == best[-1]


def test_curve_refuses_other_shapes(tmp_path):
    with pytest.raises(ValueError, match="one shape"):
        plots.curve([1, 2], [1.0], None, tmp_path / "p.png", title="")
    assert not list(tmp_path.iterdir())


def test_titles_wrap_and_are_never_formulas(tmp_path):
    title = "profit of $3 and $4 " * 5
    figure = plots.curve([1], [1], None, tmp_path / "p.png", title=title)
    text = figure.axes[0].get_title(loc="left")
    assert "\n" in text
    assert text.count(r"\$") == 10


@pytest.mark.parametrize("accuracy", [0.5, np.nan])
def test_curves_draw_accuracy_only_where_there_is_one(accuracy, tmp_path):
    history = History()
    assert plots.curves(history, tmp_path, title="") == []
    history.append(
        generation=[1, 2], evaluations=[50, 100], seconds=[0, 1], loss=[1, 0.5],
        accuracy=[accuracy] * 2, best_loss=[1, 0.5], best_accuracy=[accuracy] * 2,
    )  # fmt: skip
    paths = plots.curves(history, str(tmp_path), title="", target_loss=0.1, target_accuracy=0.9)
    names = ["loss.png"] if np.isnan(accuracy) else ["loss.png", "accuracy.png"]
    assert paths == [tmp_path / name for name in names]
    assert all(png_size(path) == (1200, 750) for path in paths)


def drawn(
    tmp_path, monkeypatch, name: str, losses, accuracy=np.nan, **options
) -> dict[str, Figure]:
    """The curves of a run with an objective, by their files."""
    figures: dict[str, Figure] = {}
    monkeypatch.setattr(plots, "_save", lambda figure, path: figures.update({path.name: figure}))
    rows = len(losses)
    history = History()
    history.append(
        generation=np.arange(rows), evaluations=np.arange(rows), seconds=np.zeros(rows),
        loss=losses, accuracy=np.full(rows, accuracy), best_loss=np.minimum.accumulate(losses),
        best_accuracy=np.full(rows, accuracy),
    )  # fmt: skip
    paths = plots.curves(history, tmp_path, title="", objective=get(name), **options)
    assert [path.name for path in paths] == list(figures)
    return figures


def test_what_rises_is_drawn_rising_under_its_own_name(tmp_path, monkeypatch):
    losses = [-0.02, -0.5, -0.4, -0.9]
    figures = drawn(tmp_path, monkeypatch, "fbeta:2", losses, 0.7, target_loss=-0.95)
    assert list(figures) == ["fbeta-2.png", "accuracy.png"]
    figure = figures["fbeta-2.png"]
    np.testing.assert_allclose(line(figure, "each generation")[:, 1], [0.02, 0.5, 0.4, 0.9])
    np.testing.assert_allclose(line(figure, "best network so far")[:, 1], [0.02, 0.5, 0.5, 0.9])
    assert line(figure, "target 0.95")[0, 1] == 0.95
    axes = figure.axes[0]
    assert (axes.get_ylabel(), axes.get_yscale()) == ("fbeta:2", "linear")
    assert axes.get_ylim()[1] <= 1.02


def test_what_is_of_batches_is_called_so(tmp_path, monkeypatch):
    figures = drawn(tmp_path, monkeypatch, "cross_entropy", [1, 0.5], 0.7, on_batches=True)
    for figure in figures.values():
        assert "best so far, each on its own batch" in labels(figure)
        assert "best network so far" not in labels(figure)


def test_the_objective_accuracy_is_drawn_once(tmp_path, monkeypatch):
    figures = drawn(tmp_path, monkeypatch, "accuracy", [-0.5, -0.9], 0.9, target_loss=-0.95)
    assert list(figures) == ["accuracy.png"]
    assert "target 95 %" in labels(figures["accuracy.png"])


def test_a_loss_is_named_with_its_objective(tmp_path, monkeypatch):
    (figure,) = drawn(tmp_path, monkeypatch, "squared_error", [2.0, 1.0]).values()
    assert figure.axes[0].get_ylabel() == "loss, squared error"


def test_what_is_far_below_zero_does_not_squeeze_the_rest(tmp_path, monkeypatch):
    (figure,) = drawn(tmp_path, monkeypatch, "r2", [500.0, 0.5, -0.9]).values()
    low, high = figure.axes[0].get_ylim()
    assert -1.2 < low < -1 < 0.9 < high
    (figure,) = drawn(tmp_path, monkeypatch, "r2", [500.0, 400.0]).values()
    assert figure.axes[0].get_ylim()[0] < -500  # there is no rest


def by_first_feature(features: np.ndarray) -> np.ndarray:
    """Class 1 to the right of 0, surely."""
    assert features.dtype == np.float32
    right = features[:, :1] > 0
    return np.concatenate([~right, right], axis=1).astype(np.float32)


def draw_boundary(path: Path, predict=by_first_feature, scale=(1.0, 1.0), **options) -> Figure:
    rng = np.random.default_rng(0)
    features = rng.uniform(-1, 1, (60, 2)) * scale
    targets = (features[:, 0] > 0).astype(np.int64)
    return plots.decision_boundary(
        predict, features, targets, ["left", "right $ $"], ["width", "height"], path, "halves",
        **options,
    )  # fmt: skip


def test_decision_boundary_colours_regions_and_points_by_class(tmp_path):
    figure = draw_boundary(tmp_path / "p.png")
    axes = figure.axes[0]
    assert png_size(tmp_path / "p.png") == (1200, 900)
    assert labels(figure) == ["left", r"right \$ \$"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("width", "height")
    assert axes.get_aspect() == 1

    image = np.asarray(axes.images[0].get_array())
    blue, orange = (np.array(to_rgb(color)) for color in plots.PALETTE[:2])
    for region, near, far in ((image[:, 0], blue, orange), (image[:, -1], orange, blue)):
        assert (np.ptp(region, axis=0) == 0).all()
        assert np.abs(region[0] - near).sum() < np.abs(region[0] - far).sum()
    points = axes.collections[0]
    x = np.asarray(points.get_offsets())[:, 0]
    expected = np.where((x > 0)[:, None], orange, blue)
    np.testing.assert_allclose(np.asarray(points.get_facecolor())[:, :3], expected)

    # Equal margins: the points lie in the middle.
    low, high = axes.get_xlim()
    assert x.min() - low == pytest.approx(high - x.max())
    assert x.min() > low


def test_decision_boundary_pales_with_doubt(tmp_path, unsaved):
    def doubtful(features):
        return np.full((len(features), 2), 0.5)

    def lost(features):
        return np.full((len(features), 2), np.nan)

    for predict in (doubtful, lost):
        image = np.asarray(draw_boundary(tmp_path / "p.png", predict).axes[0].images[0].get_array())
        assert (image == 1).all()


def test_decision_boundary_with_test_points_and_unlike_ranges(tmp_path):
    figure = draw_boundary(
        tmp_path / "p.png", scale=(1.0, 100.0), test_features=[[0.5, 200.0]], test_targets=[1]
    )
    assert labels(figure)[2:] == ["training points", "test points"]
    assert figure.axes[0].get_ylim()[1] > 200
    assert figure.axes[0].get_aspect() == "auto"


def test_decision_boundary_with_more_classes_than_the_palette_keeps_them_apart(tmp_path):
    classes = 12
    figure = plots.decision_boundary(
        lambda features: np.eye(classes)[np.zeros(len(features), int)],
        np.random.default_rng(0).random((classes, 2)), np.arange(classes),
        [f"class {index}" for index in range(classes)], ["x", "y"], tmp_path / "p.png", "",
    )  # fmt: skip
    colors = np.asarray(figure.axes[0].collections[0].get_facecolor())
    assert len(np.unique(colors, axis=0)) == classes


def test_decision_boundary_refuses_what_it_cannot_draw(tmp_path):
    with pytest.raises(ValueError, match="one column per class name"):
        draw_boundary(tmp_path / "p.png", lambda features: np.ones((len(features), 3)))
    with pytest.raises(ValueError, match="two features"):
        plots.decision_boundary(
            by_first_feature, np.ones((3, 4)), [0, 1, 0], "ab", "xy", tmp_path / "p.png", ""
        )
    assert not list(tmp_path.iterdir())


def test_confusion_counts_true_rows_and_predicted_columns(tmp_path):
    figure = plots.confusion([0, 0, 0, 1, 2], [0, 0, 2, 1, 2], "abc", tmp_path / "p.png", "iris")
    axes = figure.axes[0]
    counts, subtitle = texts(figure)[:9], texts(figure)[9]
    assert counts == ["2", "0", "1", "0", "1", "0", "0", "0", "1"]
    assert subtitle == "accuracy 80 % (4 of 5)"
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
    figure = plots.confusion(targets, targets, names, path, "title")
    width, height = figure.get_size_inches() * plots.DPI
    assert png_size(path) == pytest.approx((width, height), abs=1)
    ticks = figure.axes[0].get_xticklabels()
    assert all(len(tick.get_text()) <= 24 for tick in ticks)
    assert ticks[0].get_rotation() == (0 if classes == 1 else 45)
    # Cells keep a size in which a count is readable.
    assert figure.axes[0].get_window_extent().width / classes > 0.3 * plots.DPI


def test_confusion_with_a_class_that_never_occurs(tmp_path):
    figure = plots.confusion([0, 0], [0, 1], ["a", "b"], tmp_path / "p.png", "")
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
def test_confusion_refuses_what_it_cannot_count(targets, predictions, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plots.confusion(targets, predictions, ["a", "b"], tmp_path / "p.png", "")


# Ties in the middle, and a sample of each class at both ends.
ROC = ([1, 0, 1, 1, 0, 1, 0, 0, 1, 0], [9, 8, 7, 5, 5, 5, 5, 2, 1, 0])


def test_roc_shows_curve_diagonal_and_area(tmp_path):
    true, scores = ROC
    path = tmp_path / "roc.png"
    figure = plots.roc(true, scores, path, "churn: test data", name="yes")
    assert png_size(path) == (900, 930)
    wrong, found, _ = roc_curve(true, scores, drop_intermediate=False)
    area = roc_auc_score(true, scores)
    curve = line(figure, f"the network: {area:.3f}")
    np.testing.assert_allclose(curve, np.stack([wrong, found], axis=1))
    assert line(figure, "guessing: 0.5").tolist() == [[0, 0], [1, 1]]
    assert texts(figure) == [f"ROC AUC {area:.3f}, 5 of 'yes', 5 others"]
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "churn: test data"
    assert axes.get_xlabel() == "share of the others that are taken for 'yes'"
    assert axes.get_ylabel() == "share of 'yes' that is found"


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_that_of_scikit_learn(tmp_path, unsaved, seed):
    random = np.random.default_rng(seed)
    true, scores = random.integers(0, 2, 200), random.normal(size=200).round(seed)
    figure = plots.roc(true, scores, tmp_path / "roc.png", "title")
    assert f"the network: {roc_auc_score(true, scores):.3f}" in labels(figure)


@pytest.mark.parametrize(
    ("true", "scores"),
    [([0, 0], [1, 2]), ([0, 1], [1]), ([0, 1], [np.nan, 1]), ([0, 2], [1, 2]), ([], [])],
)
def test_roc_refuses_what_has_no_curve(tmp_path, true, scores):
    with pytest.raises(ValueError, match=r"class|both"):
        plots.roc(np.array(true, int), scores, tmp_path / "roc.png", "title")


def test_residuals_show_pairs_diagonal_and_facts(tmp_path):
    path = tmp_path / "p.png"
    true, predicted = np.array([1.0, 2, 3, 4]), np.array([[1.0], [2], [3], [2]])
    figure = plots.residuals(true, predicted, path, "diabetes", name="progression")
    axes = figure.axes[0]
    assert png_size(path) == (900, 930)
    assert texts(figure) == ["R² 0.200, RMSE 1, 4 samples"]
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
        ([1.0], [3.0], "RMSE 2, 1 sample"),
        ([1.0, 1.0], [1.0, 1.0], "RMSE 0, 2 samples"),
        ([1.0], [np.inf], "0 samples, 1 left out"),
    ],
)
def test_residuals_of_few_or_broken_predictions(true, predicted, facts, tmp_path):
    assert texts(plots.residuals(true, predicted, tmp_path / "p.png", ""))[0].startswith(facts)


@pytest.mark.parametrize(
    ("offset", "beside"), [(0, "true value"), (1e9, "true value (+1e9)"), (1e3, "true value")]
)
def test_numbers_beside_an_axis_differ_whatever_their_offset(offset, beside, tmp_path):
    true = offset + np.array([1.0, 2, 3, 8])
    axes = plots.residuals(true, true, tmp_path / "p.png", "").axes[0]
    labels = [each.get_text() for each in axes.get_xticklabels()]
    assert len(set(labels)) == len(labels) >= 4
    assert axes.get_xlabel() == beside


def test_facts_agree_with_scikit_learn(tmp_path, unsaved):
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(2, 50))
    facts = texts(plots.residuals(true, predicted, tmp_path / "p.png", ""))[0]
    assert facts.startswith(f"R² {r2_score(true, predicted):.3f}, RMSE ")
    true, predicted = rng.integers(0, 4, size=(2, 500))
    figure = plots.confusion(true, predicted, "abcd", tmp_path / "p.png", "")
    expected = confusion_matrix(true, predicted)
    assert texts(figure)[:16] == [str(count) for count in expected.ravel()]
    assert texts(figure)[16].startswith(f"accuracy {100 * accuracy_score(true, predicted):.3g} %")


def test_residuals_refuse_several_outputs(tmp_path):
    with pytest.raises(ValueError, match="one output at a time"):
        plots.residuals(np.ones((3, 2)), np.ones((3, 2)), tmp_path / "p.png", "")


def test_drawing_leaves_shared_state_alone(tmp_path):
    before = dict(mpl.rcParams)
    plots.confusion([0], [0], ["a"], tmp_path / "p.png", "")
    assert dict(mpl.rcParams) == before
