"""How can a wide layer be changed by few random numbers? By a product of two thin matrices.

Sarkar et al., "Evolution Strategies at the Hyperscale" (2025), section 4: the noise of a layer with
m inputs and n outputs is A B^T / sqrt(r) with standard normal A (m, r) and B (n, r), so that every
weight still has variance 1 and no two are correlated. A candidate's layer then costs r (m + n)
multiply-adds a sample beside the center's, which all candidates of a generation share, and the
estimated gradient is one product of all candidates' factors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gradless._core.tree import Params, Structure, as_pytree
from gradless.strategies.parts import mirrored
from gradless.strategies.parts.mirrored import Mirrored


@as_pytree(traced=["left", "right"])
@dataclass(frozen=True)
class LowRank:
    """The matrix ``left.T @ right``, which is multiplied and added without being written out."""

    left: jax.Array  # (rank, inputs)
    right: jax.Array  # (rank, outputs)

    @property
    def T(self) -> LowRank:  # noqa: N802 - as arrays call it
        """Transposed."""
        return LowRank(self.right, self.left)

    def __matmul__(self, other: jax.Array) -> jax.Array:
        """Two thin products instead of a wide one."""
        return self.left.T @ (self.right @ other)

    def __rmul__(self, scale: jax.Array) -> LowRank:
        """Times a number."""
        return LowRank(scale * self.left, self.right)

    def __radd__(self, matrix: jax.Array) -> jax.Array:
        """An array plus this."""
        return matrix + self.left.T @ self.right

    def __rsub__(self, matrix: jax.Array) -> jax.Array:
        """An array minus this."""
        return matrix - self.left.T @ self.right


@dataclass(frozen=True)
class Directions:
    """Which random numbers change which parameters.

    Parameters
    ----------
    structure
        Of the parameters.
    rank
        Columns of the factors that change a matrix; 0 for a number of its own for every parameter.
        A matrix with no more entries than its factors would have, and whatever is not a matrix, is
        changed number by number.
    """

    structure: Structure
    rank: int

    @property
    def size(self) -> int:
        """Numbers drawn for one candidate."""
        return sum(map(self._count, self.structure.shapes))

    def _is_factored(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 2 and 0 < self.rank * sum(shape) < math.prod(shape)

    def _count(self, shape: tuple[int, ...]) -> int:
        return self.rank * sum(shape) if self._is_factored(shape) else math.prod(shape)

    def noise(self, candidate: Mirrored) -> Params:
        """Noise of one candidate with its sign, in the form of the parameters."""
        drawn = mirrored.draw(candidate, self.size)
        leaves: list[jax.Array | LowRank] = []
        start = 0
        for shape in self.structure.shapes:
            stop = start + self._count(shape)
            piece = drawn[start:stop]
            if self._is_factored(shape):
                left, right = self._factors(piece, shape)
                # Both factors were drawn with the sign, which would cancel.
                leaves.append(LowRank(candidate.sign / math.sqrt(self.rank) * left, right))
            else:
                leaves.append(piece.reshape(shape))
            start = stop
        return jax.tree.unflatten(self.structure.treedef, leaves)

    def _factors(self, drawn: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
        """The numbers (..., rank (m + n)) of a matrix, as (..., rank, m) and (..., rank, n)."""
        cut = self.rank * shape[0]
        return (
            drawn[..., :cut].reshape(*drawn.shape[:-1], self.rank, shape[0]),
            drawn[..., cut:].reshape(*drawn.shape[:-1], self.rank, shape[1]),
        )

    def weighted_sum(self, candidates: Mirrored, weights: jax.Array) -> jax.Array:
        """Sum over pairs of weight times noise, shape (structure.size,)."""
        if self.size == self.structure.size:
            return mirrored.weighted_sum(candidates, weights, self.size)

        def add(drawn: jax.Array, weights: jax.Array) -> jax.Array:
            # Written one after the other: as one concatenation they are copied number by number.
            total, at, start = jnp.zeros(self.structure.size, weights.dtype), 0, 0
            for shape in self.structure.shapes:
                stop = start + self._count(shape)
                piece = self._sum(drawn[:, start:stop], weights, shape)
                total = jax.lax.dynamic_update_slice(total, piece, (at,))
                at, start = at + math.prod(shape), stop
            return total

        return mirrored.sum_over_blocks(candidates, weights, self.size, add, self.structure.size)

    def _sum(self, drawn: jax.Array, weights: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        if not self._is_factored(shape):
            return mirrored.product(weights, drawn)
        left, right = self._factors(drawn, shape)
        left = weights[:, None, None] / math.sqrt(self.rank) * left
        # All columns of all members as one product.
        left, right = (x.reshape(-1, x.shape[-1]) for x in (left, right))
        return mirrored.product(left.T, right).ravel()
