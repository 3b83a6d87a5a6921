"""Means and deviations of numbers of any size."""

import numpy as np
import pytest

from gradless.scaling import is_blurred, mean_and_scale


def test_mean_and_scale_are_those_of_numpy_to_the_bit():
    values = np.random.default_rng(0).normal(50, 9, (80, 3))
    mean, scale = mean_and_scale(values)
    np.testing.assert_array_equal(mean, np.average(values, axis=0))
    np.testing.assert_array_equal(scale, np.sqrt(np.average((values - mean) ** 2, axis=0)))


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-30, 1e30, 1e200, 1e307])
def test_mean_and_scale_in_any_unit(size):
    values = np.random.default_rng(0).uniform(2, 4, (80, 3))
    for found, expected in zip(mean_and_scale(size * values), mean_and_scale(values), strict=True):
        np.testing.assert_allclose(found / size, expected, rtol=1e-13)
    low = mean_and_scale(size * np.float64([[0, 1], [0, 3]]))
    np.testing.assert_allclose(low, [[0, 2 * size], [1, size]], rtol=1e-14)


@pytest.mark.parametrize("offset", [1e8, 1e12, 1e15, -1e15])
def test_mean_and_scale_beside_a_large_offset(offset):
    mean, scale = mean_and_scale(offset + np.arange(8.0)[:, None])
    assert mean - offset == pytest.approx(3.5, abs=0.2 if abs(offset) == 1e15 else 1e-4)
    assert scale == pytest.approx(np.arange(8).std(), rel=1e-2 if abs(offset) == 1e15 else 1e-6)


def test_one_value_but_for_rounding_has_scale_one():
    values = np.stack([np.full(9, 0.1), [0.1 + 0.2, *[0.3] * 8], np.zeros(9)], axis=1)
    assert mean_and_scale(values)[1].tolist() == [1, 1, 1]
    weight = np.float64([0, 0, 1, 1])
    assert mean_and_scale(np.float64([[9], [1e9], [2], [2]]), weight) == (2, 1)


@pytest.mark.parametrize(
    ("numbers", "blurred"),
    [
        (1.7e9 + np.arange(100.0), True),
        (1.7e9 + 128 * np.arange(100.0), False),  # which float32 has
        (1e8 + np.float64([0.5, np.nan, 2]), True),
        (0.1 * np.arange(100), False),
        (np.full(9, 0.1), False),
        (np.full(9, np.nan), False),
    ],
)
def test_numbers_that_float32_does_not_tell_apart(numbers, blurred):
    assert is_blurred(numbers) is blurred
