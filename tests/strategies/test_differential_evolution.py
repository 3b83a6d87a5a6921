"""Differential evolution: donors, crossover, selection, convergence."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless.strategies.differential_evolution import DifferentialEvolution, distinct_donors
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

VARIANTS = ["rand/1/bin", "best/1/bin", "current-to-best/1/bin"]
PARAMS = {"a": jnp.arange(1.0, 7.0), "b": jnp.zeros(2)}


@jax.jit
def begun(strategy):
    """A state after its first generation."""
    state = strategy.init(jax.random.key(0), PARAMS)
    return generation(strategy, jax.random.key(1), state, sphere)[0]


@pytest.mark.parametrize(("members", "donors"), [(4, 3), (5, 2), (64, 1), (64, 3)])
def test_donors_are_distinct_and_not_the_target(members, donors) -> None:
    draw = jax.jit(jax.vmap(lambda key: distinct_donors(key, members, donors)))
    for chosen in np.asarray(draw(jax.random.split(jax.random.key(0), 20))):
        assert chosen.shape == (donors, members)
        assert chosen.min() >= 0
        assert chosen.max() < members
        everyone = np.vstack([np.arange(members), chosen])
        assert all(len(set(column)) == donors + 1 for column in everyone.T)


def test_every_choice_of_donors_is_equally_likely() -> None:
    draw = jax.jit(jax.vmap(lambda key: distinct_donors(key, 5, 3)))
    chosen = np.asarray(draw(jax.random.split(jax.random.key(0), 24_000)))[:, :, 2]
    triples = list(itertools.permutations([0, 1, 3, 4], 3))
    counts = np.array([(chosen == triple).all(axis=1).sum() for triple in triples])
    assert counts.sum() == 24_000
    assert np.abs(counts - 1000).max() < 4.5 * np.sqrt(1000)


@pytest.mark.slow
def test_the_first_generation_is_the_first_population() -> None:
    strategy = DifferentialEvolution(spread=0.5, population=4096)
    state = strategy.init(jax.random.key(0), PARAMS)
    candidates = np.asarray(strategy.ask(jax.random.key(1), state))
    np.testing.assert_array_equal(candidates, state.population)
    # Root mean square of 1 ... 6, a start chosen by hand; zeros have a scale of 1.
    expected = 0.5 * np.array([*[np.sqrt(91 / 6)] * 6, 1, 1])
    np.testing.assert_allclose(candidates.std(axis=0), expected, rtol=0.06)
    np.testing.assert_allclose(candidates.mean(axis=0), tree.ravel(PARAMS), atol=0.15)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
@pytest.mark.slow
def test_the_crossover_rate_is_the_share_of_changed_parameters(rate) -> None:
    strategy = DifferentialEvolution(crossover_rate=rate, population=2000)
    state = begun(strategy)
    trials = strategy.ask(jax.random.key(2), state)
    changed = np.asarray(trials != state.population)
    assert changed.any(axis=1).all()
    # One of eight is changed in any case.
    assert changed.mean() == pytest.approx(1 / 8 + rate * 7 / 8, abs=0.015)
    if rate == 0:
        assert (changed.sum(axis=1) == 1).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.slow
def test_a_mutant_is_the_base_plus_a_weighted_difference_of_two_members(variant) -> None:
    weight = 0.7
    strategy = DifferentialEvolution(
        differential_weight=weight, crossover_rate=1.0, variant=variant, population=6
    )
    state = begun(strategy)
    trials = np.asarray(strategy.ask(jax.random.key(2), state))
    population = np.asarray(state.population)
    best = population[np.argmin(np.sum(population**2, axis=1))]
    for target, trial in enumerate(trials):
        others = [i for i in range(6) if i != target]
        possible = []
        for first, second in itertools.permutations(others, 2):
            difference = weight * (population[first] - population[second])
            if variant == "rand/1/bin":
                possible += [population[b] + difference for b in others if b not in (first, second)]
            elif variant == "best/1/bin":
                possible.append(best + difference)
            else:
                own = population[target]
                possible.append(own + weight * (best - own) + difference)
        distances = np.abs(np.array(possible) - trial).max(axis=1)
        assert np.sum(distances < 1e-4) == 1


@pytest.mark.slow
def test_a_member_is_replaced_unless_its_trial_is_worse() -> None:
    strategy = DifferentialEvolution(population=5)
    state = begun(strategy)
    trials = strategy.ask(jax.random.key(2), state)
    before = state.losses
    losses = before + jnp.array([-1.0, 0.0, 1.0, jnp.inf, -2.0])
    told = strategy.tell(jax.random.key(3), state, trials, losses)
    replaced = np.array([True, True, False, False, True])
    np.testing.assert_array_equal(
        told.population, np.where(replaced[:, None], trials, state.population)
    )
    np.testing.assert_array_equal(told.losses, np.where(replaced, losses, before))


@pytest.mark.slow
def test_generations_without_a_finite_loss_leave_the_state_finite() -> None:
    strategy = DifferentialEvolution(population=8)
    state = after(strategy, jax.random.key(0), PARAMS, lambda x: jnp.inf, 30)
    assert jnp.isinf(state.losses).all()
    assert jnp.isfinite(state.population).all()
    np.testing.assert_array_equal(tree.ravel(strategy.center(state)), tree.ravel(PARAMS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "dimension", "evaluations", "hyperparameters", "below"),
    [
        (sphere, 2, 5_000, {}, 1e-12),
        (sphere, 2, 5_000, {"variant": "best/1/bin"}, 1e-20),
        (sphere, 2, 5_000, {"variant": "current-to-best/1/bin"}, 1e-20),
        (sphere, 10, 50_000, {}, 1e-20),
        (sphere, 40, 60_000, {}, 1e-6),
        (ellipsoid, 2, 5_000, {}, 1e-10),
        (ellipsoid, 10, 50_000, {}, 1e-20),
        (rosenbrock, 2, 10_000, {"variant": "current-to-best/1/bin"}, 1e-6),
        (rosenbrock, 10, 50_000, {}, 8.0),
        (rastrigin, 2, 5_000, {}, 1e-3),
        (rastrigin, 10, 50_000, {"crossover_rate": 0.1}, 1e-3),
    ],
)
def test_convergence(function, dimension, evaluations, hyperparameters, below) -> None:
    strategy = DifferentialEvolution(**hyperparameters)
    assert losses_found(strategy, function, dimension, evaluations).max() < below


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden_values(variant) -> None:
    golden = {
        "rand/1/bin": ([0.092652023, 0.0075420439, 0.13310221], 3.5784678),
        "best/1/bin": ([-1.3638322, 1.7734172, 3.0878857], 7.2625027),
        "current-to-best/1/bin": ([-1.0303957, 1.1578612, 1.2654929], 5.6365786),
    }
    center, loss = short_run(DifferentialEvolution(variant=variant, population=16))
    np.testing.assert_allclose(center, golden[variant][0], rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(golden[variant][1], rel=1e-5)
