"""Finite differences along random directions, of which only the most telling count.

Mania, Guy and Recht, "Simple random search of static linear policies is competitive for
reinforcement learning" (2018), algorithm 1.

It has four versions. Without ``top`` it is V1, with it V1-t. V2 and V2-t are the same steps for a
policy whose inputs are standardised: line 5 feeds it (x - mean) / deviation, of all inputs seen so
far. That is the problem's part and not that of a strategy. Where all inputs are known, so are their
mean and deviation, and V2 is this strategy on standardised data:
``gradless train DATA --strategy ars --standardize yes``, or ``data.standardize``.
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
    structure: Structure


@strategy
class ARS(AroundCenter):
    """Augmented random search: the step is divided by the deviation of the losses it is made of.

    Parameters
    ----------
    population
        Candidates of one generation, an even number: each direction is tried with both signs.
    top
        Directions that count, those whose better candidate is best (V1-t); 0 for all of them (V1).
    sigma
        Standard deviation of the changes, the paper's nu.
    learning_rate
        Length of the steps, the paper's alpha.
    rank
        1 or more: a layer's weights are changed by a product of two thin matrices with so many
        columns, which is many times as fast for wide layers (see ``low_rank``); ``auto``:
        4 for the first layer, 2 for the second, 1 for all others; 0: every weight by a random
        number of its own.
    relative
        Measure ``sigma`` and ``learning_rate`` in the scale of each leaf at the start (of drawn
        weights their root mean square, of other numbers at least 1: ``mirrored.leaf_scales``),
        instead of absolutely.
    """

    population: int = hyperparameter(128, at_least=2)
    top: int = hyperparameter(0, at_least=0)
    sigma: float = hyperparameter(0.05, above=0.0)
    learning_rate: float = hyperparameter(0.05, above=0.0)
    rank: int | str = hyperparameter(0, at_least=0, words=(layer_ranks.AUTO,))
    relative: bool = True

    name: ClassVar[str] = "ars"
    goes_by_differences: ClassVar[bool] = True
    samples_around_center: ClassVar[bool] = True

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``.

        Raises
        ------
        InputError
            If the population is odd.
        """
        mirrored.check_even("ARS", self.population)
        return State(
            tree.ravel(params),
            self.first_scales(mirrored.leaf_scales(params), self.relative),
            Structure.of(params),
        )

    def step_size(self, state: State) -> jax.Array:
        """Standard deviation of the changes."""
        return jnp.asarray(self.sigma)

    def ask(self, key: jax.Array, state: State) -> Mirrored:
        """Noise with both signs."""
        return self.directions_of(state).pairs(key, self.population // 2)

    def tell(self, key: jax.Array, state: State, candidates: Mirrored, losses: jax.Array) -> State:
        """Step along the best directions; a pair with a loss that is not finite does not count."""
        half = self.population // 2
        plus, minus = losses[:half], losses[half:]
        usable = jnp.isfinite(plus) & jnp.isfinite(minus)
        better = jnp.where(usable, jnp.minimum(plus, minus), jnp.inf)
        top = min(self.top, half) or half
        # Line 6: sort the directions by their better candidate and use the first ones.
        chosen = jnp.zeros(half, bool).at[jnp.argsort(better)[:top]].set(True) & usable
        count = jnp.sum(chosen)
        plus, minus = (jnp.where(chosen, x, 0.0) for x in (plus, minus))
        # The step does not depend on the unit of losses; in this one, squares are in range.
        unit = limits.unit(jnp.stack([plus, minus]))
        plus, minus = plus / unit, minus / unit

        # Line 7: step alpha / (b deviation) sum (r+ - r-) delta; deviation of the 2 b rewards used.
        losses_used = 2 * jnp.maximum(count, 1)
        mean = (plus + minus).sum() / losses_used
        squares = jnp.where(chosen, (plus - mean) ** 2 + (minus - mean) ** 2, 0.0)
        deviation = jnp.sqrt(squares.sum() / losses_used)
        weights = (plus - minus) / (
            jnp.maximum(count, 1) * jnp.where(deviation > 0, deviation, 1.0)
        )
        weights = weights.astype(state.center.dtype)
        step = self.directions_of(state).weighted_sum(candidates, weights)
        scales = mirrored.spread(state.scales, state.structure)
        center = limits.in_range(state.center - self.learning_rate * scales * step)
        return state._replace(center=center.astype(state.center.dtype))
