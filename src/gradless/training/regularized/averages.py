"""What do several networks say together? Their mean, which is one network itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gradless.models.mlp import MLP, Dense
from gradless.training.regularized.slopes import Layers


def mean(halved: bool, model: MLP, networks: Sequence[Layers]) -> tuple[MLP, tuple[Dense, ...]]:
    """The network whose outputs are the mean of these networks' outputs, and its layers.

    Hidden layers stand side by side; weights of the last layer are divided by the number of
    networks.

    Parameters
    ----------
    halved
        Whether they have one output for two classes.
    networks
        What was trained, as NumPy arrays or JAX arrays.
    model
        The network that was asked for: its activation, number of outputs and so on.
    """
    many = len(networks)
    stack = [tuple(np.asarray(part, np.float64) for part in layers) for layers in networks]
    first = np.concatenate([w for w, _, _, _ in stack])
    first_bias = np.concatenate([b for _, b, _, _ in stack])
    last = np.concatenate([w for _, _, w, _ in stack], axis=1) / many
    last_bias = np.sum([b for _, _, _, b in stack], axis=0) / many
    if halved:
        last, last_bias = (
            np.concatenate([-last, last]) / 2,
            np.concatenate([-last_bias, last_bias]) / 2,
        )
    found = MLP(
        (model.sizes[0], len(first), model.sizes[-1]),
        model.activation,
        model.initializer,
        model.weights,
    )
    layers = (_dense(first.T, first_bias), _dense(last.T, last_bias))
    return found, layers


def _dense(weights: npt.NDArray[np.float64], biases: npt.NDArray[np.float64]) -> Dense:
    kept = np.ascontiguousarray(weights, np.float32), np.asarray(biases, np.float32)
    return Dense(*kept)  # type: ignore[arg-type]
