"""Particle swarm: constriction, topology, movement, convergence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless.strategies.particle_swarm import ParticleSwarm
from helpers.global_search import (
    after,
    ellipsoid,
    generation,
    losses_found,
    rastrigin,
    rosenbrock,
    short_run,
    sphere,
)

leaders = jax.jit(ParticleSwarm.leaders)
PARAMS = {"a": jnp.arange(1.0, 7.0), "b": jnp.zeros(2)}


@pytest.mark.parametrize(
    ("cognitive", "social", "kappa", "expected"),
    [
        (2.05, 2.05, 1.0, 0.7298437881),  # the paper's standard swarm
        (2.8, 1.3, 1.0, 0.7298437881),
        (3.0, 3.0, 1.0, 0.2679491924),  # 2 - sqrt(3)
        (2.05, 2.05, 0.5, 0.3649218940),
        (2.0, 2.0, 1.0, 1.0),
        (1.0, 1.0, 0.8, 0.8),
    ],
)
def test_constriction(cognitive, social, kappa, expected) -> None:
    strategy = ParticleSwarm(cognitive=cognitive, social=social, kappa=kappa)
    assert float(strategy.constriction) == pytest.approx(expected, rel=2e-5)


def test_all_follow_the_best_one_of_all() -> None:
    losses = np.float32([3.0, np.inf, 1.0, 2.0, 5.0])
    found = leaders(ParticleSwarm(population=5), losses)
    np.testing.assert_array_equal(found, [2, 2, 2, 2, 2])


@pytest.mark.parametrize(
    ("neighbours", "expected"), [(1, [5, 2, 2, 2, 5, 5]), (2, [5, 5, 2, 5, 5, 5])]
)
def test_in_a_ring_they_follow_the_best_one_beside_them(neighbours, expected) -> None:
    losses = np.float32([3.0, np.inf, 1.0, 2.0, 5.0, 0.5])
    strategy = ParticleSwarm(topology="ring", neighbours=neighbours, population=6)
    np.testing.assert_array_equal(leaders(strategy, losses), expected)


def test_a_ring_wide_enough_is_everybody() -> None:
    losses = np.random.default_rng(0).normal(size=7).astype(np.float32)
    wide = ParticleSwarm(topology="ring", neighbours=3, population=7)
    everybody = ParticleSwarm(population=7)
    np.testing.assert_array_equal(leaders(wide, losses), leaders(everybody, losses))


def test_without_pulls_the_velocity_only_shrinks() -> None:
    strategy = ParticleSwarm(cognitive=0.0, social=0.0, kappa=0.5)
    state = strategy.init(jax.random.key(0), PARAMS)
    moved, _ = jax.jit(generation, static_argnums=3)(strategy, jax.random.key(1), state, sphere)
    np.testing.assert_allclose(moved.velocity, state.velocity / 2, rtol=1e-6)
    np.testing.assert_allclose(
        moved.position, state.position + state.velocity / 2, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("pull", ["cognitive", "social"])
def test_a_pull_is_an_even_share_of_the_way_times_its_coefficient(pull) -> None:
    strategy = ParticleSwarm(population=4000, cognitive=2.05, social=2.05)
    state = strategy.init(jax.random.key(0), PARAMS)
    position = jnp.zeros_like(state.position)
    goal = jnp.ones_like(position)
    losses = jnp.ones(4000)
    # The leader, the first, remembers where the pull that is not tested has nowhere to go.
    remembered = {"cognitive": goal.at[0].set(0.0), "social": position.at[0].set(1.0)}[pull]
    state = state._replace(
        position=position,
        velocity=jnp.zeros_like(position),
        remembered=remembered,
        remembered_loss=jnp.full(4000, 0.5).at[0].set(0.25),
    )
    moved = strategy.tell(jax.random.key(1), state, position, losses)
    shares = np.asarray(moved.velocity)[1:] / (0.7298437881 * 2.05)
    assert shares.min() >= 0
    assert shares.max() <= 1 + 1e-5
    assert shares.mean() == pytest.approx(1 / 2, abs=0.01)
    assert shares.std() == pytest.approx(1 / np.sqrt(12), rel=0.02)


def test_particles_remember_their_best_place() -> None:
    strategy = ParticleSwarm(population=3)
    state = strategy.init(jax.random.key(0), PARAMS)
    first = strategy.tell(jax.random.key(1), state, state.position, jnp.array([2.0, jnp.inf, 1.0]))
    second = strategy.tell(jax.random.key(2), first, first.position, jnp.array([1.5, 4.0, 3.0]))
    np.testing.assert_array_equal(second.remembered_loss, [1.5, 4.0, 1.0])
    expected = np.stack([first.position[0], first.position[1], state.position[2]])
    np.testing.assert_array_equal(second.remembered, expected)
    np.testing.assert_array_equal(second.best, state.position[2])


def test_generations_without_a_finite_loss_leave_the_state_finite() -> None:
    strategy = ParticleSwarm(population=8)
    state = after(strategy, jax.random.key(0), PARAMS, lambda x: jnp.inf, 30)
    assert jnp.isfinite(state.position).all()
    assert jnp.isfinite(state.velocity).all()
    np.testing.assert_array_equal(tree.ravel(strategy.center(state)), tree.ravel(PARAMS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "dimension", "evaluations", "hyperparameters", "below"),
    [
        (sphere, 2, 5_000, {}, 1e-12),
        (sphere, 2, 5_000, {"topology": "ring"}, 1e-10),
        (sphere, 10, 50_000, {}, 1e-20),
        (sphere, 40, 40_000, {}, 1e-6),
        (ellipsoid, 2, 5_000, {}, 1e-8),
        (ellipsoid, 10, 50_000, {}, 1e-20),
        (ellipsoid, 10, 50_000, {"topology": "ring"}, 1e-20),
        (rosenbrock, 2, 5_000, {}, 1e-3),
        (rosenbrock, 10, 50_000, {}, 6.0),
        (rastrigin, 2, 5_000, {}, 1.1),
        # The start is near 180.
        (rastrigin, 10, 50_000, {"topology": "ring"}, 15.0),
    ],
)
def test_convergence(function, dimension, evaluations, hyperparameters, below) -> None:
    strategy = ParticleSwarm(**hyperparameters)
    assert losses_found(strategy, function, dimension, evaluations).max() < below


@pytest.mark.parametrize("topology", ["gbest", "ring"])
def test_golden_values(topology) -> None:
    golden = {
        "gbest": ([0.21460865, -0.01433745, -0.067551143], 2.4695646),
        "ring": ([-0.58744925, 0.3050873, -0.036798254], 4.8497643),
    }
    center, loss = short_run(ParticleSwarm(topology=topology, population=16))
    np.testing.assert_allclose(center, golden[topology][0], rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(golden[topology][1], rel=1e-5)
