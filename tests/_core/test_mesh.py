"""Work shared by devices is the work of one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import mesh, noise
from gradless.evaluation.population import on_every_device
from gradless.problems.contract import Layout
from gradless.strategies.parts import mirrored

COMPILES_AS_USERS_DO = True  # bits are compared


def test_alone_there_is_nothing_to_share() -> None:
    assert mesh.devices() == 1
    np.testing.assert_array_equal(mesh.by_position(lambda f, n: f + jnp.arange(n), 5), range(5))


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_pieces_make_the_whole(size: int) -> None:
    layout = Layout(False, 1, 2)

    @jax.jit
    def whole() -> jax.Array:
        shared = on_every_device(
            lambda: mesh.by_position(lambda first, n: first + jnp.arange(n), size), layout
        )
        return shared()

    np.testing.assert_array_equal(whole(), range(size))


@functools.partial(jax.jit, static_argnums=(1, 2))
def _drawn(key: jax.Array, members: int, size: int) -> jax.Array:
    return jax.vmap(lambda seed: noise.normal(seed, size))(noise.seeds(key, jnp.arange(members)))


@pytest.mark.parametrize("power", [1, 2])
def test_sums_over_noise_are_the_same_on_two_devices(power: int, monkeypatch) -> None:
    size, pairs = 1001, 6
    monkeypatch.setattr(mirrored, "_NUMBERS_STORED", 0)
    monkeypatch.setattr(mirrored, "_NUMBERS_AT_ONCE", 4 * size)  # blocks of 4, the last one filled
    weights = np.linspace(-1, 1, pairs, dtype=np.float32)

    def total(key: jax.Array) -> jax.Array:
        candidates = mirrored.pairs(key, pairs, size)
        assert candidates.drawn is None
        return mirrored.weighted_sum(candidates, weights, size, power=power)

    key = jax.random.key(3)
    drawn = _drawn(key, pairs, size)
    expected = np.asarray(weights, np.float64) @ np.asarray(drawn, np.float64) ** power
    alone = jax.jit(total)(key)
    np.testing.assert_allclose(alone, expected, rtol=1e-5, atol=1e-5)
    shared = jax.jit(on_every_device(total, Layout(False, 1, 2)))(key)
    np.testing.assert_array_equal(shared, alone)
