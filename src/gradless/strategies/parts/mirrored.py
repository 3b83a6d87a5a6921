"""How are pairs of opposite candidates made, and their noise added up again?

Mirrored (antithetic) sampling evaluates center + sigma e and center - sigma e for the same noise e
(Brockhoff et al., "Mirrored Sampling and Sequential Selection for Evolution Strategies", 2010). A
candidate is a seed and a sign, so that a population of large networks is never stored as numbers;
the noise is drawn again where it is needed. That of small networks is drawn once, all together.

The noise of a parameter is relative to the scale of its leaf: a layer whose weights start ten times
smaller is searched in steps ten times smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import mesh, noise
from gradless._core.errors import InputError
from gradless._core.tree import Params, Structure
from gradless.strategies.parts import limits

_NUMBERS_STORED = 2**18  # 2 MiB for both signs: drawn once, by every device
_NUMBERS_AT_ONCE = 2**19  # drawn at once when noise is added up: 2 MiB
_VECTOR_OF_WEIGHTS = 32  # numbers; fewer are more likely a start chosen by hand


class Mirrored(NamedTuple):
    """Candidates as seeds and signs: first all with +1, then their opposites in the same order."""

    seed: noise.Seed
    sign: jax.Array  # float32, shape (population,)
    drawn: jax.Array | None  # the noise with its sign, (population, size), if that is small


def check_even(owner: str, population: int) -> None:
    """Refuse a population that does not consist of pairs."""
    if population % 2:
        raise InputError(
            f"{owner}: population must be an even number, since candidates are evaluated in "
            f"opposite pairs, got {population}. For example: {population + 1}"
        )


def direction(
    seed: noise.Seed,
    size: int,
    directions: str = "normal",
    first: jax.Array | int = 0,
    count: int | None = None,
) -> jax.Array:
    """Noise of one seed, shape (size,): standard normal, or its signs for ``rademacher``.

    For ``quantiles`` and ``signs``, numbers of ``noise.of_quantiles`` and ``noise.signs``, of which
    there are no pieces. ``first`` and ``count`` are those of ``noise.normal``.
    """
    if directions == "quantiles":
        return noise.of_quantiles(seed, size)
    if directions == "signs":
        return noise.signs(seed, size)
    drawn = noise.normal(seed, size, first, count)
    return jnp.sign(drawn) if directions == "rademacher" else drawn


def pairs(key: jax.Array, count: int, size: int, directions: str = "normal") -> Mirrored:
    """A population of ``count`` pairs that change ``size`` parameters."""
    seeds = noise.seeds(key, jnp.arange(count))
    twice = jax.tree.map(lambda x: jnp.concatenate([x, x]), seeds)
    drawn = None
    if count * size <= _NUMBERS_STORED:
        half = jax.vmap(lambda seed: direction(seed, size, directions))(seeds)
        drawn = jnp.concatenate([half, -half])
    return Mirrored(twice, jnp.repeat(jnp.array([1.0, -1.0], jnp.float32), count), drawn)


def with_center(candidates: Mirrored) -> Mirrored:
    """The candidates and the point in their middle, last: a seed with the sign 0."""
    center = jax.tree.map(lambda x: x[:1], candidates)
    center = center._replace(
        sign=jnp.zeros(1, jnp.float32), drawn=jax.tree.map(jnp.zeros_like, center.drawn)
    )
    both: Mirrored = jax.tree.map(lambda *x: jnp.concatenate(x), candidates, center)
    return both


def draw(candidate: Mirrored, size: int, directions: str = "normal") -> jax.Array:
    """Noise of one candidate with its sign, shape (size,)."""
    if candidate.drawn is not None:
        return candidate.drawn
    return candidate.sign * direction(candidate.seed, size, directions)


def weighted_sum(
    candidates: Mirrored,
    weights: jax.Array,
    size: int,
    directions: str = "normal",
    power: int = 1,
) -> jax.Array:
    """Sum over pairs of weight times noise, or times its square, shape (size,).

    Parameters
    ----------
    candidates
        The population; the noise is that of the first of each pair.
    weights
        One per pair, shape (pairs,), of the dtype that the sum is to have.
    size
        Number of parameters.
    directions
        Kind of noise.
    power
        1 for the noise, 2 for its square.
    """
    members = len(weights)
    if candidates.drawn is not None:
        return product(weights, candidates.drawn[:members] ** power)

    def piece(first: jax.Array | int, count: int) -> jax.Array:
        def draw(seed: noise.Seed) -> jax.Array:
            return direction(seed, size, directions, first, count)

        def add(drawn: jax.Array, weights: jax.Array) -> jax.Array:
            return product(weights, drawn**power)

        return _over_blocks(candidates, weights, size, draw, add, count)

    return mesh.by_position(piece, size)


def sum_over_blocks(
    candidates: Mirrored,
    weights: jax.Array,
    size: int,
    add: Callable[[jax.Array, jax.Array], jax.Array],
    length: int,
    directions: str = "normal",
    at_once: int | None = None,
) -> jax.Array:
    """Sum of what ``add`` makes of the noise (members, size) and weights (members,) of some pairs.

    Of all of them at once if the noise is stored, otherwise of as many as memory is meant for. The
    sum and what ``add`` returns have the shape (length,).
    """
    if candidates.drawn is not None:
        return add(candidates.drawn[: len(weights)], weights)

    def draw(seed: noise.Seed) -> jax.Array:
        return direction(seed, size, directions)

    return _over_blocks(candidates, weights, size, draw, add, length, at_once)


def _over_blocks(
    candidates: Mirrored,
    weights: jax.Array,
    size: int,
    draw: Callable[[noise.Seed], jax.Array],
    add: Callable[[jax.Array, jax.Array], jax.Array],
    length: int,
    at_once: int | None = None,
) -> jax.Array:
    members = len(weights)
    seeds = jax.tree.map(lambda x: x[:members], candidates.seed)
    block = max(1, min(members, (at_once or _NUMBERS_AT_ONCE) // max(size, 1)))
    if at_once and block == members:  # one block, and no loop that passes over all parameters
        return add(jax.vmap(draw)(seeds), weights)
    missing = -members % block  # made up for by members of weight zero
    seeds, weights = jax.tree.map(
        lambda x: jnp.concatenate([x, jnp.zeros((missing, *x.shape[1:]), x.dtype)]).reshape(
            -1, block, *x.shape[1:]
        ),
        (seeds, weights),
    )

    def step(total: jax.Array, one: tuple[noise.Seed, jax.Array]) -> tuple[jax.Array, None]:
        seeds, weights = one
        return total + add(jax.vmap(draw)(seeds), weights), None

    total, _ = jax.lax.scan(step, jnp.zeros(length, weights.dtype), (seeds, weights))
    return total


def product(left: jax.Array, right: jax.Array) -> jax.Array:
    """Matrix product in full precision."""
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)


def drawn_at_random(params: Params) -> jax.Array:
    """Which leaves look like weights that were drawn, boolean, (leaves,).

    Those are of the size that is meant, which a start chosen by hand need not be. They are arrays
    of two or more axes whose numbers differ, and vectors of 32 or more numbers around zero.
    """

    def drawn(leaf: jax.Array) -> jax.Array:
        leaf = limits.squarable(jnp.asarray(leaf, jnp.float32))
        if leaf.ndim == 0 or leaf.size < 2:
            return jnp.bool_(False)
        if leaf.ndim >= 2:
            return jnp.max(leaf) > jnp.min(leaf)
        around_zero = 4 * jnp.mean(leaf) ** 2 < jnp.mean(leaf**2)
        return around_zero & (leaf.size >= _VECTOR_OF_WEIGHTS)

    return jnp.stack([drawn(leaf) for leaf in jax.tree.leaves(params)])


def leaf_scales(params: Params) -> jax.Array:
    """Which change of a parameter is a large one, of each leaf at the start, (leaves,).

    Of weights that were drawn at random (:func:`drawn_at_random`) it is the root mean square. Of
    all other leaves it is that of their own numbers, or more: at least that of the weights beside
    them (for biases, those of their layer), otherwise of all numbers where there are weights at
    all, otherwise 1. So a start at zero and one near zero are searched alike.

    Scales can be squared: they are from 1e-15 to 1e15.
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    squares = jnp.stack(
        [jnp.sum(limits.squarable(jnp.asarray(x, jnp.float32)) ** 2) for _, x in leaves]
    )
    # Zeros do not count as numbers: they say nothing of the scale.
    counts = jnp.stack([jnp.sum(x != 0) for _, x in leaves]).astype(jnp.float32)
    parents = [path[:-1] for path, _ in leaves]
    beside = jnp.array([[a == b for b in parents] for a in parents], jnp.float32)
    drawn = drawn_at_random(params)

    def mean(squares: jax.Array, counts: jax.Array, otherwise: jax.Array) -> jax.Array:
        return jnp.where(counts > 0, squares / jnp.maximum(counts, 1), otherwise)

    one, none = jnp.float32(1), jnp.float32(0)
    own = mean(squares, counts, none)
    overall = jnp.where(jnp.any(drawn), mean(squares.sum(), counts.sum(), one), one)
    of_weights = beside @ jnp.where(drawn, squares, 0.0), beside @ jnp.where(drawn, counts, 0.0)
    least = mean(*of_weights, overall)
    return limits.scale(jnp.sqrt(jnp.where(drawn, own, jnp.maximum(own, least))))


def spread(scales: jax.Array, structure: Structure) -> jax.Array:
    """The scale of every single parameter, shape (size,), from one for each leaf."""
    return jnp.concatenate(
        [
            jnp.broadcast_to(scale, math.prod(shape))
            for scale, shape in zip(scales, structure.shapes, strict=True)
        ]
    )
