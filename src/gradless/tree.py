"""How do parameter pytrees become vectors, and how is one member picked out of a population?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Params = Any
"""A pytree of floating-point arrays: the parameters of a network, or whatever is searched."""

Candidates = Any
"""A pytree with the population on the leading axis of every leaf."""


@jax.tree_util.register_static
@dataclass(frozen=True)
class Structure:
    """The shapes of a parameter pytree, without its numbers.

    It is a pytree without leaves, so a strategy that searches over flat vectors keeps it in its
    state at no cost.
    """

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]

    @classmethod
    def of(cls, params: Params) -> Structure:
        """Structure of ``params``."""
        leaves, treedef = jax.tree.flatten(params)
        return cls(
            treedef, tuple(jnp.shape(x) for x in leaves), tuple(jnp.result_type(x) for x in leaves)
        )

    @property
    def size(self) -> int:
        """Number of parameters, the dimension of the search."""
        return sum(math.prod(shape) for shape in self.shapes)

    def unravel(self, vector: jax.Array) -> Params:
        """The pytree whose leaves are consecutive pieces of ``vector``, shape (size,)."""
        leaves, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            stop = start + math.prod(shape)
            leaves.append(vector[start:stop].reshape(shape).astype(dtype))
            start = stop
        return jax.tree.unflatten(self.treedef, leaves)


def ravel(params: Params) -> jax.Array:
    """All parameters as one vector, shape (size,), float32 or wider."""
    leaves = [jnp.ravel(x) for x in jax.tree.leaves(params)]
    dtype = jnp.result_type(jnp.float32, *leaves)
    return jnp.concatenate([x.astype(dtype) for x in leaves])


def size(params: Params) -> int:
    """Number of parameters."""
    return sum(math.prod(jnp.shape(x)) for x in jax.tree.leaves(params))


def member(candidates: Candidates, index: jax.Array | int) -> Any:
    """Candidate number ``index`` of a population."""
    return jax.tree.map(lambda x: x[index], candidates)


def population_size(candidates: Candidates) -> int:
    """Number of candidates in a population."""
    return int(jax.tree.leaves(candidates)[0].shape[0])


def where(condition: jax.Array, if_true: Any, if_false: Any) -> Any:
    """Leaf-wise choice between two pytrees by one boolean."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), if_true, if_false)


def bits(leaf: Any) -> bytes:
    """The bytes of an array or random key, which compare NaN and signed zeros too."""
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes()
