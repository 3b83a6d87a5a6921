"""How is a function applied to many members? In blocks, of which one follows the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from gradless._core import tree
from gradless._core.tree import Candidates

T = TypeVar("T")


def map_members(one: Callable[[Any], T], candidates: Candidates, block: int) -> T:
    """Apply ``one`` to every candidate, ``block`` at a time; results on the leading axis."""
    population = tree.population_size(candidates)
    if population == 1:
        # No loop and no batch axis around a single member.
        return jax.tree.map(lambda x: x[None], one(tree.member(candidates, 0)))
    if block >= population:
        return jax.vmap(one)(candidates)
    if block == 1:
        return jax.lax.map(one, candidates)
    # Blocks of one size, since another size is another program to compile: the last one is filled
    # up with members from the beginning.
    blocks = -(-population // block)
    block = -(-population // blocks)
    if blocks * block > population:
        chosen = jnp.arange(blocks * block) % population
        candidates = jax.tree.map(lambda x: x[chosen], candidates)
    split = jax.tree.map(lambda x: x.reshape(blocks, block, *x.shape[1:]), candidates)
    scores = jax.lax.map(jax.vmap(one), split)
    return jax.tree.map(lambda x: x.reshape(blocks * block, *x.shape[2:])[:population], scores)
