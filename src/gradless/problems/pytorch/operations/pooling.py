"""How are neighbouring positions pooled?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from gradless._core.errors import InputError
from gradless.problems.pytorch.operations.contract import Array, Operation, each


def _max_pool(
    x: Array,
    window: int | Sequence[int],
    stride: int | Sequence[int] = (),
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    *,
    axes: int,
) -> tuple[Array, Any]:
    """Maxima; where they are is not known."""
    steps = _Steps.of(x, axes, window, stride, padding, dilation, ceil_mode)
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    sides = [(p, p + more) for p, more in zip(steps.padding, steps.more, strict=True)]
    return steps.reduced(x, jnp.asarray(lowest, x.dtype), lax.max, sides), None


def _avg_pool(
    x: Array,
    window: int | Sequence[int],
    stride: int | Sequence[int] = (),
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    axes: int,
) -> Array:
    steps = _Steps.of(x, axes, window, stride, padding, 1, ceil_mode)
    sides = [(p, p + more) for p, more in zip(steps.padding, steps.more, strict=True)]
    zero = jnp.asarray(0, x.dtype)
    total = steps.reduced(x, zero, lax.add, sides)
    if divisor_override:
        return total / divisor_override
    if not count_include_pad:
        return total / steps.reduced(jnp.ones(x.shape[-axes:], x.dtype), zero, lax.add, sides)
    # What the last window reaches beyond the padding never counts.
    sizes = [s + 2 * p for s, p in zip(x.shape[-axes:], steps.padding, strict=True)]
    rest = [(0, more) for more in steps.more]
    return total / steps.reduced(jnp.ones(sizes, x.dtype), zero, lax.add, rest)


class _Steps:
    """Windows over the last axes."""

    def __init__(
        self,
        window: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        more: list[int],
    ) -> None:
        self.window, self.stride, self.padding = window, stride, padding
        self.dilation, self.more = dilation, more

    @classmethod
    def of(
        cls,
        x: Array,
        axes: int,
        window: int | Sequence[int],
        stride: int | Sequence[int],
        padding: int | Sequence[int],
        dilation: int | Sequence[int],
        ceil_mode: bool,
    ) -> _Steps:
        """As PyTorch gives them: no stride is the window's; ``ceil_mode`` adds a last window."""
        windows = each(window, axes)
        strides = each(stride, axes) if stride != () and stride != [] else windows
        paddings, dilations = each(padding, axes), each(dilation, axes)
        more = [0] * axes
        if ceil_mode:
            given = zip(x.shape[-axes:], windows, strides, paddings, dilations, strict=True)
            more = [_beyond(*of_axis) for of_axis in given]
        return cls(windows, strides, paddings, dilations, more)

    def reduced(self, x: Array, start: Array, how: Any, sides: list[tuple[int, int]]) -> Array:
        """Of each window; ``sides`` is what is added around the last axes."""
        kept = x.ndim - len(self.window)
        return lax.reduce_window(
            x,
            start,
            how,
            (1,) * kept + self.window,
            (1,) * kept + self.stride,
            [(0, 0)] * kept + sides,
            window_dilation=(1,) * kept + self.dilation,
        )


def _beyond(size: int, window: int, stride: int, padding: int, dilation: int) -> int:
    """How far the last window reaches beyond what is padded; it must begin before the end."""
    reach = dilation * (window - 1) + 1
    count = -(-(size + 2 * padding - reach) // stride) + 1
    if (count - 1) * stride >= size + padding:
        count -= 1
    return max((count - 1) * stride + reach - size - 2 * padding, 0)


def _max_pool2d(x: Array, *given: Any) -> tuple[Array, Any]:
    return _max_pool(x, *given, axes=2)


def _max_pool3d(x: Array, *given: Any) -> tuple[Array, Any]:
    return _max_pool(x, *given, axes=3)


def _avg_pool1d(x: Array, *given: Any) -> Array:
    return _avg_pool(x, *given, axes=1)


def _avg_pool2d(x: Array, *given: Any) -> Array:
    return _avg_pool(x, *given, axes=2)


def _avg_pool3d(x: Array, *given: Any) -> Array:
    return _avg_pool(x, *given, axes=3)


def _adaptive_avg_pool(x: Array, sizes: Sequence[int]) -> Array:
    """Means over as many parts as wanted of each of the last axes, which may overlap."""
    for axis, size in zip(range(-len(sizes), 0), sizes, strict=True):
        shares = jnp.asarray(_shares(x.shape[axis], size), x.dtype)
        x = jnp.moveaxis(jnp.tensordot(x, shares, ((axis,), (0,))), -1, axis)
    return x


def _shares(size: int, parts: int) -> np.ndarray:
    """How much each position counts in each part, (size, parts)."""
    shares = np.zeros((size, parts))
    for part in range(parts):
        start, end = part * size // parts, math.ceil((part + 1) * size / parts)
        shares[start:end, part] = 1 / (end - start)
    return shares


def _adaptive_max_pool(x: Array, sizes: Sequence[int]) -> tuple[Array, Any]:
    window = []
    for size, parts in zip(x.shape[-len(sizes) :], sizes, strict=True):
        if size % parts:
            raise InputError(
                f"adaptive maximum pooling must divide its input evenly, got {size} positions for "
                f"{parts}; use MaxPool, or a multiple"
            )
        window.append(size // parts)
    return _max_pool(x, window, axes=len(sizes))


POOLING: dict[str, Operation] = {
    "aten._adaptive_avg_pool2d.default": _adaptive_avg_pool,
    "aten._adaptive_avg_pool3d.default": _adaptive_avg_pool,
    "aten.adaptive_max_pool2d.default": _adaptive_max_pool,
    "aten.adaptive_max_pool3d.default": _adaptive_max_pool,
    "aten.avg_pool1d.default": _avg_pool1d,
    "aten.avg_pool2d.default": _avg_pool2d,
    "aten.avg_pool3d.default": _avg_pool3d,
    "aten.max_pool2d_with_indices.default": _max_pool2d,
    "aten.max_pool3d_with_indices.default": _max_pool3d,
}
