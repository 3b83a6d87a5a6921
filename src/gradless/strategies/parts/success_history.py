"""Which settings of a step have lately succeeded, and which should be tried next?

Tanabe and Fukunaga, "Success-history based parameter adaptation for differential evolution", CEC
2013 (SHADE).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gradless.strategies.parts import limits

_WIDTH = 0.1  # of both laws, the papers'


class History(NamedTuple):
    """The papers' memories M_F and M_CR."""

    weights: jax.Array  # float32, (slots,)
    rates: jax.Array  # float32, (slots,)
    next: jax.Array  # slot to be written, int32


def begun(slots: int, weight: float | jax.Array, rate: float | jax.Array) -> History:
    """A history in which nothing has happened, but what to begin with."""
    return History(
        jnp.full(slots, weight, jnp.float32), jnp.full(slots, rate, jnp.float32), jnp.int32(0)
    )


def weight_around(location: jax.Array, uniform: jax.Array) -> jax.Array:
    """Differential weights by Cauchy's law, from uniform numbers between 0 and 1.

    The paper draws again while a weight is not positive: that is the law of the positive ones, of
    which this is the inverse. Weights above 1 are 1.
    """
    below_zero = 0.5 - jnp.arctan(location / _WIDTH) / jnp.pi
    share = below_zero + (1 - below_zero) * uniform
    weight = location + _WIDTH * jnp.tan(jnp.pi * (share - 0.5))
    return jnp.clip(weight, 1e-3, 1.0)


def rate_around(location: jax.Array, uniform: jax.Array) -> jax.Array:
    """Crossover rates by the normal law, from uniform numbers between 0 and 1; within 0 and 1."""
    drawn = jnp.float32(2**0.5) * jax.lax.erf_inv(2 * uniform - 1)
    return jnp.clip(location + _WIDTH * drawn, 0.0, 1.0)


def learnt(
    history: History,
    weights: jax.Array,
    rates: jax.Array,
    before: jax.Array,
    after: jax.Array,
) -> History:
    """The history after the trials of a generation.

    What succeeded counts by how much it lowered the loss. The mean of the weights is Lehmer's,
    which is drawn to large ones, since short steps succeed more often. Without a success, nothing
    changes.

    Parameters
    ----------
    weights, rates
        What was tried, each shape (trials,).
    before, after
        Losses of the members and of their trials, shape (trials,). One that was not finite before
        teaches nothing, since nobody can tell by how much it fell.
    """
    counts = jnp.isfinite(before) & (after < before)
    # Halves, so that no difference is infinite; in a power of two, so that no sum is.
    fall = jnp.where(counts, before / 2 - after / 2, 0.0)
    fall = jnp.maximum(fall / limits.unit(fall), 0.0)
    total = jnp.sum(fall)
    share = (fall / jnp.where(total > 0, total, 1.0)).astype(jnp.float32)

    weight = jnp.sum(share * weights**2) / jnp.maximum(jnp.sum(share * weights), 1e-6)
    slot, slots = history.next, len(history.weights)
    following = History(
        history.weights.at[slot].set(weight),
        history.rates.at[slot].set(jnp.sum(share * rates)),
        (slot + 1) % slots,
    )
    return jax.tree.map(lambda new, old: jnp.where(total > 0, new, old), following, history)
