"""How does one network learn? Quasi-Newton steps on slopes felt at its neurons.

L-BFGS (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4), with a line search that tries
some lengths at once. Along a direction what hidden neurons get is linear in the length, so that no
length needs the first layer again.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless._core.programs import compiled
from gradless.training.regularized.slopes import (
    Data,
    Layers,
    Shape,
    first_layer,
    mean_loss,
    shares,
    slopes,
)

LENGTHS = np.float32(2.0) ** np.arange(1, -8, -1, dtype=np.float32)
"""Lengths of a step that are tried, of the quasi-Newton one."""

MEMORY = 20
"""Pairs of steps and changes of slopes that the curvature is learnt from."""

TOLERANCE = 1e-4
"""A network is done when it has gained less than this share of its loss, ``PATIENCE`` times."""

PATIENCE = 3

_CURVATURE = 0.02  # cosine between step and change of slopes, at least


class Memory(NamedTuple):
    """Steps and changes of slopes, the last one at the end; zeros where there is none yet."""

    steps: jax.Array  # (MEMORY, weights)
    changes: jax.Array  # (MEMORY, weights)
    held: jax.Array  # iterations since it was empty, int32


class State(NamedTuple):
    """One network on its way."""

    vector: jax.Array  # (weights,)
    z: jax.Array  # what its hidden neurons get, (blocks, hidden, rows)
    value: jax.Array  # penalised loss
    loss: jax.Array  # without the penalty
    slope: jax.Array  # where it was before its last step, (weights,)
    step: jax.Array  # that step, (weights,)
    memory: Memory
    taken: jax.Array  # iterations, int32
    slow: jax.Array  # iterations in a row that gained next to nothing, int32
    done: jax.Array  # whether there is nothing more to gain


def evaluations(shape: Shape, iterations: int) -> int:
    """Networks whose loss so many iterations look at."""
    return iterations * (shape.networks_for_slopes + len(LENGTHS))


def begin(shape: Shape, vector: npt.NDArray[np.float32], data: Data) -> State:
    """A network before its first iteration; its loss is not known yet."""
    layers = Layers(*map(np.asarray, shape.layers(vector)))  # type: ignore[arg-type]
    z = np.matmul(layers.first, np.asarray(data.inputs)) + layers.first_bias[:, None]
    nothing = np.zeros((MEMORY, shape.weights), np.float32)
    infinite, none = np.float32(np.inf), np.int32(0)
    memory = Memory(nothing, nothing, none)  # type: ignore[arg-type]
    zeros = np.zeros_like(vector)
    state = State(vector, z, infinite, infinite, zeros, zeros, memory, none, none, np.bool_(False))  # type: ignore[arg-type]
    return jax.device_put(state)


@compiled(static_argnames=["shape"])
def advance(
    shape: Shape,
    state: State,
    data: Data,
    weight: jax.Array,
    alpha: jax.Array,
    until: jax.Array,
) -> State:
    """The network when it has taken ``until`` iterations, or is done before.

    Parameters
    ----------
    shape, state
        The network.
    data, weight
        Rows, and how much each counts here, (blocks, rows): 0 for those that it must not see.
    alpha
        Strength of the penalty.
    until
        Iterations since its beginning, int32.
    """
    share = shares(weight)
    return jax.lax.while_loop(
        lambda s: (s.taken < until) & ~s.done,
        lambda s: _iterated(shape, s, data, share, alpha),
        state,
    )


def _iterated(shape: Shape, state: State, data: Data, share: jax.Array, alpha: jax.Array) -> State:
    slope = slopes(shape, state.vector, state.z, data, share, alpha)
    memory = _remembered(state, slope)
    direction = _direction(memory, slope)
    layers, along = shape.layers(state.vector), shape.layers(direction)
    lengths = jnp.asarray(LENGTHS)

    def add(
        found: jax.Array, block: tuple[Data, jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        rows, z, counted = block
        dz = first_layer(along, rows.inputs)

        def at(length: jax.Array) -> jax.Array:
            moved = jax.tree.map(lambda a, b: a + length * b, layers, along)
            outputs = shape.last_layer(moved, shape.activated(z + length * dz))
            return mean_loss(shape.row_losses(outputs, rows.targets), counted)

        return found + jax.lax.map(at, lengths), dz

    losses, dz = jax.lax.scan(add, jnp.zeros_like(lengths), (data, state.z, share))
    here, ahead, beyond = (
        shape.penalty(a, b)
        for a, b in (
            (state.vector, state.vector),
            (state.vector, direction),
            (direction, direction),
        )
    )
    values = losses + alpha * (here + lengths * (2 * ahead + lengths * beyond))
    values = jnp.where(jnp.isfinite(values), values, jnp.inf)
    best = jnp.argmin(values)
    better = values[best] < state.value
    length = jnp.where(better, lengths[best], 0.0)
    gain = jnp.where(better, state.value - values[best], 0.0)
    slow = jnp.where(gain > TOLERANCE * jnp.abs(state.value), 0, state.slow + 1)
    # Where nothing is gained with an empty memory, the slope itself leads nowhere.
    lost = ~better & (memory.held == 0)
    step = length * direction
    return State(
        state.vector + step,
        state.z + length * dz,
        jnp.where(better, values[best], state.value),
        jnp.where(better, losses[best], state.loss),
        slope,
        step,
        memory._replace(held=jnp.where(better, memory.held + 1, 0)),
        state.taken + 1,
        slow,
        lost | (slow >= PATIENCE),
    )


def _remembered(state: State, slope: jax.Array) -> Memory:
    """The memory with the last step in it, and nothing from before it began."""
    before = state.memory
    step, change = state.step, slope - state.slope
    # Cautious updating (Li and Fukushima, 2001): where the curvature along the step is not clearly
    # positive, enough of the step is added to the change that it is.
    length = jnp.linalg.norm(step)
    least = _CURVATURE * length * jnp.linalg.norm(change)
    lift = jnp.maximum(0.0, least - step @ change) / jnp.maximum(length**2, 1e-30)
    fresh = before.held == 0

    def moved_up(kept: jax.Array, new: jax.Array) -> jax.Array:
        return jnp.where(fresh, 0.0, jnp.concatenate([kept[1:], new[None]]))

    steps, changes = (
        moved_up(kept, new)
        for kept, new in ((before.steps, step), (before.changes, change + lift * step))
    )
    return Memory(steps, changes, before.held)


def _direction(memory: Memory, slope: jax.Array) -> jax.Array:
    """The quasi-Newton direction by the two-loop recursion; without a memory, downhill."""
    products = jnp.sum(memory.steps * memory.changes, axis=1)
    inverse = jnp.where(products > 0, 1 / products, 0.0)

    def back(
        vector: jax.Array, pair: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        step, change, weight = pair
        share = weight * (step @ vector)
        return vector - share * change, share

    def forth(
        vector: jax.Array, pair: tuple[jax.Array, jax.Array, jax.Array, jax.Array]
    ) -> tuple[jax.Array, None]:
        step, change, weight, share = pair
        return vector + (share - weight * (change @ vector)) * step, None

    pairs = memory.steps, memory.changes, inverse
    vector, taken = jax.lax.scan(back, slope, pairs, reverse=True)
    last = memory.changes[-1]
    vector = products[-1] / jnp.maximum(last @ last, 1e-30) * vector
    vector, _ = jax.lax.scan(forth, vector, (*pairs, taken))
    usable = jnp.all(jnp.isfinite(vector)) & (vector @ slope > 0) & (memory.held > 0)
    steepest = slope / jnp.maximum(jnp.linalg.norm(slope), 1e-30)
    return -jnp.where(usable, vector, steepest)
