"""How do PyTorch's operations look numbers up by index, and put them back?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gradless._core.errors import InputError
from gradless.problems.pytorch.operations.contract import Array, Operation


def _places(indices: Sequence[Array | None]) -> tuple[Any, ...]:
    if any(each is not None and each.dtype == jnp.bool_ for each in indices):
        raise InputError(
            "an index must be of whole numbers, got truth values, which choose as many as are "
            "true; write torch.where(mask, x, 0)"
        )
    return tuple(slice(None) if each is None else each for each in indices)


def _index(x: Array, indices: Sequence[Array | None]) -> Array:
    return x[_places(indices)]


def _index_put(
    x: Array, indices: Sequence[Array | None], values: Array, accumulate: bool = False
) -> Array:
    mask = indices[0]
    if mask is not None and mask.dtype == jnp.bool_ and len(indices) == 1 and values.ndim == 0:
        mask = mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
        return jnp.where(mask, x + values if accumulate else values, x)
    place = x.at[_places(indices)]
    return place.add(values) if accumulate else place.set(values)


def _index_select(x: Array, axis: int, index: Array) -> Array:
    return jnp.take(x, index, axis)


def _gather(x: Array, axis: int, index: Array, sparse_grad: bool = False) -> Array:
    del sparse_grad
    return x[_along(axis, index)]


def _scatter(x: Array, axis: int, index: Array, source: Array) -> Array:
    return x.at[_along(axis, index)].set(_as_many(source, index))


def _scatter_add(x: Array, axis: int, index: Array, source: Array) -> Array:
    return x.at[_along(axis, index)].add(_as_many(source, index))


def _along(axis: int, index: Array) -> tuple[Array, ...]:
    """Indices of whole cells: those given along ``axis``, their own place along the others."""
    places = list(jnp.indices(index.shape, sparse=True))
    places[axis] = index
    return tuple(places)


def _as_many(source: Array, index: Array) -> Array:
    """Of a larger source, PyTorch takes the beginning; one number stands for all."""
    return source if jnp.ndim(source) == 0 else source[tuple(map(slice, index.shape))]


def _embedding(
    rows: Array, index: Array, padding: int = -1, scale: bool = False, sparse: bool = False
) -> Array:
    del padding, scale, sparse  # of gradients
    return jnp.take(rows, index, axis=0)


def _embedding_bag(
    rows: Array,
    index: Array,
    offsets: Array,
    scale: bool = False,
    mode: int = 0,
    sparse: bool = False,
    weights: Array | None = None,
    include_last_offset: bool = False,
    padding: int = -1,
) -> tuple[Any, ...]:
    """Sums (0), means (1) or maxima (2) of rows, in bags that begin at the offsets."""
    del scale, sparse  # of gradients
    bags = offsets.shape[0] - include_last_offset
    bag = jnp.searchsorted(offsets[:bags], jnp.arange(index.shape[0]), side="right") - 1
    counted = (index != padding).astype(rows.dtype)
    found = jnp.take(rows, index, axis=0)
    if weights is not None:
        found = found * weights[:, None]
    count = jax.ops.segment_sum(counted, bag, bags)[:, None]
    if mode == 2:
        found = jnp.where(counted[:, None] > 0, found, -jnp.inf)
        largest = jax.ops.segment_max(found, bag, bags)
        return jnp.where(count > 0, largest, 0), None, None, None
    total = jax.ops.segment_sum(found * counted[:, None], bag, bags)
    return total / jnp.maximum(count, 1) if mode == 1 else total, None, None, None


def _unfold(x: Array, axis: int, size: int, step: int) -> Array:
    """Windows along an axis; what is in one is on a last axis."""
    count = (x.shape[axis] - size) // step + 1
    places = step * jnp.arange(count)[:, None] + jnp.arange(size)
    windows = jnp.take(x, places, axis % x.ndim)
    return jnp.moveaxis(windows, axis % x.ndim + 1, -1)


LOOKUPS: dict[str, Operation] = {
    "aten._embedding_bag.default": _embedding_bag,
    "aten._unsafe_index.Tensor": _index,
    "aten.embedding.default": _embedding,
    "aten.gather.default": _gather,
    "aten.index.Tensor": _index,
    "aten.index_put.default": _index_put,
    "aten.index_select.default": _index_select,
    "aten.scatter.src": _scatter,
    "aten.scatter.value": _scatter,
    "aten.scatter_add.default": _scatter_add,
    "aten.unfold.default": _unfold,
}
