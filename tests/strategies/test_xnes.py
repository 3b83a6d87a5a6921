"""xNES follows the natural gradient of a full normal distribution, whatever the rotation."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from gradless._core.errors import InputError
from gradless.strategies import XNES
from helpers.landscapes import centers, check_invariances, constrained, final_state, rosenbrock


@pytest.mark.slow
def test_invariances() -> None:
    check_invariances(XNES)


def test_golden_path() -> None:
    strategy = XNES(sigma=0.5, population=8, relative=False)
    np.testing.assert_allclose(
        centers(strategy, rosenbrock, jnp.zeros(4), generations=20)[-1],
        [0.11862451, 0.31106189, 0.04497825, 0.09189834],
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize(("dimension", "population"), [(1, 4), (6, 5), (6, 20)])
def test_one_update_is_that_of_the_matrix_exponential(dimension, population) -> None:
    strategy = XNES(
        sigma=2.0, population=population, mean_rate=0.7, deviation_rate=1.5, relative=False
    )
    random = np.random.RandomState(3)
    shape = random.randn(dimension, dimension)
    state = strategy.init(jax.random.key(0), jnp.ones(dimension))
    state = state._replace(shape=jnp.asarray(shape, jnp.float32))
    candidates = strategy.ask(jax.random.key(1), state)
    s = np.asarray(candidates.s, float)
    np.testing.assert_allclose(candidates.vector, 1 + 2 * s @ shape.T, rtol=1e-4, atol=1e-5)
    told = strategy.tell(
        jax.random.key(2), state, candidates, jnp.arange(population, dtype=jnp.float32)
    )

    # Algorithm 5 word by word.
    utility = np.maximum(0, np.log(population / 2 + 1) - np.log(np.arange(1, population + 1)))
    utility = utility / utility.sum() - 1 / population
    gradient = sum(
        u * (np.outer(x, x) - np.eye(dimension)) for u, x in zip(utility, s, strict=True)
    )
    gradient_sigma = np.trace(gradient) / dimension
    gradient_shape = gradient - gradient_sigma * np.eye(dimension)
    rate = 1.5 * (9 + 3 * math.log(dimension)) / (5 * dimension**1.5)
    mean = 1 + 0.7 * 2 * shape @ (utility @ s)
    np.testing.assert_allclose(told.mean, mean, rtol=1e-4, atol=1e-5)
    assert float(told.sigma) == pytest.approx(2 * math.exp(rate / 2 * gradient_sigma), rel=1e-4)
    expected = shape @ expm(rate / 2 * gradient_shape)
    np.testing.assert_allclose(told.shape, expected, rtol=1e-3, atol=1e-4)


def test_a_constraint_is_met_at_its_edge() -> None:
    strategy = XNES.for_dimension(5, sigma=0.5, relative=False)
    begin = jnp.array([2.0, 1.0, 1.0, 1.0, 1.0])
    state = final_state(strategy, constrained, begin, 8_000)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))
    assert float(jnp.sum(strategy.center(state) ** 2)) == pytest.approx(0.25, abs=1e-3)


def test_a_matrix_that_does_not_fit_is_refused_before_it_is_made() -> None:
    with pytest.raises(InputError, match=r"xnes must need .* got 1,000,000 .* GiB .* sep_cma_es"):
        XNES().init(jax.random.key(0), jnp.zeros(1_000_000))
