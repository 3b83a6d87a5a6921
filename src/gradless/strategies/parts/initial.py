"""Where does a population begin, when all that is given is one set of parameters?"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.tree import Params, Structure
from gradless.strategies.parts import mirrored


def around(key: jax.Array, params: Params, members: int, spread: float | jax.Array) -> jax.Array:
    """Normal noise around ``params``, shape (members, size).

    Its standard deviation is ``spread`` times the scale of each leaf, as of
    :func:`gradless.strategies.parts.mirrored.leaf_scales`.
    """
    vector = tree.ravel(params)
    scales = mirrored.spread(mirrored.leaf_scales(params), Structure.of(params))
    drawn = jax.vmap(noise.normal, in_axes=(0, None))(
        noise.seeds(key, jnp.arange(members)), vector.size
    )
    return vector + spread * scales * drawn
