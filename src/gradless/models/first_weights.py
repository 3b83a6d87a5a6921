"""Where does a network begin? One initialiser for whatever trains one, so that a seed says it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from gradless.models.mlp import INITIALIZERS, MLP, Dense


def drawn(model: MLP, seed: int) -> tuple[Dense, ...]:
    """First parameters: normal weights of the initializer's scale, biases of zero.

    NumPy draws them: JAX would compile that for a second for each shape.

    Parameters
    ----------
    model
        The network.
    seed
        From 0 to 2**32 - 1; with the sizes, it decides every weight.

    Returns
    -------
    tuple of Dense
        NumPy arrays, float32: weights (inputs, outputs) and biases (outputs,) of each layer.
    """
    draw = np.random.default_rng(seed)
    layers: list[Any] = []
    for inputs, outputs in itertools.pairwise(model.sizes):
        scale = INITIALIZERS[model.initializer](inputs, outputs)
        weights = np.float32(scale * draw.standard_normal((inputs, outputs)))
        layers.append(Dense(weights, np.zeros(outputs, np.float32)))  # type: ignore[arg-type]
    return tuple(layers)
