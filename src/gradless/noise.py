"""Where does the noise of member i in generation g come from?

Noise is a pure function of (key of the generation, global member index, position): a member's
stream does not depend on which other members are drawn with it, on how a population is cut into
chunks or on how many devices share the work. Each member draws one counter sequence, of which
every leaf owns its own range, so no two (member, leaf) pairs ever share a number.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gradless.tree import Candidates, Params, Structure


def normal(key: jax.Array, structure: Structure) -> Params:
    """Standard normal noise for one member, a pytree of the given structure.

    Parameters
    ----------
    key
        The member's key.
    structure
        Shapes and dtypes of the leaves.
    """
    return structure.unravel(jax.random.normal(key, (structure.size,)))


def member_keys(key: jax.Array, members: jax.Array) -> jax.Array:
    """The key of each member, shape (members,), from the key of the generation.

    Parameters
    ----------
    key
        The generation's key.
    members
        Global member indices, integer, shape (members,).
    """
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(members)


def population_normal(key: jax.Array, members: jax.Array, structure: Structure) -> Candidates:
    """Standard normal noise for the given members, stacked on the leading axis.

    Member i of this population equals :func:`normal` with key ``fold_in(key, i)``.
    """
    return jax.vmap(lambda k: normal(k, structure))(member_keys(key, jnp.asarray(members)))
