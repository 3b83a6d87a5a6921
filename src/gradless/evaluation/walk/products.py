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
from gradless.evaluation.walk.shapes import PRODUCTS, Members, again

_WORTH_WRITING = 4  # times the numbers of a weight that thin products may take
SUMMED_BY_HAND = 2  # of this rank and below, the second thin product is multiply-adds, which fuse


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


def _product(eqn: Any, given: Sequence[Given], members: Members) -> jax.Array | None:
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
        total = members.once(lambda: with_weights(w.center))
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
    if x.touched:  # otherwise both products make it, each in its own layout
        x = x._replace(value=lax.optimization_barrier(x.value))
    total = with_weights(w.center) if x.touched else members.once(lambda: with_weights(w.center))
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
    if first or w.rank <= SUMMED_BY_HAND or math.prod(thin.shape[n + others : -1]) > 1:
        return sum_of_products(thin, outer)
    columns = outer.reshape(*outer.shape[:n], -1, w.rank)
    columns = jnp.broadcast_to(columns, (*lengths, *columns.shape[n:]))
    rows = thin.reshape(*thin.shape[: n + others], w.rank)
    change: jax.Array = dot(rows, columns, (((rows.ndim - 1,), (n + 1,)), (range(n), range(n))))
    return change.reshape(*thin.shape[: n + others], *[w.shape[axis] for axis in free])


def _convolution(eqn: Any, given: Sequence[Given], members: Members) -> jax.Array | None:
    image, kernel = given
    if image.is_changed or eqn.params["batch_group_count"] != 1:
        return None
    w: Changed = kernel.value
    x = image.value

    def of_center() -> jax.Array:
        made: jax.Array = again(eqn, x, w.center)
        return made

    if w.is_whole:
        if image.touched:
            return None
        base, change = members.once(of_center), again(eqn, x, w.left[..., 0].astype(x.dtype))
        return base + w.scale.astype(base.dtype) * change
    out, channel, *space = eqn.params["dimension_numbers"].rhs_spec
    found = _inner_outer(w, (channel, *space), (out,))
    if found is None:
        return None
    inner, outer = found
    groups = eqn.params["feature_group_count"]
    own = w.shape[out] // groups  # output channels of a group
    columns = outer.reshape(groups, own, w.rank)
    if image.touched and not members.alone:
        x = lax.optimization_barrier(x)  # otherwise both products make it
    if image.touched and members.alone:
        # One convolution for both: the factor is further channels of the center's kernel.
        both = _by_group(eqn, again(eqn, x, _kernel(w.center, inner.astype(x.dtype), out, groups)))
        base, thin = both[..., :own], both[..., own:]
    else:
        base = _by_group(eqn, of_center() if image.touched else members.once(of_center))
        if members.alone:
            thin = _by_group(eqn, again(eqn, x, _kernel(None, inner.astype(x.dtype), out, groups)))
        else:
            thin = _shifted(eqn, x, inner, out)
    scaled = (w.scale * thin).astype(base.dtype)
    made = base + sum_of_products(scaled[..., None, :], columns.astype(base.dtype))
    made = made.reshape(*made.shape[:-2], groups * own)
    return jnp.moveaxis(made, -1, eqn.params["dimension_numbers"].out_spec[1])


def _by_group(eqn: Any, made: jax.Array) -> jax.Array:
    """The result of a convolution as (batch, space, groups, channels of a group)."""
    made = jnp.moveaxis(made, eqn.params["dimension_numbers"].out_spec[1], -1)
    return made.reshape(*made.shape[:-1], eqn.params["feature_group_count"], -1)


def _kernel(center: jax.Array | None, inner: jax.Array, out: int, groups: int) -> jax.Array:
    """A kernel of which each group has the center's output channels, then one for each rank."""
    factor = jnp.moveaxis(inner, inner.ndim - 1, out)
    factor = jnp.squeeze(factor, out + 1)  # ranks in the place of the output channels
    if groups == 1:
        return factor if center is None else jnp.concatenate([center, factor], out)
    factor = jnp.expand_dims(factor, out)
    factor = jnp.broadcast_to(factor, (*factor.shape[:out], groups, *factor.shape[out + 1 :]))
    if center is not None:
        shape = center.shape
        center = center.reshape(*shape[:out], groups, -1, *shape[out + 1 :])
        factor = jnp.concatenate([center, factor], out + 1)
    return factor.reshape(*factor.shape[:out], -1, *factor.shape[out + 2 :])


def _shifted(eqn: Any, x: jax.Array, inner: jax.Array, out: int) -> jax.Array:
    """A product for each pixel with all taps, then one convolution that is the same for all.

    A convolution with kernels of their own for each member would be a grouped one, which is slow.
    The second one shifts what every tap saw to its place and adds.
    """
    numbers, groups = eqn.params["dimension_numbers"], eqn.params["feature_group_count"]
    _, channel, *space = numbers.rhs_spec
    lengths, inputs, rank = [inner.shape[a] for a in space], inner.shape[channel], inner.shape[-1]
    taps = math.prod(lengths)
    inner = inner.transpose(channel, *space, out, inner.ndim - 1).reshape(inputs, taps * rank)
    at = numbers.lhs_spec[1]
    x = jnp.moveaxis(x, at, -1)
    x = x.reshape(*x.shape[:-1], groups, inputs)
    seen = lax.dot_general(
        x,
        inner.astype(x.dtype),
        (((x.ndim - 1,), (0,)), ((), ())),
        precision=eqn.params["precision"],
    )  # (batch, space, groups, taps and rank)
    seen = jnp.moveaxis(seen.reshape(*seen.shape[:-2], groups * taps * rank), -1, at)
    # Of taps of the kernel, taps seen, ranks out and in: ones where both are the same.
    shift = np.einsum("st,ab->stab", np.eye(taps), np.eye(rank)).transpose(2, 1, 3, 0)
    shift = shift.reshape(rank, taps * rank, *lengths)
    shift = np.tile(shift, (groups, *[1] * (shift.ndim - 1)))
    shift = shift.transpose(np.argsort(numbers.rhs_spec))
    return _by_group(eqn, again(eqn, seen, jnp.asarray(shift, x.dtype)))


PRODUCTS["dot_general"] = _product
PRODUCTS["conv_general_dilated"] = _convolution
