"""How can a wide layer be changed by few random numbers? By a product of two thin matrices.

Sarkar et al., "Evolution Strategies at the Hyperscale" (2025), section 4: the noise of a layer with
m inputs and n outputs is A B^T / sqrt(r) with standard normal A (m, r) and B (n, r), so that every
weight still has variance 1 and no two are correlated. A candidate's layer then costs r (m + n)
multiply-adds a sample beside the center's, which all candidates of a generation share, and the
estimated gradient is one product of all candidates' factors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gradless._core.low_rank import LowRank, Rank, cut, factor_shapes, usual_splits, weighted_sum
from gradless._core.tree import Params, Structure
from gradless.strategies.parts import layer_ranks, mirrored
from gradless.strategies.parts.mirrored import Mirrored

# Numbers of factors that are added up at once, 16 MiB: every block passes over all parameters.
_AT_ONCE = 2**22

Shapes = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Directions:
    """Which random numbers change which parameters.

    Parameters
    ----------
    structure
        Of the parameters.
    rank
        Columns of the factors that change an array; 0 for a number of its own for every parameter.
        A :class:`Rank` says how arrays are cut, by default matrices are and nothing else. An array
        with no more entries than its factors would have is changed number by number. ``"auto"``
        for that of :mod:`gradless.strategies.parts.layer_ranks`.
    law
        Of the numbers: ``normal``, or ``rademacher`` and ``signs`` for plus or minus one, which
        ``signs`` takes from single bits also where there are no factors. A product of one column of
        signs each is a matrix of signs, of which no two are correlated.
    """

    structure: Structure
    rank: int | str
    law: str = "normal"

    @property
    def _ranks(self) -> tuple[int, ...]:
        if isinstance(self.rank, Rank):
            return self.rank.ranks
        if isinstance(self.rank, str):  # it is not known in which order a problem uses them
            shapes = self.structure.shapes
            return layer_ranks.by_layer(
                [i for i, s in enumerate(shapes) if len(s) > 1], len(shapes)
            )
        return (self.rank,) * len(self.structure.shapes)

    def _factors(self) -> list[Shapes | None]:
        """Shapes of the factors of each leaf, None where there are none."""
        shapes = self.structure.shapes
        splits = self.rank.splits if isinstance(self.rank, Rank) else usual_splits(shapes)
        return [factor_shapes(*each) for each in zip(shapes, splits, self._ranks, strict=True)]

    def _leaves(self) -> Iterator[tuple[tuple[int, ...], Shapes | None, int, float]]:
        """Of each leaf its shape, those of its factors, numbers drawn, and the root of the rank."""
        for shape, factors, rank in zip(
            self.structure.shapes, self._factors(), self._ranks, strict=True
        ):
            count = sum(map(math.prod, factors)) if factors else math.prod(shape)
            yield shape, factors, count, math.sqrt(rank)

    @property
    def size(self) -> int:
        """Numbers drawn for one candidate."""
        return sum(count for _, _, count, _ in self._leaves())

    @property
    def _kind(self) -> str:
        if not any(self._factors()):
            return self.law
        # Products of factors are close to what products of normal factors are.
        return "quantiles" if self.law == "normal" else "signs"

    def pairs(self, key: jax.Array, count: int) -> Mirrored:
        """A population of so many pairs."""
        return mirrored.pairs(key, count, self.size, self._kind)

    def noise(self, candidate: Mirrored) -> Params:
        """Noise of one candidate with its sign, in the form of the parameters."""
        drawn = mirrored.draw(candidate, self.size, self._kind)
        leaves: list[jax.Array | LowRank] = []
        start = 0
        for shape, factors, count, root in self._leaves():
            piece = drawn[start : start + count]
            if factors is None:
                leaves.append(piece.reshape(shape))
            else:
                left, right = cut(piece, factors)
                # Both factors were drawn with the sign, which would cancel.
                leaves.append(LowRank(candidate.sign / root * left, right))
            start += count
        return jax.tree.unflatten(self.structure.treedef, leaves)

    def weighted_sum(self, candidates: Mirrored, weights: jax.Array) -> jax.Array:
        """Sum over pairs of weight times noise, shape (structure.size,)."""
        if self._kind in ("normal", "rademacher"):
            return mirrored.weighted_sum(candidates, weights, self.size, self._kind)

        def add(drawn: jax.Array, weights: jax.Array) -> jax.Array:
            sums, start = [], 0
            for shape, factors, count, root in self._leaves():
                piece = drawn[:, start : start + count]
                if factors is None:
                    sums.append(mirrored.product(weights, piece))
                else:
                    added = weighted_sum(*cut(piece, factors), weights / root, shape)
                    sums.append(added.ravel())
                start += count
            return jnp.concatenate(sums).astype(weights.dtype)

        return mirrored.sum_over_blocks(
            candidates, weights, self.size, add, self.structure.size, self._kind, _AT_ONCE
        )
