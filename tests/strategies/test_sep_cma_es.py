"""Separable CMA-ES learns the scale of each parameter, in linear memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless.strategies import SepCMAES
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "dimension", "budget"),
    [
        (sphere, 2, 1_000),
        (sphere, 10, 1_800),
        (sphere, 40, 5_500),
        (ellipsoid, 2, 800),
        (ellipsoid, 10, 3_500),
        (ellipsoid, 40, 13_500),
        (ellipsoid, 100, 40_000),
        # It cannot turn into the curved valley, and follows it slowly.
        (rosenbrock, 2, 30_000),
        (rosenbrock, 10, 130_000),
    ],
)
def test_it_reaches_1e_8_within_the_budget(loss, dimension, budget) -> None:
    assert (evaluations(SepCMAES, loss, dimension, budget) <= budget).all()


@pytest.mark.slow
def test_invariances() -> None:
    check_invariances(SepCMAES)


def test_golden_path() -> None:
    strategy = SepCMAES(sigma=0.5, population=8, relative=False)
    np.testing.assert_allclose(
        centers(strategy, rosenbrock, jnp.zeros(4), generations=20)[-1],
        [0.06211439, 0.03386430, 0.03345604, 0.01633483],
        rtol=1e-5,
        atol=1e-6,
    )


def test_the_variances_become_the_inverse_of_the_curvatures() -> None:
    strategy = SepCMAES.for_dimension(10, sigma=1.0, relative=False)
    state = final_state(strategy, ellipsoid, jnp.full(10, 3.0), 4_000, target=1e-8)
    products = np.asarray(state.variances) * 10 ** (6 * np.arange(10) / 9)
    assert products.max() / products.min() < 100  # 1e6 at the start


def test_a_constraint_is_met_at_its_edge() -> None:
    strategy = SepCMAES.for_dimension(5, sigma=0.5, relative=False)
    begin = jnp.array([2.0, 1.0, 1.0, 1.0, 1.0])
    state = final_state(strategy, constrained, begin, 4_000)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))
    assert float(jnp.sum(strategy.center(state) ** 2)) == pytest.approx(0.25, abs=1e-3)


def test_memory_grows_with_the_parameters_only() -> None:
    strategy = SepCMAES(population=64)
    params = jax.ShapeDtypeStruct((1_000_000,), jnp.float32)
    state = jax.eval_shape(strategy.init, jax.random.key(0), params)
    candidates = jax.eval_shape(strategy.ask, jax.random.key(0), state)
    assert sum(x.size for x in jax.tree.leaves(state)) < 4_000_010
    assert sum(x.size for x in jax.tree.leaves(candidates)) == 3 * 64
