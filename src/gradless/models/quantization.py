"""How are weights held in eight bits? As whole numbers from -127 to 127 times one scale a layer.

Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference" (2018), equation 1 with the zero point at zero, and -128 left out as in section 3; Nagel
et al., "A White Paper on Neural Network Quantization" (2021), section 2.2, the symmetric quantizer.

The scale has 16 significant bits and a whole number here has 7, so their product is exact in
float32: weights that were rounded are not changed by rounding them again, and what a file holds in
eight bits is the network that was trained, bit for bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError

MOST = 127
"""The largest whole number."""

_EXPONENT_BITS, _MANTISSA_BITS = 8, 15  # of a scale, with a leading bit that is not stored
# The largest of 16 bits of which 127 are finite. The smallest is not the very smallest of float32:
# the quotient that it is found by may be a little lower, and what is below may count as zero.
_LARGEST_SCALE = np.float32(33026 * 2.0**106)
_SMALLEST_SCALE = np.float32(2.0**-125)


class Quantized(NamedTuple):
    """Weights of a layer in eight bits: ``values * scale``."""

    values: jax.Array  # (inputs, outputs), int8
    scale: jax.Array  # (), float32


@jax.jit
def quantized(weights: jax.Array) -> Quantized:
    """Weights of a layer as whole numbers and the scale by which the largest is 127 or -127.

    Halves are rounded to even numbers. Weights of which none is above 127 * 2**-125 are zeros. If
    one is not finite, so is the scale, and with it the whole layer: such a network never wins.

    Parameters
    ----------
    weights
        Shape (inputs, outputs), float32.

    Examples
    --------
    >>> values, scale = quantized(jax.numpy.array([[254.0, -1.0], [3.0, 100.2]]))
    >>> values.tolist(), float(scale)
    ([[127, 0], [2, 50]], 2.0)
    """
    largest = jnp.max(jnp.abs(weights))
    scale = jax.lax.reduce_precision(largest / MOST, _EXPONENT_BITS, _MANTISSA_BITS)
    scale = jnp.where(scale < _SMALLEST_SCALE, 0, jnp.minimum(scale, _LARGEST_SCALE))
    scale = jnp.where(jnp.isfinite(largest), scale, jnp.nan)
    # Nothing has to be clipped: the scale is right to 16 bits.
    values = jnp.round(weights / jnp.where(scale > 0, scale, 1))
    return Quantized(values.astype(jnp.int8), scale)


def rounded(weights: jax.Array) -> jax.Array:
    """The weights that :func:`quantized` stands for, (inputs, outputs), float32."""
    values, scale = quantized(weights)
    return values.astype(jnp.float32) * scale


def restored(stored: Any, path: Path) -> npt.NDArray[np.float32]:
    """Weights (inputs, outputs), float32, from what a file holds.

    Parameters
    ----------
    stored
        A :class:`Quantized` of the right shapes and dtypes.
    path
        The file, to be named.

    Raises
    ------
    InputError
        If :func:`quantized` cannot have made it: rounded again, it would be another network.
    """
    values, scale = map(np.asarray, stored)
    with np.errstate(all="ignore"):
        weights: npt.NDArray[np.float32] = values.astype(np.float32) * scale
    if not all(map(np.array_equal, quantized(weights), (values, scale))):
        raise InputError(
            f"{path} must hold 8-bit weights with a scale of 16 bits by which the largest is "
            f"{MOST} or -{MOST}, got a scale of {scale:.6g} and whole numbers from "
            f"{values.min()} to {values.max()}; use another copy of it"
        )
    return weights
