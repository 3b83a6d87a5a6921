"""What is being trained? A multi-layer perceptron, the model that ships.

Its arithmetic is written feature-major, activations of shape (features, samples), because a
processor's vector units then run along the samples, whatever the width of the network.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import tree
from gradless._core.errors import InputError, unknown_name
from gradless.models import quantization
from gradless.models.contract import FeatureRows

_TURNED_FIRST = 2048  # weights; turning more than that costs more than it saves


def _relu(x: jax.Array) -> jax.Array:
    # One instruction. A maximum that passes NaN on from both sides is three.
    return jnp.where(x < 0, jnp.zeros((), x.dtype), x)


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": _relu,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "sine": jnp.sin,
    "sign": jnp.sign,
    "step": lambda x: (x > 0).astype(x.dtype),
    "identity": lambda x: x,
}
"""Activation functions by name; none needs a derivative."""

PRECISIONS = ("float32", "bfloat16")
"""Numbers that a network may compute in."""

STEPS = frozenset({"sign", "step"})
"""Activations that are flat almost everywhere, so that a loss goes in steps."""

WEIGHTS = ("float32", "int8")
"""Weight formats: float32, or int8 with a scale of each layer, by ``quantization``."""

INITIALIZERS: dict[str, Callable[[int, int], float]] = {
    "he": lambda inputs, outputs: math.sqrt(2 / inputs),
    "glorot": lambda inputs, outputs: math.sqrt(2 / (inputs + outputs)),
    "lecun": lambda inputs, outputs: math.sqrt(1 / inputs),
    "book": lambda inputs, outputs: 0.01,
}
"""Standard deviation of a layer's first weights, from its numbers of inputs and outputs.

``he``: He et al. (2015), equation 10. ``glorot``: Glorot and Bengio (2010), section 4.2.1, normal
form. ``lecun``: LeCun et al., "Efficient BackProp" (1998), equation 16. ``book``: the 0.01 of
"Neural Networks from Scratch".
"""


class Dense(NamedTuple):
    """Parameters of one layer."""

    weights: jax.Array  # (inputs, outputs)
    biases: jax.Array  # (outputs,)


@dataclass(frozen=True)
class MLP:
    """Multi-layer perceptron: dense layers with an activation after all but the last.

    Parameters
    ----------
    sizes
        Inputs, neurons of each hidden layer, outputs; for example ``(2, 64, 3)``.
    activation
        Name in ``ACTIVATIONS``.
    initializer
        Name in ``INITIALIZERS``; biases start at zero.
    weights
        Name in ``WEIGHTS``. With ``"int8"`` the network computes with weights that are rounded to
        whole numbers of -127 to 127 times a scale of their layer. Parameters are float32 all the
        same, and so are biases: a search moves by less than a rounding.

    Raises
    ------
    InputError
        For fewer than two sizes, a size below one, or an unknown name.

    Examples
    --------
    >>> import jax
    >>> model = MLP((2, 64, 3))
    >>> params = model.init(jax.random.key(0))
    >>> model.apply(params, jax.numpy.zeros((300, 2))).shape
    (300, 3)
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    initializer: str = "he"
    weights: str = "float32"

    def __post_init__(self) -> None:
        """Refuse what cannot be a network."""
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise InputError(
                "layer sizes must be inputs, hidden layers and outputs, each 1 or more, got "
                f"{self.sizes}. For example: 2 64 3"
            )
        if max(self.sizes) >= 2**31:  # what an index of an array can be
            raise InputError(
                "a layer must have so few neurons that its outputs for one sample are below "
                f"{2**31:,} bytes, got {max(self.sizes):.3g} neurons, "
                f"{max(self.sizes) / 2**28:.3g} GiB"
            )
        if self.activation not in ACTIVATIONS:
            raise unknown_name("activation", self.activation, ACTIVATIONS)
        if self.initializer not in INITIALIZERS:
            raise unknown_name("initializer", self.initializer, INITIALIZERS)
        if self.weights not in WEIGHTS:
            raise unknown_name("kind of weights", self.weights, WEIGHTS)

    @property
    def is_piecewise_constant(self) -> bool:
        """Whether outputs go in steps, so that no derivative says where they fall."""
        return self.activation in STEPS or self.rounds

    @property
    def rounds(self) -> bool:
        """Whether the weights it computes with are rounded parameters."""
        return self.weights != "float32"

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum((i + 1) * o for i, o in itertools.pairwise(self.sizes))

    def init(self, key: jax.Array) -> tuple[Dense, ...]:
        """Normal weights of the initializer's scale, biases zero, float32."""
        layers = []
        for index, (inputs, outputs) in enumerate(itertools.pairwise(self.sizes)):
            scale = INITIALIZERS[self.initializer](inputs, outputs)
            layer_key = jax.random.fold_in(key, index)
            weights = scale * jax.random.normal(layer_key, (inputs, outputs), jnp.float32)
            layers.append(Dense(weights, jnp.zeros(outputs, jnp.float32)))
        return tuple(layers)

    def apply(self, params: Sequence[Dense], x: jax.Array) -> jax.Array:
        """Outputs before any softmax, (samples, outputs), for x of shape (samples, inputs)."""
        outputs = self.apply_rows(params, jnp.asarray(x).T)
        assert isinstance(outputs, jax.Array)
        return outputs.T

    def apply_rows(self, params: Sequence[Dense], rows: FeatureRows) -> FeatureRows:
        """Feature-major outputs for feature-major inputs.

        Given an array, every layer is one matrix product. Given a list of rows, every layer is
        written out as multiply-adds of single weights and rows: for layers of a few neurons the
        compiler fuses the whole network into one loop over the samples.
        """
        rows = _dense(self._used(params[0]), rows)
        activation = ACTIVATIONS[self.activation]
        for layer in params[1:]:
            rows = _dense(self._used(layer), jax.tree.map(activation, rows))
        return rows

    def used(self, params: Sequence[Dense]) -> tuple[Dense, ...]:
        """Parameters as it computes with them: weights rounded, if it rounds."""
        return tuple(map(self._used, params))

    def _used(self, layer: Dense) -> Dense:
        return Dense(quantization.rounded(layer.weights), layer.biases) if self.rounds else layer

    # --- Kept -------------------------------------------------------------------------------------

    def stored(self, params: Sequence[Dense]) -> tuple[Dense, ...]:
        """The network as files hold it: rounded weights as :class:`quantization.Quantized`."""
        if not self.rounds:
            return tuple(params)
        return tuple(Dense(quantization.quantized(w), biases) for w, biases in params)

    def stored_zeros(self) -> tuple[Dense, ...]:
        """NumPy arrays of zeros as :meth:`stored` has them, for shapes and dtypes."""
        shapes = jax.eval_shape(lambda: self.stored(self.init(jax.random.key(0))))
        zeros: tuple[Dense, ...] = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
        return zeros

    def restored(self, stored: Any, path: Path) -> tuple[Dense, ...]:
        """Parameters from what :meth:`stored` made, as NumPy arrays.

        Weights that it rounds come back rounded, which is the same network.

        Raises
        ------
        InputError
            If the file, ``path``, holds weights that are not rounded in this way.
        """
        if not self.rounds:
            return tuple(stored)
        return tuple(Dense(quantization.restored(w, path), biases) for w, biases in stored)  # type: ignore[arg-type]


def _dense(layer: Dense, rows: FeatureRows) -> FeatureRows:
    return _dense_rows(layer, rows) if isinstance(rows, list) else _dense_product(layer, rows)


def _dense_product(layer: Dense, rows: FeatureRows) -> FeatureRows:
    assert isinstance(rows, jax.Array)
    weights = layer.weights.T
    if tree.size(weights) <= _TURNED_FIRST:
        # A product with a narrow matrix that is turned on the way takes up to three times as long.
        weights = jax.lax.optimization_barrier(weights)
    return weights @ rows + layer.biases[:, None]


def _dense_rows(layer: Dense, rows: FeatureRows) -> FeatureRows:
    # From the bias on, every term is one fused multiply-add.
    inputs, outputs = layer.weights.shape
    return [
        functools.reduce(
            operator.add, (layer.weights[i, o] * rows[i] for i in range(inputs)), layer.biases[o]
        )
        for o in range(outputs)
    ]
