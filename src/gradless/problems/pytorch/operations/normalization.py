"""How are activations brought to a mean and a deviation?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from gradless.problems.pytorch.operations.contract import Array, Operation


def _standardized(x: Array, axes: Sequence[int], eps: float) -> tuple[Array, Array, Array]:
    """Standard scores, the mean, and one over the deviation; their axes are kept."""
    mean = jnp.mean(x, tuple(axes), keepdims=True)
    off = x - mean
    rate = lax.rsqrt(jnp.mean(off * off, tuple(axes), keepdims=True) + eps)
    return off * rate, mean, rate


def _scaled(x: Array, weight: Array | None, bias: Array | None, shape: Sequence[int]) -> Array:
    x = x if weight is None else x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


def _layer_norm(
    x: Array, shape: Sequence[int], weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    scores, mean, rate = _standardized(x, range(x.ndim - len(shape), x.ndim), eps)
    return _scaled(scores, weight, bias, shape), mean, rate


def _group_norm(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    samples: int,
    channels: int,
    positions: int,
    groups: int,
    eps: float,
) -> tuple[Array, Array, Array]:
    scores, mean, rate = _standardized(x.reshape(samples, groups, -1), (2,), eps)
    per_channel = (channels, *[1] * (x.ndim - 2))
    normed = _scaled(scores.reshape(x.shape), weight, bias, per_channel)
    return normed, mean[..., 0], rate[..., 0]


def _batch_norm(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    mean: Array,
    variance: Array,
    momentum: float,
    eps: float,
) -> tuple[Any, ...]:
    """With the statistics that the module has learned."""
    del momentum
    shape = (-1, *[1] * (x.ndim - 2))
    scores = (x - mean.reshape(shape)) * lax.rsqrt(variance + eps).reshape(shape)
    return _scaled(scores, weight, bias, shape), None, None


def _batch_norm_of_batch(
    x: Array, weight: Array | None, bias: Array | None, training: bool, momentum: float, eps: float
) -> tuple[Array, Array, Array]:
    """With the statistics of this batch, for modules that keep none."""
    del training, momentum
    scores, mean, rate = _standardized(x, (0, *range(2, x.ndim)), eps)
    shape = (-1, *[1] * (x.ndim - 2))
    return _scaled(scores, weight, bias, shape), mean.ravel(), rate.ravel()


NORMALIZATION: dict[str, Operation] = {
    "aten._native_batch_norm_legit.no_stats": _batch_norm_of_batch,
    "aten._native_batch_norm_legit_no_training.default": _batch_norm,
    "aten.native_group_norm.default": _group_norm,
    "aten.native_layer_norm.default": _layer_norm,
}
