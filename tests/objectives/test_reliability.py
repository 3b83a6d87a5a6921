"""Bins of a reliability curve hold the rows that they say."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from gradless.objectives.reliability import bins, judged


@pytest.fixture
def said():
    return np.random.default_rng(0).uniform(size=200)


def test_bins_are_those_of_scikit_learn(said):
    happened = np.random.default_rng(1).random(200) < said
    found = bins(happened, said)
    share, mean = calibration_curve(happened, said, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(found.happened, share)
    np.testing.assert_allclose(found.said, mean)
    assert found.rows.tolist() == [20] * 10


def test_intervals_are_those_of_wilson(said):
    found = bins(said < 0.3, said)
    for share, low, high, rows in zip(*found[1:], strict=True):
        expected = binomtest(round(share * rows), int(rows)).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx(tuple(expected), abs=1e-6)


@pytest.mark.parametrize("rows", [1, 14, 45])
def test_rows_of_one_probability_are_one_bin(rows):
    found = bins(np.arange(rows) % 2, np.full(rows, 0.25))
    assert found.rows.tolist() == [rows]
    assert found.said == pytest.approx([0.25])


def test_of_two_classes_the_second_is_judged_and_of_more_the_likeliest():
    happened, said = judged(np.array([0, 1]), np.array([[0.2, 0.8], [0.6, 0.4]]))
    assert (happened.tolist(), said.tolist()) == ([0, 1], [0.8, 0.4])
    happened, said = judged(np.array([0, 2]), np.array([[0.2, 0.7, 0.1], [0.1, 0.3, 0.6]]))
    assert (happened.tolist(), said.tolist()) == ([0, 1], [0.7, 0.6])
