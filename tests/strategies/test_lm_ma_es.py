"""LM-MA-ES learns a few directions, in linear memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import noise
from gradless.strategies import LMMAES
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
        (sphere, 10, 1e-8, 2_500),
        pytest.param(sphere, 100, 1e-8, 12_000, marks=pytest.mark.slow),
        (rosenbrock, 10, 1e-8, 15_000),
        pytest.param(rosenbrock, 40, 1e-8, 80_000, marks=pytest.mark.slow),
        # Its few directions do not hold this landscape's ten different scales.
        (ellipsoid, 10, 1e-8, 250_000),
    ],
)
def test_it_reaches_the_target_within_the_budget(loss, dimension, target, budget) -> None:
    assert (evaluations(LMMAES, loss, dimension, budget, target) <= budget).all()


@pytest.mark.slow
def test_invariances() -> None:
    check_invariances(LMMAES)


def test_golden_path() -> None:
    strategy = LMMAES(sigma=0.5, population=8, relative=False)
    np.testing.assert_allclose(
        centers(strategy, rosenbrock, jnp.zeros(4), generations=20)[-1],
        [-0.07681213, 0.03374561, 0.03201636, -0.02531096],
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("generation", [0, 2, 9])
def test_candidates_are_a_product_of_matrices(generation) -> None:
    strategy = LMMAES(sigma=0.5, memory=4, relative=False)
    state = strategy.init(jax.random.key(0), jnp.ones(6))
    directions = np.random.RandomState(2).randn(4, 6).astype(np.float32)
    state = state._replace(directions=jnp.asarray(directions), generation=jnp.uint32(generation))
    seed = jax.tree.map(lambda x: x[3], strategy.ask(jax.random.key(1), state))
    matrix = np.eye(6)
    for j in range(min(generation, 4)):
        rate = 1 / (1.5**j * 6)
        matrix = ((1 - rate) * np.eye(6) + rate * np.outer(directions[j], directions[j])) @ matrix
    expected = 1 + 0.5 * matrix @ np.asarray(
        jax.jit(noise.normal, static_argnums=1)(seed, 6), float
    )
    np.testing.assert_allclose(strategy.decode(state, seed), expected, rtol=1e-4, atol=1e-5)


def test_infinite_losses_do_not_poison_it() -> None:
    strategy = LMMAES.for_dimension(40, sigma=0.5, relative=False)
    begin = jnp.ones(40).at[0].set(2.0)
    state = final_state(strategy, constrained, begin, 8_000)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))
    assert float(jnp.sum(strategy.center(state) ** 2)) == pytest.approx(0.25, abs=1e-2)


def test_memory_grows_with_the_parameters_only() -> None:
    strategy = LMMAES(population=64, memory=5)
    params = jax.ShapeDtypeStruct((1_000_000,), jnp.float32)
    state = jax.eval_shape(strategy.init, jax.random.key(0), params)
    candidates = jax.eval_shape(strategy.ask, jax.random.key(0), state)
    assert sum(x.size for x in jax.tree.leaves(state)) < 8_000_010
    assert sum(x.size for x in jax.tree.leaves(candidates)) == 3 * 64
