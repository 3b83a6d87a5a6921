"""What follows from changing one number? As long as that is a part of an array, only the part.

One weight of a matrix acts through one unit: of what the product gives, one row changes, and all
others are the center's. Functions of single numbers then act on this row alone, and the next
product adds the row's change times what leads on from the unit, a product of two vectors.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gradless._core.tree import Params
from gradless.evaluation.walk.changed import Given
from gradless.evaluation.walk.control import INSIDE, LOOPS
from gradless.evaluation.walk.walking import Traced, Walk, plain

At = tuple[Any, ...]
"""For each axis the place along it, an integer of a member's own, or None for all of the axis."""

Rule = Callable[[Any, Sequence[Given]], Any]
PARTS: dict[str, Rule] = {}
"""What becomes of parts, by the name of a primitive: a value, or None to write the array out."""


@dataclass(frozen=True)
class Part:
    """``center``, with other values in a part of it.

    Values and their change have the center's shape, with length 1 along axes with a place.
    """

    center: jax.Array
    at: At
    values: jax.Array
    exact: jax.Array | None = None  # the change, where it is known better than as a difference

    @property
    def change(self) -> jax.Array:
        """What is added to the center there."""
        return self.values - self.of(self.center) if self.exact is None else self.exact

    def of(self, array: jax.Array) -> jax.Array:
        """The same part of another array of this shape."""
        for axis, place in enumerate(self.at):
            if place is not None:
                array = lax.dynamic_slice_in_dim(array, place, 1, axis)
        return array

    def written_out(self) -> jax.Array:
        """The array of this member."""
        there = [
            lax.broadcasted_iota(jnp.int32, self.center.shape, axis) == place
            for axis, place in enumerate(self.at)
            if place is not None
        ]
        return jnp.where(functools.reduce(operator.and_, there), self.values, self.center)


def changed(center: jax.Array, at: At, change: jax.Array) -> Part | jax.Array:
    """A center and its change in a part, or an array where all of it is changed."""
    if all(place is None for place in at):
        return center + change
    return _added(center, at, change)


def _added(center: jax.Array, at: At, change: jax.Array) -> Part:
    part = Part(center, at, change)
    return Part(center, at, part.of(center) + change, change)


class PartWalk(Walk):
    """A walk with parts.

    Attributes
    ----------
    refusals
        Names of primitives for which an array of each member had to be written out.
    """

    def __init__(self) -> None:
        """Nothing is written out yet."""
        super().__init__()
        self.refusals: set[str] = set()

    def _results(self, jaxpr: Any, eqn: Any, given: list[Given]) -> list[Given]:
        touched = any(each.touched for each in given)
        name = eqn.primitive.name
        if any(isinstance(each.value, Part) for each in given):
            if name in INSIDE and name not in LOOPS:
                return INSIDE[name](eqn, given, self)
            found = PARTS[name](eqn, given) if name in PARTS else None
            if found is not None:
                return [Given(found, True)]
            self.refusals.add(name)
        values = [_array(each.value) for each in given]
        return [Given(each, touched) for each in plain(jaxpr, eqn, values)]


def _array(value: Any) -> Any:
    return value.written_out() if isinstance(value, Part) else value


def with_one_changed(
    traced: Traced, center: Params, leaf: int, at: At, change: jax.Array, *others: Any
) -> tuple[Any, set[str]]:
    """A function at ``center`` with one number changed, and what its arrays were written out for.

    Parameters
    ----------
    traced
        The function.
    center
        Parameters, the same for all members.
    leaf, at
        The number: of which leaf, and its place along each axis, integers.
    change
        (); what is added to it.
    others
        The other arguments.
    """
    leaves = [Given(each, False) for each in jax.tree.leaves(center)]
    array = leaves[leaf].value
    put = jnp.reshape(change, (1,) * array.ndim).astype(array.dtype)
    leaves[leaf] = Given(changed(array, at, put), True)
    walk = PartWalk()
    rest = [Given(each, False) for each in jax.tree.leaves(others)]
    return traced.walked(walk, [*leaves, *rest], _array), walk.refusals


from gradless.evaluation.walk import part_rules  # noqa: E402, F401 - registers its rules
