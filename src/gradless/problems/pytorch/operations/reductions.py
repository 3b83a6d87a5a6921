"""What do PyTorch's operations along whole axes compute: sums, extremes, order, softmax?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from gradless.problems.pytorch.operations.contract import Array, Operation

Axes = int | Sequence[int] | None


def _axes(axes: Axes) -> tuple[int, ...] | None:
    """All of them, if PyTorch names none."""
    if axes is None or isinstance(axes, int):
        return None if axes is None else (axes,)
    return tuple(axes) or None


def _sum(x: Array, axes: Axes = None, keepdim: bool = False, dtype: Any = None) -> Array:
    return jnp.sum(x, _axes(axes), dtype, keepdims=keepdim)


def _mean(x: Array, axes: Axes = None, keepdim: bool = False, dtype: Any = None) -> Array:
    return jnp.mean(x, _axes(axes), dtype, keepdims=keepdim)


def _sum_all(x: Array, dtype: Any = None) -> Array:
    return jnp.sum(x, dtype=dtype)


def _mean_all(x: Array, dtype: Any = None) -> Array:
    return jnp.mean(x, dtype=dtype)


def _prod_all(x: Array, dtype: Any = None) -> Array:
    return jnp.prod(x, dtype=dtype)


def _prod(x: Array, axis: int, keepdim: bool = False, dtype: Any = None) -> Array:
    return jnp.prod(x, axis, dtype, keepdims=keepdim)


def _amax(x: Array, axes: Axes = None, keepdim: bool = False) -> Array:
    return jnp.max(x, _axes(axes), keepdims=keepdim)


def _amin(x: Array, axes: Axes = None, keepdim: bool = False) -> Array:
    return jnp.min(x, _axes(axes), keepdims=keepdim)


def _any(x: Array, axes: Axes = None, keepdim: bool = False) -> Array:
    return jnp.any(x, _axes(axes), keepdims=keepdim)


def _argmax(x: Array, axis: int | None = None, keepdim: bool = False) -> Array:
    return jnp.argmax(x, axis, keepdims=keepdim)


def _argmin(x: Array, axis: int | None = None, keepdim: bool = False) -> Array:
    return jnp.argmin(x, axis, keepdims=keepdim)


def _max(x: Array, axis: int, keepdim: bool = False) -> tuple[Array, Array]:
    return jnp.max(x, axis, keepdims=keepdim), jnp.argmax(x, axis, keepdims=keepdim)


def _min(x: Array, axis: int, keepdim: bool = False) -> tuple[Array, Array]:
    return jnp.min(x, axis, keepdims=keepdim), jnp.argmin(x, axis, keepdims=keepdim)


def _var(x: Array, axes: Axes = None, correction: float | None = 1, keepdim: bool = False) -> Array:
    taken = 1 if correction is None else correction
    chosen = _axes(axes)
    off = x - jnp.mean(x, chosen, keepdims=True)
    count = x.size if chosen is None else math.prod(x.shape[axis] for axis in chosen)
    return jnp.sum(off * off, chosen, keepdims=keepdim) / max(count - taken, 0)


def _var_mean(
    x: Array, axes: Axes = None, correction: float | None = 1, keepdim: bool = False
) -> tuple[Array, Array]:
    return _var(x, axes, correction, keepdim), _mean(x, axes, keepdim)


def _norm(
    x: Array, order: float = 2, axes: Axes = None, keepdim: bool = False, dtype: Any = None
) -> Array:
    chosen, size = _axes(axes), jnp.abs(x if dtype is None else x.astype(dtype))
    if order == 2:
        return jnp.sqrt(jnp.sum(size * size, chosen, keepdims=keepdim))
    if order in (math.inf, -math.inf):
        return (jnp.max if order > 0 else jnp.min)(size, chosen, keepdims=keepdim)
    if order == 0:
        return jnp.sum((size != 0).astype(size.dtype), chosen, keepdims=keepdim)
    return jnp.sum(size**order, chosen, keepdims=keepdim) ** (1 / order)


def _cumsum(x: Array, axis: int, dtype: Any = None) -> Array:
    return jnp.cumsum(x, axis, dtype)


def _cumprod(x: Array, axis: int, dtype: Any = None) -> Array:
    return jnp.cumprod(x, axis, dtype)


def _distances(a: Array, b: Array, order: float, mode: int | None = None) -> Array:
    """Between all rows (..., n, width) and (..., m, width), of shape (..., n, m)."""
    del mode  # how PyTorch computes it
    return _norm(a[..., :, None, :] - b[..., None, :, :], order, -1)


def _sort(x: Array, axis: int = -1, descending: bool = False) -> tuple[Array, Array]:
    order = jnp.argsort(x, axis, descending=descending)
    return jnp.take_along_axis(x, order, axis), order


def _sort_stably(
    x: Array, *, stable: bool | None = None, dim: int = -1, descending: bool = False
) -> tuple[Array, Array]:
    del stable  # as it always is
    return _sort(x, dim, descending)


def _topk(
    x: Array, count: int, axis: int = -1, largest: bool = True, ordered: bool = True
) -> tuple[Array, Array]:
    del ordered  # as it always is
    values, order = _sort(x, axis, descending=largest)
    return (
        lax.slice_in_dim(values, 0, count, axis=axis),
        lax.slice_in_dim(order, 0, count, axis=axis),
    )


def softmax(x: Array, axis: int, half_to_float: bool = False) -> Array:
    """Softmax along an axis."""
    del half_to_float  # of a type on other devices
    powers = jnp.exp(x - jnp.max(x, axis, keepdims=True))
    return powers / jnp.sum(powers, axis, keepdims=True)


def _log_softmax(x: Array, axis: int, half_to_float: bool = False) -> Array:
    del half_to_float
    off = x - jnp.max(x, axis, keepdims=True)
    return off - jnp.log(jnp.sum(jnp.exp(off), axis, keepdims=True))


REDUCTIONS: dict[str, Operation] = {
    "aten._cdist_forward.default": _distances,
    "aten._log_softmax.default": _log_softmax,
    "aten._softmax.default": softmax,
    "aten.amax.default": _amax,
    "aten.amin.default": _amin,
    "aten.any.default": _any,
    "aten.any.dim": _any,
    "aten.any.dims": _any,
    "aten.argmax.default": _argmax,
    "aten.argmin.default": _argmin,
    "aten.cumprod.default": _cumprod,
    "aten.cumsum.default": _cumsum,
    "aten.linalg_vector_norm.default": _norm,
    "aten.max.default": _amax,
    "aten.max.dim": _max,
    "aten.mean.default": _mean_all,
    "aten.mean.dim": _mean,
    "aten.min.default": _amin,
    "aten.min.dim": _min,
    "aten.prod.default": _prod_all,
    "aten.prod.dim_int": _prod,
    "aten.sort.default": _sort,
    "aten.sort.stable": _sort_stably,
    "aten.sum.default": _sum_all,
    "aten.sum.dim_IntList": _sum,
    "aten.topk.default": _topk,
    "aten.var.correction": _var,
    "aten.var.dim": _var,
    "aten.var_mean.correction": _var_mean,
}
