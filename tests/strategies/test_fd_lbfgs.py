"""Finite-difference L-BFGS: slopes, curvature, line search, and what it does in a minimum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless._core.errors import InputError
from gradless.strategies import FDLBFGS
from helpers.landscapes import (
    SEEDS,
    _evaluations,
    ellipsoid,
    rosenbrock,
    rotated_ellipsoid,
    sphere,
    start,
    turn,
)

LARGE_STEP = {"difference": 0.03}


def evaluations_to(strategy, loss, dimension, target, budget):
    """Evaluations until a candidate reaches the target, of two seeds."""
    return np.asarray(
        _evaluations(strategy, loss, start(loss, dimension)[0], target, budget, SEEDS[:2])[0]
    )


def states(strategy, loss, begin, generations):
    """The state after each generation."""
    state = strategy.init(jax.random.key(0), begin)
    step = jax.jit(lambda key, state: turn(strategy, loss, key, state)[0])
    found = []
    for generation in range(generations):
        state = step(jax.random.key(generation), state)
        found.append(state)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "dimension", "target", "budget"),
    [
        (sphere, 2, 1e-8, 200),
        (sphere, 10, 1e-8, 200),
        (sphere, 40, 1e-8, 800),
        (ellipsoid, 2, 1e-6, 1_000),
        (ellipsoid, 10, 1e-6, 5_000),
        (rosenbrock, 2, 1e-6, 5_000),
        (rosenbrock, 10, 1e-6, 5_000),
        (rosenbrock, 40, 1e-6, 60_000),
    ],
)
def test_convergence(loss, dimension, target, budget) -> None:
    strategy = FDLBFGS.for_dimension(dimension, difference=0.003)
    assert max(evaluations_to(strategy, loss, dimension, target, budget)) < budget


def slopes_of_rosenbrock(x: np.ndarray) -> np.ndarray:
    bent = x[1:] - x[:-1] ** 2
    slopes = np.zeros_like(x)
    slopes[1:] = 200 * bent
    slopes[:-1] -= 400 * x[:-1] * bent + 2 * (1 - x[:-1])
    return slopes


def test_the_gradient_is_the_central_difference() -> None:
    begin = jnp.array([0.3, -0.2, 0.5, 1.0, 0.1])
    strategy = FDLBFGS(population=8)
    # Four coordinates in the first generation, the last one in the second.
    first, second = states(strategy, rosenbrock, begin, 2)
    expected = slopes_of_rosenbrock(np.asarray(begin))
    slopes = first.gradient * first.loss_unit
    np.testing.assert_allclose(slopes[:4], expected[:4], rtol=1e-3, atol=0.05)
    assert float(first.gradient[4]) == 0
    slopes = second.gradient * second.loss_unit
    np.testing.assert_allclose(slopes, expected, rtol=1e-3, atol=0.05)
    assert float(second.direction @ expected) < 0


def test_of_the_steps_that_gain_half_as_much_the_one_nearest_to_one_is_taken() -> None:
    # Along the first direction, the unit steepest descent, the full step gains 2.8 of 3.6.
    strategy = FDLBFGS(population=64, **LARGE_STEP)
    begin = jnp.array([1.9])
    _, searched = states(strategy, sphere, begin, 2)
    assert float(searched.iterate[0]) == pytest.approx(0.9, abs=1e-3)
    assert abs(float(searched.best[0])) < 0.2  # the step of about 2 that gains most


def test_negative_curvature_does_not_turn_it_uphill() -> None:
    def saddle(x):
        return jnp.cos(x[0]) + x[1] ** 2

    found = states(FDLBFGS(population=16), saddle, jnp.array([0.5, 0.3]), 40)
    losses = [float(saddle(state.iterate)) for state in found]
    assert losses[-1] == pytest.approx(-1, abs=1e-3)


def test_in_a_minimum_it_looks_more_finely_and_then_begins_elsewhere() -> None:
    begin = {"w": jnp.array([1.0, 1.0]), "b": jnp.zeros(1)}

    def loss(params):
        return sphere(tree.ravel(params))

    strategy = FDLBFGS(population=8)
    seen = []
    state = strategy.init(jax.random.key(0), begin)
    step = jax.jit(lambda key, state: turn(strategy, loss, key, state)[0])
    for generation in range(60):
        state = step(jax.random.key(generation), state)
        seen.append((float(state.precision), float(loss(state.structure.unravel(state.iterate)))))
    precisions = [precision for precision, _ in seen]
    assert min(precisions) == pytest.approx(1 / 3)
    lowest = int(np.argmin([value for _, value in seen]))
    assert max(value for _, value in seen[lowest:]) > 1e-4  # it left
    assert float(state.best_loss) < 1e-6  # and remembers


def test_new_parameters_keep_biases_at_zero() -> None:
    begin = {"w": jnp.array([[2.0, -2.0]]), "b": jnp.zeros(3)}
    strategy = FDLBFGS(population=8, kick=1e-6)
    state = strategy.init(jax.random.key(0), begin)
    places = np.stack([strategy._elsewhere(jax.random.key(seed), state) for seed in range(20)])
    near = np.linalg.norm(places - tree.ravel(begin), axis=1) < 1e-3
    assert 3 <= near.sum() <= 17
    structure = state.structure
    new = [structure.unravel(jnp.asarray(place)) for place in places[~near]]
    assert all(np.all(np.asarray(params["b"]) == 0) for params in new)
    assert 0.5 < np.mean([np.square(params["w"]) for params in new]) / 4 < 2


def test_failed_neighbours_say_nothing() -> None:
    def loss(x):
        return jnp.where(x[0] > 1.001, jnp.inf, sphere(x))

    (first,) = states(FDLBFGS(population=8), loss, jnp.array([1.0, 2.0]), 1)
    np.testing.assert_allclose(first.gradient * first.loss_unit, [0, 4], rtol=1e-3)


@pytest.mark.slow
def test_the_rotated_ellipsoid_needs_no_more_than_the_plain_one_by_far() -> None:
    strategy = FDLBFGS.for_dimension(10)
    rotated = np.median(evaluations_to(strategy, rotated_ellipsoid, 10, 1e-4, 10_000))
    plain = np.median(evaluations_to(strategy, ellipsoid, 10, 1e-4, 10_000))
    assert rotated < 3 * plain


def test_a_population_for_a_dimension_is_one_iteration() -> None:
    for dimension in (2, 21, 387, 5_000):
        strategy = FDLBFGS.for_dimension(dimension)
        _, first = states(strategy, sphere, jnp.ones(dimension), 2)[:2]
        np.testing.assert_allclose(first.iterate, 0.0, atol=1.0)
        assert strategy.population <= max(16, 2 * dimension + 33)


def test_a_memory_that_does_not_fit_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"memory_gib=4, got 100,000,000 parameters.* Use a smaller"
    ):
        jax.eval_shape(FDLBFGS().init, jax.random.key(0), jnp.zeros(100_000_000, jnp.float32))


def test_golden_path() -> None:
    found = states(FDLBFGS(population=8), rosenbrock, jnp.zeros(4), 20)[-1]
    np.testing.assert_allclose(
        found.best, [0.6852248, 0.45940027, 0.1826255, 0.01329571], rtol=1e-3, atol=1e-4
    )
