"""What does a trained network say? Its outputs in NumPy, in double precision.

A prediction is then the same for a sample whatever other samples come with it, and needs no
compiled program: products of single precision differ in their last digits with the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]


def _gelu(x: Array) -> Array:
    # The approximation by tanh, as in jax.nn.gelu.
    result: Array = x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return result


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.where(x < 0, 0, x),
    "leaky_relu": lambda x: np.where(x < 0, 0.01 * x, x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": _gelu,
    "silu": lambda x: x * special.expit(x),
    "softplus": lambda x: np.logaddexp(x, 0),
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "sine": np.sin,
    "sign": np.sign,
    "step": lambda x: (x > 0).astype(np.float64),
    "identity": lambda x: x,
}
"""The same functions as ``models.ACTIVATIONS``, by the same names."""


def outputs(
    inputs: Array,
    weights: Sequence[npt.NDArray[np.floating]],
    biases: Sequence[npt.NDArray[np.floating]],
    activation: str,
) -> Array:
    """Outputs before any softmax, (samples, outputs), for inputs (samples, features).

    ``weights`` are (inputs, outputs) of each layer, ``biases`` (outputs,).
    """
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if layer:
            inputs = ACTIVATIONS[activation](inputs)
        inputs = inputs @ weight.astype(np.float64) + bias
    return inputs
