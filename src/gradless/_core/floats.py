"""Which floating-point numbers does a search count in?

Parameters keep the type that they were given in. Losses, and all that is remembered of them, have
JAX's default type: float32, and float64 in its 64-bit mode (``jax_enable_x64``). What Python code
computes is float64, so searches of such losses are compiled in that mode, whatever the user's is.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def loss_dtype() -> np.dtype[Any]:
    """Type of losses: float64 in JAX's 64-bit mode, otherwise float32."""
    return np.dtype(jnp.result_type(float))


def no_loss() -> jax.Array:
    """The loss of what was not evaluated, which every finite one improves on: +inf, shape ()."""
    return jnp.asarray(jnp.inf, loss_dtype())


def sixty_four_bits() -> AbstractContextManager[Any]:
    """JAX's 64-bit mode, for this thread, as a context."""
    return jax.enable_x64(True)


def mode_of(loss: jax.Array) -> AbstractContextManager[Any]:
    """The mode in which a run with losses of this type is looked into, as a context."""
    return sixty_four_bits() if loss.dtype == np.float64 else contextlib.nullcontext()


def vector_dtype(params: Any) -> np.dtype[Any]:
    """Type of all parameters of a pytree as one vector: float32, or float64 if a leaf is that."""
    return np.dtype(jnp.result_type(jnp.float32, *map(jnp.result_type, jax.tree.leaves(params))))
