"""What are predictions held against? Targets as the compiled loop has them, with weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless.objectives.metrics import Targets

Task = Literal["classification", "regression", "multilabel"]

_TIE = float(np.finfo(np.float32).tiny)


def class_targets(targets: Any, n_classes: int, weight: np.ndarray | None = None) -> Targets:
    """Class indices (samples,) or one-hot labels (samples, classes) for the compiled loop.

    ``weight`` is how much each sample counts, (samples,); by default all count the same.
    """
    targets = np.asarray(targets)
    indices = targets.argmax(1) if targets.ndim == 2 else targets
    classes = np.arange(n_classes)[:, None]
    return {
        "one_hot": _array(classes == indices),
        "tie": _array(np.where(classes < indices, -_TIE, 0.0)),
        **_weights(len(indices), weight),
    }


def value_targets(targets: Any, weight: np.ndarray | None = None) -> Targets:
    """Real targets (samples,) or (samples, outputs) for the compiled loop; weights as above."""
    values = np.asarray(targets, np.float32)
    values = values.reshape(len(values), -1).T
    return {"values": _array(values), **_weights(values.shape[1], weight)}


def label_targets(targets: Any, weight: np.ndarray | None = None) -> Targets:
    """Labels (samples, labels), each 0 or 1, for the compiled loop; weights as above.

    A network's outputs are then independent logits: it predicts every label above 0.
    """
    labels = np.asarray(targets).T
    return {"labels": _array(labels), **_weights(labels.shape[1], weight)}


def prepared(
    task: Task,
    targets: Any,
    n_outputs: int,
    weight: np.ndarray | None = None,
    extras: Mapping[str, Any] | None = None,
) -> Targets:
    """Targets for the compiled loop by task: class indices, real values or labels, as above.

    ``extras`` are arrays (samples,) that an objective finds by name beside the answers.
    """
    more = {name: _array(values) for name, values in (extras or {}).items()}
    if task == "classification":
        return {**class_targets(targets, n_outputs, weight), **more}
    return {**(value_targets if task == "regression" else label_targets)(targets, weight), **more}


def _weights(samples: int, weight: np.ndarray | None) -> Targets:
    weight = np.ones(samples) if weight is None else weight
    return {"weight": _array(weight), "total": _array(np.sum(weight))}


def pick(targets: Targets, chosen: jax.Array) -> Targets:
    """Targets of the samples at the indices ``chosen``."""
    taken = {
        name: jnp.take(values, chosen, axis=-1) for name, values in targets.items() if values.ndim
    }
    return {**taken, "total": taken["weight"].sum()}


def _array(values: Any) -> jax.Array:
    """The numbers for JAX, converted by NumPy: what JAX converts, it compiles first."""
    return jax.device_put(np.asarray(values, np.float32))


def checked_weight(weight: Any, samples: int) -> np.ndarray:
    """Weights of samples as an array (samples,).

    Raises
    ------
    InputError
        If there is not one for each sample, or one is negative or not finite, or all are 0.
    """
    weight = np.asarray(weight, np.float32)
    if weight.shape != (samples,):
        raise InputError(
            f"weights must be one number for each sample, of shape ({samples},), got shape "
            f"{weight.shape}"
        )
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise InputError(
            f"weights must be finite numbers, 0 or more, and not all 0, got {weight.min()} to "
            f"{weight.max()}. For example: 1 for each sample"
        )
    return weight
