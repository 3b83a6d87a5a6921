"""What are the steps, and what would a surrogate gradient make of them?

Each function here is a true step: a threshold, a rounding, a choice of the largest. Its derivative
is zero or nowhere. With ``surrogate=True`` its value is the same, to the last bit, and only the
derivative that ``jax.grad`` sees is another one.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

SLOPE = 5.0  # of the surrogate of a spike


@jax.custom_jvp
def _spike(over: jax.Array) -> jax.Array:
    return (over > 0).astype(over.dtype)


@_spike.defjvp
def _fast_sigmoid(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple:
    (over,), (moved,) = primals, tangents
    return _spike(over), moved / (1 + SLOPE * jnp.abs(over)) ** 2


def spike(over: jax.Array, surrogate: bool = False) -> jax.Array:
    """1 where a membrane is above its threshold, else 0.

    Surrogate: the derivative of a fast sigmoid (Zenke and Ganguli 2018; Neftci, Mostafa and Zenke
    2019, equation 5).
    """
    return _spike(over if surrogate else jax.lax.stop_gradient(over))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _staircase(x: jax.Array, levels: int) -> jax.Array:
    return jnp.clip(jnp.floor(levels * x), 0, levels) / levels


@_staircase.defjvp
def _ramp(levels: int, primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple:
    (x,), (moved,) = primals, tangents
    return _staircase(x, levels), jnp.where((x >= 0) & (x < 1 + 1 / levels), moved, 0)


def staircase(x: jax.Array, levels: int, surrogate: bool = False) -> jax.Array:
    """Steps of equal height from 0 up to 1.

    Surrogate: that of the ramp that the stairs follow (Bengio, Leonard and Courville 2013).
    """
    return _staircase(x if surrogate else jax.lax.stop_gradient(x), levels)


@jax.custom_jvp
def _rounded(weights: jax.Array) -> jax.Array:
    scale = jnp.max(jnp.abs(weights)) / 127
    return jnp.round(weights / jnp.where(scale > 0, scale, 1)) * scale


@_rounded.defjvp
def _passed_on(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple:
    return _rounded(*primals), tangents[0]


def int8(weights: jax.Array, surrogate: bool = False) -> jax.Array:
    """Whole numbers from -127 to 127, times one scale of the array.

    Surrogate: as if nothing was rounded (Bengio, Leonard and Courville 2013).
    """
    return _rounded(weights if surrogate else jax.lax.stop_gradient(weights))


@jax.custom_jvp
def _largest(scores: jax.Array) -> jax.Array:
    return jax.nn.one_hot(jnp.argmax(scores, 0), scores.shape[0], axis=0, dtype=scores.dtype)


@_largest.defjvp
def _softmax(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple:
    (scores,), (moved,) = primals, tangents
    share = jax.nn.softmax(scores, 0)
    return _largest(scores), share * (moved - jnp.sum(share * moved, 0))


def largest(scores: jax.Array, surrogate: bool = False) -> jax.Array:
    """1 for the largest along axis 0, the first of equals, else 0.

    Surrogate: the derivative of the softmax, as in straight-through Gumbel-softmax without noise
    (Jang, Gu and Poole 2017, section 2.2).
    """
    return _largest(scores if surrogate else jax.lax.stop_gradient(scores))
