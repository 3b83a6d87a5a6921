"""Low-rank noise: it is the product it says it is, with variance one, and adds up as it should."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless._core.tree import Structure
from gradless.models.mlp import MLP
from gradless.strategies import OpenAIES
from gradless.strategies.parts import mirrored
from gradless.strategies.parts.low_rank import Directions

WEIGHTS, BIASES = (12, 9), (9,)
PARAMS = {"biases": jnp.ones(BIASES), "weights": jnp.ones(WEIGHTS)}


def directions(rank: int, law: str = "normal") -> Directions:
    return Directions(Structure.of(PARAMS), rank, law)


@pytest.mark.parametrize(("rank", "numbers"), [(0, 117), (1, 30), (2, 51), (5, 114), (6, 117)])
def test_factors_are_drawn_where_they_are_fewer(rank, numbers) -> None:
    assert directions(rank).size == numbers


def noises(found: Directions, candidates: mirrored.Mirrored) -> dict[str, np.ndarray]:
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    add = jax.jit(jax.vmap(lambda c: jax.tree.map(operator.add, zeros, found.noise(c))))
    return jax.tree.map(np.asarray, add(candidates))


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1, 3])
def test_noise_has_its_rank_and_variance_one_and_is_mirrored(rank) -> None:
    found = directions(rank)
    drawn = noises(found, mirrored.pairs(jax.random.key(0), 4000, found.size))
    for both in drawn.values():
        np.testing.assert_array_equal(both[:4000], -both[4000:])
    weights = drawn["weights"][:4000]
    assert np.linalg.matrix_rank(weights[0], tol=1e-4) == (rank or 9)
    covariance = np.cov(weights.reshape(4000, -1).T)
    assert abs(np.diag(covariance).mean() - 1) < 0.03
    np.testing.assert_allclose(covariance, np.eye(108), atol=0.35)


@pytest.mark.parametrize("stored", [2**18, 0])
@pytest.mark.parametrize(
    ("rank", "law"), [(1, "normal"), (6, "normal"), (2, "rademacher"), (0, "signs")]
)
def test_weighted_sum_is_that_of_the_noise_written_out(monkeypatch, rank, law, stored) -> None:
    monkeypatch.setattr(mirrored, "_NUMBERS_STORED", stored)
    monkeypatch.setattr(mirrored, "_NUMBERS_AT_ONCE", 150)  # blocks of a few members
    found = directions(rank, law)
    candidates = found.pairs(jax.random.key(3), 7)
    weights = np.linspace(-1, 2, 7, dtype=np.float32)
    half = jax.tree.map(lambda x: x[:7], noises(found, candidates))
    expected = tree.ravel(jax.tree.map(lambda x: np.tensordot(weights, x, 1), half))
    total = jax.jit(lambda c, w: found.weighted_sum(c, w))(candidates, weights)
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=2e-6)


def test_no_two_layers_share_numbers() -> None:
    model = MLP((40, 40, 40, 40))
    strategy = OpenAIES(population=4, rank=1, relative=False)
    state = strategy.init(jax.random.key(0), model.init(jax.random.key(1)))
    candidates = strategy.ask(jax.random.key(2), state)
    parts = [
        part
        for member in range(2)
        for layer in strategy.change(state, tree.member(candidates, member))
        for part in (layer.weights.left, layer.weights.right, layer.biases)
    ]
    drawn = np.stack([np.ravel(part) for part in parts])
    assert drawn.shape == (2 * 3 * 3, 40)
    assert abs(np.corrcoef(drawn) - np.eye(18)).max() < 0.6  # by chance: 4 in 18 x 17 / 2 is 0.5


def test_estimate_points_down_as_that_of_full_noise_does() -> None:
    # A pair's slope along a random matrix of entries of variance one has the same second moment for
    # every rank, so that on average the estimate is as good (Sarkar et al. 2025, section 4).
    target = jax.random.normal(jax.random.key(5), (40, 30))

    def cosine(rank: int) -> float:
        strategy = OpenAIES(population=400, sigma=1e-3, rank=rank, shaping="raw", relative=False)
        state = strategy.init(jax.random.key(0), jnp.zeros((40, 30)))

        def one(key: jax.Array) -> jax.Array:
            candidates = strategy.ask(key, state)
            changes = jax.vmap(lambda c: strategy.decode(state, c))(candidates)
            estimate = strategy.gradient(state, candidates, jnp.sum(changes * target, (1, 2)))
            return estimate @ target.ravel() / jnp.linalg.norm(estimate)

        keys = jax.random.split(jax.random.key(1), 20)
        return float(jnp.mean(jax.lax.map(one, keys)) / jnp.linalg.norm(target))

    assert cosine(1) == pytest.approx(cosine(0), rel=0.1)


@pytest.mark.slow
def test_steps_are_relative_to_each_leaf() -> None:
    params = {"large": jnp.full((50, 40), 10.0), "small": jnp.full((50, 40), -2.0)}
    strategy = OpenAIES(population=200, sigma=0.5, rank=1)
    state = strategy.init(jax.random.key(0), params)
    candidates = strategy.ask(jax.random.key(1), state)
    all_of_them = jax.vmap(lambda c: strategy.decode(state, c))(candidates)
    assert float(jnp.std(all_of_them["large"])) == pytest.approx(5, rel=0.1)
    assert float(jnp.std(all_of_them["small"])) == pytest.approx(1, rel=0.1)
