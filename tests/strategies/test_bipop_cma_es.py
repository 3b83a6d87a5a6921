"""CMA-ES that begins again: generations of several blocks, and which attempt comes next."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless.strategies import BIPOPCMAES, CMAES
from gradless.strategies.bipop_cma_es import _GROWING, _SMALL
from gradless.strategies.parts import covariance
from gradless.strategies.parts.blocks import Tables
from gradless.strategies.parts.recombination import Rates, by_rank
from helpers.global_search import losses_found, rastrigin

START = jnp.array([2.0, -1.0, 0.5])
STRATEGY = BIPOPCMAES(population=6, doublings=3)


def valley(x: jax.Array) -> jax.Array:
    return jnp.sum(jnp.array([1.0, 10.0, 100.0]) * (x - 1) ** 2)


def searched(strategy, function, generations: int, start: jax.Array = START) -> list:
    """The states after each generation."""

    @jax.jit
    def run(strategy, start):
        def step(state, number):
            ask_key, tell_key = jax.random.split(jax.random.fold_in(jax.random.key(3), number))
            candidates = strategy.ask(ask_key, state)
            losses = jax.vmap(lambda one: function(strategy.decode(state, one)))(candidates)
            state = strategy.tell(tell_key, state, candidates, losses)
            return state, state

        begun = strategy.init(jax.random.key(0), start)
        return jax.lax.scan(step, begun, jnp.arange(generations))[1]

    states = run(strategy, start)
    return [tree.member(states, number) for number in range(generations)]


def test_the_first_attempt_is_that_of_cma_es() -> None:
    one = searched(STRATEGY, valley, 30)[-1].attempt.normal
    other = searched(CMAES(population=6, sigma=STRATEGY.sigma), valley, 30)[-1].normal
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-3)
    np.testing.assert_allclose(one.sigma, other.sigma, rtol=1e-3)
    assert int(one.generation) == 30


@pytest.mark.parametrize("doublings", [0, 1, 2])
def test_blocks_together_are_one_population(doublings: int) -> None:
    """Sums over blocks are those of all candidates under the weights of as large a population."""
    state = STRATEGY.init(jax.random.key(0), START)
    state = state._replace(attempt=state.attempt._replace(doublings=jnp.uint32(doublings)))
    blocks = 2**doublings
    noise, losses = [], []
    for block in range(blocks):
        candidates = STRATEGY.ask(jax.random.key(block), state)
        noise.append(covariance.drawn(candidates.seed, state.attempt.normal))
        losses.append(jax.vmap(valley)(candidates.vector))
        state = state._replace(
            keys=state.keys.at[block].set(candidates.seed.key[0]),
            losses=state.losses.at[6 * block : 6 * block + 6].set(losses[-1]),
        )
    found, least = Tables.of(6, STRATEGY.doublings, 3).sums(
        state.attempt.normal, state.keys, state.losses, state.attempt.doublings
    )
    weights = by_rank(jnp.concatenate(losses), Rates.of(6 * blocks, 3).weights)
    expected = covariance.Sums.of(jnp.concatenate(noise), weights)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert float(least) == float(jnp.concatenate(losses).min())


def test_rates_of_every_size_are_those_of_cma_es() -> None:
    tables = Tables.of(6, 3, 3)
    for doublings in range(4):
        rates, every = tables.rates_of(jnp.uint32(doublings), jnp.float32)
        expected = Rates.of(6 * 2**doublings, 3)
        for name in Rates._fields[1:]:
            np.testing.assert_allclose(getattr(rates, name), getattr(expected, name), rtol=1e-6)
        assert int(every) == covariance.generations_between(expected, 3)
        count = 6 * 2**doublings
        given = tables.weights(
            jnp.arange(1, count + 1), jnp.uint32(count), jnp.uint32(doublings), jnp.float32
        )
        np.testing.assert_allclose(given, expected.weights, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def attempts() -> list:
    """States of a search among many minima."""
    return searched(STRATEGY, rastrigin, 3_000)


def test_populations_grow_and_small_ones_have_their_share(attempts) -> None:
    last = attempts[-1]
    assert int(last.attempts) > 5
    sizes = {
        int(state.attempt.doublings)
        for state in attempts
        if int(state.attempt.regime) == _GROWING and int(state.attempts) > 1
    }
    assert sizes >= {1, 2}
    small, growing = (int(last.spent[regime]) for regime in (_SMALL, _GROWING))
    assert 0.3 < small / growing < 1.5


def test_the_answer_is_the_best_of_all_attempts(attempts) -> None:
    losses = [float(state.best_loss) for state in attempts]
    assert losses == sorted(losses, reverse=True)
    center = STRATEGY.center(attempts[-1])
    assert float(rastrigin(center)) == pytest.approx(losses[-1], abs=1e-5)


def test_without_small_populations_all_of_them_grow() -> None:
    states = searched(BIPOPCMAES(population=6, doublings=3, small=False), rastrigin, 1_000)
    assert {int(state.attempt.regime) for state in states} == {_GROWING}
    assert int(states[-1].attempts) > 1


@pytest.mark.slow
def test_it_finds_a_minimum_that_one_attempt_misses() -> None:
    again = BIPOPCMAES(population=8, sigma=2.0, relative=False, spread=5.0)
    once = CMAES(population=8, sigma=2.0, relative=False)
    assert losses_found(again, rastrigin, 3, 40_000)[1] < 1e-4
    assert losses_found(once, rastrigin, 3, 40_000)[1] > 0.1
