"""Simulated annealing: Metropolis acceptance, cooling, convergence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless.strategies.simulated_annealing import SimulatedAnnealing
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

CHAINS = 20_000
PARAMS = {"a": jnp.array([1.0, -2.0]), "b": jnp.array([[0.5]])}


def standing(strategy, loss: float):
    """A state in which every chain stands at PARAMS with the given loss."""
    state = strategy.init(jax.random.key(0), PARAMS)
    return state._replace(current_loss=jnp.full(strategy.population, loss, jnp.float32))


def told(strategy, state, losses, seed: int = 1):
    candidates = strategy.ask(jax.random.key(seed), state)
    losses = jnp.broadcast_to(jnp.float32(losses), strategy.population)
    return strategy.tell(jax.random.key(seed + 1), state, candidates, losses)


@pytest.mark.parametrize("temperature", [0.1, 2.0])
@pytest.mark.parametrize("rise", [0.05, 0.5, 2.0])
@pytest.mark.slow
def test_a_rise_is_accepted_as_often_as_metropolis_says(rise, temperature) -> None:
    strategy = SimulatedAnnealing(initial_temperature=temperature, population=CHAINS, raw=True)
    after = told(strategy, standing(strategy, 1.0), 1.0 + rise)
    accepted = np.asarray(after.current_loss) == np.float32(1.0 + rise)
    expected = np.exp(-rise / temperature)
    error = np.sqrt(expected * (1 - expected) / CHAINS)
    assert abs(accepted.mean() - expected) < 4 * error + 1e-4


@pytest.mark.parametrize("loss", [1.0, 0.999, -50.0])
def test_what_is_not_worse_is_always_accepted(loss) -> None:
    strategy = SimulatedAnnealing(initial_temperature=1e-6, population=CHAINS)
    after = told(strategy, standing(strategy, 1.0), loss)
    assert (after.current_loss == np.float32(loss)).all()


@pytest.mark.parametrize("before", [1.0, np.inf])
def test_an_infinite_loss_is_never_accepted(before) -> None:
    strategy = SimulatedAnnealing(initial_temperature=1e6, population=CHAINS)
    state = standing(strategy, before)
    after = told(strategy, state, np.inf)
    np.testing.assert_array_equal(after.current, state.current)
    np.testing.assert_array_equal(after.current_loss, state.current_loss)


@pytest.mark.slow
def test_a_chain_that_accepts_stands_where_its_proposal_was() -> None:
    strategy = SimulatedAnnealing(population=4)
    state = standing(strategy, 1.0)
    candidates = strategy.ask(jax.random.key(1), state)
    decoded = jax.vmap(lambda c: tree.ravel(strategy.decode(state, c)))(candidates)
    losses = jnp.array([0.5, jnp.inf, 0.25, jnp.inf])
    after = strategy.tell(jax.random.key(2), state, candidates, losses)
    expected = np.asarray(state.current).copy()
    expected[[0, 2]] = decoded[jnp.array([0, 2])]
    np.testing.assert_allclose(after.current, expected, rtol=1e-6)
    np.testing.assert_allclose(tree.ravel(strategy.center(after)), decoded[2], rtol=1e-6)


@pytest.mark.slow
def test_the_center_stays_when_a_chain_climbs() -> None:
    strategy = SimulatedAnnealing(initial_temperature=1e6, population=1)
    first = told(strategy, strategy.init(jax.random.key(0), PARAMS), 1.0)
    second = told(strategy, first, 2.0, seed=5)
    assert second.current_loss[0] == 2.0
    np.testing.assert_array_equal(second.best, first.best)
    assert second.best_loss == 1.0


@pytest.mark.parametrize("population", [1, 10])
@pytest.mark.slow
def test_the_temperature_falls_by_the_decay_with_every_evaluation(population) -> None:
    strategy = SimulatedAnnealing(
        initial_temperature=8.0,
        final_temperature=1.0,
        decay=0.5 ** (1 / 20),
        population=population,
        steps="cooled",
    )
    state = strategy.init(jax.random.key(0), PARAMS)
    temperatures = [float(strategy.temperature(state))]
    for _ in range(100 // population):
        state = told(strategy, state, 1.0)
        temperatures.append(float(strategy.temperature(state)))
    halved = 20 // population
    assert temperatures[::halved] == pytest.approx([8, 4, 2, 1, 1, 1], rel=1e-5)
    np.testing.assert_allclose(strategy.step_sizes(state), 0.1 / 8**0.5, rtol=1e-5)


def test_temperatures_are_in_units_of_the_first_changes_of_the_loss() -> None:
    strategy = SimulatedAnnealing(population=1)
    state = told(strategy, strategy.init(jax.random.key(0), PARAMS), 5.0)
    assert float(strategy.loss_unit(state)) == 0
    # The geometric mean of 4, 4 and 16, of which only the powers of two count; no change is none.
    for number, loss in enumerate([1.0, 1.0, -3.0, -19.0]):
        state = told(strategy, state, loss, seed=number)
    assert float(strategy.loss_unit(state)) == pytest.approx((4 * 4 * 16) ** (1 / 3), rel=1e-5)
    assert int(state.measured) == 3
    full = state._replace(measured=jnp.int32(100))
    assert int(told(strategy, full, -1e30).measured) == 100


def test_a_count_of_evaluations_that_is_full_stays_full() -> None:
    strategy = SimulatedAnnealing(population=10)
    state = strategy.init(jax.random.key(0), PARAMS)._replace(evaluations=jnp.uint32(2**32 - 5))
    assert int(told(strategy, state, 1.0).evaluations) == 2**32 - 5


def test_steps_are_normal_and_of_the_given_size() -> None:
    strategy = SimulatedAnnealing(sigma=0.3, steps="fixed", population=4096)
    state = standing(strategy, 1.0)._replace(evaluations=jnp.uint32(5000))
    candidates = strategy.ask(jax.random.key(3), state)
    decoded = jax.vmap(lambda c: tree.ravel(strategy.decode(state, c)))(candidates)
    steps = np.asarray(decoded - tree.ravel(PARAMS))
    assert steps.std() == pytest.approx(0.3, rel=0.03)
    assert abs(steps.mean()) < 4 * 0.3 / np.sqrt(steps.size)


def test_steps_grow_where_they_are_accepted_and_shrink_otherwise() -> None:
    strategy = SimulatedAnnealing(population=3, acceptance=0.4)
    state = standing(strategy, 1.0)
    losses = jnp.array([0.5, jnp.inf, 1.0])  # better, never accepted, and a plateau
    for seed in range(10):
        state = told(
            strategy, standing(strategy, 1.0)._replace(lengths=state.lengths), losses, seed
        )
    expected = 0.1 * np.exp([10 * 0.05 * 0.6, -10 * 0.05 * 0.4, 0])
    np.testing.assert_allclose(strategy.step_sizes(state), expected, rtol=1e-5)


@pytest.mark.parametrize(("sigma", "temperature"), [(1e-3, 0.1), (100.0, 0.1), (1.0, 10.0)])
@pytest.mark.slow
def test_a_share_is_accepted_whatever_the_first_step_is(sigma, temperature) -> None:
    strategy = SimulatedAnnealing(
        sigma=sigma,
        initial_temperature=temperature,
        final_temperature=temperature,
        acceptance=0.4,
        population=50,
        raw=True,
    )
    state = after(strategy, jax.random.key(0), PARAMS, sphere, 600)
    accepted = []
    for seed in range(40):
        following, _ = generation(strategy, jax.random.key(seed), state, sphere)
        accepted.append(np.mean(following.current != state.current))
        state = following
    assert np.mean(accepted) == pytest.approx(0.4, abs=0.05)


def test_a_budget_cools_down_in_four_fifths_of_it() -> None:
    assert SimulatedAnnealing.for_dimension(7) == SimulatedAnnealing()
    made = SimulatedAnnealing.for_dimension(7, evaluations=5_000, initial_temperature=2.0)
    assert 2.0 * made.decay**4_000 == pytest.approx(1e-6, rel=1e-3)
    assert SimulatedAnnealing.for_dimension(7, evaluations=10, decay=0.5).decay == 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "dimension", "evaluations", "below"),
    [
        (sphere, 2, 5_000, 1e-9),
        (sphere, 10, 50_000, 1e-9),
        (rosenbrock, 2, 20_000, 0.1),
        (rosenbrock, 10, 50_000, 9.0),
        # Steps are as long in every direction: 1e4 is 1 % of where it starts.
        (ellipsoid, 10, 50_000, 1e4),
        # The start is near 100 and 180; a local minimum beside the global one is 1.
        (rastrigin, 2, 20_000, 1.1),
        (rastrigin, 10, 50_000, 80.0),
    ],
)  # fmt: skip
def test_convergence(function, dimension, evaluations, below) -> None:
    strategy = SimulatedAnnealing(
        sigma=1.0,
        raw=True,
        steps="cooled",
        initial_temperature=10.0,
        final_temperature=1e-12,
        decay=1 - 30 / evaluations,
        population=1 if dimension > 2 else 4,
    )
    assert losses_found(strategy, function, dimension, evaluations).max() < below


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "dimension", "evaluations", "below"),
    [(sphere, 2, 12_000, 1e-6), (sphere, 10, 25_000, 1e-6), (rosenbrock, 10, 50_000, 0.5)],
)
def test_convergence_by_default(function, dimension, evaluations, below) -> None:
    assert losses_found(SimulatedAnnealing(), function, dimension, evaluations).max() < below


def test_golden_values() -> None:
    center, loss = short_run(
        SimulatedAnnealing(sigma=0.5, population=4, initial_temperature=0.01, raw=True)
    )
    np.testing.assert_allclose(center, [-0.17967567, -0.19054739, 0.17034303], rtol=1e-5)
    assert loss == pytest.approx(9.5709221, rel=1e-5)
