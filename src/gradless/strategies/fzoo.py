"""One-sided differences along random signs, in units of how much the losses of a generation differ.

Dang, Guo, Zhao, Ye, Zheng, Dai and Tsang, "FZOO: Fast Zeroth-Order Optimizer for Fine-Tuning Large
Language Models towards Adam-Scale Speed" (arXiv:2506.09034, 2025).

A generation is::

    l_0 = f(x),  l_i = f(x + sigma u_i),  u_i of plus and minus ones,  i = 1 ... N
    g   = 1 / N sum_i (l_i - l_0) u_i
    x   = x - learning_rate g / s,  s^2 = 1 / (N - 1) sum_i (l_i - mean l)^2

So N + 1 evaluations give N slopes, where pairs of opposite candidates need 2 N. Dividing by s makes
steps long where the loss is flat, as Adam does, without a memory the size of the network.

One side has a price: the curvature, which pairs cancel, moves all l_i alike. Close to a minimum it
is most of l_i - l_0, and s, which does not see it, goes to zero. So s is here at least the mean of
l_i - l_0, which far from a minimum changes nothing; and ``learning_rate_decay`` is for the end.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import layer_ranks, limits, mirrored
from gradless.strategies.parts.around_center import AroundCenter
from gradless.strategies.parts.mirrored import Mirrored


class State(NamedTuple):
    """The present parameters."""

    center: jax.Array  # (dimension,)
    scales: jax.Array  # typical size of the parameters of each leaf, (leaves,)
    generation: jax.Array  # finished so far, uint32
    structure: Structure


@strategy
class FZOO(AroundCenter):
    """One loss for each random direction, and steps divided by the deviation of these losses.

    Parameters
    ----------
    probes
        Directions of one generation, each tried with one sign. With the center it has one more
        candidate.
    sigma
        Size of the changes, the paper's epsilon.
    learning_rate
        Length of the steps: along a slope that is alike for all parameters, each changes by about
        this, divided by the root of ``probes``.
    learning_rate_decay
        Factor by which they shrink in every generation; 0.999 halves them in 693 generations.
    rank
        1 or more: a layer's weights are changed by a product of two thin matrices with so many
        columns, which is many times as fast for wide layers (see ``low_rank``); with rank 1 the
        change is again plus or minus one for every weight. ``auto``: 4 for the first layer, 2 for
        the second, 1 for all others. 0: every weight by a random sign of its own.
    relative
        Measure ``sigma`` and ``learning_rate`` in the scale of each leaf at the start (of drawn
        weights their root mean square, of other numbers at least 1: ``mirrored.leaf_scales``),
        instead of absolutely.
    """

    probes: int = hyperparameter(8, at_least=2)
    sigma: float = hyperparameter(0.01, above=0.0)
    learning_rate: float = hyperparameter(0.03, above=0.0)
    learning_rate_decay: float = hyperparameter(1.0, above=0.0, at_most=1.0)
    rank: int | str = hyperparameter(0, at_least=0, words=(layer_ranks.AUTO,))
    relative: bool = True

    name: ClassVar[str] = "fzoo"
    goes_by_differences: ClassVar[bool] = True
    samples_around_center: ClassVar[bool] = True
    opposite_pairs: ClassVar[bool] = False
    law: ClassVar[str] = "signs"

    @property
    def population(self) -> int:
        """A candidate for each direction, and the center."""
        return self.probes + 1

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``."""
        return State(
            tree.ravel(params),
            self.first_scales(mirrored.leaf_scales(params), self.relative),
            jnp.uint32(0),
            Structure.of(params),
        )

    def step_size(self, state: State) -> jax.Array:
        """Size of the changes."""
        return limits.bounded(jnp.asarray(self.sigma))

    def ask(self, key: jax.Array, state: State) -> Mirrored:
        """Noise with one sign, and with the sign 0 for the center."""
        pairs = self.directions_of(state).pairs(key, self.probes)
        return mirrored.with_center(jax.tree.map(lambda x: x[: self.probes], pairs))

    def tell(self, key: jax.Array, state: State, candidates: Mirrored, losses: jax.Array) -> State:
        """Step down the mean slope; a candidate with a loss that is not finite does not count."""
        known = jnp.isfinite(losses)
        # The step does not depend on the unit of losses; in this one, squares are in range.
        told = jnp.where(known, losses, 0.0)
        told = told / limits.unit(told)
        tried, usable = told[:-1], known[:-1]
        count = jnp.maximum(jnp.sum(usable), 1)
        mean = jnp.sum(tried) / count
        # Where the center has no loss, the mean of the others tells which are better.
        differences = jnp.where(usable, tried - jnp.where(known[-1], told[-1], mean), 0.0)
        squares = jnp.sum(jnp.where(usable, (tried - mean) ** 2, 0.0))
        deviation = jnp.sqrt(squares / jnp.maximum(count - 1, 1))
        deviation = jnp.maximum(deviation, jnp.abs(jnp.sum(differences)) / count)
        weights = differences / (count * jnp.where(deviation > 0, deviation, 1.0))
        weights = weights.astype(state.center.dtype)
        step = self.directions_of(state).weighted_sum(candidates, weights)
        rate = self.learning_rate * self.learning_rate_decay ** state.generation.astype(jnp.float32)
        scales = mirrored.spread(state.scales, state.structure)
        center = limits.in_range(state.center - rate * scales * step)
        return state._replace(
            center=center.astype(state.center.dtype), generation=state.generation + 1
        )
