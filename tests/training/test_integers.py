"""Whole numbers are searched where somebody says so, and nowhere else."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from gradless import InputError, minimize
from gradless.problems.domain import Domain
from gradless.problems.integers import masks
from gradless.problems.space import Space

START = {"n": 2, "k": np.zeros(3, np.int16), "rate": 0.5}
BOUNDS = {"n": (0, 5), "k": (-5, 20)}


def loss(params):
    k = params["k"] - jnp.array([1, -3, 40])
    return (params["n"] - 7) ** 2 + jnp.sum(k**2) + (params["rate"] - 0.25) ** 2


def python_loss(params) -> float:
    assert params["k"].dtype == np.int16
    assert 0 <= params["n"] <= 5
    return float(loss(params))


@pytest.mark.parametrize("compiled", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_whole_numbers_are_found(compiled) -> None:
    found = minimize(
        loss if compiled else python_loss, START, "cma_es", integers=True, bounds=BOUNDS,
        compiled=compiled, evaluations=3_200,
    )  # fmt: skip
    assert found.raised == 0
    assert int(found.best["n"]) == 5
    assert found.best["k"].tolist() == [1, -3, 20]
    assert found.best["k"].dtype == np.int16
    assert np.issubdtype(found.best["n"].dtype, np.integer)
    assert found.best_loss == pytest.approx(404, abs=1e-4)


def test_each_whole_number_has_equal_room() -> None:
    domain = Space.of(np.int32(1), None, (0, 3), True).domain
    assert domain is not None
    y = np.random.default_rng(0).uniform(-48, 48, 80_000)
    values, counts = np.unique(domain.exact([y])[0], return_counts=True)
    assert values.dtype == np.int32
    assert values.tolist() == [0, 1, 2, 3]
    assert np.ptp(counts) < 1_000
    assert float(domain.half_ranges(0.0)) == 2


def test_some_numbers_of_an_array() -> None:
    domain = Space.of(np.zeros(2), None, [(-1.5, 1.5), (-1.5, 1.5)], [True, False]).domain
    assert domain is not None
    values = domain.exact([np.array([1.4, 1.4], np.float32)])[0]
    np.testing.assert_allclose(values, [1, 1.4], rtol=1e-6)
    assert domain.whole(np.zeros(2)).tolist() == [True, False]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64"])
def test_what_a_type_does_not_hold_is_its_end(dtype) -> None:
    limits = np.iinfo(dtype)
    for wide in (np.float32, np.float64):
        domain = Domain.of([None], [np.dtype(dtype)], [np.asarray(True)])
        assert domain is not None
        for y, end in ((-1e30, limits.min), (1e30, limits.max)):
            value = int(domain.exact([np.asarray(y, wide)])[0])
            assert abs(value - end) <= 1e-6 * limits.max
            assert limits.min <= value <= limits.max


def test_who_is_asked_for() -> None:
    def whole(integers, params=START):
        return [None if mask is None else mask.tolist() for mask in masks(integers, params)]

    assert whole(True) == [True, True, None]  # k, n, rate
    assert whole({"k": True}) == [True, None, None]
    assert whole({"*": True, "rate": False}) == [True, True, None]
    assert whole(True, np.zeros(3)) == [True]
    assert whole([True, False, True], np.zeros(3)) == [[True, False, True]]


@pytest.mark.parametrize(
    ("params", "settings", "message"),
    [
        (START, {}, "or give integers for whole numbers"),
        (START, {"integers": {"z": True}}, "The closest are k, n and rate"),
        (START, {"integers": {"k": 2}}, "must be True or False, or booleans of shape"),
        (START, {"integers": {"k": [True, False, True]}}, "True for all of an array of an int"),
        (START, {"integers": {"*": True}}, "must be a whole number to begin with, got 0.5"),
        (START, {"integers": True, "bounds": {"n": (0.2, 0.4)}}, "must have whole numbers betw"),
        ({"a": 0.5, "b": 1.5}, {"integers": True}, "must find arrays of an integer type"),
    ],
    ids=str,
)
def test_what_is_refused(params, settings, message) -> None:
    with pytest.raises(InputError, match=message):
        minimize(lambda p: 0.0 * p["n"], params, "cma_es", evaluations=100, **settings)


def test_steps_stay_wide_enough_to_find_other_whole_numbers() -> None:
    steep, whole = 10.0 ** (6 * np.arange(8) / 7), np.arange(8) < 4
    least = np.where(whole, 3, 3.3)

    def ellipsoid(x) -> float:
        return float(np.sum(steep * (x - least) ** 2))

    given = {"integers": whole, "bounds": (-10, 10), "compiled": False, "seed": 1}
    start = np.full(8, -7.0)
    found = minimize(ellipsoid, start, "cma_es", evaluations=4_000, **given)
    assert found.best[:4].tolist() == [3, 3, 3, 3]  # without a margin, 0 for the first
    assert found.strategy.strategy.name == "margin"
    half = minimize(ellipsoid, start, "cma_es", evaluations=2_006, **given)
    again = minimize(ellipsoid, start, "cma_es", evaluations=4_000, resume_from=half, **given)
    np.testing.assert_array_equal(again.run.best, found.run.best)


def test_counters_of_a_model_stay_as_they_are() -> None:
    model = {"weights": np.zeros(2), "seen": np.arange(3), "activation": jnp.tanh}
    space = Space.of(model, None, (-1, 1), None)
    assert space.structure.size == 2
    assert Space.of(model, None, (-1, 5), {"seen": True}).structure.size == 5
