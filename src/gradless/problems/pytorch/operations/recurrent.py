"""How do recurrent layers walk along time? As one scan for each layer and direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax.numpy as jnp
from jax import lax

from gradless.problems.pytorch.operations.contract import Array, Operation
from gradless.problems.pytorch.operations.products import linear

Weights = Sequence[Array]
"""Of one layer and direction: from the input, from the state, two biases, a projection."""

Cell = Callable[[tuple[Array, ...], Array, Weights, bool], tuple[Array, ...]]
"""From a state, what the input adds, the weights and whether there are biases to the next state.

The first of a state is what the layer gives out.
"""


def _from_state(h: Array, weights: Weights, has_biases: bool) -> Array:
    return linear(h, weights[1], weights[3] if has_biases else None)


def _lstm_cell(
    state: tuple[Array, ...], x: Array, weights: Weights, has_biases: bool
) -> tuple[Array, ...]:
    h, c = state
    enter, forget, new, out = jnp.split(x + _from_state(h, weights, has_biases), 4, axis=-1)
    c = lax.logistic(forget) * c + lax.logistic(enter) * jnp.tanh(new)
    h = lax.logistic(out) * jnp.tanh(c)
    projection = weights[4 if has_biases else 2 :]
    return (linear(h, *projection) if projection else h), c


def _gru_cell(
    state: tuple[Array, ...], x: Array, weights: Weights, has_biases: bool
) -> tuple[Array, ...]:
    (h,) = state
    x_reset, x_update, x_new = jnp.split(x, 3, axis=-1)
    reset, update, new = jnp.split(_from_state(h, weights, has_biases), 3, axis=-1)
    new = jnp.tanh(x_new + lax.logistic(x_reset + reset) * new)
    update = lax.logistic(x_update + update)
    return (new + update * (h - new),)


def _plain_cell(
    state: tuple[Array, ...],
    x: Array,
    weights: Weights,
    has_biases: bool,
    *,
    activation: Callable[[Array], Array],
) -> tuple[Array, ...]:
    return (activation(x + _from_state(state[0], weights, has_biases)),)


def _layers(
    cell: Cell,
    x: Array,
    start: Sequence[Array],
    weights: Sequence[Array],
    has_biases: bool,
    count: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Array, ...]:
    """Outputs and last states; states are (layers times directions, samples, width)."""
    del dropout, train  # nothing is dropped, or the module is refused
    x = jnp.swapaxes(x, 0, 1) if batch_first else x
    directions = 1 + bidirectional
    of_one = len(weights) // (count * directions)
    last = []
    for layer in range(count):
        outputs = []
        for direction in range(directions):
            number = layer * directions + direction
            own = weights[number * of_one : (number + 1) * of_one]
            state = tuple(each[number] for each in start)
            y, ended = _scanned(cell, x, state, own, has_biases, bool(direction))
            outputs.append(y)
            last.append(ended)
        x = outputs[0] if directions == 1 else jnp.concatenate(outputs, axis=-1)
    y = jnp.swapaxes(x, 0, 1) if batch_first else x
    return (y, *(jnp.stack(each) for each in zip(*last, strict=True)))


def _scanned(
    cell: Cell,
    x: Array,
    state: tuple[Array, ...],
    weights: Weights,
    has_biases: bool,
    backward: bool,
) -> tuple[Array, tuple[Array, ...]]:
    # What inputs add is one product for all times.
    entering = linear(x, weights[0], weights[2] if has_biases else None)
    state = tuple(each.astype(entering.dtype) for each in state)

    def step(state: tuple[Array, ...], x: Array) -> tuple[tuple[Array, ...], Array]:
        state = cell(state, x, weights, has_biases)
        return state, state[0]

    ended, y = lax.scan(step, state, entering, reverse=backward)
    return y, ended


def _lstm(x: Array, start: Sequence[Array], *given: Array) -> tuple[Array, ...]:
    return _layers(_lstm_cell, x, start, *given)


def _one_state(cell: Cell, x: Array, start: Array, *given: Array) -> tuple[Array, ...]:
    return _layers(cell, x, (start,), *given)


RECURRENT: dict[str, Operation] = {
    "aten.gru.input": partial(_one_state, _gru_cell),
    "aten.lstm.input": _lstm,
    "aten.rnn_relu.input": partial(
        _one_state, partial(_plain_cell, activation=partial(jnp.maximum, 0))
    ),
    "aten.rnn_tanh.input": partial(_one_state, partial(_plain_cell, activation=jnp.tanh)),
}
