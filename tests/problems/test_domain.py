"""Bounds are kept by a map from coordinates without bounds to values, and back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import Bounds

from gradless._core.errors import InputError
from gradless.problems.bounds import boxes
from gradless.problems.domain import Domain

VECTOR = np.zeros(3)
TREE = {"x": np.zeros(3), "n": {"a": 0.5, "b": np.ones((2, 2))}}
NAN, INF = float("nan"), float("inf")


def domain(low: float | None, high: float | None, dtype: type = np.float64) -> Domain:
    found = Domain.of(boxes((low, high), np.zeros(1)), [np.dtype(dtype)])
    assert found is not None
    return found


def test_inside_a_coordinate_is_its_value_and_at_a_bound_the_two_agree_in_slope() -> None:
    y = np.linspace(-30, 30, 240_001)
    (x,) = domain(-5, 5).exact([y])
    assert x.min() == -5
    assert x.max() == 5
    inside = np.abs(y) < 4.75
    np.testing.assert_array_equal(x[inside], y[inside])
    assert np.abs(np.diff(np.diff(x))).max() < 2.1 * (y[1] - y[0]) ** 2  # smooth: 1 / (2 a) = 2
    np.testing.assert_allclose(x[:-84_000], x[84_000:], atol=1e-12)  # 21 = 2 (10 + 2 / 4)


@pytest.mark.parametrize("bounds", [(-5, 5), (0, None), (None, -3), (1e6, 1e6 + 1), (0, 1e-6)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, jnp.bfloat16])
def test_values_are_never_outside_and_come_back(bounds, dtype) -> None:
    low, high = (np.asarray(at) for at in boxes(bounds, np.zeros(1))[0])
    if dtype in (np.float16, jnp.bfloat16) and high < 1e7 and low > 1e5:
        pytest.skip("no number of the type lies between")
    found = domain(*bounds, dtype)
    random = np.random.default_rng(0)
    y = np.concatenate([random.normal(size=500) * 10.0**size for size in range(-8, 5)])
    y = np.concatenate([y, y + np.clip(0, low, high)]).astype(dtype)
    with jax.enable_x64(dtype is np.float64):
        traced = found.values([jnp.asarray(y)])[0]
    for x in (found.exact([y])[0], traced):
        exact = np.asarray(x).astype(np.float64)
        assert (exact >= low).all()
        assert (exact <= high).all()
    again = found.exact([found.coordinates([x := found.exact([y])[0]])[0]])[0]
    at = np.isfinite(x.astype(np.float32))
    eps = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(
        again[at].astype(float), x[at].astype(float), rtol=4 * eps, atol=1e-9 + 4 * eps
    )


def test_a_bound_that_the_type_does_not_hold_is_rounded_inwards_and_is_a_start() -> None:
    found = domain(0, 0.1, np.float32)
    start = found.coordinates([np.float32(0.1)])  # more than 0.1
    assert float(found.exact(start)[0]) < 0.1
    assert float(domain(0, 0.1).exact(domain(0, 0.1).coordinates([np.float64(0.1)]))[0]) == 0.1


def test_half_of_the_range_of_each_number() -> None:
    given = boxes({"x": [(0, 1), (0, None), None], "n": {"a": (-1, 1)}}, TREE)
    found = Domain.of(given, [np.float64] * 3)
    assert found is not None
    assert float(found.half_ranges(TREE)["n"]["a"]) == 1
    np.testing.assert_array_equal(found.half_ranges(TREE)["x"], [0.5, INF, INF])


# --- What a person may give -----------------------------------------------------------------------


def lists(bounds, params):
    return [
        None if box is None else (np.asarray(box.low).tolist(), np.asarray(box.high).tolist())
        for box in boxes(bounds, params)
    ]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((-5, 5), (-5, 5)),
        (np.array([-5, 5]), (-5, 5)),
        ((None, 5), (-INF, 5)),
        ([(0, 1), (0, None), None], ([0, 0, -INF], [1, INF, INF])),
        (np.array([[0, 1]] * 3), ([0] * 3, [1] * 3)),
        (([0, 0, 0], 1), ([0] * 3, 1)),
        (Bounds([0, 1, 2], [3, 4, 5]), ([0, 1, 2], [3, 4, 5])),
        (Bounds(0, 1), (0, 1)),
        ((-INF, INF), None),
        (None, None),
    ],
    ids=str,
)
def test_bounds_of_a_vector(bounds, expected) -> None:
    assert lists(bounds, VECTOR) == [expected]


@pytest.mark.parametrize(
    ("bounds", "a", "b", "x"),
    [
        ((0, 1), (0, 1), (0, 1), (0, 1)),
        ({"x": (0, 1)}, None, None, (0, 1)),
        ({"n": (0, 1), "x": None}, (0, 1), (0, 1), None),
        ({"n": {"a": (0, 1)}}, (0, 1), None, None),
        ({"n/*": (0, 1), "n/b": (2, 3)}, (0, 1), (2, 3), None),
        ({"n": {"b": (np.zeros((2, 2)), 1)}}, None, ([[0, 0], [0, 0]], 1), None),
    ],
    ids=str,
)
def test_bounds_of_a_tree(bounds, a, b, x) -> None:
    assert lists(bounds, TREE) == [a, b, x]


def test_two_pairs_of_a_vector_of_two_are_pairs_as_in_scipy() -> None:
    assert lists(((0, 1), (2, 3)), np.zeros(2)) == [([0, 2], [1, 3])]
    assert lists((np.zeros(2), np.ones(2)), np.zeros(2)) == [([0, 0], [1, 1])]
    assert lists([(0, 1), (2, 3)], [0.5, 2.5]) == [(0, 1), (2, 3)]


@pytest.mark.parametrize(
    ("bounds", "params", "message"),
    [
        ((5, -5), VECTOR, r"a low below a high, got 5 and -5\. Give low first"),
        ((1, 1), VECTOR, r'got 1 and 1\. layers=\{"name": 0\} keeps'),
        ((NAN, 1), VECTOR, r"bounds must be numbers, got NaN\. None is no bound"),
        ((INF, INF), VECTOR, "got inf and inf"),
        ([(0, 1), (1, 0), (0, 1)], VECTOR, r"bounds\[1\] must be a low below a high"),
        ([(0, 1), (0, 1)], VECTOR, r"a pair \(low, high\), or a list of 3 pairs, got \[\(0, 1\)"),
        (3, TREE, "must have the structure of params, 2 parts, or be one pair for all, got 3"),
        ({"x": (0, [1, 2])}, TREE, "bounds of x must be a pair"),
        ({"x": ("a", "b")}, TREE, "bounds of x must be numbers or None, got 'a'"),
        ({"n": {"c": (0, 1)}}, TREE, r"got 'n/c', which fits none of 2\. The closest are n/a"),
        ({"n": {"b": 3}}, TREE, r"of numbers or of arrays of shape \(2, 2\), got 3"),
        ((0, (1, 2)), [0.5, 0.5], r"bounds of 0 must be a pair \(low, high\), got 0"),
    ],
    ids=str,
)
def test_what_are_no_bounds(bounds, params, message) -> None:
    with pytest.raises(InputError, match=message):
        boxes(bounds, params)


def test_numbers_that_a_type_does_not_have() -> None:
    with pytest.raises(InputError, match="numbers of bfloat16 between them"):
        domain(1e6 + 1, 1e6 + 2, jnp.bfloat16)


def test_a_start_outside() -> None:
    with pytest.raises(InputError, match=r"params\[0\]\[1\] must be within its bounds to begin"):
        domain(0, 1).coordinates([np.array([0.5, 7.0])])
