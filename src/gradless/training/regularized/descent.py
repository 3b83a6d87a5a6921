"""How does one network learn? Quasi-Newton steps on slopes felt at its neurons.

L-BFGS (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4), with a line search that tries
some lengths at once. Along a direction what hidden neurons get is linear in the length, so that no
length needs the first layer again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gradless._core.programs import compiled
from gradless.training.regularized.slopes import (
    Data,
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


class State(NamedTuple):
    """One network on its way."""

    vector: jax.Array  # (weights,)
    z: jax.Array  # what its hidden neurons get, (hidden, rows)
    value: jax.Array  # penalised loss
    loss: jax.Array  # without the penalty
    memory: Any  # of L-BFGS
    taken: jax.Array  # iterations, int32
    slow: jax.Array  # iterations in a row that gained next to nothing, int32
    done: jax.Array  # whether there is nothing more to gain


def evaluations(shape: Shape, iterations: int) -> int:
    """Networks whose loss so many iterations look at."""
    return iterations * (shape.networks_for_slopes + len(LENGTHS))


def _lbfgs() -> optax.GradientTransformation:
    return optax.scale_by_lbfgs(MEMORY)


@compiled(static_argnames=["shape"])
def begin(
    shape: Shape, vector: jax.Array, data: Data, weight: jax.Array, alpha: jax.Array
) -> State:
    """A network before its first iteration."""
    z = first_layer(shape.layers(vector), data)
    layers = shape.layers(vector)
    losses = shape.row_losses(shape.last_layer(layers, shape.activated(z)), data.targets)
    loss = mean_loss(losses, shares(weight))
    none = jnp.int32(0)
    memory = _lbfgs().init(vector)
    value = loss + alpha * shape.penalty(vector, vector)
    return State(vector, z, value, loss, memory, none, none, jnp.bool_(False))


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
        Rows, and how much each counts here, (rows,): 0 for those that it must not see.
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
    direction, memory = _turned(state, slope)
    layers, along = shape.layers(state.vector), shape.layers(direction)
    dz = first_layer(along, data)
    ahead = shape.penalty(state.vector, direction), shape.penalty(direction, direction)
    here = shape.penalty(state.vector, state.vector)

    def at(length: jax.Array) -> tuple[jax.Array, jax.Array]:
        moved = jax.tree.map(lambda a, b: a + length * b, layers, along)
        outputs = shape.last_layer(moved, shape.activated(state.z + length * dz))
        loss = mean_loss(shape.row_losses(outputs, data.targets), share)
        value = loss + alpha * (here + length * (2 * ahead[0] + length * ahead[1]))
        return jnp.where(jnp.isfinite(value), value, jnp.inf), loss

    lengths = jnp.asarray(LENGTHS)
    values, losses = jax.lax.map(at, lengths)
    best = jnp.argmin(values)
    better = values[best] < state.value
    length = jnp.where(better, lengths[best], 0.0)
    gain = jnp.where(better, state.value - values[best], 0.0)
    slow = jnp.where(gain > TOLERANCE * jnp.abs(state.value), 0, state.slow + 1)
    # Where nothing is gained with an empty memory, the slope itself leads nowhere.
    lost = ~better & (state.memory.count == 0)
    kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), memory, _lbfgs().init(slope))
    return State(
        state.vector + length * direction,
        state.z + length * dz,
        jnp.where(better, values[best], state.value),
        jnp.where(better, losses[best], state.loss),
        kept,
        state.taken + 1,
        slow,
        lost | (slow >= PATIENCE),
    )


def _turned(state: State, slope: jax.Array) -> tuple[jax.Array, Any]:
    """The direction of the next step, and what is remembered."""
    before = state.memory
    step, change = state.vector - before.params, slope - before.updates
    # Cautious updating (Li and Fukushima, 2001): where the curvature along the step is not clearly
    # positive, enough of the step is added to the change that it is.
    length = jnp.linalg.norm(step)
    least = _CURVATURE * length * jnp.linalg.norm(change)
    lift = jnp.maximum(0.0, least - step @ change) / jnp.maximum(length**2, 1e-30)
    lifted = before._replace(updates=before.updates - lift * step)
    descent, memory = _lbfgs().update(slope, lifted, state.vector)
    steepest = slope / jnp.maximum(jnp.linalg.norm(slope), 1e-30)
    usable = jnp.all(jnp.isfinite(descent)) & (descent @ slope > 0) & (before.count > 0)
    return -jnp.where(usable, descent, steepest), memory
