"""Where does the noise of member i in generation g come from?

Noise is a pure function of (key of the generation, global member index, position in the
parameters): it does not depend on which members are drawn together, on how a population is cut
into blocks or on how many devices share the work, and any piece can be made again instead of being
stored. Every leaf of the parameters owns its own range of positions, so no two (member, leaf) pairs
share a stream.

The bits come from Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", 2011, section 3.2), the generator behind JAX's own keys. Written out without a loop it
is elementwise arithmetic, which the compiler fuses with what uses the noise; a call of
``jax.random`` in every generation of a small network takes longer than the network.
"""

from __future__ import annotations

import functools
import statistics
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
# Keeps these streams apart from those that jax.random derives from the same key.
_DOMAIN = 0x67726164


def _words(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two 32-bit words that stand for a key of any of JAX's generators."""
    typed = key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
    data = jax.random.key_data(typed)
    if data.shape != (2,):
        data = jax.random.bits(typed, (2,), jnp.uint32)
    return data[0] ^ jnp.uint32(_DOMAIN), data[1]


# Traced once for each shape: written out, a program that draws noise in many places takes seconds.
@functools.partial(jax.jit, inline=True)
def threefry(
    key: tuple[jax.Array, jax.Array], first: jax.Array, second: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Threefry-2x32-20: two random words for every counter (first, second), all uint32."""
    words = (*key, key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    first, second = first + words[0], second + words[1]
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            first = first + second
            second = (second << distance) | (second >> (32 - distance))
            second = second ^ first
        first = first + words[(group + 1) % 3]
        second = second + words[(group + 2) % 3] + jnp.uint32(group + 1)
    return first, second


def fold_in(key: jax.Array, number: jax.Array | int) -> jax.Array:
    """``jax.random.fold_in``, bit for bit, for the inside of a compiled loop.

    There, JAX's own is a loop of a hundred small steps, which takes longer than a small generation.
    """
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not typed or str(jax.random.key_impl(key)) != "threefry2x32":
        return jax.random.fold_in(key, number)
    first, second = jax.random.key_data(key)
    words = threefry((first, second), jnp.uint32(0), jnp.asarray(number, jnp.uint32))
    return jax.random.wrap_key_data(jnp.stack(words), impl="threefry2x32")


def _to_normal(bits: jax.Array) -> jax.Array:
    """Standard normal numbers, float32, by inversion from the upper 23 bits."""
    # The centres of 2^23 equal cells of (-1, 1): symmetric about zero, never an end.
    uniform = (bits >> 9).astype(jnp.float32) * 2.0**-22 - (1 - 2.0**-23)
    return jnp.float32(2**0.5) * jax.lax.erf_inv(uniform)


class Seed(NamedTuple):
    """A member's noise before it is drawn: small enough to be a candidate in its place."""

    key: jax.Array  # two uint32 words, shape (2,); (population, 2) for a population
    member: jax.Array  # uint32, shape (); (population,) for a population


def seeds(key: jax.Array, members: jax.Array) -> Seed:
    """Seeds of the given members, on the leading axis.

    Parameters
    ----------
    key
        The generation's key.
    members
        Global member indices, integer, shape (members,).
    """
    words = jnp.stack(_words(key))
    return Seed(jnp.broadcast_to(words, (len(members), 2)), members.astype(jnp.uint32))


def seed(key: jax.Array, member: int = 0) -> Seed:
    """The seed of a single member."""
    return Seed(jnp.stack(_words(key)), jnp.uint32(member))


def normal(
    seed: Seed, size: int, first: jax.Array | int = 0, count: int | None = None
) -> jax.Array:
    """Standard normal noise of one member, shape (size,), float32; ``size`` at most 2^33.

    For a population, ``jax.vmap`` this function: the numbers are the same. With ``first`` and
    ``count``, only the ``count`` numbers from position ``first`` on; those behind ``size`` mean
    nothing.
    """
    return _to_normal(_bits(seed, size, first, count))


def uniform(seed: Seed, size: int) -> jax.Array:
    """Uniform noise of one member between 0 and 1, shape (size,), float32, never one of the two."""
    return (_bits(seed, size) >> 9).astype(jnp.float32) * 2.0**-23 + 2.0**-24


def below(even: jax.Array, count: jax.Array | int) -> jax.Array:
    """Whole numbers from 0 to ``count`` - 1 of uniform ones, int32; ``count`` at most 2^23."""
    return jnp.minimum((even * count).astype(jnp.int32), jnp.asarray(count - 1, jnp.int32))


def _bits(seed: Seed, size: int, first: jax.Array | int = 0, count: int | None = None) -> jax.Array:
    """Random words of one member, by position, as :func:`normal` takes them."""
    # Every position draws both words of its counter and takes one. Half of the work is thrown away,
    # but the two halves as pieces of one array are drawn number by number, nine times as slow.
    half = -(-size // 2)
    position = jax.lax.iota(jnp.uint32, size if count is None else count)
    position = position + jnp.asarray(first, jnp.uint32)
    upper = position >= half
    counter = jnp.where(upper, position - jnp.uint32(half), position)
    member = jnp.broadcast_to(seed.member, counter.shape)
    low, high = threefry((seed.key[0], seed.key[1]), member, counter)
    return jnp.where(upper, high, low)


def _quantiles() -> NDArray[np.float32]:
    """Centres of 256 cells of equal probability of the normal law, scaled to variance 1."""
    law = statistics.NormalDist()
    cells = np.array([law.inv_cdf((i + 0.5) / 256) for i in range(256)])
    return (cells / cells.std()).astype(np.float32)


QUANTILES = _quantiles()


def of_quantiles(seed: Seed, size: int) -> jax.Array:
    """Noise of one member in 256 steps, shape (size,), float32: four numbers of each random word.

    It has mean 0, variance 1 and is symmetric; its largest number is 2.8. The normal numbers of
    :func:`normal` take six times as long, all of it the inverse of the normal law: for factors of
    products, which are nearly normal whatever they are made of, that is a part of every generation.
    """
    half = -(-size // 8)
    counter = jax.lax.iota(jnp.uint32, half)
    member = jnp.broadcast_to(seed.member, counter.shape)
    words = jnp.concatenate(threefry((seed.key[0], seed.key[1]), member, counter))
    table = jnp.asarray(QUANTILES)
    pieces = [
        table.at[(words >> shift) & 255].get(mode="promise_in_bounds") for shift in (0, 8, 16, 24)
    ]
    return jnp.concatenate(pieces)[:size]


def signs(seed: Seed, size: int) -> jax.Array:
    """Plus or minus one by chance for one member, shape (size,), float32: 32 of each random word.

    Rademacher's law, at a thirtieth of the work of normal numbers.
    """
    half = -(-size // 64)
    counter = jax.lax.iota(jnp.uint32, half)
    member = jnp.broadcast_to(seed.member, counter.shape)
    words = jnp.concatenate(threefry((seed.key[0], seed.key[1]), member, counter))
    pieces = [((words >> shift) & 1).astype(jnp.float32) for shift in range(32)]
    return 2 * jnp.concatenate(pieces)[:size] - 1
