"""Which rules turn an estimated gradient into a step?

All come without a learning rate: a strategy multiplies by its own, so that changing it does not
compile anything anew.
"""

from __future__ import annotations

from typing import Any

import optax

from gradless.strategies.parts.clipup import scale_by_clipup

OPTIMIZERS = ("adam", "sgd", "momentum", "rmsprop", "clipup")
"""Every optimiser by name."""


def get(name: str, momentum: Any = 0.9, second_moment: Any = 0.999) -> optax.GradientTransformation:
    """Step-size rule by name, from a gradient to descend to an update to subtract.

    Parameters
    ----------
    name
        One of ``OPTIMIZERS``.
    momentum
        Share of the mean gradient kept from step to step, in adam, momentum and clipup.
    second_moment
        Share of the mean squared gradient kept from step to step, in adam and rmsprop.
    """
    match name:
        case "adam":
            return optax.scale_by_adam(momentum, second_moment)
        case "momentum":
            return optax.trace(momentum)
        case "rmsprop":
            return optax.scale_by_rms(second_moment, bias_correction=True)
        case "clipup":
            return scale_by_clipup(momentum)
    return optax.identity()
