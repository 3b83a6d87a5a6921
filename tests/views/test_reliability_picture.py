"""The picture of a reliability curve shows its bins."""

import numpy as np
import pytest

from gradless.objectives.quality import of_classes
from gradless.objectives.reliability import bins
from gradless.views.reliability import reliability
from helpers.figures import texts


@pytest.mark.parametrize(("classes", "what"), [(2, "probability of 'b'"), (3, "most likely")])
def test_it_shows_what_was_said_and_what_happened(classes, what):
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(classes), 60)
    targets = random.integers(0, classes, 60)
    figure = reliability(targets, probabilities, "abc"[:classes], None, "test data")
    said = probabilities[:, 1] if classes == 2 else probabilities.max(1)
    happened = targets == (1 if classes == 2 else probabilities.argmax(1))
    found = bins(happened, said)
    x, y = figure.axes[0].containers[1].lines[0].get_xydata().T
    np.testing.assert_allclose(x, found.said)
    np.testing.assert_allclose(y, found.happened)
    assert what in figure.axes[0].get_xlabel()
    assert any("Brier score 0." in text for text in texts(figure))


def test_it_has_the_figures_of_the_card():
    probabilities, targets = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 0])
    figure = reliability(targets, probabilities, "ab", None, "test data")
    found = {metric.name: metric.text for metric in of_classes(targets, probabilities, "ab")}
    (below,) = [text for text in texts(figure) if "log loss" in text]
    assert below.startswith(f"log loss {found['log loss']}, Brier score {found['Brier score']},")
