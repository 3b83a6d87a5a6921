"""How do PyTorch's operations reshape, cut and join arrays, and make new ones?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from gradless.problems.pytorch.operations.contract import Array, Operation


def _reshape(x: Array, shape: Sequence[int]) -> Array:
    return x.reshape(tuple(shape))


def _permute(x: Array, axes: Sequence[int]) -> Array:
    return jnp.transpose(x, tuple(axes))


def _squeeze(x: Array, axes: int | Sequence[int]) -> Array:
    chosen = (axes,) if isinstance(axes, int) else axes
    return jnp.squeeze(x, tuple(axis for axis in chosen if x.shape[axis] == 1))


def _expand(x: Array, shape: Sequence[int]) -> Array:
    """``-1`` is the size that there is."""
    there = (1,) * (len(shape) - x.ndim) + x.shape
    sizes = [old if new == -1 else new for new, old in zip(shape, there, strict=True)]
    return jnp.broadcast_to(x, sizes)


def _select(x: Array, axis: int, index: int) -> Array:
    return lax.index_in_dim(x, index, axis, keepdims=False)


def _along(x: Array, axis: int, chosen: slice | int) -> tuple[slice | int, ...]:
    return (slice(None),) * (axis % x.ndim) + (chosen,)


def _slice(
    x: Array, axis: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Array:
    # Slices of Python cut the end off where there is no more, as do those of PyTorch.
    return x[_along(x, axis, slice(start, end, step))]


def _select_scatter(x: Array, values: Array, axis: int, index: int) -> Array:
    return x.at[_along(x, axis, index)].set(values)


def _slice_scatter(
    x: Array,
    values: Array,
    axis: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Array:
    return x.at[_along(x, axis, slice(start, end, step))].set(values)


def _cat(arrays: Sequence[Array], axis: int = 0) -> Array:
    # An empty vector may be joined with anything, from before there were shapes.
    real = [x for x in arrays if x.shape != (0,)] or list(arrays)
    return jnp.concatenate(real, axis)


def _split(x: Array, sizes: Sequence[int], axis: int = 0) -> tuple[Array, ...]:
    ends = list(itertools.accumulate(sizes))
    starts = [0, *ends[:-1]]
    return tuple(
        lax.slice_in_dim(x, start, end, axis=axis) for start, end in zip(starts, ends, strict=True)
    )


def _flip(x: Array, axes: Sequence[int]) -> Array:
    return jnp.flip(x, tuple(axes))


def _repeat(x: Array, counts: Sequence[int]) -> Array:
    return jnp.tile(x, tuple(counts))


def _widths(x: Array, padding: Sequence[int]) -> list[tuple[int, int]]:
    """PyTorch names both sides of the last axis first."""
    pairs = [(padding[i], padding[i + 1]) for i in range(0, len(padding), 2)]
    return [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]


def _pad(x: Array, padding: Sequence[int], value: float = 0) -> Array:
    filled = jnp.asarray(value, x.dtype)
    return lax.pad(x, filled, [(low, high, 0) for low, high in _widths(x, padding)])


def _pad_reflected(x: Array, padding: Sequence[int]) -> Array:
    return jnp.pad(x, _widths(x, padding), mode="reflect")


def _pad_repeated(x: Array, padding: Sequence[int]) -> Array:
    return jnp.pad(x, _widths(x, padding), mode="edge")


def _diagonal(x: Array, offset: int = 0, first: int = 0, second: int = 1) -> Array:
    return jnp.diagonal(x, offset, first, second)


def _tril(x: Array, diagonal: int = 0) -> Array:
    return jnp.tril(x, diagonal)


def _triu(x: Array, diagonal: int = 0) -> Array:
    return jnp.triu(x, diagonal)


def _copy(x: Array, source: Array) -> Array:
    return jnp.broadcast_to(source, x.shape).astype(x.dtype)


# --- New arrays -----------------------------------------------------------------------------------


def _full(shape: Sequence[int], value: Array, dtype: Any = None) -> Array:
    return jnp.full(tuple(shape), value, dtype)


def _full_like(x: Array, value: Array, dtype: Any = None) -> Array:
    return jnp.full(x.shape, value, dtype or x.dtype)


def _scalar_tensor(value: Array, dtype: Any = None) -> Array:
    return jnp.asarray(value, dtype)


def _arange(start: float, end: float, step: float = 1, dtype: Any = None) -> Array:
    return jnp.arange(start, end, step, dtype)


def _empty(shape: Sequence[int], dtype: Any = None) -> Array:
    return jnp.zeros(tuple(shape), dtype)


# --- Sizes, which are numbers of Python -----------------------------------------------------------


def _size(x: Array, axis: int) -> int:
    size: int = x.shape[axis]
    return size


def _numel(x: Array) -> int:
    size: int = x.size
    return size


SHAPES: dict[str, Operation] = {
    "aten.arange.start_step": _arange,
    "aten.cat.default": _cat,
    "aten.constant_pad_nd.default": _pad,
    "aten.copy.default": _copy,
    "aten.diagonal.default": _diagonal,
    "aten.empty.memory_format": _empty,
    "aten.expand.default": _expand,
    "aten.fill.Scalar": _full_like,
    "aten.flip.default": _flip,
    "aten.full.default": _full,
    "aten.full_like.default": _full_like,
    "aten.permute.default": _permute,
    "aten.reflection_pad1d.default": _pad_reflected,
    "aten.reflection_pad2d.default": _pad_reflected,
    "aten.reflection_pad3d.default": _pad_reflected,
    "aten.repeat.default": _repeat,
    "aten.replication_pad1d.default": _pad_repeated,
    "aten.replication_pad2d.default": _pad_repeated,
    "aten.replication_pad3d.default": _pad_repeated,
    "aten.scalar_tensor.default": _scalar_tensor,
    "aten.select.int": _select,
    "aten.select_scatter.default": _select_scatter,
    "aten.slice.Tensor": _slice,
    "aten.slice_scatter.default": _slice_scatter,
    "aten.split_with_sizes.default": _split,
    "aten.squeeze.dim": _squeeze,
    "aten.squeeze.dims": _squeeze,
    "aten.sym_numel.default": _numel,
    "aten.sym_size.int": _size,
    "aten.tril.default": _tril,
    "aten.triu.default": _triu,
    "aten.unsqueeze.default": jnp.expand_dims,
    "aten.view.default": _reshape,
}
