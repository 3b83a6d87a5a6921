"""The pictures of a run show the numbers they were given, labelled, whatever the numbers are."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradless.objectives import get
from gradless.training.history import History
from gradless.views import style
from gradless.views.curves import Kept, curve, curves
from gradless.views.scales import jumps
from helpers.figures import labels, line, png_size, texts


def falling(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    evaluations = 100 * np.arange(1, rows + 1)
    trend = 1.1 * np.exp(-np.linspace(0, 4.7, rows))
    values = trend * np.random.default_rng(0).uniform(0.8, 1.4, rows)
    return evaluations, values, np.minimum.accumulate(values)


def test_curve_shows_values_best_and_target(tmp_path):
    x, y, best = falling(10_000)
    path = tmp_path / "new" / "loss.png"
    figure = curve(x, y, best, path, title="spiral: snes", subtitle="loss 0.01", target=0.02)
    axes = figure.axes[0]
    assert png_size(path) == (1200, 750)
    assert labels(figure) == ["each generation", "best network so far", "target 0.02"]
    np.testing.assert_array_equal(line(figure, "each generation"), np.stack([x, y], axis=1))
    np.testing.assert_array_equal(line(figure, "best network so far"), np.stack([x, best], axis=1))
    assert line(figure, "target 0.02")[:, 1].tolist() == [0.02, 0.02]
    assert texts(figure) == [f"{best[-1]:#.4g}", "loss 0.01"]
    assert axes.get_title(loc="left") == "spiral: snes"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("evaluations", "loss (log scale)")


def test_the_last_step_is_inside_of_the_picture_and_has_a_point():
    figure = curve([0, 50, 100], [1, 0.8, 0.5], [1, 0.8, 0.5], title="")
    assert line(figure, "_end").tolist() == [[100, 0.5]]
    assert figure.axes[0].get_xlim()[1] > 100


def test_the_moving_average_is_drawn_where_it_is_wanted():
    x, y, best = falling(10_000)
    assert "moving average" not in labels(curve(x, y, best, title=""))
    smooth = line(curve(x, y, best, title="", average=True), "moving average")[:, 1]
    assert smooth[5000] == pytest.approx(y[4900:5101].mean())
    assert smooth[0] == pytest.approx(y[:101].mean())
    assert smooth[-1] == pytest.approx(y[-101:].mean())


def spiky(rows: int, *spikes: int) -> np.ndarray:
    """A loss that falls from 1 to 0.01 and begins again at some rows."""
    losses = np.geomspace(1, 0.01, rows)
    for row in spikes:
        losses[row : row + 5] = np.geomspace(2, 0.02, 5)
    return losses


def test_jumps_are_where_a_search_begins_elsewhere():
    x = 10.0 * np.arange(1000)
    assert jumps(x, spiky(1000, 300, 700)) == [3000.0, 7000.0]
    assert jumps(x, spiky(1000)) == []
    assert jumps(x, np.where(np.arange(1000) == 5, np.nan, 1.0)) == []
    assert jumps(x[:2], np.array([1.0, 2.0])) == []
    near = jumps(x, spiky(1000, 300, 303))
    assert near == [3000.0]  # nobody could tell two marks apart


def test_where_a_search_begins_elsewhere_is_marked_and_explained():
    x, y = np.arange(1000.0), spiky(1000, 300, 700)
    best = np.minimum.accumulate(y)
    figure = curve(x, y, best, title="", restarts=jumps(x, y))
    assert line(figure, "new start (2 times)")[:, 0].tolist() == [300, 700]
    assert "new start (once)" in labels(curve(x, y, best, title="", restarts=[300.0]))


@pytest.mark.parametrize("lift", [0.0, -5.0], ids=["positive", "negative"])
def test_one_spike_does_not_choose_the_scale(lift):
    y = np.linspace(1, 0.5, 1000) + lift
    y[100] = 1e6
    figure = curve(range(1000), y, np.minimum.accumulate(y), title="")
    axes = figure.axes[0]
    assert axes.get_yscale() == "linear"
    low, high = axes.get_ylim()
    assert (low - lift, high - lift) == pytest.approx((0.5, 1.0), abs=0.06)
    assert "↑ up to 1,000,000" in texts(figure)


def test_a_loss_that_falls_at_once_by_a_lot_keeps_its_beginning():
    y = np.geomspace(100, 0.1, 1000)
    low, high = curve(range(1000), y, y, title="").axes[0].get_ylim()
    assert low < 0.1
    assert high > 100


def test_the_network_saved_is_marked():
    kept = Kept(900, 0.3)
    y = np.linspace(1, 0.2, 1000)
    figure = curve(range(1000), y, None, title="", average=True, kept=kept)
    assert line(figure, kept.label).tolist() == [[900, 0.3]]
    assert "0.3000" in texts(figure)


@pytest.mark.parametrize(("rises", "kept"), [(False, (30, 0.5)), (True, (20, 0.9))])
def test_the_network_kept_by_validation_rows_is_marked(rises, kept):
    judged = [(10, 0.8), (20, 0.9), (30, 0.5), (40, np.inf), (50, 0.5)]
    x, y = np.arange(50), np.linspace(1, 0.1, 50)
    figure = curve(x, y, y, title="", rises=rises, validation=judged, log=False)
    assert line(figure, "on validation rows").tolist() == [
        [where, value] for where, value in judged if np.isfinite(value)
    ]
    assert line(figure, "network kept").tolist() == [list(kept)]
    assert [text for text in texts(figure) if text] == [f"{kept[1]:#.4g}"]


def test_scale_is_logarithmic_only_for_a_wide_positive_loss():
    def scale(values, **options):
        n = range(len(values))
        figure = curve(n, values, values, title="", **options)
        return figure.axes[0].get_yscale()

    assert scale([1.0, 0.04]) == "log"
    assert scale([1.0, 0.06]) == "linear"
    assert scale([1.0, 0.0]) == "linear"
    assert scale([1.0, -5.0]) == "linear"
    assert scale([1.0, 0.01], quantity="accuracy") == "linear"
    assert scale([1.0, 0.01], log=False) == "linear"
    assert scale([1.0, 0.9], log=True) == "log"


def test_accuracy_is_in_percent_and_iterations_are_called_so():
    y = np.linspace(1 / 3, 0.95, 300)
    figure = curve(
        range(300), y, y, quantity="accuracy", title="", x_label="iteration",
        target=0.98,
    )  # fmt: skip
    axes = figure.axes[0]
    assert axes.get_xlabel() == "iteration"
    assert "each iteration" in labels(figure)
    assert texts(figure) == ["95.0%"]
    assert axes.yaxis.get_major_formatter()(0.8) == "80%"
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
def test_large_counts_stay_readable(largest, label, tick, text):
    figure = curve([0, largest], [1, 1], None, title="")
    assert figure.axes[0].get_xlabel() == label
    assert figure.axes[0].xaxis.get_major_formatter()(tick) == text
    assert labels(figure) == ["each generation"]


def test_nan_and_inf_are_left_out():
    values = [np.inf, 2.0, np.nan, 1.0, -np.inf]
    best = [np.inf, 2.0, 2.0, 1.0, 1.0]
    figure = curve(range(5), values, best, title="")
    assert line(figure, "each generation").tolist() == [[1, 2], [3, 1]]
    assert line(figure, "best network so far").tolist() == [[1, 2], [2, 2], [3, 1], [4, 1]]


@pytest.mark.parametrize("values", [[], [np.nan] * 3])
def test_nothing_to_draw_says_so(values):
    figure = curve(range(len(values)), values, values, title="")
    assert texts(figure) == ["no finite values"]


@pytest.mark.parametrize("quantity", ["loss", "accuracy"])
@pytest.mark.parametrize("rows", [1, 500])
def test_constant_and_single_values(quantity, rows, tmp_path):
    path = tmp_path / "p.png"
    y = np.full(rows, 0.5)
    figure = curve(range(rows), y, y, path, quantity=quantity, title="")
    assert png_size(path) == (1200, 750)
    low, high = figure.axes[0].get_ylim()
    assert low < 0.5 < high
    assert figure.axes[0].lines[0].get_marker() == ("o" if rows == 1 else "")


def test_one_huge_loss_does_not_spoil_the_average_after_it():
    y = np.ones(1000)
    y[100] = 1e30
    figure = curve(range(1000), y, None, title="", average=True)
    np.testing.assert_allclose(line(figure, "moving average")[200:, 1], 1)


def test_very_many_rows_are_thinned_and_end_with_the_last():
    x, y, best = falling(300_001)
    figure = curve(x, y, best, title="")
    raw = line(figure, "each generation")
    assert 10_000 < len(raw) <= 20_000
    assert raw[-1].tolist() == [x[-1], y[-1]]
    assert line(figure, "best network so far")[-1, 1] == best[-1]


def test_curve_refuses_other_shapes():
    with pytest.raises(ValueError, match="one shape"):
        curve([1, 2], [1.0], None, title="")


def test_titles_wrap_and_are_never_formulas():
    title = "profit of $3 and $4 " * 5
    figure = curve([1], [1], None, title=title)
    text = figure.axes[0].get_title(loc="left")
    assert "\n" in text
    assert text.count(r"\$") == 10


@pytest.mark.parametrize("accuracy", [0.5, np.nan])
def test_curves_draw_accuracy_only_where_there_is_one(accuracy, tmp_path):
    history = History()
    assert curves(history, tmp_path, title="") == []
    history.append(
        generation=[1, 2], evaluations=[50, 100], seconds=[0, 1], loss=[1, 0.5],
        accuracy=[accuracy] * 2, best_loss=[1, 0.5], best_accuracy=[accuracy] * 2,
    )  # fmt: skip
    paths = curves(history, str(tmp_path), title="", target_loss=0.1, target_accuracy=0.9)
    names = ["loss.png"] if np.isnan(accuracy) else ["loss.png", "accuracy.png"]
    assert paths == [tmp_path / name for name in names]
    assert all(png_size(path) == (1200, 750) for path in paths)


def drawn(
    tmp_path, monkeypatch, name: str, losses, accuracy=np.nan, **options
) -> dict[str, Figure]:
    """The curves of a run with an objective, by their files."""
    figures: dict[str, Figure] = {}
    monkeypatch.setattr(style, "save", lambda figure, path: figures.update({path.name: figure}))
    rows, losses = len(losses), np.asarray(losses, float)
    history = History()
    history.append(
        generation=np.arange(rows), evaluations=np.arange(rows), seconds=np.zeros(rows),
        loss=losses, accuracy=np.full(rows, accuracy), best_loss=np.minimum.accumulate(losses),
        best_accuracy=np.full(rows, accuracy),
    )  # fmt: skip
    paths = curves(history, tmp_path, title="", objective=get(name), **options)
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


def test_on_batches_the_trend_is_drawn_and_no_lucky_best(tmp_path, monkeypatch):
    losses = np.linspace(1, 0.5, 200)
    figures = drawn(
        tmp_path, monkeypatch, "cross_entropy", losses, 0.7, on_batches=True, final_loss=0.6,
        final_accuracy=0.8,
    )  # fmt: skip
    for name, value in (("loss.png", 0.6), ("accuracy.png", 0.8)):
        assert labels(figures[name]) == [
            "each generation",
            "moving average",
            "network saved, on all training rows",
        ]
        assert line(figures[name], "network saved, on all training rows").tolist() == [[199, value]]


def test_the_accuracy_is_said_to_be_that_of_the_lowest_loss(tmp_path, monkeypatch):
    figures = drawn(tmp_path, monkeypatch, "cross_entropy", [1, 0.5], 0.7)
    assert "best network so far" in labels(figures["loss.png"])
    assert "network with the lowest loss so far" in labels(figures["accuracy.png"])
    figures = drawn(tmp_path, monkeypatch, "f1", [-0.1, -0.5], 0.7, final_loss=-0.5)
    assert "network with the best f1 so far" in labels(figures["accuracy.png"])


def test_restarts_are_found_in_the_loss_and_marked_in_the_accuracy_too(tmp_path, monkeypatch):
    losses = spiky(1000, 200)
    figures = drawn(tmp_path, monkeypatch, "cross_entropy", losses, 0.7, restarts=True)
    for figure in figures.values():
        assert line(figure, "new start (once)")[:, 0].tolist() == [200]


def test_the_objective_accuracy_is_drawn_once(tmp_path, monkeypatch):
    figures = drawn(tmp_path, monkeypatch, "accuracy", [-0.5, -0.9], 0.9, target_loss=-0.95)
    assert list(figures) == ["accuracy.png"]
    assert "target 95%" in labels(figures["accuracy.png"])


def test_a_loss_is_named_with_its_objective(tmp_path, monkeypatch):
    (figure,) = drawn(tmp_path, monkeypatch, "squared_error", [2.0, 1.0]).values()
    assert figure.axes[0].get_ylabel() == "loss, squared error"


def test_what_is_far_below_zero_does_not_squeeze_the_rest(tmp_path, monkeypatch):
    (figure,) = drawn(tmp_path, monkeypatch, "r2", [500.0, 0.5, -0.9]).values()
    low, high = figure.axes[0].get_ylim()
    assert -1.2 < low < -1 < 0.9 < high
    (figure,) = drawn(tmp_path, monkeypatch, "r2", [500.0, 400.0]).values()
    assert figure.axes[0].get_ylim()[0] < -500  # there is no rest


def test_what_went_on_before_is_said_where_it_was(tmp_path, monkeypatch):
    figure = curve([500, 1000], [0.5, 0.9], [0.5, 0.9], title="", rises=True, before="log loss")
    axes = figure.axes[0]
    assert axes.get_xlim()[0] == 0
    (grey,) = axes.patches
    assert (grey.get_x(), grey.get_x() + grey.get_width()) == (0, 500)
    assert "log loss" in texts(figure)
    figures = drawn(tmp_path, monkeypatch, "f1", [-0.1, -0.5], 0.7, before="first phase: log loss")
    assert all("first phase: log loss" in texts(figure) for figure in figures.values())


def test_nothing_is_better_than_one():
    axes = curve([0, 1, 2], [0.9, 0.95, 1], [0.9, 0.95, 1], title="", rises=True).axes[0]
    ticks = axes.get_yticks()
    assert ticks.max() == pytest.approx(1)
    assert len(ticks) >= 4
