"""Which operations on weights are operations on their factors? Those that move numbers, or scale.

A rule is called with an equation of a jaxpr and what it is given. It returns the result or a list
of results, or None where the weight has to be written out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gradless._core.low_rank import sum_of_products
from gradless.evaluation.walk.changed import Changed, Given

Rule = Callable[[Any, Sequence[Given]], Any]


class Members(Protocol):
    """Those for whom a product is computed."""

    alone: bool  # one member at a time; otherwise the members of a block together

    def once(self, compute: Callable[[], jax.Array]) -> jax.Array:
        """What is the same for all: before they are evaluated, where that is possible."""


RULES: dict[str, Rule] = {}
"""By the name of a primitive."""

PRODUCTS: dict[str, Callable[[Any, Sequence[Given], Members], Any]] = {}
"""Rules with a part that may be the same for all members, by the name of a primitive."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Decorator that makes a function the rule of these primitives."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def again(eqn: Any, *values: Any, **params: Any) -> Any:
    """The primitive of an equation, on other values and with some other parameters."""
    return eqn.primitive.bind(*values, **{**eqn.params, **params})


@rule("copy", "copy_p", "stop_gradient", "name", "sharding_constraint", "optimization_barrier")
def _same(eqn: Any, given: Sequence[Given]) -> list[Any]:
    return [each.value for each in given]


@rule("convert_element_type", "reduce_precision")
def _converted(eqn: Any, given: Sequence[Given]) -> Changed | None:
    # Factors stay float32: products take them in the type of what they are multiplied with.
    w: Changed = given[0].value
    return w.map(lambda x: again(eqn, x), lambda factor: factor)


@rule("neg")
def _negative(eqn: Any, given: Sequence[Given]) -> Changed:
    w: Changed = given[0].value
    return Changed(-w.center, w.left, w.right, -w.scale, w.leaf)


@rule("mul", "div")
def _times_number(eqn: Any, given: Sequence[Given]) -> Changed | None:
    first, second = given
    if first.is_changed:
        w, number = first.value, second
    elif eqn.primitive.name == "mul":
        w, number = second.value, first
    else:
        return None
    # A center times what is a member's own would be an array for each of them.
    if number.touched or number.is_changed or math.prod(jnp.shape(number.value)) != 1:
        return None
    factor = jnp.reshape(number.value, ()).astype(w.scale.dtype)
    scale = w.scale * factor if eqn.primitive.name == "mul" else w.scale / factor
    operands = (w.center, number.value) if first.is_changed else (number.value, w.center)
    return Changed(again(eqn, *operands), w.left, w.right, scale, w.leaf)


@rule("add", "add_any", "sub")
def _plus_array(eqn: Any, given: Sequence[Given]) -> Any:
    first, second = given
    if first.is_changed and second.is_changed:
        return None
    w, other = (first.value, second) if first.is_changed else (second.value, first)
    minus = eqn.primitive.name == "sub"
    operands = (w.center, other.value) if first.is_changed else (other.value, w.center)
    center = again(eqn, *operands)
    scale = -w.scale if minus and second.is_changed else w.scale
    if not other.touched:
        return Changed(center, w.left, w.right, scale, w.leaf)
    if w.is_whole:  # a few numbers, as of biases, which would be made again for each sample
        return center + lax.optimization_barrier((scale * w.left[..., 0]).astype(center.dtype))
    change = scale * sum_of_products(w.left, w.right)
    return center + change.astype(center.dtype)


@rule("transpose")
def _transposed(eqn: Any, given: Sequence[Given]) -> Changed | None:
    w: Changed = given[0].value
    order = eqn.params["permutation"]
    return w.map(
        lambda x: lax.transpose(x, order), lambda factor: lax.transpose(factor, (*order, w.ndim))
    )


@rule("broadcast_in_dim")
def _broadcast(eqn: Any, given: Sequence[Given]) -> Changed | None:
    w: Changed = given[0].value
    new, at = eqn.params["shape"], eqn.params["broadcast_dimensions"]

    def factor(factor: jax.Array) -> jax.Array:
        shape = [1] * len(new)  # along copies side by side, a factor stays of length 1
        for axis, length in zip(at, factor.shape[:-1], strict=True):
            shape[axis] = length
        return factor.reshape(*shape, factor.shape[-1])

    return w.map(lambda x: lax.broadcast_in_dim(x, new, at), factor)


@rule("reshape", "squeeze", "expand_dims")
def _reshaped(eqn: Any, given: Sequence[Given]) -> Changed | None:
    w: Changed = given[0].value
    new = eqn.outvars[0].aval.shape
    groups = same_numbers(w.shape, new)

    def factor(factor: jax.Array) -> jax.Array | None:
        shape: list[int] = []
        for old, into in groups:
            length = math.prod(factor.shape[axis] for axis in old)
            if length not in (1, math.prod(w.shape[axis] for axis in old)):
                return None  # an axis of each factor become one
            shape += [new[axis] if length > 1 else 1 for axis in into]
        return factor.reshape(*shape, factor.shape[-1])

    return w.map(lambda x: x.reshape(new), factor)


def same_numbers(
    old: tuple[int, ...], new: tuple[int, ...]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Axes of the old shape and of the new one that hold the same numbers, as few as possible."""
    groups = []
    i = j = 0
    while i < len(old) or j < len(new):
        first, begin = i, j
        i, j = min(i + 1, len(old)), min(j + 1, len(new))
        while (before := math.prod(old[first:i])) != (after := math.prod(new[begin:j])):
            i, j = (i + 1, j) if before < after else (i, j + 1)
        groups.append((tuple(range(first, i)), tuple(range(begin, j))))
    return groups


def _shares_noise(w: Changed, axis: int) -> bool:
    """Whether pieces along an axis, which are layers on their own, would share a factor."""
    if w.is_whole or w.shape[axis] == 1 or w.ndim < 3:
        return False
    return not w.left.shape[axis] == w.right.shape[axis] == w.shape[axis]


@rule("slice")
def _sliced(eqn: Any, given: Sequence[Given]) -> Changed | None:
    w: Changed = given[0].value
    starts, limits = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or [1] * w.ndim
    pick = [slice(*each) for each in zip(starts, limits, strides, strict=True)]
    if any(
        b - a == 1 and _shares_noise(w, axis)
        for axis, (a, b) in enumerate(zip(starts, limits, strict=True))
    ):
        return None

    def factor(factor: jax.Array) -> jax.Array:
        sizes = factor.shape[:-1]
        each = zip(pick, sizes, w.shape, strict=True)
        return factor[tuple(p if n == full else slice(None) for p, n, full in each)]

    return w.map(lambda x: x[tuple(pick)], factor)


@rule("dynamic_slice")
def _dynamically_sliced(eqn: Any, given: Sequence[Given]) -> Changed | None:
    w, sizes = given[0], eqn.params["slice_sizes"]
    starts = [each.value for each in given[1:]]
    if not w.is_changed or any(each.touched for each in given[1:]):
        return None
    value: Changed = w.value
    if any(size == 1 and _shares_noise(value, axis) for axis, size in enumerate(sizes)):
        return None

    def piece(x: jax.Array) -> jax.Array:
        own = x.shape[: value.ndim]
        at = [jnp.zeros_like(s) if n == 1 else s for n, s in zip(own, starts, strict=True)]
        taken = [min(n, size) for n, size in zip(own, sizes, strict=True)]
        rest = x.shape[value.ndim :]
        return lax.dynamic_slice(x, [*at, *[jnp.zeros_like(at[0])] * len(rest)], [*taken, *rest])

    return value.map(piece, piece)


@rule("gather")
def _rows(eqn: Any, given: Sequence[Given]) -> jax.Array | None:
    """Rows of a table, as of embeddings: any choice of whole axes is one of each factor."""
    numbers = eqn.params["dimension_numbers"]
    table, at = given
    if not table.is_changed or at.is_changed or numbers.operand_batching_dims:
        return None
    w, indices = table.value, at.value
    center = again(eqn, w.center, indices)
    whole = lax.GatherDimensionNumbers(
        (*numbers.offset_dims, center.ndim), numbers.collapsed_slice_dims, numbers.start_index_map
    )

    def factor(factor: jax.Array) -> jax.Array:
        varies = np.array([factor.shape[a] == w.shape[a] for a in numbers.start_index_map])
        if varies.any():
            rows = jnp.where(varies, indices, 0)
        else:  # the same for all rows: taken once, and broadcast
            rows = jnp.zeros((*[1] * (indices.ndim - 1), len(varies)), indices.dtype)
        pairs = zip(eqn.params["slice_sizes"], factor.shape, strict=False)
        sizes = (*(min(size, n) for size, n in pairs), factor.shape[-1])
        return again(eqn, factor, rows, slice_sizes=sizes, dimension_numbers=whole)

    change = sum_of_products(w.scale * factor(w.left), factor(w.right))
    return center + change.astype(center.dtype)


@rule("concatenate")
def _side_by_side(eqn: Any, given: Sequence[Given]) -> Changed | None:
    """Weights side by side, as of gates: the ranks add up, with zeros where a part is not."""
    axis, length = eqn.params["dimension"], eqn.outvars[0].aval.shape[eqn.params["dimension"]]
    weights = [each.value for each in given if each.is_changed]
    if any(each.touched and not each.is_changed for each in given) or any(
        w.is_whole for w in weights
    ):
        return None
    start, lefts, rights = 0, [], []
    for each in given:
        size = each.value.shape[axis]
        if each.is_changed:
            put = functools.partial(_padded, axis=axis, size=size, start=start, length=length)
            lefts.append(put(each.value.scale * each.value.left))
            rights.append(put(each.value.right))
        start += size
    if any(len({f.shape[:-1] for f in factors}) > 1 for factors in (lefts, rights)):
        return None  # they were cut in different ways
    center = again(eqn, *[each.value.center if each.is_changed else each.value for each in given])
    left, right = jnp.concatenate(lefts, -1), jnp.concatenate(rights, -1)
    return Changed(center, left, right, jnp.ones((), left.dtype), weights[0].leaf)


def _padded(factor: jax.Array, axis: int, size: int, start: int, length: int) -> jax.Array:
    if factor.shape[axis] != size:
        return factor
    widths = [(0, 0)] * factor.ndim
    widths[axis] = (start, length - start - size)
    return jnp.pad(factor, widths)


@rule("rev")
def _reversed(eqn: Any, given: Sequence[Given]) -> Changed | None:
    w: Changed = given[0].value
    turned = eqn.params["dimensions"]

    def factor(factor: jax.Array) -> jax.Array:
        return lax.rev(factor, [axis for axis in turned if factor.shape[axis] > 1])

    return w.map(lambda x: lax.rev(x, turned), factor)


@rule("split")
def _split(eqn: Any, given: Sequence[Given]) -> list[Any] | None:
    w: Changed = given[0].value
    axis, ends = eqn.params["axis"], np.cumsum(eqn.params["sizes"]).tolist()
    if w.shape[axis] > 1 and 1 in eqn.params["sizes"] and _shares_noise(w, axis):
        return None

    def piece(x: jax.Array, begin: int, end: int) -> jax.Array:
        return lax.slice_in_dim(x, begin, end, axis=axis) if x.shape[axis] > 1 else x

    made = []
    for begin, end in zip([0, *ends], ends, strict=False):
        take = functools.partial(piece, begin=begin, end=end)
        made.append(w.map(take, take))
    return made
