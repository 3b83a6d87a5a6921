"""Pairs, their noise added up, and the scale of every leaf."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import noise, tree
from gradless._core.errors import InputError
from gradless._core.tree import Structure
from gradless.strategies.parts import mirrored

normal = jax.jit(noise.normal, static_argnums=1)


@pytest.fixture(params=["stored", "drawn again"])
def population(request, monkeypatch) -> mirrored.Mirrored:
    """Seven pairs of 32 numbers."""
    if request.param == "drawn again":
        monkeypatch.setattr(mirrored, "_NUMBERS_STORED", 0)
    return mirrored.pairs(jax.random.key(1), 7, 32)


def test_pairs_mirror_exactly(population) -> None:
    drawn = np.asarray(jax.jit(jax.vmap(lambda c: mirrored.draw(c, 32)))(population))
    np.testing.assert_array_equal(drawn[:7], -drawn[7:])
    assert len(np.unique(np.abs(drawn[:, 0]))) == 7
    expected = [normal(tree.member(population.seed, i), 32) for i in range(7)]
    np.testing.assert_allclose(drawn[:7], expected, rtol=1e-6)


def test_large_populations_stay_seeds() -> None:
    population = mirrored.pairs(jax.random.key(0), 10, 1_000_000)
    assert sum(x.nbytes for x in jax.tree.leaves(population)) < 1000


@pytest.mark.parametrize(("at_once", "power"), [(1, 2), (64, 1), (200, 2), (2**22, 1)])
def test_noise_is_added_up_in_any_blocks(monkeypatch, population, at_once, power) -> None:
    monkeypatch.setattr(mirrored, "_NUMBERS_AT_ONCE", at_once)
    weights = np.arange(7.0, dtype=np.float32) - 2
    drawn = np.stack([normal(tree.member(population.seed, i), 32) for i in range(7)])
    add = jax.jit(lambda members, w: mirrored.weighted_sum(members, w, 32, power=power))
    total = add(population, weights)
    np.testing.assert_allclose(total, weights @ drawn**power, rtol=1e-5, atol=1e-4)


def test_rademacher_directions_are_signs() -> None:
    seed = tree.member(noise.seeds(jax.random.key(2), jnp.arange(1)), 0)
    signs = np.asarray(jax.jit(lambda s: mirrored.direction(s, 4096, "rademacher"))(seed))
    np.testing.assert_array_equal(np.abs(signs), 1)
    assert abs(signs.mean()) < 4 / 64


def test_scales_of_leaves() -> None:
    params = {
        "first": {"weights": np.array([[3.0, -3.0]]), "biases": np.zeros(2)},
        "last": {"weights": np.array([[0.5], [-0.5]]), "biases": np.array([2.0])},
        "zeros": [np.zeros(3)],
    }
    overall = np.sqrt((9 + 9 + 0.25 + 0.25 + 4) / 5)
    # Leaves in the order of the tree: biases before weights.
    scales = jax.jit(mirrored.leaf_scales)
    np.testing.assert_allclose(scales(params), [3, 3, 2, 0.5, overall], rtol=1e-6)
    np.testing.assert_array_equal(scales([np.zeros(2), np.zeros(1)]), [1, 1])


def test_spread_gives_every_parameter_the_scale_of_its_leaf() -> None:
    structure = Structure.of([jnp.zeros((2, 1)), jnp.zeros(()), jnp.zeros(3)])
    spread = mirrored.spread(jnp.array([1.0, 2.0, 3.0]), structure)
    np.testing.assert_array_equal(spread, [1, 1, 2, 3, 3, 3])


def test_odd_population() -> None:
    with pytest.raises(InputError, match=r"must be an even number.*got 7\. For example: 8"):
        mirrored.check_even("OpenAIES", 7)
