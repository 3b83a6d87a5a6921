"""How do logits become probabilities? Without JAX, for arrays of any float type."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Probabilities (rows, classes) of their logarithms, up to a constant in each row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
