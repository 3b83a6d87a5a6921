"""Which axes of a weight belong to which factor? Those with which a model never writes it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core.low_rank import LowRank, Split, factor_shapes, splits
from gradless._core.tree import Params
from gradless.evaluation.walk.walking import Traced, Walk


class Chosen(NamedTuple):
    """How the leaves of parameters are cut."""

    splits: tuple[Split | None, ...]
    """Of each leaf; None where every weight has a number of its own."""
    written_out: dict[str, tuple[str, ...]]
    """By path of a leaf: primitives that have no rule for it, so that it is not cut."""


def choose(
    function: Callable[..., Any], params: Params, ranks: tuple[int, ...], *others: Any
) -> Chosen:
    """A split for each leaf with which nothing is written out, found by trying.

    Nothing is computed: the walk is traced, with one split, and with the next one of each leaf that
    would be written out, until there is none.

    Parameters
    ----------
    function
        Of ``params`` and ``others``.
    params, others
        Arrays, or their shapes.
    ranks
        Of each leaf; 0 for one that is not cut.
    """
    traced = Traced(function, params, *others)
    leaves, structure = jax.tree.flatten(params)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    options = [
        [split for split in splits(leaf.shape) if factor_shapes(leaf.shape, split, rank)]
        for leaf, rank in zip(leaves, ranks, strict=True)
    ]
    refused: dict[int, set[str]] = {}
    while True:
        walk = Walk()

        def tried(center: Params, others: Any, walk: Walk = walk) -> Any:
            changes = [
                _nothing(leaf, possible[0] if possible else None, rank)
                for leaf, possible, rank in zip(leaves, options, ranks, strict=True)
            ]
            change = jax.tree.unflatten(structure, changes)
            return traced(center, change, jnp.ones(()), *others, walk=walk)

        jax.eval_shape(tried, params, others)
        if not walk.written_out:
            break
        for leaf, primitive in walk.written_out:
            refused.setdefault(leaf, set()).add(primitive)
        for leaf in {leaf for leaf, _ in walk.written_out}:
            options[leaf] = options[leaf][1:]
    return Chosen(
        tuple(possible[0] if possible else None for possible in options),
        {paths[i]: tuple(sorted(names)) for i, names in refused.items() if not options[i]},
    )


def _nothing(leaf: Any, split: Split | None, rank: int) -> Any:
    shapes = factor_shapes(leaf.shape, split, rank)
    if shapes is None:
        return jnp.zeros(leaf.shape)
    return LowRank(jnp.zeros(shapes[0]), jnp.zeros(shapes[1]))
