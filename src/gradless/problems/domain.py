"""Which values may parameters have, and how does a search that knows no bounds move in them?

A strategy searches coordinates without bounds; a :class:`Domain` makes values of them and back.
Inside of the bounds a coordinate is its value. Near a bound, and beyond, it is Hansen's smooth
boundary transformation, as in pycma's ``BoxConstraintsLinQuadTransformation``: quadratic near the
bound, which it reaches a little outside of it, and mirrored there, so that it repeats itself::

    value = low + (y - low + a)^2 / (4 a)    for y from low - 3 a to low + a

So an optimum on a bound is a point around which a search can end, and is found exactly. The width
``a`` is 1/40 of the range, or for a bound without an opposite one max(1, abs(bound)) / 20.

Whole numbers are coordinates that are rounded; coordinates are mirrored half a step outside of the
bounds, so that each whole number has as much room as any other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless._core.tree import Params, as_pytree
from gradless.problems.bounds import Box

_OF_RANGE, _OF_BOUND = 1 / 40, 1 / 20  # widths of the quadratic parts


class Range(NamedTuple):
    """Bounds of one array, NumPy arrays of its shape or (); infinite where there is none.

    ``below`` and ``above`` are how far outside of the bounds coordinates are mirrored, and
    ``whole`` which numbers are whole ones, None if none is.
    """

    low: Any
    high: Any
    below: Any
    above: Any
    whole: Any = None

    @property
    def first(self) -> Any:
        """The least coordinate that is not mirrored."""
        return self.low - self.below

    @property
    def last(self) -> Any:
        """The greatest coordinate that is not mirrored."""
        return self.high + self.above


@as_pytree(traced=["ranges"], static=["dtypes", "of_coordinates"])
@dataclass(frozen=True)
class Domain:
    """Values that parameters may have.

    Parameters
    ----------
    ranges
        Of each searched leaf in its order; None without bounds.
    dtypes, of_coordinates
        Of the values of each, and of the coordinates.
    """

    ranges: tuple[Range | None, ...]
    dtypes: tuple[Any, ...]
    of_coordinates: tuple[Any, ...]

    @classmethod
    def of(
        cls,
        boxes: Sequence[Box | None],
        dtypes: Sequence[Any],
        masks: Sequence[Any] | None = None,
    ) -> Domain | None:
        """Of the bounds and types of all searched leaves, and of masks of whole numbers.

        None if values may be anything.
        """
        masks = [None] * len(boxes) if masks is None else masks
        if all(box is None and mask is None for box, mask in zip(boxes, masks, strict=True)):
            return None
        floats = [
            dtype if jnp.issubdtype(dtype, jnp.floating) else loss_dtype() for dtype in dtypes
        ]
        each = zip(boxes, floats, masks, strict=True)
        return cls(tuple(_range(*one) for one in each), tuple(dtypes), tuple(floats))

    @property
    def has_whole(self) -> bool:
        """Whether some values are whole numbers."""
        return any(of is not None and of.whole is not None for of in self.ranges)

    def whole(self, params: Params) -> Params:
        """Which values are whole numbers: booleans in a pytree like ``params``, coordinates."""
        leaves, structure = jax.tree.flatten(params)
        spread = [
            np.broadcast_to(of is not None and of.whole is not None and of.whole, np.shape(leaf))
            for of, leaf in zip(self.ranges, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, spread)

    def is_same(self, other: Domain | None) -> bool:
        """Whether another one has the same bounds."""
        structures: list[Any] = [jax.tree.structure(each) for each in (self, other)]
        if structures[0] != structures[1]:
            return False
        both = zip(jax.tree.leaves(self), jax.tree.leaves(other), strict=True)
        return all(np.array_equal(a, b) for a, b in both)

    def half_ranges(self, params: Params) -> Params:
        """Half of the distance between the bounds, inf where there are not two, like ``params``."""
        halves = [
            None if of is None else of.high / 2 - of.low / 2 + _half(of.whole) for of in self.ranges
        ]
        leaves, structure = jax.tree.flatten(params)
        spread = [
            np.broadcast_to(np.asarray(np.inf if half is None else half), np.shape(leaf))
            for half, leaf in zip(halves, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, spread)

    # --- To values and back -----------------------------------------------------------------------

    def values(self, params: Params) -> Params:
        """Values of coordinates, within the bounds; of JAX, to be traced."""
        leaves, structure = jax.tree.flatten(params)
        return jax.tree.unflatten(structure, self._values(leaves, jnp))

    def exact(self, leaves: list[Any]) -> list[Any]:
        """The same of leaves that are NumPy arrays, without JAX."""
        with np.errstate(all="ignore"):  # of what is then not taken
            return self._values(leaves, np)

    def _values(self, leaves: Sequence[Any], xp: Any) -> list[Any]:
        each = zip(leaves, self.ranges, self.dtypes, strict=True)
        return [leaf if of is None else _value(leaf, of, dtype, xp) for leaf, of, dtype in each]

    def coordinates(self, params: Params) -> Params:
        """Coordinates of values, where a search begins: NumPy arrays.

        Raises
        ------
        InputError
            If a value is outside of its bounds.
        """
        with_paths, structure = jax.tree_util.tree_flatten_with_path(params)
        found = [
            leaf if of is None else _coordinate(jax.tree_util.keystr(path), leaf, of, dtype)
            for (path, leaf), of, dtype in zip(
                with_paths, self.ranges, self.of_coordinates, strict=True
            )
        ]
        return jax.tree.unflatten(structure, found)


def _half(whole: Any) -> Any:
    return 0.0 if whole is None else np.where(whole, 0.5, 0.0)


def _range(box: Box | None, dtype: Any, mask: Any) -> Range | None:
    """Bounds as numbers of a type, none of them outside of those that were given."""
    if box is None and mask is None:
        return None
    low, high = (np.asarray(each, np.float64) for each in box or (-np.inf, np.inf))
    low, high = np.broadcast_arrays(low, high)
    if mask is not None:
        low, high, mask = np.broadcast_arrays(low, high, mask)
        low, high = np.where(mask, np.ceil(low), low), np.where(mask, np.floor(high), high)
    least, most = _inside(low, dtype, np.inf), _inside(high, dtype, -np.inf)
    if box is not None and (least > most).any():
        kind = "whole numbers" if mask is not None else f"numbers of {jnp.dtype(dtype).name}"
        raise InputError(
            f"bounds must have {kind} between them, got {box.low} and {box.high}. Give wider bounds"
        )
    wide = np.float64 if jnp.dtype(dtype) == np.float64 else np.float32
    span = high - low
    below, above = (
        np.where(np.isfinite(span), span * _OF_RANGE, np.maximum(1, np.abs(bound)) * _OF_BOUND)
        for bound in (low, high)
    )
    below, above = (np.where(np.isfinite(of), of, 1) for of in (below, above))
    if mask is not None:
        below, above = (np.where(mask, 0.5, of) for of in (below, above))
    least, most, below, above = (np.asarray(each, wide) for each in (least, most, below, above))
    return Range(least, most, below, above, mask)


def _inside(bound: Any, dtype: Any, towards: float) -> Any:
    """Bounds as the nearest numbers of a type that are not outside, as float64."""
    with np.errstate(over="ignore"):
        rounded = np.asarray(bound).astype(jnp.dtype(dtype))
    wide = rounded.astype(np.float64)
    outside = wide < bound if towards > 0 else wide > bound
    # NumPy knows no neighbours of bfloat16: a step of its spacing.
    step = np.abs(wide) * float(jnp.finfo(dtype).eps) + float(jnp.finfo(dtype).smallest_subnormal)
    with np.errstate(invalid="ignore", over="ignore"):
        moved = (wide + np.sign(towards) * step).astype(jnp.dtype(dtype)).astype(np.float64)
    return np.where(outside, moved, wide)


def _value(leaf: Any, of: Range, dtype: Any, xp: Any) -> Any:
    """Values of coordinates, by JAX or by NumPy."""
    y = xp.asarray(leaf).astype(of.low.dtype)
    low, high, below, above, whole = of
    first, last = of.first, of.last
    span = last - first
    two = xp.isfinite(span)
    period = xp.where(two, 2 * span, 1)
    start = xp.where(two, first, 0)
    # Far outside, the same place of the period that begins at the lower bound.
    far = two & (xp.abs(y - start - span / 2) > 1.5 * span)
    y = xp.where(far, y - period * xp.floor((y - start) / period), y)
    y = xp.where(y < first, 2 * first - y, y)
    y = xp.where(y > last, 2 * last - y, y)
    x = xp.where(y < low + below, low + (y - first) ** 2 / (4 * below), y)
    x = xp.where(y > high - above, high - (last - y) ** 2 / (4 * above), x)
    x = xp.clip(x if whole is None else xp.where(whole, xp.rint(y), x), low, high)
    if not jnp.issubdtype(dtype, jnp.floating):
        x = xp.clip(x, *_limits(dtype, of.low.dtype))
    return x.astype(dtype)


@functools.cache
def _limits(dtype: Any, wide: Any) -> tuple[float, float]:
    """Least and greatest number of an integer type that a floating-point type has, too."""
    of, kind = jnp.iinfo(dtype), np.dtype(wide).type
    most = kind(int(of.max))
    if int(most) > int(of.max):  # 2**31 - 1 is 2**31 in float32
        most = np.nextafter(most, kind(0))
    return float(int(of.min)), float(most)


def _coordinate(path: str, leaf: Any, of: Range, dtype: Any) -> Any:
    """The coordinates of values that are within their bounds."""
    x = np.asarray(leaf).astype(of.low.dtype)
    low, high, below, above, whole = of
    # A bound that has been rounded inwards does not put a start on it outside.
    step = np.abs(x) * 2 * float(jnp.finfo(dtype).eps)
    if (outside := (x < low - step) | (x > high + step)).any():
        at = tuple(int(each) for each in np.argwhere(outside)[0])
        low, high = (np.broadcast_to(each, x.shape)[at] for each in (low, high))
        name = f"params{path}" + (f"[{', '.join(map(str, at))}]" if at else "")
        raise InputError(
            f"{name} must be within its bounds to begin with, {low:.6g} to {high:.6g}, got "
            f"{x[at]:.6g}. Give a start inside, the best of known among them, or wider bounds"
        )
    if whole is not None and (parts := np.broadcast_to(whole, x.shape) & (x != np.rint(x))).any():
        at = tuple(int(each) for each in np.argwhere(parts)[0])
        name = f"params{path}" + (f"[{', '.join(map(str, at))}]" if at else "")
        raise InputError(f"{name} must be a whole number to begin with, got {x[at]:.6g}. Round it")
    x = np.clip(x, low, high)
    with np.errstate(invalid="ignore"):
        y = np.where(x < low + below, of.first + np.sqrt(4 * below * np.maximum(x - low, 0)), x)
        y = np.where(x > high - above, of.last - np.sqrt(4 * above * np.maximum(high - x, 0)), y)
        y = y if whole is None else np.where(whole, x, y)
    return y.astype(dtype)
