"""FZOO: the paper's step of one-sided losses, and what happens where it has none to go by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless.strategies import FZOO
from helpers.descent import losses_of, minimise, rosenbrock, sphere

INF = np.inf


@pytest.mark.parametrize(
    ("losses", "weights"),
    [
        # Differences from the last, 4: 3, -1, 1; mean 5, squares 4, 4, 0, deviation 2.
        ([7, 3, 5, 4], [3 / 6, -1 / 6, 1 / 6]),
        # Curvature: differences of 9, 10, 11 with a deviation of 1 count as parts of 10.
        ([9, 10, 11, 0], [9 / 30, 10 / 30, 11 / 30]),
        # What is not finite does not count, and the mean of the others is in the center's place.
        ([7, INF, 3, 4], [3 / np.sqrt(8) / 2, 0, -1 / np.sqrt(8) / 2]),
        ([7, 3, INF, INF], [2 / np.sqrt(8) / 2, -2 / np.sqrt(8) / 2, 0]),
        ([INF, INF, INF, 1], [0, 0, 0]),
        ([INF, INF, INF, INF], [0, 0, 0]),
        ([3, 3, 3, 3], [0, 0, 0]),
    ],
)
def test_one_step_by_hand(losses, weights) -> None:
    strategy = FZOO(probes=3, sigma=0.5, learning_rate=0.1, relative=False)
    center = np.array([1.0, 2.0, -3.0, 5.0], np.float32)
    state = strategy.init(jax.random.key(0), jnp.asarray(center))
    candidates = strategy.ask(jax.random.key(1), state)
    decoded = np.asarray(jax.vmap(lambda c: strategy.decode(state, c))(candidates))
    np.testing.assert_array_equal(decoded[-1], center)
    signs = (decoded[:-1] - center) / 0.5
    np.testing.assert_allclose(np.abs(signs), 1, rtol=1e-5)
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.array(losses, jnp.float32))
    step = sum(w * u for w, u in zip(weights, signs, strict=True))
    np.testing.assert_allclose(strategy.center(after), center - 0.1 * step, rtol=1e-5)


def test_the_unit_and_the_zero_of_the_loss_do_not_matter() -> None:
    strategy = FZOO(relative=False)
    start = jnp.ones(8)
    once, other = (minimise(strategy, f, start, 900) for f in (sphere, lambda v: 1024 * sphere(v)))
    np.testing.assert_allclose(other, 1024 * once, rtol=1e-3)


def test_signs_are_fair_and_differ_between_members() -> None:
    strategy = FZOO(probes=20, sigma=1.0, relative=False)
    state = strategy.init(jax.random.key(0), jnp.zeros(1000))
    candidates = strategy.ask(jax.random.key(1), state)
    signs = np.asarray(jax.vmap(lambda c: strategy.decode(state, c))(candidates))[:-1]
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / np.sqrt(signs.size)
    off = (signs @ signs.T / 1000)[~np.eye(20, dtype=bool)]
    assert np.abs(off).max() < 4.5 / np.sqrt(1000)


def test_with_rank_one_weights_change_by_signs_of_a_thin_product() -> None:
    strategy = FZOO(probes=5, sigma=0.5, rank=1, relative=False)
    state = strategy.init(jax.random.key(0), {"b": jnp.zeros(7), "w": jnp.zeros((20, 30))})
    candidates = strategy.ask(jax.random.key(1), state)
    changed = jax.vmap(lambda c: strategy.decode(state, c))(candidates)
    for leaf in jax.tree.leaves(changed):
        np.testing.assert_array_equal(np.abs(leaf[:-1]), 0.5)
        assert not np.any(leaf[-1])
    assert [np.linalg.matrix_rank(np.asarray(w)) for w in changed["w"]] == [1] * 5 + [0]
    losses = jnp.array([1.0, 5.0, 2.0, 0.0, 3.0, 2.0])
    after = strategy.tell(jax.random.key(2), state, candidates, losses)
    weights = (losses[:-1] - 2) / (5 * np.std(losses[:-1], ddof=1))
    step = jax.tree.map(lambda x: jnp.tensordot(weights, x[:-1] / 0.5, 1), changed)
    expected = -strategy.learning_rate * tree.ravel(step)
    np.testing.assert_allclose(after.center, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("rank", [0, 1])
def test_sphere(rank) -> None:
    strategy = FZOO(learning_rate=0.1, learning_rate_decay=0.995, rank=rank, relative=False)
    assert minimise(strategy, sphere, jnp.ones((12, 10)), 18_000)[-1] < 0.01 * 120


def test_rosenbrock() -> None:
    strategy = FZOO(sigma=0.001, learning_rate=0.02, learning_rate_decay=0.9995, relative=False)
    assert minimise(strategy, rosenbrock, jnp.zeros(4), 40_000)[-1] < 0.1


def test_golden_values() -> None:
    strategy = FZOO(probes=4)
    state = strategy.init(jax.random.key(0), jnp.array([1.0, -2.0, 3.0]))
    for generation in range(3):
        candidates = strategy.ask(jax.random.key(generation), state)
        losses = losses_of(strategy, state, candidates, sphere)
        state = strategy.tell(jax.random.key(9), state, candidates, losses)
    np.testing.assert_allclose(strategy.center(state), GOLDEN, rtol=1e-4)


GOLDEN = [0.9916318655, -1.9609155655, 2.8950099945]
