"""What is a weight of one member, of which only the change is its own?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core.low_rank import LowRank, sum_of_products
from gradless._core.tree import as_pytree


@as_pytree(traced=["center", "left", "right", "scale"], static=["leaf"])
@dataclass(frozen=True)
class Changed:
    """``center + scale * sum_r left[..., r] * right[..., r]``, an array of weights of one member.

    The factors are those of a :class:`~gradless._core.low_rank.LowRank`. A change with a number of
    its own for every weight has it as the left one, and a single 1 as the right one.
    """

    center: jax.Array
    left: jax.Array
    right: jax.Array
    scale: jax.Array  # (), with the sign of the member
    leaf: int  # of the parameters, for the report

    @classmethod
    def of(cls, center: jax.Array, change: Any, scale: jax.Array, leaf: int) -> Changed:
        """A center and its change, an array or a ``LowRank``."""
        if isinstance(change, LowRank):
            return cls(center, change.left, change.right, scale, leaf)
        one = jnp.ones([1] * (center.ndim + 1), change.dtype)
        return cls(center, change[..., None], one, scale, leaf)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weights."""
        return self.center.shape

    @property
    def ndim(self) -> int:
        """Axes of the weights."""
        return self.center.ndim

    @property
    def rank(self) -> int:
        """Products that are summed."""
        return int(self.left.shape[-1])

    @property
    def is_whole(self) -> bool:
        """Whether the change is held as it is, as a left factor alone."""
        return self.right.size == 1

    def map(
        self,
        center: Callable[[jax.Array], jax.Array],
        factor: Callable[[jax.Array], jax.Array | None],
    ) -> Changed | None:
        """The same operation on the center and on both factors; None if one cannot take it."""
        left, right = factor(self.left), factor(self.right)
        if left is None or right is None:
            return None
        return Changed(center(self.center), left, right, self.scale, self.leaf)

    def written_out(self) -> jax.Array:
        """The weights of this member."""
        change = self.scale * sum_of_products(self.left, self.right)
        return self.center + change.astype(self.center.dtype)


class Given(NamedTuple):
    """What a primitive is given: a value, and whether members have different ones."""

    value: Any  # an array or a `Changed`
    touched: bool

    @property
    def is_changed(self) -> bool:
        """Whether it is a weight of which only the change is known."""
        return isinstance(self.value, Changed)


def array(value: Any) -> Any:
    """A value as an array."""
    return value.written_out() if isinstance(value, Changed) else value
