"""How are weights multiplied: linear layers, convolutions, attention?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from gradless.problems.pytorch.operations.contract import Array, Operation, each
from gradless.problems.pytorch.operations.reductions import softmax


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """``x @ weight.T + bias``, the weight of shape (outputs, inputs)."""
    x, weight = _alike(x, weight)
    product = lax.dot_general(x, weight, (((x.ndim - 1,), (1,)), ((), ())))
    return product if bias is None else product + bias


def _alike(*arrays: Array) -> tuple[Array, ...]:
    """Of one type, as lax wants them."""
    dtype = jnp.result_type(*arrays)
    return tuple(x.astype(dtype) for x in arrays)


def _addmm(c: Array, a: Array, b: Array, beta: float = 1, alpha: float = 1) -> Array:
    product = jnp.matmul(a, b)
    product = product if alpha == 1 else alpha * product
    return product + (c if beta == 1 else beta * c)


def _convolution(
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Array:
    """Over inputs (samples, channels, ...), with weights (outputs, inputs of a group, ...).

    Weights of a transposed one are (inputs, outputs of a group, ...): it is a convolution of inputs
    with zeros between them, and of the weights turned around.
    """
    x, weight = _alike(x, weight)
    axes = x.ndim - 2
    stride, padding, dilation = (each(given, axes) for given in (stride, padding, dilation))
    sides = [(pad, pad) for pad in padding]
    between = (1,) * axes
    if transposed:
        reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        more = each(output_padding, axes)
        sides = [(r - p, r - p + m) for r, p, m in zip(reach, padding, more, strict=True)]
        stride, between = between, stride
        weight = _turned(weight, groups)
    y = lax.conv_general_dilated(
        x, weight, stride, sides, between, dilation, feature_group_count=groups
    )
    return y if bias is None else y + bias.reshape(-1, *[1] * axes)


def _turned(weight: Array, groups: int) -> Array:
    inputs, outputs, *window = weight.shape
    weight = jnp.flip(weight, range(2, weight.ndim))
    weight = weight.reshape(groups, inputs // groups, outputs, *window)
    return jnp.swapaxes(weight, 1, 2).reshape(groups * outputs, inputs // groups, *window)


def _attention(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    """Scaled dot products of queries (..., positions, width) and keys choose among values.

    A mask of truth values says what may be seen, one of numbers is added. A position that may see
    nothing gets zeros, as in PyTorch.
    """
    del dropout_p  # 0, or the module is refused
    if enable_gqa:
        key, value = (jnp.repeat(x, query.shape[-3] // x.shape[-3], axis=-3) for x in (key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = jnp.matmul(query * scale, jnp.swapaxes(key, -1, -2))
    if is_causal:
        mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    if mask is None:
        return jnp.matmul(softmax(scores, -1), value)
    seen = mask if mask.dtype == jnp.bool_ else mask > -jnp.inf
    # A finite number in the place of -inf, lest a row of them becomes NaN.
    low = jnp.finfo(scores.dtype).min
    added = scores if mask.dtype == jnp.bool_ else scores + jnp.where(seen, mask, 0)
    weights = softmax(jnp.where(seen, added, low), -1)
    return jnp.matmul(jnp.where(seen, weights, 0), value)


def _bilinear(a: Array, b: Array, weight: Array, bias: Array | None = None) -> Array:
    product = jnp.einsum("...i,oij,...j->...o", a, weight, b)
    return product if bias is None else product + bias


PRODUCTS: dict[str, Operation] = {
    "aten.addmm.default": _addmm,
    "aten.bilinear.default": _bilinear,
    "aten.bmm.default": jnp.matmul,
    "aten.convolution.default": _convolution,
    "aten.linear.default": linear,
    "aten.mm.default": jnp.matmul,
    "aten.scaled_dot_product_attention.default": _attention,
}
