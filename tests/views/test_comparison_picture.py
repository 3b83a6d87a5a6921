"""A comparison's picture shows each strategy in its colour, over budgets that tell them apart."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from gradless import objectives
from gradless.training.gradient_descent import NAME
from gradless.views.comparison_picture import comparison
from gradless.views.line_labels import label_of, spread
from gradless.views.style import GRADIENTS, STRATEGY_COLORS
from helpers.comparisons import curve, outcome


def lines(axes):
    """Lines by their labels."""
    return {line.get_label(): line for line in axes.lines}


def test_the_picture_has_a_labelled_line_for_each_and_a_dashed_yardstick():
    runs = [
        outcome(name, seed, (1, 1.0 + seed / 10), (50, 0.5 + place + seed / 10), end=1000)
        for place, name in enumerate(("snes", "cma_es", NAME))
        for seed in range(3)
    ]
    figure = comparison(runs, ["snes", "cma_es", NAME], title="")
    for axes in figure.axes:
        assert axes.get_xscale() == "log"
        assert {"snes", "cma_es", NAME} <= {text.get_text() for text in axes.texts}
        lines = {line.get_label(): line for line in axes.lines}
        assert lines["snes"].get_ydata()[[0, -1]].tolist() == [1.1, 0.6]
        assert lines["snes"].is_dashed() is False
        assert lines[NAME].is_dashed() is True
        assert lines[NAME].get_color() == GRADIENTS
    assert figure.axes[0].lines[0].get_xdata()[-1] == 1000
    assert figure.axes[1].lines[0].get_xdata()[-1] == 1.0


def test_the_picture_shows_an_objective_that_rises_as_it_is():
    losses = [(-0.1 - seed / 10, -0.5 - seed / 10) for seed in range(3)]
    runs = [outcome("snes", seed, (1, a), (50, b)) for seed, (a, b) in enumerate(losses)]
    figure = comparison(runs, ["snes"], title="", objective=objectives.get("f1"), target=-0.55)
    for axes in figure.axes:
        line = {line.get_label(): line for line in axes.lines}["snes"]
        np.testing.assert_allclose(line.get_ydata()[[0, -1]], [0.2, 0.6])
        assert axes.get_yscale() == "linear"
    assert " target 0.55" in {text.get_text() for text in figure.axes[0].texts}


def test_pictures_of_little_or_strange_data_can_be_drawn():
    empty = outcome("snes", 0, (1, 1.0), end=10)._replace(curve=curve([], []))
    alone = outcome("cma_es", 0, (100, 1e-9))
    for runs in ([empty], [empty, alone], [outcome("snes", 0, (1, -0.5), (9, -0.9)), alone]):
        comparison(runs, ["snes", "cma_es"], title="$", target=0.5)


def test_labels_are_moved_apart_as_little_as_needed():
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 15):
        wanted = random.uniform(0.3, 0.5, count)
        places = spread(wanted, 0.05)
        order = np.argsort(wanted)
        assert np.diff(places[order]).min(initial=1) >= 0.05 - 1e-12
        assert places.min() >= 0
        assert places.max() <= 1
        ranks = np.arange(count)
        shift = IsotonicRegression().fit_transform(ranks, wanted[order] - 0.05 * ranks)
        if places.min() > 0:
            np.testing.assert_allclose(places[order], shift + 0.05 * ranks)
    apart = [0.9, 0.1, 0.5]
    np.testing.assert_allclose(spread(apart, 0.05), apart)
    np.testing.assert_allclose(spread([0.5] * 3, 0.6), [0, 0.5, 1])


def test_a_strategy_has_its_colour_whatever_it_is_compared_with():
    for names in (["snes", "cma_es"], ["pgpe", "snes"], ["snes"]):
        runs = [outcome(name, 0, (1, 1.0), (50, 0.5)) for name in names]
        axes = comparison(runs, names, title="").axes[0]
        assert lines(axes)["snes"].get_color() == STRATEGY_COLORS["snes"]


def test_time_is_left_out_where_all_runs_are_over_in_a_moment():
    short = [outcome("snes", 0, (1, 1.0), (50, 0.5), end=100)]
    assert [axes.get_xlabel() for axes in comparison(short, ["snes"], title="").axes] == [
        "evaluations (log scale)"
    ]
    long = [outcome("snes", 0, (1, 1.0), (50, 0.5), end=10_000)]
    assert len(comparison(long, ["snes"], title="").axes) == 2


def test_what_decides_nothing_is_left_out():
    runs = [outcome("snes", 0, (1, 9.0), (500_000, 0.5), end=1_000_000)]
    axes = comparison(runs, ["snes"], title="").axes[0]
    assert axes.get_xlim() == pytest.approx((1000, 1_000_000))


@pytest.mark.parametrize(
    ("worst", "scale"), [(0.32, "linear"), (1.2, "log")], ids=["alike", "far apart"]
)
def test_small_losses_are_told_apart_beside_large_ones(worst, scale):
    runs = [
        outcome("snes", 0, (1, worst), (50, 0.15)),
        outcome("pgpe", 0, (1, worst), (50, 0.16)),
    ]
    axes = comparison(runs, ["snes", "pgpe"], title="").axes[0]
    assert axes.get_yscale() == scale
    assert axes.get_ylabel().endswith("(log scale)") == (scale == "log")


def test_the_settings_of_a_variant_stand_below_its_strategy():
    assert label_of("openai_es:sigma=0.1:rank=1") == "openai_es\nsigma=0.1\nrank=1"
    assert label_of("evosax:CMA_ES") == "evosax:CMA_ES"
    assert label_of("x" * 60).endswith("…")
