"""Genetic algorithm: selection, crossover, mutation, elites, convergence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless.strategies.genetic_algorithm import (
    GeneticAlgorithm,
    blend_crossover,
    uniform_crossover,
)
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

PARAMS = {"a": jnp.arange(1.0, 7.0), "b": jnp.zeros(2)}
FINE_BLEND = {
    "crossover": "blend",
    "selection": "tournament",
    "sigma": 1e-6,
    "adapt": False,
    "population": 128,
}
EVEN = jax.random.uniform(jax.random.key(0), (1000, 40))


@jax.jit
def begun(strategy):
    """A state after its first generation."""
    state = strategy.init(jax.random.key(0), PARAMS)
    return generation(strategy, jax.random.key(1), state, sphere)[0]


def test_uniform_crossover_takes_each_parameter_from_either_parent() -> None:
    first, second = jnp.zeros((1000, 40)), jnp.ones((1000, 40))
    children = np.asarray(uniform_crossover(EVEN, first, second))
    assert set(np.unique(children)) == {0, 1}
    assert children.mean() == pytest.approx(0.5, abs=0.01)
    assert children.mean(axis=1).std() == pytest.approx(0.5 / np.sqrt(40), rel=0.1)


@pytest.mark.parametrize("alpha", [0.0, 0.366, 0.5])
def test_blend_crossover_is_uniform_on_the_extended_interval(alpha) -> None:
    first, second = jnp.full((1000, 40), 3.0), jnp.full((1000, 40), -1.0)
    children = np.asarray(blend_crossover(EVEN, first, second, alpha))
    low, high = -1 - 4 * alpha, 3 + 4 * alpha
    assert low - 1e-5 <= children.min() < low + 0.01
    assert high - 0.01 < children.max() <= high + 1e-5
    assert children.mean() == pytest.approx(1, abs=0.05)
    assert children.std() == pytest.approx((high - low) / np.sqrt(12), rel=0.02)


@pytest.mark.slow
def test_parents_after_truncation_are_the_best() -> None:
    strategy = GeneticAlgorithm(parents=5, population=500)
    state = begun(strategy)
    assert (np.diff(state.losses) >= 0).all()
    parents = np.asarray(strategy.selected(jax.random.key(2), state))
    assert parents.shape == (2, 500)
    counts = np.bincount(parents.ravel())
    assert len(counts) == 5
    assert np.abs(counts - 200).max() < 4.5 * np.sqrt(200)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.slow
def test_a_tournament_prefers_the_better_ones_as_theory_says(size) -> None:
    strategy = GeneticAlgorithm(
        selection="tournament", tournament_size=size, population=5000, elites=0
    )
    state = begun(strategy)
    parents = np.asarray(strategy.selected(jax.random.key(2), state))
    # The least of n even numbers from 0 to 1 is 1 / (n + 1) on average.
    assert parents.mean() / 5000 == pytest.approx(1 / (size + 1), abs=0.01)


@pytest.mark.parametrize("selection", ["truncation", "tournament"])
@pytest.mark.slow
def test_one_without_a_finite_loss_is_no_parent(selection) -> None:
    strategy = GeneticAlgorithm(selection=selection, population=64)
    state = strategy.init(jax.random.key(0), PARAMS)
    losses = jnp.full(64, jnp.inf).at[jnp.array([5, 20, 40])].set(jnp.array([3.0, 1.0, 2.0]))
    candidates = strategy.ask(jax.random.key(1), state)
    state = strategy.tell(jax.random.key(2), state, candidates, losses)
    assert set(np.unique(strategy.selected(jax.random.key(3), state))) == {0, 1, 2}
    np.testing.assert_array_equal(state.pool[:3], candidates.vector[jnp.array([20, 40, 5])])


@pytest.mark.slow
def test_elites_survive_unchanged() -> None:
    strategy = GeneticAlgorithm(elites=3, population=32)
    state = begun(strategy)
    candidates = strategy.ask(jax.random.key(2), state)
    told = strategy.tell(
        jax.random.key(3), state, candidates, state.losses[2] + 1.0 + jnp.arange(32)
    )
    np.testing.assert_array_equal(told.pool[:3], state.pool[:3])
    np.testing.assert_array_equal(told.losses[:3], state.losses[:3])
    np.testing.assert_array_equal(told.pool[3], candidates.vector[0])


def test_without_elites_only_children_become_parents() -> None:
    strategy = GeneticAlgorithm(elites=0, population=32)
    state = begun(strategy)
    candidates = strategy.ask(jax.random.key(2), state)
    told = strategy.tell(jax.random.key(3), state, candidates, 1e6 - jnp.arange(32.0))
    np.testing.assert_array_equal(told.pool, candidates.vector[::-1])
    np.testing.assert_array_equal(strategy.center(told)["a"], strategy.center(state)["a"])


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_mutation_changes_a_share_of_the_parameters_by_sigma(rate) -> None:
    strategy = GeneticAlgorithm(
        sigma=0.3, adapt=False, mutation_rate=rate, crossover="none", parents=1, population=2000
    )
    state = begun(strategy)
    changes = np.asarray(strategy.ask(jax.random.key(2), state).vector - state.pool[0])
    assert (changes != 0).mean() == pytest.approx(rate, abs=0.015)
    if rate > 0:
        assert changes[changes != 0].std() == pytest.approx(0.3, rel=0.03)


def test_the_crossover_rate_is_the_share_of_children_with_two_parents() -> None:
    strategy = GeneticAlgorithm(
        mutation_rate=0.0, crossover="blend", crossover_rate=0.4, parents=2, population=2000
    )
    state = begun(strategy)
    children = np.asarray(strategy.ask(jax.random.key(2), state).vector)
    copies = (children[:, None] == np.asarray(state.pool[:2])).all(axis=2).any(axis=1)
    # Of two draws among two parents, half give the same one twice.
    assert 1 - copies.mean() == pytest.approx(0.4 / 2, abs=0.04)


def test_the_step_of_a_child_is_that_of_its_parents_with_a_change() -> None:
    strategy = GeneticAlgorithm(
        sigma=0.1, crossover="blend", crossover_rate=0.5, parents=2, population=4000
    )
    state = begun(strategy)
    np.testing.assert_array_equal(state.sigmas, np.float32(0.1))
    state = state._replace(sigmas=state.sigmas.at[0].set(0.4))
    logs = np.log2(np.asarray(strategy.ask(jax.random.key(2), state).mutation) / 0.1)
    # Half of the children have one parent, of 0.1 or 0.4; of the others half have two of one kind.
    change = 1 / np.sqrt(8) / np.log(2)
    assert logs.mean() == pytest.approx(1, abs=0.06)
    spread = np.sqrt(change**2 + 0.5 * 1 + 0.5 * 0.5)
    assert logs.std() == pytest.approx(spread, rel=0.04)


def test_what_is_for_functions() -> None:
    made = GeneticAlgorithm.for_dimension(5, sigma=0.2)
    assert (made.crossover, made.selection, made.population) == ("blend", "tournament", 128)
    assert made.sigma == 0.2


def test_generations_without_a_finite_loss_leave_the_state_finite() -> None:
    strategy = GeneticAlgorithm(crossover="blend", population=16)
    state = after(strategy, jax.random.key(0), PARAMS, lambda x: jnp.inf, 30)
    assert jnp.isfinite(state.pool).all()
    np.testing.assert_array_equal(tree.ravel(strategy.center(state)), tree.ravel(PARAMS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "dimension", "evaluations", "hyperparameters", "below"),
    [
        (sphere, 2, 5_000, FINE_BLEND, 1e-10),
        (sphere, 10, 50_000, FINE_BLEND, 1e-8),
        (sphere, 10, 50_000, {"sigma": 1e-2, "adapt": False}, 1e-2),
        (sphere, 2, 5_000, {}, 1e-12),
        (sphere, 10, 10_000, {}, 1e-8),
        (ellipsoid, 2, 5_000, FINE_BLEND, 1e-6),
        (ellipsoid, 10, 50_000, FINE_BLEND, 1e-4),
        (rosenbrock, 2, 10_000, FINE_BLEND, 0.5),
        (rosenbrock, 10, 50_000, FINE_BLEND, 8.5),
        (rastrigin, 2, 5_000, FINE_BLEND, 1.1),
        # The start is near 180.
        (rastrigin, 10, 50_000, FINE_BLEND, 8.0),
    ],
)
def test_convergence(function, dimension, evaluations, hyperparameters, below) -> None:
    strategy = GeneticAlgorithm(**hyperparameters)
    assert losses_found(strategy, function, dimension, evaluations).max() < below


@pytest.mark.parametrize("crossover", ["uniform", "blend", "none"])
def test_golden_values(crossover) -> None:
    golden = {
        "uniform": ([-1.1461384, 1.35553, 1.9026406], 5.3326747),
        "blend": ([-1.1951625, 1.4089614, 2.0886655], 6.0949109),
        "none": ([-0.079485573, -0.075902253, -0.0018342474], 3.0046401),
    }
    selection = "tournament" if crossover == "blend" else "truncation"
    center, loss = short_run(
        GeneticAlgorithm(crossover=crossover, selection=selection, parents=4, population=16)
    )
    np.testing.assert_allclose(center, golden[crossover][0], rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(golden[crossover][1], rel=1e-5)
