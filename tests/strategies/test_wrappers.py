"""Wrappers: the best of what was told, attempts that begin again, numbers that change."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from global_search import after, generation, losses_found, rastrigin, sphere

from gradless import strategies, tree
from gradless.errors import InputError
from gradless.strategies import Strategy
from gradless.strategies.wrappers import BestSoFar, Restarts, Scheduled

PARAMS = {"a": jnp.array([1.0, -2.0]), "b": (jnp.array([[0.5]], jnp.bfloat16),)}
INNER = {
    "hill_climbing": {"sigma": 0.2},  # keeps a key in its state
    "simulated_annealing": {"population": 4},  # candidates are seeds
    "differential_evolution": {"population": 8},  # candidates are vectors
    "openai_es": {},  # the center is no candidate
}


@pytest.fixture(params=INNER)
def inner(request) -> Strategy:
    return strategies.get(request.param, **INNER[request.param])


def vector(params) -> np.ndarray:
    return np.asarray(tree.ravel(params))


def history(strategy, generations: int, function=sphere):
    """States, and all candidates as vectors with their losses."""
    state = strategy.init(jax.random.key(0), PARAMS)
    states, vectors, losses = [state], [], []
    step = jax.jit(lambda key, state: generation(strategy, key, state, function))
    for index in range(generations):
        key = jax.random.fold_in(jax.random.key(1), index)
        candidates = strategy.ask(jax.random.split(key)[0], state)
        decode = jax.vmap(lambda c, state=state: tree.ravel(strategy.decode(state, c)))
        vectors.append(np.asarray(decode(candidates)))
        state, told = step(key, state)
        states.append(state)
        losses.append(np.asarray(told))
    return states, np.array(vectors), np.array(losses)


def test_best_so_far_is_the_best_that_was_told(inner) -> None:
    wrapped = BestSoFar(inner)
    states, vectors, losses = history(wrapped, 6)
    for done in range(1, 7):
        told = losses[:done].reshape(-1)
        best = vectors[:done].reshape(len(told), -1)[told.argmin()]
        assert states[done].best_loss == told.min()
        np.testing.assert_allclose(vector(wrapped.center(states[done])), best, rtol=1e-5)


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


@pytest.mark.parametrize("wrapper", [BestSoFar, Restarts])
def test_a_wrapper_keeps_the_contract(inner, wrapper) -> None:
    wrapped = wrapper(inner)
    assert isinstance(wrapped, Strategy)
    assert wrapped.population == inner.population
    state = wrapped.init(jax.random.key(0), PARAMS)
    np.testing.assert_array_equal(vector(wrapped.center(state)), vector(PARAMS))
    infinite = jnp.full(wrapped.population, jnp.inf)
    candidates = wrapped.ask(jax.random.key(1), state)
    told = wrapped.tell(jax.random.key(2), state, candidates, infinite)
    np.testing.assert_array_equal(vector(wrapped.center(told)), vector(PARAMS))
    assert jax.tree.map(jnp.shape, told) == jax.tree.map(jnp.shape, state)
    assert jax.tree.map(jnp.result_type, told) == jax.tree.map(jnp.result_type, state)
    assert jax.tree.map(jnp.result_type, wrapped.center(told)) == jax.tree.map(
        jnp.result_type, PARAMS
    )


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
    strategy = Restarts(inner, patience=3)
    # The first generation is better than nothing, no later one is better than it.
    states, _, _ = history(strategy, 9, lambda x: jnp.float32(1.0))
    assert [int(s.progress.waited) for s in states] == [0, 0, 1, 2, 0, 0, 1, 2, 0, 0]
    assert [int(s.restarts) for s in states] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    first, second = (vector(strategy.center(states[i])) for i in (3, 9))
    np.testing.assert_array_equal(first, second)
    assert all(np.isfinite(vector(s.inner.best)).all() for s in states)


def test_an_attempt_begins_elsewhere_and_fresh() -> None:
    strategy = Restarts(strategies.get("hill_climbing"), patience=1, spread=2.0)
    starts = []
    for seed in range(400):
        state = strategy.init(jax.random.key(0), PARAMS)
        state = _told(strategy, jax.random.key(seed), state)
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
    states, _, losses = history(Restarts(inner, patience=1000), 6)
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
    with pytest.raises(InputError, match=f"{next(iter(hyperparameters))}="):
        Restarts(strategies.get("hill_climbing"), **hyperparameters)


@pytest.mark.parametrize("wrapped", [lambda s: s, BestSoFar])
def test_restarts_of_independent_generations_are_refused(wrapped) -> None:
    with pytest.raises(InputError, match=r"Restarts: random_search was given.*independent"):
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
    step = jax.jit(lambda strategy, key, state: generation(strategy, key, state, sphere)[0])
    state = strategy.init(jax.random.key(0), PARAMS)
    by_hand = inner.init(jax.random.key(0), PARAMS)
    for index in range(3):
        now = dataclasses.replace(inner, **{hyperparameter: 0.4 * 0.5**index})
        state = step(strategy, jax.random.key(index), state)
        by_hand = step(now, jax.random.key(index), by_hand)
        np.testing.assert_allclose(
            vector(strategy.center(state)), vector(now.center(by_hand)), rtol=1e-5
        )
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
        ("sigma", optax.constant_schedule(-1.0), r"sigma=-1.0 was given"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(hyperparameter, schedule, said) -> None:
    with pytest.raises(InputError, match=said):
        Scheduled(strategies.get("openai_es"), hyperparameter, schedule)
