"""What is a model? Anything with ``init(key) -> params`` and ``apply(params, x) -> outputs``.

Samples are on the leading axis of ``x`` and of the outputs. A model may also say how it computes
feature-major, and what opposite candidates can share: then it is trained faster.
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


@runtime_checkable
class LinearFirst(FeatureMajor, Protocol):
    """A model that begins with a layer that is linear in the parameters.

    Of two networks center + change and center - change, it is the same two results added and
    subtracted: one product where most of the work is.
    """

    @property
    def shares_first(self) -> bool:
        """Whether that saves work, and changes nothing but the last digits."""

    def first(self, params: Params, rows: FeatureRows) -> FeatureRows:
        """The first layer before its activation.

        Matrices of the parameters may be a ``strategies.parts.low_rank.LowRank`` here, which is
        multiplied (``.T @ rows``) and added like a matrix, and nothing else.
        """

    def after_first(self, params: Params, rows: FeatureRows) -> FeatureRows:
        """Outputs from what :meth:`first` returned."""
