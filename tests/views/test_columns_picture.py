"""Pictures of columns show what was found of them."""

import numpy as np
import pytest

from gradless.runs.importance import Dependence, Importance
from gradless.views.columns import dependence, importance


def test_importances_are_bars_from_the_top():
    found = [Importance(k, f"column {k}", 20.0 - k, 19.0 - k, 22.0 - k) for k in range(18)]
    figure = importance(found, None, "title", quantity="rise of the loss", rows="7 test rows")
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [20.0 - k for k in range(15)]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names == [f"column {k}" for k in range(15)]
    assert axes.texts[0].get_text().endswith("95 % intervals; 15 of 18 columns")


@pytest.mark.parametrize("classes", [None, ("no", "yes"), ("a", "b", "c")])
def test_a_panel_for_each_column_and_a_line_for_each_class(classes):
    lines = 3 if classes is not None and len(classes) == 3 else 1
    answers = np.random.default_rng(0).random((12, 1 if classes is None else len(classes)))
    numbers = Dependence("size", np.arange(12.0), answers, np.arange(3.0))
    words = Dependence("kind", ("x", "y"), answers[:2], np.empty(0))
    figure = dependence([numbers, words], classes, None, "title", name="price")
    first, second = figure.axes
    drawn = [1] if classes == ("no", "yes") else range(lines)
    for line, k in zip(first.lines, drawn, strict=False):
        np.testing.assert_array_equal(line.get_ydata(), answers[:, k])
    assert (len(first.lines), len(second.lines)) == (lines + 1, lines)
    assert [tick.get_text() for tick in second.get_xticklabels()] == ["x", "y"]
    shown = {None: "predicted price", ("no", "yes"): "probability of 'yes'"}
    assert first.get_ylabel() == shown.get(classes, "probability")
