"""Random search draws around zero and keeps the best of everything it has drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gradless._core import tree
from gradless.strategies import RandomSearch

PARAMS = {"a": jnp.array([1.0, -1.0]), "b": jnp.array([0.5, 0.25, -0.5])}
OPTIMUM = jnp.array([0.3, -0.3, 0.2, -0.1, 0.4])


@jax.jit
def vectors(strategy: RandomSearch, state, candidates) -> jax.Array:
    """Candidates as rows."""
    return jax.vmap(lambda c: tree.ravel(strategy.decode(state, c)))(candidates)


def searched(strategy: RandomSearch, generations: int):
    """State after a search on a sphere, with all candidates and losses."""
    key = jax.random.key(0)
    state = strategy.init(key, PARAMS)
    seen, losses = [], []
    for generation in range(generations):
        generation_key = jax.random.fold_in(key, generation + 1)
        candidates = strategy.ask(generation_key, state)
        seen.append(vectors(strategy, state, candidates))
        losses.append(jnp.sum((seen[-1] - OPTIMUM) ** 2, axis=1))
        state = strategy.tell(generation_key, state, candidates, losses[-1])
    return state, np.stack(seen), np.stack(losses)


@pytest.fixture(scope="module")
def search():
    return searched(RandomSearch(sigma=0.5, population=64), 25)


def test_golden_values(search) -> None:
    state, seen, _ = search
    np.testing.assert_allclose(
        seen[0, :2],
        [
            [-0.7997133, -0.1855929, -0.8729088, -0.6085685, -0.5020032],
            [0.4202947, 0.2715181, -0.1788035, 0.6276075, 0.5589898],
        ],
        atol=1e-6,
    )
    assert float(state.best_loss) == pytest.approx(0.0861121, abs=1e-6)
    np.testing.assert_allclose(
        state.best, [0.2090100, -0.0360775, 0.1591767, -0.0997136, 0.4806922], atol=1e-6
    )


def test_best_is_the_best_of_all_generations(search) -> None:
    state, seen, losses = search
    best = np.unravel_index(losses.argmin(), losses.shape)
    assert 0 < best[0] < len(losses) - 1
    assert state.best_loss == losses[best]
    np.testing.assert_allclose(state.best, seen[best], rtol=1e-6)
    center = RandomSearch(sigma=0.5, population=64).center(state)
    np.testing.assert_allclose(tree.ravel(center), seen[best], rtol=1e-6)


def test_candidates_are_normal_around_zero_whatever_was_found(search) -> None:
    state, seen, _ = search
    strategy = RandomSearch(sigma=0.5, population=64)
    assert stats.kstest(seen.ravel(), stats.norm(0, 0.5).cdf).pvalue > 0.01
    key = jax.random.fold_in(jax.random.key(0), 1)
    again = vectors(strategy, state, strategy.ask(key, state))
    np.testing.assert_array_equal(again, seen[0])


def test_sigma_is_the_standard_deviation() -> None:
    narrow, wide = (
        searched(RandomSearch(sigma=sigma, population=64), 1)[1] for sigma in (0.05, 5.0)
    )
    np.testing.assert_allclose(wide, 100 * narrow, rtol=1e-5)


def test_the_first_of_equal_losses_is_kept() -> None:
    strategy = RandomSearch(population=4)
    key = jax.random.key(0)
    state = strategy.init(key, PARAMS)
    candidates = strategy.ask(key, state)
    expected = vectors(strategy, state, candidates)
    state = strategy.tell(key, state, candidates, jnp.array([3.0, 1.0, 2.0, 1.0]))
    np.testing.assert_allclose(state.best, expected[1], rtol=1e-6)
    later = strategy.ask(jax.random.key(1), state)
    state = strategy.tell(key, state, later, jnp.array([1.0, 1.0, jnp.inf, 1.0]))
    np.testing.assert_allclose(state.best, expected[1], rtol=1e-6)
