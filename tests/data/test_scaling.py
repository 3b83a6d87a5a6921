"""Means and deviations of numbers of any size."""

import itertools

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from gradless._core.errors import InputError
from gradless.data.scaling import (
    Moments,
    Scales,
    check_deviation,
    is_blurred,
    mean_and_scale,
    moved,
)
from gradless.models import numpy_forward


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(3, [1.0, 100.0], (30, 2))


@pytest.mark.parametrize("unit", [1.0, 1e-300, 1e-200, 1e200, 1e300])
def test_means_and_deviations_in_any_unit(rows, unit):
    mean, scale = mean_and_scale(rows * unit)
    expected = StandardScaler().fit(rows)
    np.testing.assert_allclose(mean / unit, expected.mean_, rtol=1e-12)
    np.testing.assert_allclose(scale / unit, expected.scale_, rtol=1e-12)
    weight = np.arange(30) % 3
    mean, scale = mean_and_scale(rows * unit, weight)
    expected = StandardScaler().fit(rows.repeat(weight, 0))
    np.testing.assert_allclose(mean / unit, expected.mean_, rtol=1e-12)
    np.testing.assert_allclose(scale / unit, expected.scale_, rtol=1e-12)


def test_constant_columns_keep_their_number_to_the_last_digit():
    values = np.full((49, 2), 0.1)
    values[:, 1] = np.where(np.arange(49) % 2, 0.1 + 0.2, 0.3)  # equal but for rounding
    mean, scale = mean_and_scale(values)
    assert mean[0] == 0.1
    assert scale.tolist() == [1, 1]


@pytest.mark.parametrize("unit", [1.0, 1e-300, 1e300])
def test_moments_of_parts_are_those_of_all(rows, unit):
    rows = rows * unit
    whole = Moments.of(rows)
    parts = Moments.of(rows[:1])
    for row in rows[1:20]:
        parts = parts.and_of(Moments.of(row[None]))
    parts = parts.and_of(Moments.of(rows[20:]))
    assert parts.weight == whole.weight == 30
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(parts.deviation, whole.deviation, rtol=1e-12)
    same = Moments.of(np.full((3, 1), 0.1)).and_of(Moments.of(np.full((7, 1), 0.1)))
    assert same.constant.tolist() == [True]
    assert same.mean.tolist() == [0.1]


def test_what_float32_cannot_square_is_refused():
    check_deviation([0.0, 1e-15, 1e15], "targets")
    for deviation in (1e-16, 1e16):
        with pytest.raises(InputError, match="targets must have a standard deviation"):
            check_deviation([1.0, deviation], "targets")


def predicted(layers, scales, X):  # noqa: N803
    weights, biases = zip(*layers, strict=True)
    return scales.outputs(numpy_forward.outputs(scales.inputs(X), weights, biases, "relu"))


def scales_of(X, y):  # noqa: N803
    return Scales.of(Moments.of(X), Moments.of(y), standardize=True), (Moments.of(X), Moments.of(y))


@pytest.mark.parametrize("hidden", [(), (4,)])
def test_a_network_says_the_same_with_other_scales(rows, hidden):
    rng = np.random.default_rng(1)
    sizes = (2, *hidden, 2)
    layers = [
        (np.float32(rng.normal(size=pair)), np.float32(rng.normal(size=pair[1])))
        for pair in itertools.pairwise(sizes)
    ]
    before, seen = scales_of(rows, rows[:, ::-1] * 1e200)
    after, _ = scales_of(rows * 3 - 1, rows * 1e200 + 5e199)
    same = moved(layers, before, after, seen)
    expected = predicted(layers, before, rows)
    np.testing.assert_allclose(predicted(same, after, rows), expected, rtol=1e-4, atol=1e194)
    assert all(weights.dtype == np.float32 for weights, _ in same)
    # A column that was constant, or nearly, is worth no large weights.
    constant = rows.copy()
    constant[:, 0] = rows[0, 0] + 1e-9 * np.arange(30)
    before, seen = scales_of(constant, rows)
    after, _ = scales_of(rows, rows)
    assert np.abs(moved(layers, before, after, seen)[0][0]).max() < 20


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
