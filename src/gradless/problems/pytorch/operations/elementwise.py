"""What do PyTorch's operations on single numbers compute?"""

from __future__ import annotations

import operator
from typing import Any

import jax.numpy as jnp
from jax import lax

from gradless.problems.pytorch.operations.contract import Array, Operation


def _add(a: Array, b: Array, alpha: float = 1) -> Array:
    return a + b if alpha == 1 else a + alpha * b


def _sub(a: Array, b: Array, alpha: float = 1) -> Array:
    return a - b if alpha == 1 else a - alpha * b


def _div(a: Array, b: Array, rounding_mode: str | None = None) -> Array:
    if rounding_mode == "floor":
        return jnp.floor_divide(a, b)
    if rounding_mode == "trunc":
        whole = jnp.issubdtype(jnp.result_type(a, b), jnp.integer)
        # Of whole numbers, a quotient in float32 would not be exact.
        return lax.div(*jnp.broadcast_arrays(a, b)) if whole else jnp.trunc(a / b)
    return a / b


def _pow(base: Array, exponent: Array) -> Array:
    if isinstance(exponent, float) and exponent.is_integer() and abs(exponent) <= 8:
        return base ** int(exponent)  # multiplied out, which a logarithm is not for base < 0
    return base**exponent


def _clamp(x: Array, low: Array = None, high: Array = None) -> Array:
    x = x if low is None else jnp.maximum(x, low)
    return x if high is None else jnp.minimum(x, high)


def _round(x: Array, decimals: int = 0) -> Array:
    return jnp.round(x, decimals)


def _cast(x: Array, dtype: Any = None) -> Array:
    return x if dtype is None else x.astype(dtype)


def _relu(x: Array) -> Array:
    return jnp.maximum(x, 0)


def _elu(x: Array, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Array:
    # Of what is not taken, the exponential would overflow.
    falling = alpha * jnp.expm1(jnp.minimum(x, 0) * input_scale)
    return scale * jnp.where(x > 0, x, falling)


def _gelu(x: Array, approximate: str = "none") -> Array:
    if approximate == "tanh":
        return 0.5 * x * (1 + jnp.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + lax.erf(x * 0.7071067811865476))


def _leaky_relu(x: Array, slope: float = 0.01) -> Array:
    return jnp.where(x > 0, x, slope * x)


def _hardtanh(x: Array, low: float = -1, high: float = 1) -> Array:
    return jnp.clip(x, low, high)


def _sigmoid(x: Array) -> Array:
    return lax.logistic(x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32))


def _same(x: Array) -> Array:
    return x


ELEMENTWISE: dict[str, Operation] = {
    "aten._to_copy.default": _cast,
    "aten.abs.default": jnp.abs,
    "aten.acos.default": jnp.arccos,
    "aten.acosh.default": jnp.arccosh,
    "aten.add.Scalar": _add,
    "aten.add.Tensor": _add,
    "aten.alias.default": _same,
    "aten.asin.default": jnp.arcsin,
    "aten.asinh.default": jnp.arcsinh,
    "aten.atan.default": jnp.arctan,
    "aten.atan2.default": jnp.arctan2,
    "aten.atanh.default": jnp.arctanh,
    "aten.bitwise_and.Scalar": operator.and_,
    "aten.bitwise_and.Tensor": operator.and_,
    "aten.bitwise_not.default": jnp.invert,
    "aten.bitwise_or.Scalar": operator.or_,
    "aten.bitwise_or.Tensor": operator.or_,
    "aten.bitwise_xor.Scalar": operator.xor,
    "aten.bitwise_xor.Tensor": operator.xor,
    "aten.ceil.default": jnp.ceil,
    "aten.clamp.Tensor": _clamp,
    "aten.clamp.default": _clamp,
    "aten.clone.default": _same,
    "aten.cos.default": jnp.cos,
    "aten.cosh.default": jnp.cosh,
    "aten.div.Scalar": _div,
    "aten.div.Scalar_mode": _div,
    "aten.div.Tensor": _div,
    "aten.div.Tensor_mode": _div,
    "aten.elu.default": _elu,
    "aten.eq.Scalar": operator.eq,
    "aten.eq.Tensor": operator.eq,
    "aten.erf.default": lax.erf,
    "aten.erfc.default": lax.erfc,
    "aten.erfinv.default": lax.erf_inv,
    "aten.exp.default": jnp.exp,
    "aten.exp2.default": jnp.exp2,
    "aten.expm1.default": jnp.expm1,
    "aten.floor.default": jnp.floor,
    "aten.fmod.Scalar": jnp.fmod,
    "aten.fmod.Tensor": jnp.fmod,
    "aten.ge.Scalar": operator.ge,
    "aten.ge.Tensor": operator.ge,
    "aten.gelu.default": _gelu,
    "aten.gt.Scalar": operator.gt,
    "aten.gt.Tensor": operator.gt,
    "aten.hardtanh.default": _hardtanh,
    "aten.isinf.default": jnp.isinf,
    "aten.isnan.default": jnp.isnan,
    "aten.le.Scalar": operator.le,
    "aten.le.Tensor": operator.le,
    "aten.leaky_relu.default": _leaky_relu,
    "aten.log.default": jnp.log,
    "aten.log10.default": jnp.log10,
    "aten.log1p.default": jnp.log1p,
    "aten.log2.default": jnp.log2,
    "aten.logical_and.default": jnp.logical_and,
    "aten.logical_not.default": jnp.logical_not,
    "aten.logical_or.default": jnp.logical_or,
    "aten.logical_xor.default": jnp.logical_xor,
    "aten.lt.Scalar": operator.lt,
    "aten.lt.Tensor": operator.lt,
    "aten.maximum.default": jnp.maximum,
    "aten.minimum.default": jnp.minimum,
    "aten.mul.Scalar": operator.mul,
    "aten.mul.Tensor": operator.mul,
    "aten.ne.Scalar": operator.ne,
    "aten.ne.Tensor": operator.ne,
    "aten.neg.default": operator.neg,
    "aten.pow.Scalar": _pow,
    "aten.pow.Tensor_Scalar": _pow,
    "aten.pow.Tensor_Tensor": _pow,
    "aten.reciprocal.default": jnp.reciprocal,
    "aten.relu.default": _relu,
    "aten.remainder.Scalar": jnp.remainder,
    "aten.remainder.Tensor": jnp.remainder,
    "aten.round.decimals": _round,
    "aten.round.default": _round,
    "aten.rsqrt.default": lax.rsqrt,
    "aten.sigmoid.default": _sigmoid,
    "aten.sign.default": jnp.sign,
    "aten.sin.default": jnp.sin,
    "aten.sinh.default": jnp.sinh,
    "aten.sqrt.default": jnp.sqrt,
    "aten.sub.Scalar": _sub,
    "aten.sub.Tensor": _sub,
    "aten.tan.default": jnp.tan,
    "aten.tanh.default": jnp.tanh,
    "aten.trunc.default": jnp.trunc,
    "aten.where.self": jnp.where,
}
