"""What is proven of estimates in many dimensions: unbiased, independent, exactly mirrored."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import tree
from gradless.training import memory

PARAMS = {"b": jnp.linspace(-1, 1, 5), "w": jnp.linspace(-2, 2, 12 * 9).reshape(12, 9)}
CURVATURES = {"b": jnp.linspace(0.5, 1, 5), "w": jnp.linspace(1.5, 0.5, 12 * 9).reshape(12, 9)}
RANKS = pytest.mark.parametrize("rank", [0, 1])


def quadratic(params: Any) -> jax.Array:
    """Of which smoothing leaves the gradient as it is."""
    return tree.ravel(CURVATURES) @ tree.ravel(params) ** 2 / 2


GRADIENT = np.asarray(tree.ravel(CURVATURES) * tree.ravel(PARAMS))


@functools.partial(jax.jit, static_argnums=1)
def steps(strategy: Any, generations: int) -> jax.Array:
    """What one generation adds to the center, (generations, dimension), always from the start."""
    state = strategy.init(jax.random.key(0), PARAMS)

    def one(key: jax.Array) -> jax.Array:
        candidates = strategy.ask(key, state)
        losses = jax.vmap(lambda c: quadratic(strategy.decode(state, c)))(candidates)
        after = strategy.tell(key, state, candidates, losses)
        return tree.ravel(strategy.center(after)) - state.center

    return jax.lax.map(one, jax.random.split(jax.random.key(3), generations))


@RANKS
@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "openai_es",
            {"population": 16, "shaping": "raw", "optimizer": "sgd", "learning_rate": 1.0},
        ),
        ("spsa", {"probes": 8, "raw": True, "learning_rate": 1.0}),
        ("spsa", {"probes": 8, "raw": True, "learning_rate": 1.0, "directions": "normal"}),
    ],
)
def test_the_mean_step_is_the_gradient_of_the_smoothed_loss(name, options, rank) -> None:
    strategy = strategies.get(name, sigma=0.5, relative=False, rank=rank, **options)
    found = -np.asarray(steps(strategy, 4000), np.float64)
    # In standard errors of the mean, which are a twentieth of the gradient: a bias of a tenth
    # would make their mean square 4.
    errors = (found.mean(0) - GRADIENT) / (found.std(0) / np.sqrt(len(found)))
    assert np.abs(errors).max() < 4.5
    assert 0.6 < np.mean(errors**2) < 1.6


@RANKS
@pytest.mark.parametrize(
    ("name", "options"), [("ars", {"population": 16}), ("fzoo", {"probes": 16})]
)
def test_the_mean_of_steps_in_other_units_points_down(name, options, rank) -> None:
    strategy = strategies.get(name, sigma=0.01, relative=False, rank=rank, **options)
    mean = -np.asarray(steps(strategy, 4000)).mean(0)
    cosine = mean @ GRADIENT / np.linalg.norm(mean) / np.linalg.norm(GRADIENT)
    # Chance leaves 1 / sqrt(1 + dimension / directions).
    assert cosine > 0.99


def changes(name: str, rank: int, generation: int) -> tuple[Any, Any]:
    """Changes of the members of a generation, a leaf for each of three equal layers."""
    counts = {"probes": 4} if name in ("spsa", "fzoo") else {"population": 8}
    ranks = {} if name == "pgpe" else {"rank": rank}
    strategy: Any = strategies.get(name, sigma=1.0, relative=False, **counts, **ranks)

    @jax.jit
    def drawn(key: jax.Array) -> Any:
        layers = {layer: jnp.zeros((20, 30)) for layer in "abc"}
        state = strategy.init(key, layers)
        return jax.vmap(lambda c: strategy.decode(state, c))(strategy.ask(key, state))

    return strategy, drawn(jax.random.key(generation))


@RANKS
@pytest.mark.parametrize("name", ["openai_es", "spsa", "ars", "fzoo"])
def test_noise_of_layers_members_and_generations_is_independent(name, rank) -> None:
    drawn = [
        np.asarray(leaf[:4]).reshape(4, -1)
        for generation in range(3)
        for leaf in changes(name, rank, generation)[1].values()
    ]
    together = np.concatenate(drawn)
    assert together.shape == (36, 600)
    alike = np.abs(np.corrcoef(together) - np.eye(36))
    # Products of two thin products have long tails.
    assert alike.max() < (6 if rank else 4.5) / np.sqrt(600)


@RANKS
@pytest.mark.parametrize("name", ["openai_es", "spsa", "ars", "pgpe"])
def test_the_second_half_is_exactly_opposite(name, rank) -> None:
    strategy, drawn = changes(name, rank, 0)
    assert strategy.perturbation.opposite_pairs
    for leaf in drawn.values():
        assert len(leaf) == 8
        assert np.any(leaf)
        np.testing.assert_array_equal(leaf[4:], -leaf[:4])


@pytest.mark.parametrize("value", [0.0, -3.5, 1e30])
@pytest.mark.parametrize("rank", [0, 1, "auto"])
@pytest.mark.parametrize("name", ["openai_es", "spsa", "ars", "fzoo"])
def test_constant_losses_move_nothing(name, rank, value) -> None:
    strategy: Any = strategies.get(name, rank=rank)
    state = strategy.init(jax.random.key(0), PARAMS)
    candidates = strategy.ask(jax.random.key(1), state)
    losses = jnp.full(strategy.population, value, jnp.float32)
    after = strategy.tell(jax.random.key(2), state, candidates, losses)
    np.testing.assert_array_equal(after.center, state.center)


@pytest.mark.parametrize(
    ("name", "count", "rank"),
    [
        ("openai_es", "population", 0),
        ("openai_es", "population", 1),
        ("ars", "population", 1),
        ("spsa", "probes", 1),
        ("fzoo", "probes", 0),
        ("fzoo", "probes", 1),
        ("pgpe", "population", None),
        ("snes", "population", None),
    ],
)
def test_memory_does_not_grow_with_the_population(name, count, rank) -> None:
    params = {"w": jax.ShapeDtypeStruct((1500, 1000), jnp.float32)}
    ranks = {} if rank is None else {"rank": rank}

    def bytes_of(members: int) -> int:
        """At most, of what is asked and told for so many; 20 bytes a member are its own."""
        strategy: Any = strategies.get(name, **{count: members}, **ranks)
        key = jax.eval_shape(lambda: jax.random.key(0))
        state = jax.eval_shape(strategy.init, key, params)
        candidates = jax.eval_shape(strategy.ask, key, state)
        losses = jax.ShapeDtypeStruct((strategy.population,), jnp.float32)
        told = jax.make_jaxpr(strategy.tell)(key, state, candidates, losses)
        assert memory.size(candidates) <= 20 * strategy.population
        return memory.peak(told.jaxpr)

    # Noise of a block is up to 16 MiB; everything else is a few vectors of 6 MB.
    assert bytes_of(16384) < 1.2 * bytes_of(4096) < 150e6
