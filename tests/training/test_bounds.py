"""Searches within bounds: never outside, and what is best on a bound is found there."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from tests.helpers.minima import CLIMB, START, bowl

from gradless import InputError, minimize
from gradless.problems.space import Space
from gradless.strategies import CMAES, STRATEGIES
from gradless.strategies.scaled import Scaled
from gradless.training.minimize_arguments import scale_of_bounds

BOUNDS = {"x": (0, 2.5), "y": (-0.5, None)}  # the best is 3 and -1


def python_bowl(params) -> float:
    """The same, which says where it was asked."""
    assert 0 <= params["x"] <= 2.5
    assert (params["y"] >= -0.5).all()
    return float((params["x"] - 3) ** 2 + np.sum((params["y"] + 1) ** 2))


@pytest.fixture(scope="module")
def found():
    return minimize(bowl, START, "cma_es", bounds=BOUNDS, evaluations=3_200)


def test_what_is_best_on_a_bound_is_found_there(found) -> None:
    assert float(found.best["x"]) == 2.5
    np.testing.assert_allclose(found.best["y"], [-0.5, -0.5], rtol=1e-6)
    assert found.best_loss == 0.75 == pytest.approx(found.center_loss, rel=1e-6)
    assert found.best["y"].dtype == np.float32


def test_half_of_the_range_is_the_scale(found) -> None:
    assert found.strategy == Scaled(CMAES(), found.strategy.scale)
    scale = found.strategy.scale
    assert (float(scale["x"]), scale["y"].tolist()) == (1.25, [1, 1])
    given = minimize(bowl, START, CLIMB, bounds=(-5, 5), evaluations=10)
    assert given.strategy == Scaled(CLIMB, 5.0)
    one_sided = Space.of(START, None, (0, None), None).domain
    assert scale_of_bounds(one_sided, START) is None


def test_it_goes_on_bit_for_bit(found) -> None:
    half = minimize(bowl, START, "cma_es", bounds=BOUNDS, evaluations=1_600)
    again = minimize(
        bowl, START, "cma_es", bounds=BOUNDS, evaluations=3_200, resume_from=half, seed=0
    )
    np.testing.assert_array_equal(again.run.best, found.run.best)


def test_a_function_in_python_is_never_called_outside() -> None:
    found = minimize(python_bowl, START, "cma_es", bounds=BOUNDS, compiled=False, evaluations=1_600)
    assert found.raised == 0
    assert found.best_loss == python_bowl(found.best) == 0.75
    assert found.best["y"].dtype == np.float32
    assert type(found.best["x"]) is np.float32


def test_fixed_arrays_stay_and_are_not_bounded() -> None:
    start = {"x": np.float32(2.0), "y": np.full(2, 9, np.float32)}
    seen = []

    def loss(params) -> float:
        seen.append(params["y"].copy())
        params["y"] += 1  # its own
        return float((params["x"] - 3) ** 2)

    found = minimize(
        loss, start, CLIMB, bounds=(0, 2.5), layers={"y": 0}, compiled=False, evaluations=300
    )
    assert (np.array(seen) == 9).all()
    assert found.best["x"] == pytest.approx(2.5, rel=1e-4)
    np.testing.assert_array_equal(found.best["y"], [9, 9])
    found = minimize(bowl, start, CLIMB, bounds=(0, 2.5), layers={"y": 0}, evaluations=300)
    np.testing.assert_array_equal(found.best["y"], [9, 9])
    assert found.best["x"] == pytest.approx(2.5, rel=1e-4)


def test_a_start_on_a_bound_is_its_own_answer() -> None:
    start = {"x": np.float32(2.5), "y": np.full(2, -0.5, np.float32)}
    found = minimize(bowl, start, CLIMB, bounds=BOUNDS, evaluations=10, target_loss=0.75)
    assert found.evaluations == 0
    assert (found.best_loss, float(found.best["x"])) == (0.75, 2.5)


def test_bad_bounds_are_refused_before_any_work(found) -> None:
    for bounds, message in [
        ({"x": (3, 4)}, r"params\['x'\] must be within its bounds to begin with, 3 to 4, got 2"),
        ({"z": (3, 4)}, "fits none of 2"),
        ((1, 0), "a low below a high"),
    ]:
        for compiled in (True, False):
            with pytest.raises(InputError, match=message):
                minimize(bowl, START, bounds=bounds, compiled=compiled, evaluations=10)
    for bounds in (None, {**BOUNDS, "x": (0, 3)}):
        with pytest.raises(InputError, match="bounds and integers must be those of resume_from"):
            minimize(bowl, START, bounds=bounds, evaluations=4_000, resume_from=found)
    with pytest.raises(InputError, match="log must be left out with bounds"):
        minimize(bowl, START, "snes", bounds=BOUNDS, evaluations=99, log="never.seeds")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, cls in STRATEGIES.items() if cls.name != "evosax"])
def test_every_strategy_stays_within_bounds_and_comes_to_them(name) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = minimize(python_bowl, START, name, bounds=BOUNDS, compiled=False, evaluations=3_000)
    assert found.raised == 0
    first = float(bowl(START))
    share = 0.9 if name == "random_search" else 0.15  # it draws close to where it begins
    assert found.best_loss < 0.75 + share * (first - 0.75)
    assert python_bowl(found.best) == pytest.approx(found.best_loss, rel=1e-6)


@pytest.mark.slow
def test_float64_in_python() -> None:
    def loss(x) -> float:
        assert (np.abs(x) <= 0.1).all()
        return float(np.sum((x - 1) ** 2))

    found = minimize(
        loss, np.zeros(2), "cma_es", bounds=(-0.1, 0.1), compiled=False, evaluations=1_600
    )
    np.testing.assert_allclose(found.best, [0.1, 0.1], rtol=1e-14)
    assert found.raised == 0


def test_a_tuple_of_two_lists_is_lows_and_highs_of_two_numbers_as_well() -> None:
    def at(x) -> float:
        return float(np.sum(x**2))

    for bounds in (([0, 2], [1, 3]), (np.array([0, 2]), np.array([1, 3])), [(0, 1), (2, 3)]):
        found = minimize(
            at, np.array([0.5, 2.5]), "cma_es", bounds=bounds, compiled=False, evaluations=1_000
        )
        np.testing.assert_allclose(found.best, [0, 2], atol=1e-6)
