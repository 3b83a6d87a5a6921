"""How good are the best rows, as many as can be attended to? A list of fixed length.

Rows are ranked by the second class's lead over the first one. Where rows of one score are more than
what is left of the list, each is in it by the same share: the mean over all their orders.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gradless.objectives.metrics import Targets, at, dot, place_of, ratio


def listed(score: jax.Array, targets: Targets, length: float) -> jax.Array:
    """Weight with which each row is on the list, (samples,); they add up to 1.

    ``length`` is a weight of rows, and below 1 a share of all.
    """
    place, weight = place_of(score), targets["weight"]
    here = at(place, weight)
    up_to = jnp.cumsum(here)
    room = length * up_to[-1] if length < 1 else jnp.minimum(length, up_to[-1])
    share = jnp.clip(ratio(room - (up_to - here), here), 0, 1)
    return ratio(share[place] * weight, room)


def precision(reduced: jax.Array, targets: Targets, length: float) -> jax.Array:
    """Share of positives on the list."""
    return dot(listed(reduced, targets, length), targets["one_hot"][1])


def profit(reduced: jax.Array, targets: Targets, length: float) -> jax.Array:
    """Mean of what rows on the list bring: their ``value`` if they are positive, otherwise 0."""
    return dot(listed(reduced, targets, length), targets["one_hot"][1] * targets["value"])
