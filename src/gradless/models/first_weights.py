"""Where does a network begin? One initialiser for whatever trains one, so that a seed says it."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import numpy as np

from gradless._core.tree import Params
from gradless.models.contract import Model
from gradless.models.mlp import INITIALIZERS, MLP, Dense


def drawn(model: Model, seed: int) -> Params:
    """First parameters of a model: its own, but an MLP's are drawn by NumPy.

    They are normal weights of the initializer's scale and biases of zero, a ``Dense`` of float32
    for each layer. JAX would compile that for a second for each shape.

    Parameters
    ----------
    model
        What is trained.
    seed
        From 0 to 2**32 - 1; with the model, it decides every number.
    """
    if not isinstance(model, MLP):
        return model.init(jax.random.key(seed))
    draw = np.random.default_rng(seed)
    layers: list[Any] = []
    for inputs, outputs in itertools.pairwise(model.sizes):
        scale = INITIALIZERS[model.initializer](inputs, outputs)
        weights = np.float32(scale * draw.standard_normal((inputs, outputs)))
        layers.append(Dense(weights, np.zeros(outputs, np.float32)))  # type: ignore[arg-type]
    return tuple(layers)
