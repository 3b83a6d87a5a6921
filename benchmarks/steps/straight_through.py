"""How does a straight-through estimator train the same network? By Adam, on surrogate gradients.

Bengio, Leonard and Courville, "Estimating or Propagating Gradients Through Stochastic Neurons"
(2013); for spikes Neftci, Mostafa and Zenke, "Surrogate Gradient Learning in Spiking Neural
Networks" (2019). The forward pass is that of the hard network, to the last bit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.steps.settings import Adam
from benchmarks.steps.tasks import Params, Task


def outputs(task: Task, params: Params, pixels: jax.Array) -> jax.Array:
    """Outputs (10, samples) of the network whose derivative is the surrogate's."""
    return task.rest(params, task.first(params, pixels), True)


def descend(
    task: Task, params: Params, pixels: np.ndarray, labels: np.ndarray, settings: Adam, seed: int
) -> Iterator[tuple[Params, int]]:
    """Parameters at the start and after each epoch, and the samples that went forward in it.

    Everything is compiled before the first ones are given.

    Parameters
    ----------
    pixels, labels
        Shapes (samples, pixels), (samples,).
    """
    rows = jnp.asarray(pixels), jnp.asarray(labels)
    steps = len(labels) // settings.batch_size
    state, key = optax.adam(settings.learning_rate).init(params), jax.random.key(seed)
    _epoch(task, settings, params, state, rows, key)
    yield params, 0
    while True:
        key, own = jax.random.split(key)
        found = _epoch(task, settings, params, state, rows, own)
        params, state = jax.block_until_ready(found)
        yield params, steps * settings.batch_size


@functools.partial(jax.jit, static_argnums=(0, 1))
def _epoch(
    task: Task,
    settings: Adam,
    params: Params,
    state: Any,
    rows: tuple[jax.Array, jax.Array],
    key: jax.Array,
) -> tuple[Params, Any]:
    pixels, labels = rows
    rule = optax.adam(settings.learning_rate)

    def loss(params: Params, chosen: jax.Array) -> jax.Array:
        found = outputs(task, params, pixels[chosen].T).T
        return optax.softmax_cross_entropy_with_integer_labels(found, labels[chosen]).mean()

    def step(carry: Any, chosen: jax.Array) -> tuple[Any, None]:
        params, state = carry
        change, state = rule.update(jax.grad(loss)(params, chosen), state, params)
        return (optax.apply_updates(params, change), state), None

    steps = len(labels) // settings.batch_size
    order = jax.random.permutation(key, len(labels))[: steps * settings.batch_size]
    carry, _ = jax.lax.scan(step, (params, state), order.reshape(steps, -1))
    return carry
