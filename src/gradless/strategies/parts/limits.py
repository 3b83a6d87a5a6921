"""What becomes of losses and steps that float32 cannot calculate with?

A user's loss may be anything: NaN, minus infinity, a penalty of 3e38. The difference of two
penalties, or the square of one, is infinite, and one infinite number in a center makes every later
candidate NaN. So numbers are kept in ranges whose differences, squares and sums are finite. All of
these functions leave ordinary numbers as they are, to the last bit.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gradless._core.floats import loss_dtype

_LOSS = 1e30  # differences, and sums over any population, are finite
_SQUARED = 1e15  # the square is, and the sum of millions of them
_MATRIX = 1e16  # times a step size it is
_PARAMETER = 1e36  # a few times it is
_STEPS = (1e-30, 1e20)  # times a scale of parameters, up to 1e15, it is
_EXTRAPOLATED = 1e4  # as many times as far as was tried


def told(losses: Any) -> jax.Array:
    """Losses as strategies take them: of ``floats.loss_dtype``, +inf where they are not finite.

    Minus infinity and NaN are no results either, and must not win.
    """
    losses = jnp.asarray(losses).astype(loss_dtype())
    return jnp.where(jnp.isfinite(losses), losses, jnp.inf)


def subtractable(losses: jax.Array) -> jax.Array:
    """Losses whose differences and sums are finite; those beyond 1e30 count as that."""
    return jnp.clip(losses, -_LOSS, _LOSS)


def squarable(values: jax.Array, unit: Any = 1.0) -> jax.Array:
    """Values whose squares, in a unit, can be added up; those beyond 1e15 of it count as that."""
    return jnp.clip(values, -_SQUARED * unit, _SQUARED * unit)


def scale(sizes: jax.Array) -> jax.Array:
    """Typical sizes of parameters that can be squared, and are not zero."""
    return jnp.clip(sizes, 1 / _SQUARED, _SQUARED)


def unit(values: jax.Array) -> jax.Array:
    """A power of two by which finite values are divided so that their squares are in range.

    Dividing by it rounds nothing, so what does not depend on the unit is the same to the last bit.
    """
    exponent = jnp.frexp(jnp.max(jnp.abs(values)))[1]
    # Its reciprocal is to be in range as well: compilers multiply by that.
    most = 126 if values.dtype == jnp.float32 else 1000
    return jnp.ldexp(jnp.ones((), values.dtype), jnp.clip(exponent, -most, most))


def bounded(step_size: jax.Array) -> jax.Array:
    """A step size that is neither zero nor so large that a candidate is infinite."""
    return jnp.clip(step_size, *_STEPS)


def without_effect(center: jax.Array, deviations: jax.Array) -> jax.Array:
    """Whether steps change nothing, boolean: a fifth of each deviation is rounded away.

    Hansen, "Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed" (2009), ends an
    attempt when that holds of one parameter. In float32 it soon holds of one that is large and
    matters little, so here it has to hold of all.
    """
    return jnp.all(center + 0.2 * deviations == center)


def sound(matrix: jax.Array) -> jax.Array:
    """Whether products with it are finite, boolean; not if a number in it is NaN."""
    return jnp.all(jnp.abs(matrix) < _MATRIX)


def in_range(parameters: jax.Array) -> jax.Array:
    """Parameters that can be added and subtracted."""
    return jnp.clip(parameters, -_PARAMETER, _PARAMETER)


def extrapolated(update: jax.Array, rate: Any, sigma: Any) -> jax.Array:
    """An update, to be multiplied by a learning rate, that leads no further than its slope may say.

    A slope is felt over a distance ``sigma``. That of one penalty of 1e38 is so steep that a step
    along it would end where no other loss is finite, and the search with it. A step is at most ten
    thousand times as long as the longer one of ``sigma`` and the learning rate.

    Parameters
    ----------
    update
        In the units of ``sigma``, shape (size,).
    rate, sigma
        Learning rate, and size of the changes that were tried.
    """
    longest = _EXTRAPOLATED * jnp.maximum(1.0, sigma / rate)
    return jnp.clip(update, -longest, longest)
