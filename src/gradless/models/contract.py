"""What is a model? Anything with ``init(key) -> params`` and ``apply(params, x) -> outputs``.

Samples are on the leading axis of ``x`` and of the outputs. A model may also say how it computes
feature-major: then it is trained faster.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, runtime_checkable

import jax

from gradless._core.tree import Params

FeatureRows = list[jax.Array] | jax.Array
"""Feature-major activations: an array (features, samples), or a list of its rows."""


@runtime_checkable
class Model(Hashable, Protocol):
    """Anything that makes parameters and applies them."""

    def init(self, key: jax.Array) -> Params:
        """First parameters, a pytree of arrays."""

    def apply(self, params: Params, x: jax.Array) -> jax.Array:
        """Outputs, shape (samples, outputs), for inputs of shape (samples, ...)."""


@runtime_checkable
class FeatureMajor(Model, Protocol):
    """A model that computes feature-major, which a processor does faster."""

    def apply_rows(self, params: Params, rows: FeatureRows) -> FeatureRows:
        """Outputs (outputs, samples) for inputs (features, samples): an array, or lists of rows."""
