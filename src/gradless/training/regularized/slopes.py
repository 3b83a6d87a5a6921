"""How does the loss change with each weight? Differences at neurons, from values of the loss alone.

A weight acts through one neuron: changing it by s changes what the neuron gets, in every row, by s
times the row's input to it. So it is enough to change what each neuron gets, up and down, and to
see the losses of all rows: two networks for each neuron, whatever its number of weights. What a
changed hidden neuron gives reaches the outputs by adding a product of two vectors to them, and the
first layer, the expensive one, is not computed again.

This is node perturbation, with every neuron in turn instead of at random: Madaline rule III (Widrow
and Lehr, "30 years of adaptive neural networks", 1990, section VI.B) and summed weight neuron
perturbation (Flower and Jabri, NIPS 1992), with central differences. No derivative of the loss or
of the activation is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gradless.models.mlp import ACTIVATIONS
from gradless.objectives import Objective, Targets

DIFFERENCE = 3e-3
"""Change of what a neuron gets; about the cube root of float32's rounding error, the best for a
central difference (Nocedal and Wright, section 8.1), where inputs and targets are standardised."""

_SUMMED_UP = 1e-30  # what a sum of weights is at least


class Data(NamedTuple):
    """Rows that networks are trained on, feature-major, in blocks that stay in a core's cache."""

    inputs: jax.Array  # (blocks, features, rows), float32
    targets: Targets  # as objectives prepare them, each (blocks, ..., rows)


class Layers(NamedTuple):
    """A network with one hidden layer."""

    first: jax.Array  # (hidden, features)
    first_bias: jax.Array  # (hidden,)
    last: jax.Array  # (outputs, hidden)
    last_bias: jax.Array  # (outputs,)


@dataclass(frozen=True)
class Shape:
    """What a program is compiled for: sizes, activation and objective.

    Parameters
    ----------
    features, hidden, outputs
        Sizes of the layers as they are trained.
    activation
        Name in ``ACTIVATIONS``.
    objective
        A mean over rows.
    halved
        Whether one output is trained for two classes, whose logits are minus and plus its half.
    """

    features: int
    hidden: int
    outputs: int
    activation: str
    objective: Objective
    halved: bool

    @property
    def weights(self) -> int:
        """Number of weights and biases."""
        return self.hidden * (self.features + 1 + self.outputs) + self.outputs

    @property
    def networks_for_slopes(self) -> int:
        """Networks that one set of slopes evaluates: the one itself, and two for each neuron."""
        return 1 + 2 * (self.hidden + self.outputs)

    @property
    def work(self) -> int:
        """What one row takes in one iteration, in products: measured, to a factor of two."""
        return self.weights + 5 * (self.hidden + self.outputs) * self.outputs

    def layers(self, vector: jax.Array) -> Layers:
        """Layers of a flat vector (weights,)."""
        h, d, o = self.hidden, self.features, self.outputs
        return Layers(
            vector[: h * d].reshape(h, d),
            vector[h * d : h * d + h],
            vector[h * (d + 1) : h * (d + 1 + o)].reshape(o, h),
            vector[h * (d + 1 + o) :],
        )

    def penalty(self, a: jax.Array, b: jax.Array) -> jax.Array:
        """Sum over weights, not biases, of the products of two flat vectors."""
        a, b = self.layers(a), self.layers(b)  # type: ignore[assignment]
        return jnp.vdot(a.first, b.first) + jnp.vdot(a.last, b.last)  # type: ignore[attr-defined]

    def activated(self, z: jax.Array) -> jax.Array:
        """What hidden neurons give."""
        return ACTIVATIONS[self.activation](z)

    def row_losses(self, outputs: jax.Array, targets: Targets) -> jax.Array:
        """Loss of every row, (rows,), for outputs (outputs, rows)."""
        losses: jax.Array = self.objective.value(
            self.objective.of_samples(self.given(outputs), targets)
        )
        return losses

    def given(self, outputs: jax.Array) -> jax.Array:
        """Outputs as the objective and the finished network have them."""
        return jnp.concatenate([-outputs / 2, outputs / 2]) if self.halved else outputs

    def last_layer(self, layers: Layers, hidden: jax.Array) -> jax.Array:
        """Outputs (outputs, rows) of what hidden neurons give, (hidden, rows)."""
        return layers.last @ hidden + layers.last_bias[:, None]


def first_layer(layers: Layers, inputs: jax.Array) -> jax.Array:
    """What hidden neurons get, (hidden, rows), for inputs (features, rows)."""
    return layers.first @ inputs + layers.first_bias[:, None]


def shares(weight: jax.Array) -> jax.Array:
    """Weights of rows that sum to one."""
    return weight / jnp.maximum(weight.sum(), _SUMMED_UP)


def mean_loss(losses: jax.Array, share: jax.Array) -> jax.Array:
    """Weighted mean of rows' losses; rows without weight do not count, whatever their loss."""
    return jnp.where(share > 0, losses, 0.0) @ share


def slopes(
    shape: Shape, vector: jax.Array, z: jax.Array, data: Data, share: jax.Array, alpha: jax.Array
) -> jax.Array:
    """Slopes of the penalised mean loss along every weight.

    Parameters
    ----------
    shape, vector
        The network, (weights,).
    z
        What its hidden neurons get, (blocks, hidden, rows): see :func:`first_layer`.
    data, share
        Rows and their weights, (blocks, rows), which sum to one.
    alpha
        The penalty is ``alpha`` times the sum of squared weights, without biases.

    Returns
    -------
    jax.Array
        Flat, (weights,), float32.
    """
    layers = shape.layers(vector)

    def add(felt: jax.Array, block: tuple[Data, jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        return felt + _of_block(shape, layers, *block), None

    first, last = 2 * alpha * layers.first, 2 * alpha * layers.last
    none = jnp.zeros_like(layers.first_bias), jnp.zeros_like(layers.last_bias)
    penalty = jnp.concatenate([first.ravel(), none[0], last.ravel(), none[1]])
    felt, _ = jax.lax.scan(add, penalty, (data, z, share))
    return felt


def _of_block(
    shape: Shape, layers: Layers, data: Data, z: jax.Array, share: jax.Array
) -> jax.Array:
    """What the rows of one block add to the slopes, (weights,)."""
    hidden = shape.activated(z)
    outputs = shape.last_layer(layers, hidden)
    steps = jnp.array([DIFFERENCE, -DIFFERENCE], jnp.float32)

    def at(neuron: tuple[jax.Array, ...]) -> jax.Array:
        """Slope of every row's share of the loss along a change of what a neuron gets, (rows,)."""
        got, gave, leads_to, is_output = neuron

        def changed(step: jax.Array) -> jax.Array:
            change = jnp.where(is_output, step, shape.activated(got + step) - gave)
            return shape.row_losses(outputs + leads_to[:, None] * change, data.targets)

        up, down = jax.lax.map(changed, steps)
        return jnp.where(share > 0, up - down, 0.0) / (2 * DIFFERENCE) * share

    # An output neuron gives what it gets.
    own = jnp.eye(shape.outputs, dtype=jnp.float32)
    felt = jax.lax.map(
        at,
        (
            jnp.concatenate([z, outputs]),
            jnp.concatenate([hidden, outputs]),
            jnp.concatenate([layers.last.T, own]),
            jnp.arange(shape.hidden + shape.outputs) >= shape.hidden,
        ),
    )
    at_hidden, at_output = felt[: shape.hidden], felt[shape.hidden :]  # (neurons, rows)
    parts = at_hidden @ data.inputs.T, at_hidden.sum(1), at_output @ hidden.T, at_output.sum(1)
    return jnp.concatenate([part.ravel() for part in parts])
