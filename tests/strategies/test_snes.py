"""SNES follows the natural gradient of independent parameters."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless.strategies import SNES
from helpers.landscapes import (
    centers,
    check_invariances,
    constrained,
    ellipsoid,
    evaluations,
    final_state,
    rosenbrock,
    sphere,
)


@pytest.mark.parametrize(
    ("loss", "dimension", "target", "budget"),
    [
        (sphere, 2, 1e-8, 1_500),
        (sphere, 10, 1e-8, 2_500),
        (sphere, 40, 1e-8, 10_500),
        (ellipsoid, 2, 1e-8, 750),
        (ellipsoid, 10, 1e-8, 4_000),
        (ellipsoid, 40, 1e-8, 14_000),
        pytest.param(ellipsoid, 100, 1e-8, 50_000, marks=pytest.mark.slow),
        # It cannot turn into the curved valley, and creeps along it.
        (rosenbrock, 2, 1e-2, 25_000),
        (rosenbrock, 10, 5.0, 20_000),
        (rosenbrock, 40, 38.0, 4_000),
    ],
)
def test_it_reaches_the_target_within_the_budget(loss, dimension, target, budget) -> None:
    assert (evaluations(SNES, loss, dimension, budget, target) <= budget).all()


@pytest.mark.slow
def test_invariances() -> None:
    check_invariances(SNES)


def test_golden_path() -> None:
    strategy = SNES(sigma=0.5, population=8, relative=False)
    np.testing.assert_allclose(
        centers(strategy, rosenbrock, jnp.zeros(4), generations=20)[-1],
        [0.33550525, 0.18037125, 0.06019288, 0.06475578],
        rtol=1e-5,
        atol=1e-6,
    )


def test_one_update_worked_out_by_hand() -> None:
    # Two candidates: utilities 1/2 and -1/2.
    strategy = SNES(sigma=2.0, population=2, mean_rate=0.5, deviation_rate=3.0, relative=False)
    state = strategy.init(jax.random.key(0), jnp.ones(3))
    candidates = strategy.ask(jax.random.key(1), state)
    x = [strategy.decode(state, jax.tree.map(lambda c, i=i: c[i], candidates)) for i in (0, 1)]
    worse, better = (np.asarray((v - 1) / 2) for v in x)
    state = strategy.tell(jax.random.key(2), state, candidates, jnp.array([5.0, 4.0]))
    np.testing.assert_allclose(state.mean, 1 + 0.5 * 2 * (better - worse) / 2, rtol=1e-5)
    rate = 3 * (3 + math.log(3)) / (5 * math.sqrt(3))
    expected = 2 * np.exp(rate / 2 * (better**2 - worse**2) / 2)
    np.testing.assert_allclose(state.deviations, expected, rtol=1e-5)


def test_equal_losses_teach_nothing() -> None:
    strategy = SNES(population=8)
    state = strategy.init(jax.random.key(0), jnp.ones(3))
    candidates = strategy.ask(jax.random.key(1), state)
    told = strategy.tell(jax.random.key(2), state, candidates, jnp.full(8, 2.0))
    np.testing.assert_allclose(told.mean, state.mean, rtol=1e-6)
    np.testing.assert_allclose(told.deviations, state.deviations, rtol=1e-6)


def test_a_constraint_is_met_at_its_edge() -> None:
    strategy = SNES.for_dimension(5, sigma=0.5, relative=False)
    begin = jnp.array([2.0, 1.0, 1.0, 1.0, 1.0])
    state = final_state(strategy, constrained, begin, 4_000)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))
    assert float(jnp.sum(strategy.center(state) ** 2)) == pytest.approx(0.25, abs=1e-3)
