"""Losses that are minimised, and what two searches must have in common."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from gradless.strategies import HillClimbing
from gradless.training.loop import Run

CLIMB = HillClimbing(sigma=0.3, adapt=True)
KEY = jax.random.key(0)
START = {"x": np.float32(2.0), "y": np.ones(2, np.float32)}


def bowl(params) -> jax.Array:
    """Zero at x = 3 and y = -1."""
    return (params["x"] - 3) ** 2 + jnp.sum((params["y"] + 1) ** 2)


def squares(vector) -> jax.Array:
    return jnp.sum(vector**2)


def mean_distance(params, batch) -> jax.Array:
    return jnp.mean((params - batch) ** 2)


def assert_same_run(first: Run, second: Run) -> None:
    """Equal to the last bit."""
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)
