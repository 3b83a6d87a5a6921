"""Thresholds are those that they say, and so is what they cost."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from gradless.objectives.thresholds import thresholds


def test_figures_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    probabilities = random.random(200).round(2)
    targets = (random.random(200) < probabilities).astype(int)
    found = thresholds(targets, probabilities)
    shares = [one.share for one in found]
    assert shares == sorted(set(shares))
    assert [one.probability for one in found if one.used] == [0.5]
    for one in found:
        taken = probabilities > 0.5 if one.used else probabilities >= one.probability
        assert one.share == taken.mean()
        assert one.precision == pytest.approx(precision_score(targets, taken))
        assert one.recall == pytest.approx(recall_score(targets, taken))
        assert one.f1 == pytest.approx(f1_score(targets, taken))
    for share in (0.05, 0.5):
        assert min(abs(one.share - share) for one in found) < 0.03


def test_nothing_is_divided_by_nothing():
    (used, _) = thresholds(np.zeros(3, int), np.full(3, 0.2))
    assert used == (0.5, 0, None, None, 0, True)
    (one,) = thresholds(np.ones(3, int), np.full(3, 0.8))
    assert one == (0.5, 1, 1, 1, 1, True)
