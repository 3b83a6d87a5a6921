"""Wrappers: the best of what was told, attempts that begin again, numbers that change."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradless import strategies
from gradless._core import tree
from gradless._core.errors import InputError
from gradless.strategies import Strategy
from gradless.strategies.wrappers import BestSoFar, Restarts, Scheduled
from helpers.global_search import after, losses_found, rastrigin, sphere

PARAMS = {"a": jnp.array([1.0, -2.0]), "b": (jnp.array([[0.5]], jnp.bfloat16),)}
INNER = {
    "hill_climbing": {"sigma": 0.2},  # keeps a key in its state
    "simulated_annealing": {"population": 4},  # candidates are seeds
    "differential_evolution": {"population": 8},  # candidates are vectors
    "openai_es": {},  # the center is no candidate
}
PATIENCE = 3  # where restarts have the same, they are the same program


@pytest.fixture(params=INNER)
def inner(request) -> Strategy:
    return strategies.get(request.param, **INNER[request.param])


def vector(params) -> np.ndarray:
    return np.concatenate([np.ravel(np.float32(leaf)) for leaf in jax.tree.leaves(params)])


@jax.jit
def begun(strategy):
    """State before the first generation, and the center."""
    state = strategy.init(jax.random.key(0), PARAMS)
    return state, strategy.center(state)


@jax.jit
def turn(strategy, number, state, unit, added):
    """State after a generation on a sphere in some unit, its candidates and losses; the center."""
    ask_key, tell_key = jax.random.split(jax.random.fold_in(jax.random.key(1), number))
    candidates = strategy.ask(ask_key, state)
    vectors = jax.vmap(lambda c: tree.ravel(strategy.decode(state, c)))(candidates)
    losses = unit * jnp.sum(vectors**2, axis=1) + added
    told = strategy.tell(tell_key, state, candidates, losses)
    return told, vectors, losses, strategy.center(told)


def history(strategy, generations: int, unit: float = 1.0, added: float = 0.0):
    """States, centers, and all candidates as vectors with their losses."""
    state, center = begun(strategy)
    states, centers, told = [state], [vector(center)], []
    for index in range(generations):
        state, vectors, losses, center = turn(strategy, index, state, unit, added)
        states.append(state)
        centers.append(vector(center))
        told.append((np.asarray(vectors), np.asarray(losses)))
    vectors, losses = map(np.array, zip(*told, strict=True))
    return states, centers, vectors, losses


def test_best_so_far_is_the_best_that_was_told(inner) -> None:
    states, centers, vectors, losses = history(BestSoFar(inner), 6)
    for done in range(1, 7):
        told = losses[:done].reshape(-1)
        best = vectors[:done].reshape(len(told), -1)[told.argmin()]
        assert states[done].best_loss == told.min()
        np.testing.assert_allclose(centers[done], best, rtol=1e-5)


@pytest.mark.slow
def test_best_so_far_does_not_change_the_search(inner) -> None:
    alone, with_memory = (
        after(strategy, jax.random.key(0), PARAMS, sphere, 5)
        for strategy in (inner, BestSoFar(inner))
    )
    for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(with_memory.inner), strict=True):
        if jnp.issubdtype(a.dtype, jnp.floating):
            np.testing.assert_allclose(a, b, rtol=1e-5)
        else:
            assert jnp.all(a == b)


def types(values) -> list:
    """Everything that a compiled loop keeps constant."""
    leaves, structure = jax.tree.flatten(values)
    return [structure, *((np.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)]


@pytest.mark.parametrize(
    "wrapper",
    [BestSoFar, functools.partial(Restarts, patience=PATIENCE)],
    ids=["best so far", "restarts"],
)
def test_a_wrapper_keeps_the_contract(inner, wrapper) -> None:
    wrapped = wrapper(inner)
    assert isinstance(wrapped, Strategy)
    assert wrapped.population == inner.population
    state, center = begun(wrapped)
    np.testing.assert_array_equal(vector(center), vector(PARAMS))
    told, _, losses, center = turn(wrapped, 0, state, 1.0, np.inf)
    assert np.isinf(losses).all()
    np.testing.assert_array_equal(vector(center), vector(PARAMS))
    assert types(told) == types(state)
    assert types(center) == types(PARAMS)


def test_numbers_of_the_strategy_inside_do_not_recompile() -> None:
    traces = []

    @jax.jit
    def begin(strategy):
        traces.append(strategy)
        return strategy.init(jax.random.key(0), PARAMS)

    inner = strategies.get("hill_climbing")
    for sigma, spread in ((0.1, 1.0), (0.2, 1.0), (0.2, 3.0)):
        begin(Restarts(BestSoFar(dataclasses.replace(inner, sigma=sigma)), spread=spread))
    assert len(traces) == 1


def test_restarts_come_when_the_patience_is_at_its_end(inner) -> None:
    # The first generation is better than nothing, no later one is better than it.
    states, centers, _, _ = history(Restarts(inner, patience=PATIENCE), 9, unit=0.0, added=1.0)
    assert [int(s.progress.waited) for s in states] == [0, 0, 1, 2, 0, 0, 1, 2, 0, 0]
    assert [int(s.restarts) for s in states] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    np.testing.assert_array_equal(centers[3], centers[9])
    assert all(np.isfinite(vector(s.inner.best)).all() for s in states)


def test_an_attempt_begins_elsewhere_and_fresh() -> None:
    strategy = Restarts(strategies.get("hill_climbing"), patience=1, spread=2.0)
    starts = []
    begin, _ = begun(strategy)
    for seed in range(400):
        state = _told(strategy, jax.random.key(seed), begin)
        assert int(state.restarts) == 1
        assert np.isinf(state.inner.inner.best_loss)
        starts.append(state.inner.inner.best)
    offsets = np.array(starts) - vector(PARAMS)
    # The root mean square of (1, -2); that of 0.5 alone is less than 1, the least.
    expected = 2 * np.array([2.5**0.5, 2.5**0.5, 1.0])
    np.testing.assert_allclose(offsets.std(axis=0), expected, rtol=0.15)
    assert (np.abs(offsets.mean(axis=0)) < 4 * expected / 20).all()


@jax.jit
def _told(strategy, key, state):
    candidates = strategy.ask(key, state)
    return strategy.tell(key, state, candidates, jnp.full(strategy.population, jnp.inf))


@pytest.mark.slow
def test_restarts_while_it_improves_there_are_none(inner) -> None:
    states, _, _, losses = history(Restarts(inner, patience=1000), 6)
    assert int(states[-1].restarts) == 0
    assert states[-1].best_loss == losses.min()


@pytest.mark.slow
def test_restarts_find_what_one_attempt_misses() -> None:
    # A short step ends in the local minimum nearest to the start.
    climbing = strategies.get("hill_climbing", sigma=0.1)
    once = losses_found(climbing, rastrigin, 2, 20_000)
    often = losses_found(Restarts(climbing, patience=150), rastrigin, 2, 20_000)
    assert once.min() > 2
    assert often.max() < 1.1


@pytest.mark.parametrize("hyperparameters", [{"patience": 0}, {"patience": 2.5}, {"spread": 0.0}])
def test_numbers_that_make_no_sense_are_refused(hyperparameters) -> None:
    with pytest.raises(InputError, match=f"{next(iter(hyperparameters))} must be"):
        Restarts(strategies.get("hill_climbing"), **hyperparameters)


@pytest.mark.parametrize("wrapped", [lambda s: s, BestSoFar])
def test_restarts_of_independent_generations_are_refused(wrapped) -> None:
    with pytest.raises(InputError, match=r"that moves, got random_search.*independent"):
        Restarts(wrapped(strategies.get("random_search")))


SCHEDULE = optax.exponential_decay(0.4, transition_steps=1, decay_rate=0.5)


@pytest.mark.parametrize(
    ("name", "hyperparameter"),
    [("openai_es", "sigma"), ("openai_es", "learning_rate"), ("hill_climbing", "sigma")],
)
def test_a_schedule_is_another_strategy_in_every_generation(name, hyperparameter) -> None:
    inner = strategies.get(name)
    strategy = Scheduled(inner, hyperparameter, SCHEDULE)
    assert isinstance(strategy, Strategy)
    assert strategy.population == inner.population
    assert strategy.samples_around_center == inner.samples_around_center
    (state, _), (by_hand, _) = begun(strategy), begun(inner)
    for index in range(3):
        now = dataclasses.replace(inner, **{hyperparameter: 0.4 * 0.5**index})
        state, _, _, center = turn(strategy, index, state, 1.0, 0.0)
        by_hand, _, _, expected = turn(now, index, by_hand, 1.0, 0.0)
        np.testing.assert_allclose(vector(center), vector(expected), rtol=1e-5)
    assert state.generation == 3


def test_candidates_are_decoded_with_the_value_they_were_asked_with() -> None:
    strategy = Scheduled(strategies.get("hill_climbing"), "sigma", SCHEDULE)
    state = strategy.init(jax.random.key(0), PARAMS)
    candidates = strategy.ask(jax.random.key(1), state)
    proposal = vector(strategy.decode(state, tree.member(candidates, 0)))
    told = strategy.tell(jax.random.key(2), state, candidates, jnp.array([1.0]))
    np.testing.assert_array_equal(vector(strategy.center(told)), proposal)


def test_schedules_can_be_nested_and_other_numbers_stay_traced() -> None:
    traces = []

    @jax.jit
    def begin(strategy):
        traces.append(strategy)
        return strategy.init(jax.random.key(0), PARAMS)

    for rate in (0.1, 0.2):
        inner = strategies.get("openai_es", learning_rate=rate)
        twice = Scheduled(Scheduled(inner, "sigma", SCHEDULE), "momentum", SCHEDULE)
        state = begin(twice)
    assert len(traces) == 1
    later = state._replace(generation=jnp.uint32(2))
    assert twice.present(later).strategy.momentum == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("hyperparameter", "schedule", "said"),
    [
        ("sigm", SCHEDULE, "did you mean 'sigma'"),
        ("population", SCHEDULE, "unknown hyperparameter to schedule 'population'"),
        ("sigma", optax.constant_schedule(-1.0), r"sigma must be a number above 0, got -1.0"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(hyperparameter, schedule, said) -> None:
    with pytest.raises(InputError, match=said):
        Scheduled(strategies.get("openai_es"), hyperparameter, schedule)
