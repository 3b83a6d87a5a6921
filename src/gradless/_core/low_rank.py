"""How is a change of weights held without writing it out? As two factors, of any number of axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from gradless._core import mesh
from gradless._core.tree import as_pytree

# Multiply-adds of a sum of products, for which devices share it out: an exchange takes as long.
_WORTH_SHARING = 2**23

Split = tuple[int, int]
"""``(first, cut)``: both factors have the axes before ``first``, the left one those up to ``cut``,
the right one the others. Layers that are stacked on axis 0 have ``first = 1``."""


class Rank(int):
    """A rank for certain parameters: to people and files the number.

    It equals no plain number: programs are compiled for what it knows.

    Attributes
    ----------
    splits
        Which axes of each leaf belong to which factor; None for a leaf that is changed number by
        number.
    ranks
        Of each leaf.
    sigmas
        Times which each leaf is changed more than others.
    """

    splits: tuple[Split | None, ...]
    ranks: tuple[int, ...]
    sigmas: tuple[float, ...]

    def __new__(
        cls,
        rank: int,
        splits: tuple[Split | None, ...],
        ranks: tuple[int, ...] | None = None,
        sigmas: tuple[float, ...] | None = None,
    ) -> Rank:
        """A rank with these splits, by default the same for all leaves."""
        made = super().__new__(cls, rank)
        made.splits = splits
        made.ranks = (int(rank),) * len(splits) if ranks is None else ranks
        made.sigmas = (1.0,) * len(splits) if sigmas is None else sigmas
        return made

    def _known(self) -> tuple[Any, ...]:
        return int(self), self.splits, self.ranks, self.sigmas

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self._known()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rank) and self._known() == other._known()

    def __hash__(self) -> int:
        return hash(self._known())


@as_pytree(traced=["left", "right"])
@dataclass(frozen=True)
class LowRank:
    """The change ``sum_r left[..., r] * right[..., r]`` of an array of weights.

    A factor has the axes of the array, of length 1 where it does not vary, and behind them the
    rank: of weights (inputs, outputs), left is (inputs, 1, rank) and right (1, outputs, rank).
    """

    left: jax.Array
    right: jax.Array

    def __rmul__(self, scale: Any) -> LowRank:
        """Times a number."""
        return LowRank(scale * self.left, self.right)

    def written_out(self) -> jax.Array:
        """The array."""
        return sum_of_products(self.left, self.right)

    def __radd__(self, center: jax.Array) -> jax.Array:
        """An array plus this."""
        return center + self.written_out()


def sum_of_products(left: jax.Array, right: jax.Array) -> jax.Array:
    """``sum_r left[..., r] * right[..., r]``, as multiply-adds, which fuse with what follows."""
    terms = [left[..., r] * right[..., r] for r in range(left.shape[-1])]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def splits(shape: tuple[int, ...]) -> list[Split]:
    """Every way to give the axes of an array to two factors, those without stacked axes first."""
    return [(first, cut) for first in range(len(shape) - 1) for cut in range(first + 1, len(shape))]


def usual_splits(shapes: tuple[tuple[int, ...], ...]) -> tuple[Split | None, ...]:
    """Of matrices rows from columns; other arrays are changed number by number."""
    return tuple((0, 1) if len(shape) == 2 else None for shape in shapes)


def factor_shapes(
    shape: tuple[int, ...], split: Split | None, rank: int
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Shapes of both factors; None if numbers of its own for every weight are as few."""
    if split is None or rank < 1:
        return None
    first, cut = split
    left = (*shape[:cut], *[1] * (len(shape) - cut), rank)
    right = (*shape[:first], *[1] * (cut - first), *shape[cut:], rank)
    return (left, right) if math.prod(left) + math.prod(right) < math.prod(shape) else None


def cut(
    drawn: jax.Array, shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> tuple[jax.Array, jax.Array]:
    """Both factors from the numbers (..., count) that were drawn for them."""
    left, right = shapes
    count, lead = math.prod(left), drawn.shape[:-1]
    return drawn[..., :count].reshape(*lead, *left), drawn[..., count:].reshape(*lead, *right)


def weighted_sum(
    left: jax.Array, right: jax.Array, weights: jax.Array, shape: tuple[int, ...]
) -> jax.Array:
    """``sum_i weights[i] * left[i] * right[i]``, summed over the rank too: one matrix product.

    Factors are (members, ..., rank) each, weights (members,); the sum has the given shape.
    """
    axes = range(len(shape))
    both = [a for a in axes if left.shape[1 + a] == right.shape[1 + a] == shape[a]]
    of_left = [a for a in axes if a not in both and left.shape[1 + a] == shape[a]]
    of_right = [a for a in axes if a not in both and a not in of_left]
    left = left * weights.reshape(-1, *[1] * (left.ndim - 1))

    def arranged(factor: jax.Array, own: list[int]) -> jax.Array:
        """As (shared axes, members and rank, own axes)."""
        order = [*(1 + a for a in both), 0, factor.ndim - 1, *(1 + a for a in own)]
        rest = [1 + a for a in axes if a not in both and a not in own]
        turned = factor.transpose(*order, *rest)
        sizes = [shape[a] for a in both]
        return turned.reshape(*sizes, factor.shape[0] * factor.shape[-1], -1)

    columns, right = arranged(left, of_left), arranged(right, of_right)
    rows = columns.shape[-1]

    def product_of(first: jax.Array | int, count: int) -> jax.Array:
        """Rows of the sum."""
        some = columns
        if count < rows:  # rows behind the last one are zeros
            missing = [(0, 0)] * (columns.ndim - 1) + [(0, -rows % count)]
            some = jax.lax.dynamic_slice_in_dim(jnp.pad(columns, missing), first, count, -1)
        return jnp.matmul(jnp.swapaxes(some, -1, -2), right, precision=jax.lax.Precision.HIGHEST)

    shared = rows * right.shape[-1] * right.shape[-2] >= _WORTH_SHARING
    product = mesh.by_row(product_of, rows) if shared else product_of(0, rows)
    order = [*both, *of_left, *of_right]
    made = product.reshape([shape[a] for a in order])
    return made.transpose([order.index(a) for a in axes])
