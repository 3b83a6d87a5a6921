"""Does the population grow where noise decides, and only there?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless.strategies import UHCMAES
from gradless.strategies.uh_cma_es import uncertainty

DIMENSION = 5
STRATEGY = UHCMAES.for_dimension(DIMENSION, first=0, sigma=1.0)


GROWN = UHCMAES.for_dimension(DIMENSION, sigma=1.0)  # it begins with eight blocks


@jax.jit
def searched(noise: float, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The loss of the center, the doublings of the population and sigma after 1,000 blocks."""

    def turn(state, key):
        asked, told, noisy = jax.random.split(key, 3)
        candidates = GROWN.ask(asked, state)
        losses = jnp.sum(candidates.vector**2, axis=1)
        losses += noise * jax.random.normal(noisy, losses.shape)
        return GROWN.tell(told, state, candidates, losses), None

    begun = GROWN.init(key, jnp.full(DIMENSION, 2.0))
    state, _ = jax.lax.scan(turn, begun, jax.random.split(key, 1000))
    return jnp.sum(GROWN.center(state) ** 2), state.level, state.normal.sigma


def test_the_population_grows_with_noise_and_stays_without() -> None:
    keys = jax.random.split(jax.random.key(0), 4)
    noisy = [searched(1.0, key) for key in keys]
    without = [searched(0.0, key) for key in keys]
    # 0.05 of 1,000 blocks is 50, and the population may have doubled to at most half of that.
    assert {int(level) for _, level, _ in noisy} == {5}
    # One evaluation has a standard deviation of 1, and cma_es ends at about 0.2.
    assert np.median([loss for loss, _, _ in noisy]) < 0.1
    assert max(loss for loss, _, _ in without) < 1e-20
    assert max(level for _, level, _ in without) <= 1


def test_the_first_block_is_evaluated_again_after_eight() -> None:
    state = STRATEGY.init(jax.random.key(0), jnp.zeros(DIMENSION))
    asked = []
    for number in range(9):
        candidates = STRATEGY.ask(jax.random.key(number), state)
        asked.append(np.asarray(candidates.vector))
        losses = jnp.sum(candidates.vector**2, axis=1)
        before, state = state, STRATEGY.tell(jax.random.key(number), state, candidates, losses)
        assert bool(state.again) == (number == 7)
    np.testing.assert_array_equal(asked[8], asked[7])
    assert int(before.normal.generation) == 7
    assert int(state.normal.generation) == 8


def test_losses_evaluated_twice_are_averaged() -> None:
    state = STRATEGY.init(jax.random.key(0), jnp.zeros(DIMENSION))
    state = state._replace(again=jnp.bool_(True), losses=state.losses.at[:].set(1.0))
    candidates = STRATEGY.ask(jax.random.key(1), state)
    compared = STRATEGY._compared(state, candidates, jnp.full(STRATEGY.population, 4.0))
    np.testing.assert_array_equal(compared.losses[: STRATEGY.population], 2.5)
    np.testing.assert_array_equal(compared.losses[STRATEGY.population :], 1.0)


def test_uncertainty_is_that_of_the_paper() -> None:
    """Against the equation, written out for losses without ties."""
    chance = np.random.default_rng(0)
    before, after = chance.normal(size=(2, 6))
    both = np.concatenate([before, after])
    rank = {loss: int((both < loss).sum()) + 1 for loss in both}
    total = 0.0
    for old, new in zip(before, after, strict=True):
        change = rank[new] - rank[old] - np.sign(rank[new] - rank[old])

        def accepted(at: int) -> float:
            return float(np.percentile(np.abs(np.arange(1, 12) - at), 0.2 * 50))

        total += 2 * abs(change)
        total -= accepted(rank[new] - (new > old)) + accepted(rank[old] - (old > new))
    found = uncertainty(jnp.asarray(before), jnp.asarray(after))
    assert float(found) == pytest.approx(total / 6, rel=1e-5)


@pytest.mark.parametrize("losses", [[1.0, 2.0, 3.0, 4.0], [1.0] * 4, [jnp.inf] * 4, [1, jnp.inf]])
def test_nothing_is_uncertain_where_nothing_changes(losses) -> None:
    given = jnp.asarray(losses, float)
    assert float(uncertainty(given, given)) <= 0


def test_nothing_moves_where_no_loss_is_finite() -> None:
    state = STRATEGY.init(jax.random.key(0), jnp.ones(DIMENSION))
    after = state
    for number in range(20):
        key = jax.random.key(number)
        candidates = STRATEGY.ask(key, after)
        after = STRATEGY.tell(key, after, candidates, jnp.full(STRATEGY.population, jnp.inf))
    np.testing.assert_array_equal(STRATEGY.center(after), 1.0)
    assert float(after.normal.sigma) == float(state.normal.sigma)
