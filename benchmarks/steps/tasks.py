"""Which networks of steps are trained? Five, as plain JAX functions of parameters and pixels.

They are of the kinds in "Training Non-Differentiable Networks via Optimal Transport" (PolyStep,
arXiv 2605.01928), written from the papers that their kinds are from, in sizes of our own. All
compute feature-major: pixels are (pixels, samples), outputs (10, samples).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.steps import hard

CLASSES = 10
Params = dict[str, Any]


class Task(NamedTuple):
    """A kind of network, in two parts: a first layer that is linear in the parameters, the rest."""

    name: str
    step: str  # what has no derivative
    published: float  # accuracy of PolyStep on MNIST, in percent
    init: Callable[[jax.Array, int], Params]
    first: Callable[[Params, jax.Array], jax.Array]
    rest: Callable[[Params, jax.Array, bool], jax.Array]


def _normal(key: jax.Array, inputs: int, outputs: int, gain: float = 2.0) -> jax.Array:
    return jax.random.normal(key, (inputs, outputs), jnp.float32) * (gain / inputs) ** 0.5


def _two_layers(key: jax.Array, inputs: int, hidden: int) -> Params:
    keys = jax.random.split(key)
    return {
        "first": _normal(keys[0], inputs, hidden),
        "first_bias": jnp.zeros(hidden),
        "last": _normal(keys[1], hidden, CLASSES),
        "last_bias": jnp.zeros(CLASSES),
    }


def _first(params: Params, pixels: jax.Array) -> jax.Array:
    return params["first"].T @ pixels + params["first_bias"][:, None]


def _last(params: Params, hidden: jax.Array) -> jax.Array:
    return params["last"].T @ hidden + params["last_bias"][:, None]


# --- Spiking: leaky integrate-and-fire neurons (Neftci, Mostafa and Zenke 2019, equations 1-4) ---

SPIKING_HIDDEN = 128
TIME = 10  # time steps
LEAK = 0.9  # share of the membrane that is left after a time step


def _spiking_init(key: jax.Array, inputs: int) -> Params:
    return _two_layers(key, inputs, SPIKING_HIDDEN)


def _spiking(params: Params, current: jax.Array, surrogate: bool) -> jax.Array:
    """Pixels are a constant current; what is read is how often each neuron has fired."""
    membrane = count = jnp.zeros_like(current)
    for _ in range(TIME):
        membrane = LEAK * membrane + current
        fired = hard.spike(membrane - 1, surrogate)
        membrane, count = membrane - fired, count + fired
    return _last(params, count / TIME)


# --- Weights in eight bits (Jacob et al. 2018) ----------------------------------------------------

INT8_HIDDEN = 32


def _int8_init(key: jax.Array, inputs: int) -> Params:
    return _two_layers(key, inputs, INT8_HIDDEN)


def _pixels_alone(params: Params, pixels: jax.Array) -> jax.Array:
    return pixels


def _int8(params: Params, pixels: jax.Array, surrogate: bool) -> jax.Array:
    used = {**params, **{name: hard.int8(params[name], surrogate) for name in ("first", "last")}}
    return _last(used, jax.nn.relu(_first(used, pixels)))


# --- Attention to one token alone (Vaswani et al. 2017, with the softmax at zero temperature) ----

WIDTH = 32  # numbers of a token
BANDS = {784: 7, 64: 4}  # tokens by pixels: rows of 28 x 28 in fours, of 8 x 8 in twos


def _attention_init(key: jax.Array, inputs: int) -> Params:
    keys = jax.random.split(key, 7)
    square = {
        name: _normal(each, WIDTH, WIDTH, 1.0)
        for name, each in zip(("query", "key", "value"), keys[:3], strict=True)
    }
    return {
        **square,
        "embedding": _normal(keys[3], inputs // BANDS[inputs], WIDTH),
        "place": 0.5 * jax.random.normal(keys[4], (WIDTH * BANDS[inputs],)),
        "mixed": _normal(keys[5], WIDTH, WIDTH),
        "mixed_bias": jnp.zeros(WIDTH),
        "last": _normal(keys[6], WIDTH, CLASSES),
        "last_bias": jnp.zeros(CLASSES),
    }


def _embedded(params: Params, pixels: jax.Array) -> jax.Array:
    """Bands of rows as tokens, (width, tokens, samples)."""
    inputs, samples = pixels.shape
    bands = pixels.reshape(BANDS[inputs], inputs // BANDS[inputs], samples).swapaxes(0, 1)
    tokens = params["embedding"].T @ bands.reshape(bands.shape[0], -1)
    place = params["place"].reshape(-1, bands.shape[1], 1)
    return tokens.reshape(-1, *bands.shape[1:]) + place


def _attention(params: Params, tokens: jax.Array, surrogate: bool) -> jax.Array:
    """Every token adds the value of the one token whose key fits its query best."""
    width, n_tokens, _ = tokens.shape

    def product(name: str, numbers: jax.Array) -> jax.Array:
        return (params[name].T @ numbers.reshape(width, -1)).reshape(numbers.shape)

    query, key, value = (product(name, tokens) for name in ("query", "key", "value"))
    # Written out along the samples: as a small matrix product a sample they take longer.
    scores = sum(key[w][:, None] * query[w][None] for w in range(width)) / width**0.5
    chosen = hard.largest(scores, surrogate)
    seen = sum((chosen[k] * value[:, k][:, None] for k in range(n_tokens)), tokens)
    hidden = jax.nn.relu(product("mixed", seen) + params["mixed_bias"][:, None, None])
    return _last(params, hidden.mean(1))


# --- Activations in stairs ------------------------------------------------------------------------

STAIRS_HIDDEN = 128
LEVELS = 4


def _stairs_init(key: jax.Array, inputs: int) -> Params:
    return _two_layers(key, inputs, STAIRS_HIDDEN)


def _stairs(params: Params, before: jax.Array, surrogate: bool) -> jax.Array:
    return _last(params, hard.staircase(before, LEVELS, surrogate))


# --- One expert a sample (Shazeer et al. 2017, with one expert and its gate not multiplied) -------

EXPERTS = 4
EXPERT_HIDDEN = 32


def _experts_init(key: jax.Array, inputs: int) -> Params:
    keys = jax.random.split(key, 3)
    return {
        "first": jnp.concatenate(
            [
                _normal(keys[0], inputs, EXPERTS, 1.0),
                _normal(keys[1], inputs, EXPERTS * EXPERT_HIDDEN),
            ],
            axis=1,
        ),
        "first_bias": jnp.zeros(EXPERTS + EXPERTS * EXPERT_HIDDEN),
        "last": _normal(keys[2], EXPERT_HIDDEN, EXPERTS * CLASSES),
        "last_bias": jnp.zeros(EXPERTS * CLASSES),
    }


def _experts(params: Params, before: jax.Array, surrogate: bool) -> jax.Array:
    """The gate sends each sample to one of the experts, networks of one hidden layer each."""
    samples = before.shape[1]
    chosen = hard.largest(before[:EXPERTS], surrogate)
    hidden = jax.nn.relu(before[EXPERTS:]).reshape(EXPERTS, EXPERT_HIDDEN, samples)
    last = params["last"].reshape(EXPERT_HIDDEN, EXPERTS, CLASSES)
    answers = jnp.einsum("hec,ehs->ecs", last, hidden)
    answers = answers + params["last_bias"].reshape(EXPERTS, CLASSES, 1)
    return jnp.sum(chosen[:, None] * answers, 0)


TASKS = (
    Task("spiking", "threshold", 93.0, _spiking_init, _first, _spiking),
    Task("int8", "rounding", 97.0, _int8_init, _pixels_alone, _int8),
    Task("argmax attention", "argmax", 86.6, _attention_init, _embedded, _attention),
    Task("staircase", "floor", 94.3, _stairs_init, _first, _stairs),
    Task("hard mixture of experts", "argmax", 90.6, _experts_init, _first, _experts),
)


@dataclass(frozen=True)
class Network:
    """A task as a model of gradless."""

    task: Task
    inputs: int

    def init(self, key: jax.Array) -> Params:
        """First parameters."""
        return self.task.init(key, self.inputs)

    def apply(self, params: Params, x: jax.Array) -> jax.Array:
        """Outputs (samples, 10) for pixels (samples, pixels)."""
        return self.apply_rows(params, jnp.asarray(x).T).T

    def apply_rows(self, params: Params, rows: Any) -> jax.Array:
        """Outputs (10, samples) for pixels (pixels, samples)."""
        return self.task.rest(params, self.task.first(params, rows), False)
