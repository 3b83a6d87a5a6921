"""How is a product with a changed weight computed? As one with the center, and two thin ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gradless._core.low_rank import sum_of_products
from gradless.evaluation.walk.changed import Changed, Given
from gradless.evaluation.walk.shapes import PRODUCTS, Once, again

_WORTH_WRITING = 4  # times the numbers of a weight that thin products may take
_SUMMED_BY_HAND = 2  # of this rank and below, the second thin product is multiply-adds, which fuse


def _inner_outer(
    w: Changed, summed: Iterable[int], free: Iterable[int]
) -> tuple[jax.Array, jax.Array] | None:
    """The factor that is summed over and the one that stays, or None."""

    def fits(inner: jax.Array, outer: jax.Array) -> bool:
        return all(outer.shape[a] == 1 and inner.shape[a] == w.shape[a] for a in summed) and all(
            inner.shape[a] in (1, outer.shape[a]) for a in free
        )

    for inner, outer in ((w.left, w.right), (w.right, w.left)):
        if fits(inner, outer):
            return inner, outer
    return None


def _product(eqn: Any, given: Sequence[Given], once: Once) -> jax.Array | None:
    first = given[0].is_changed
    if first and given[1].is_changed:
        return None
    (summed, batched) = eqn.params["dimension_numbers"]
    w, x = (given[0].value, given[1]) if first else (given[1].value, given[0])
    (cw, cx), (bw, bx) = (
        (each if first else each[::-1]) for each in (tuple(summed), tuple(batched))
    )
    free = [axis for axis in range(w.ndim) if axis not in cw and axis not in bw]
    made = eqn.outvars[0].aval.dtype

    def with_weights(weights: jax.Array) -> jax.Array:
        operands = (weights, x.value) if first else (x.value, weights)
        total: jax.Array = again(eqn, *operands, preferred_element_type=_summed_in(made))
        return total

    if w.is_whole:
        if x.touched:
            return None
        # The same inputs for both signs, so the same product of the change.
        total = once(lambda: with_weights(w.center))
        change = with_weights(w.left[..., 0].astype(x.value.dtype))
        return (total + w.scale.astype(total.dtype) * change).astype(made)
    found = _inner_outer(w, cw, free)
    if found is None:
        return None
    rows = math.prod(x.value.shape) // math.prod(x.value.shape[axis] for axis in (*cx, *bx))
    thin = rows * w.rank * (math.prod(found[0].shape[:-1]) + math.prod(found[1].shape[:-1]))
    if x.touched and thin > _WORTH_WRITING * math.prod(w.shape):
        return with_weights(w.written_out()).astype(made)  # fewer numbers than the thin products
    others = x.value.ndim - len(cx) - len(bx)
    total = with_weights(w.center) if x.touched else once(lambda: with_weights(w.center))
    dot = functools.partial(
        lax.dot_general,
        precision=eqn.params["precision"],
        preferred_element_type=_summed_in(made),
    )
    change = _thin(dot, w, x.value, found, (cx, cw), (bx, bw), free, others, first)
    return (total + change.astype(total.dtype)).astype(made)


def _summed_in(dtype: Any) -> Any:
    """The type in which products are added up: a number of 8 bits would lose the change."""
    small = jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 32
    return jnp.float32 if small else dtype


def _thin(
    dot: Any,
    w: Changed,
    x: jax.Array,
    factors: tuple[jax.Array, jax.Array],
    summed: tuple[Sequence[int], Sequence[int]],
    batched: tuple[Sequence[int], Sequence[int]],
    free: Sequence[int],
    others: int,
    first: bool,
) -> jax.Array:
    """Both thin products, (batched, others of x, free axes of w), weights first if they were."""
    inner, outer = factors
    (cx, cw), (bx, bw) = summed, batched
    n, order, lengths = len(bw), (*bw, *cw, *free, w.ndim), [w.shape[axis] for axis in bw]
    inner = inner.transpose(order)
    inner = jnp.broadcast_to(inner, (*lengths, *inner.shape[n:]))
    thin = dot(x, inner.astype(x.dtype), ((cx, range(n, n + len(cw))), (bx, range(n))))
    # (batched, others, free, rank) both. Made once: it would be made again for every number of
    # what it is multiplied with.
    thin = lax.optimization_barrier(w.scale * thin)
    outer = outer.transpose(order)
    outer = outer.reshape(
        *outer.shape[:n], *[1] * others, *outer.shape[n + len(cw) : -1], w.rank
    ).astype(thin.dtype)
    if first:
        turned = [*range(n), *range(n + others, thin.ndim - 1), *range(n, n + others)]
        thin, outer = (each.transpose(*turned, thin.ndim - 1) for each in (thin, outer))
    if first or w.rank <= _SUMMED_BY_HAND or math.prod(thin.shape[n + others : -1]) > 1:
        return sum_of_products(thin, outer)
    columns = outer.reshape(*outer.shape[:n], -1, w.rank)
    columns = jnp.broadcast_to(columns, (*lengths, *columns.shape[n:]))
    rows = thin.reshape(*thin.shape[: n + others], w.rank)
    change: jax.Array = dot(rows, columns, (((rows.ndim - 1,), (n + 1,)), (range(n), range(n))))
    return change.reshape(*thin.shape[: n + others], *[w.shape[axis] for axis in free])


def _convolution(eqn: Any, given: Sequence[Given], once: Once) -> jax.Array | None:
    """A product for each pixel with all taps, then one convolution that is the same for all.

    A convolution with kernels of their own for each member would be a grouped one, which is slow.
    The second one shifts what every tap saw to its place and adds.
    """
    image, kernel = given
    if image.is_changed or eqn.params["batch_group_count"] != 1:
        return None
    w: Changed = kernel.value
    x = image.value
    numbers, groups = eqn.params["dimension_numbers"], eqn.params["feature_group_count"]
    out, channel, *space = numbers.rhs_spec

    def of_center() -> jax.Array:
        made: jax.Array = again(eqn, x, w.center)
        return made

    if w.is_whole:
        if image.touched:
            return None
        base, change = once(of_center), again(eqn, x, w.left[..., 0].astype(x.dtype))
        return base + w.scale.astype(base.dtype) * change
    found = _inner_outer(w, (channel, *space), (out,))
    if found is None:
        return None
    inner, outer = found
    taps, rank = math.prod(w.shape[axis] for axis in space), w.rank
    inner = inner.transpose(channel, *space, out, w.ndim).reshape(w.shape[channel], taps * rank)
    at = numbers.lhs_spec[1]
    x_by_group = jnp.moveaxis(x, at, -1)
    x_by_group = x_by_group.reshape(*x_by_group.shape[:-1], groups, w.shape[channel])
    seen = lax.dot_general(
        x_by_group,
        inner.astype(x.dtype),
        (((x_by_group.ndim - 1,), (0,)), ((), ())),
        precision=eqn.params["precision"],
    )  # (batch, space, groups, taps and rank)
    seen = jnp.moveaxis(seen.reshape(*seen.shape[:-2], groups * taps * rank), -1, at)
    # Of taps of the kernel, taps seen, ranks out and in: ones where both are the same.
    shift = np.einsum("st,ab->stab", np.eye(taps), np.eye(rank)).transpose(2, 1, 3, 0)
    shift = shift.reshape(rank, taps * rank, *[w.shape[axis] for axis in space])
    shift = np.tile(shift, (groups, *[1] * (shift.ndim - 1)))
    shift = shift.transpose(np.argsort(numbers.rhs_spec))
    moved = jnp.moveaxis(again(eqn, seen, jnp.asarray(shift, x.dtype)), numbers.out_spec[1], -1)
    thin = moved.reshape(*moved.shape[:-1], groups, 1, rank)
    base = of_center() if image.touched else once(of_center)
    columns = outer.reshape(groups, w.shape[out] // groups, rank).astype(base.dtype)
    change = sum_of_products((w.scale * thin).astype(base.dtype), columns)
    change = change.reshape(*change.shape[:-2], w.shape[out])
    return base + jnp.moveaxis(change, -1, numbers.out_spec[1])


PRODUCTS["dot_general"] = _product
PRODUCTS["conv_general_dilated"] = _convolution
