import itertools

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from gradless import forward
from gradless.errors import InputError
from gradless.scaling import Moments, Scales, check_deviation, mean_and_scale, moved


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
    values[:, 1] = 0.1 + 0.2 * np.arange(49) - 0.2 * np.arange(49)  # equal but for rounding
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
        with pytest.raises(InputError, match="targets with a standard deviation of 1e"):
            check_deviation([1.0, deviation], "targets")


def predicted(layers, scales, X):  # noqa: N803
    weights, biases = zip(*layers, strict=True)
    return scales.outputs(forward.outputs(scales.inputs(X), weights, biases, "relu"))


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
