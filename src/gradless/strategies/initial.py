"""Where does a population begin, when all that is given is one set of parameters?"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gradless import noise, tree
from gradless.tree import Params


def scales(params: Params) -> jax.Array:
    """How large each parameter is at the start, shape (size,), above zero.

    The scale of a parameter is the root mean square of the array it belongs to. An array of zeros,
    as biases begin, has the root mean square of all parameters; if these are all zero, one.
    """
    vector = tree.ravel(params)
    overall = _root_mean_square(vector)
    overall = jnp.where(overall > 0, overall, 1.0)
    by_leaf = []
    for leaf in jax.tree.leaves(params):
        scale = _root_mean_square(jnp.asarray(leaf).astype(vector.dtype))
        by_leaf.append(jnp.broadcast_to(jnp.where(scale > 0, scale, overall), jnp.size(leaf)))
    return jnp.concatenate(by_leaf)


def around(key: jax.Array, params: Params, members: int, spread: float | jax.Array) -> jax.Array:
    """Normal noise around ``params``, shape (members, size).

    Its standard deviation is ``spread`` times the :func:`scales` of the parameters.
    """
    vector = tree.ravel(params)
    drawn = jax.vmap(noise.normal, in_axes=(0, None))(
        noise.seeds(key, jnp.arange(members)), vector.size
    )
    return vector + spread * scales(params) * drawn


def _root_mean_square(values: jax.Array) -> jax.Array:
    # Divided by the largest first: squares of small numbers would be lost.
    largest = jnp.max(jnp.abs(values), initial=0.0)
    divisor = jnp.where(largest > 0, largest, 1.0)
    return divisor * jnp.sqrt(jnp.mean((values / divisor) ** 2))
