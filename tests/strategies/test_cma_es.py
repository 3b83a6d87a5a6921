"""CMA-ES learns any quadratic landscape, in float32, whatever its rotation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.strategies import CMAES
from gradless.strategies.parts.covariance import _roots
from helpers.landscapes import (
    ROTATION,
    centers,
    check_invariances,
    constrained,
    ellipsoid,
    evaluations,
    final_state,
    rosenbrock,
    rotated_ellipsoid,
    shifted_ellipsoid,
    sphere,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "dimension", "budget"),
    [
        (sphere, 2, 800),
        (sphere, 10, 2_000),
        (sphere, 40, 6_000),
        (ellipsoid, 2, 700),
        (ellipsoid, 10, 6_000),
        (ellipsoid, 40, 55_000),
        (rotated_ellipsoid, 10, 6_000),
        (shifted_ellipsoid, 10, 6_000),
        (rosenbrock, 2, 1_000),
        (rosenbrock, 10, 8_000),
    ],
)
def test_it_reaches_1e_8_within_the_budget(loss, dimension, budget) -> None:
    assert (evaluations(CMAES, loss, dimension, budget) <= budget).all()


@pytest.mark.slow
def test_it_follows_the_valley_in_forty_dimensions() -> None:
    # One search in some ends in the local minimum near -1, 1, 1 ..., as the method's do.
    assert np.sum(evaluations(CMAES, rosenbrock, 40, budget=80_000) <= 80_000) >= 4


@pytest.mark.slow
def test_rotation_changes_no_budget() -> None:
    along_axes = np.median(evaluations(CMAES, ellipsoid, 10, 6_000))
    rotated = np.median(evaluations(CMAES, rotated_ellipsoid, 10, 6_000))
    assert rotated == pytest.approx(along_axes, rel=0.15)


@pytest.mark.slow
def test_invariances() -> None:
    check_invariances(CMAES)


def test_golden_path() -> None:
    strategy = CMAES(sigma=0.5, population=8, relative=False)
    np.testing.assert_allclose(
        centers(strategy, rosenbrock, jnp.zeros(4), generations=20)[-1],
        [-0.06770010, -0.00262381, 0.03976303, 0.00035920],
        rtol=1e-5,
        atol=1e-6,
    )


def test_the_covariance_becomes_the_inverse_hessian() -> None:
    strategy = CMAES.for_dimension(10, sigma=1.0, relative=False)
    state = final_state(strategy, rotated_ellipsoid, jnp.full(10, 3.0), 6_000, target=1e-8)
    factor, learnt = np.asarray(state.normal.factor, float), np.asarray(state.normal.learnt, float)
    root_of_hessian = 10 ** (3 * np.arange(10) / 9)[:, None] * ROTATION
    product = root_of_hessian @ factor @ learnt @ factor.T @ root_of_hessian.T
    eigenvalues = np.linalg.eigvalsh(product)
    assert eigenvalues.max() / eigenvalues.min() < 100  # 1e6 at the start


def test_a_constraint_is_met_at_its_edge() -> None:
    strategy = CMAES.for_dimension(5, sigma=0.5, relative=False)
    begin = jnp.array([2.0, 1.0, 1.0, 1.0, 1.0])
    state = final_state(strategy, constrained, begin, 4_000)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))
    assert float(jnp.sum(strategy.center(state) ** 2)) == pytest.approx(0.25, abs=1e-3)


def _flat(x: jax.Array) -> jax.Array:
    return jnp.float32(1)


def _one_parameter_matters(x: jax.Array) -> jax.Array:
    return x[0] ** 2


def _endless_slope(x: jax.Array) -> jax.Array:
    return x[0]


@pytest.mark.parametrize("loss", [_flat, _one_parameter_matters, _endless_slope])
@pytest.mark.slow
def test_thousands_of_generations_of_little_information_stay_finite(loss) -> None:
    strategy = CMAES(sigma=1.0, population=8)
    state = final_state(strategy, loss, jnp.ones(6), 40_000)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))


def test_a_matrix_that_does_not_fit_is_refused_before_it_is_made() -> None:
    params = jnp.zeros(1_000_000)
    with pytest.raises(InputError, match=r"1,000,000 parameters.*29,802\.3 GiB.*lm_ma_es"):
        CMAES().init(jax.random.key(0), params)


roots = jax.jit(_roots)


@pytest.mark.parametrize("size", [1, 2, 10, 60])
@pytest.mark.parametrize("condition", [1.0, 10.0, 300.0])
def test_roots_are_those_of_the_eigenvectors(size, condition) -> None:
    random = np.random.RandomState(1)
    vectors, _ = np.linalg.qr(random.randn(size, size))
    values = condition ** (np.arange(size) / max(1, size - 1))
    root, inverse = roots(np.float32(vectors * values @ vectors.T))
    np.testing.assert_allclose(root, vectors * values**0.5 @ vectors.T, atol=2e-5 * condition)
    np.testing.assert_allclose(inverse, vectors * values**-0.5 @ vectors.T, atol=2e-5 * condition)


def test_there_are_no_roots_of_an_indefinite_matrix() -> None:
    root, inverse = roots(np.diag(np.float32([1.0, -0.5])))
    assert np.isnan(root).all()
    assert np.isnan(inverse).all()
