"""Which axes of a weight belong to which factor? Those with which a model never writes it out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core.low_rank import LowRank, Split, factor_shapes, splits, usual_splits
from gradless._core.tree import Params
from gradless.evaluation.walk.walking import Traced, Walk

_SMALL = 0.01  # of the largest array: not worth a word
# Primitives that take layers out of an array.
PIECES = frozenset({"scan", "slice", "dynamic_slice", "split"})


class Chosen(NamedTuple):
    """How the leaves of parameters are cut."""

    splits: tuple[Split | None, ...]
    """Of each leaf; None where every weight has a number of its own."""
    written_out: dict[str, tuple[str, ...]]
    """By path of a leaf: primitives that have no rule for it, so that each member has its own."""
    order: tuple[int, ...]
    """Leaves that are weights of layers, in the order in which they are used."""


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
    options = [
        [split for split in splits(leaf.shape) if factor_shapes(leaf.shape, split, rank)]
        for leaf, rank in zip(leaves, ranks, strict=True)
    ]

    def walked(chosen: Sequence[Split | None]) -> Walk:
        walk = Walk()

        def one(center: Params, others: Any) -> Any:
            each = zip(leaves, chosen, ranks, strict=True)
            change = jax.tree.unflatten(structure, [_nothing(*leaf) for leaf in each])
            return traced(center, change, jnp.ones(()), *others, walk=walk)

        jax.eval_shape(one, params, others)
        return walk

    def tried_with() -> Walk:
        return walked([possible[0] if possible else None for possible in options])

    refused: dict[int, set[str]] = {}
    tried = tried_with()
    while tried.written_out:
        for leaf, primitive in tried.written_out:
            refused.setdefault(leaf, set()).add(primitive)
        for leaf in {leaf for leaf, _ in tried.written_out}:
            options[leaf] = options[leaf][1:]
        tried = tried_with()
    usual = usual_splits(tuple(leaf.shape for leaf in leaves))
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    found, told = [], {}
    small = _SMALL * max(math.prod(leaf.shape) for leaf in leaves)
    for leaf, possible in enumerate(options):
        without_rule = refused.get(leaf, set()) - PIECES
        if not possible and without_rule and math.prod(leaves[leaf].shape) > small:
            told[paths[leaf]] = tuple(sorted(without_rule))
        # A matrix that is written out in any case is still changed by few numbers, unless it holds
        # layers, which would share them.
        is_matrix = leaf in refused and not refused[leaf] & PIECES
        found.append(possible[0] if possible else usual[leaf] if is_matrix else None)
    layers = [leaf for leaf in tried.used if leaves[leaf].ndim > 1]
    return Chosen(tuple(found), told, tuple(layers))


def _nothing(leaf: Any, split: Split | None, rank: int) -> Any:
    shapes = factor_shapes(leaf.shape, split, rank)
    if shapes is None:
        return jnp.zeros(leaf.shape)
    return LowRank(jnp.zeros(shapes[0]), jnp.zeros(shapes[1]))
