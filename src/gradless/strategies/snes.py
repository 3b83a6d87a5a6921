"""Separable natural evolution strategy: the natural gradient for independent parameters.

Schaul, Glasmachers and Schmidhuber, "High Dimensions and Heavy Tails for Natural Evolution
Strategies" (2011), algorithm 2; utilities and rates as in Wierstra et al., "Natural Evolution
Strategies", JMLR 15 (2014), section 3.1 and table 1.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits, shaping
from gradless.strategies.parts.recombination import default_population, first_scales, moments


class State(NamedTuple):
    """A normal distribution with independent parameters."""

    mean: jax.Array  # (dimension,)
    deviations: jax.Array  # (dimension,)
    structure: Structure


@strategy
class SNES:
    """Normal distribution that follows the natural gradient, parameter by parameter.

    Its candidates are seeds: memory is two vectors, whatever the population. It has no ``rank``, as
    ``openai_es`` has: a product of thin matrices times a deviation for every weight is no product
    of thin matrices.

    Parameters
    ----------
    sigma
        First standard deviation of every parameter, about its distance to good values; it adapts.
        By default in units of the parameter's scale at the start: see ``relative``.
    population
        Candidates in a generation; ``for_dimension`` gives the paper's 4 + floor(3 ln d). Networks
        gain from more.
    mean_rate
        Learning rate of the mean.
    deviation_rate
        Learning rate of the deviations, as a factor of the paper's (3 + ln d) / (5 sqrt(d)).
    relative
        Whether ``sigma`` counts in units of the scale of each array of parameters at the start: of
        drawn weights their root mean square, which biases take too, of other numbers at least 1
        (``mirrored.leaf_scales``).
    """

    sigma: float = hyperparameter(0.3, above=0.0)
    population: int = hyperparameter(16, above=1)
    mean_rate: float = hyperparameter(1.0, above=0.0)
    deviation_rate: float = hyperparameter(1.0, above=0.0)
    relative: bool = True

    name: ClassVar[str] = "snes"
    samples_around_center: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> SNES:
        """The strategy with the paper's population for so many parameters."""
        return cls(**{"population": default_population(dimension), **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """State around ``params``, as wide as ``sigma`` says."""
        structure = Structure.of(params)
        deviations = limits.bounded(self.sigma * first_scales(params, self.relative))
        return State(tree.ravel(params), deviations, structure)

    def ask(self, key: jax.Array, state: State) -> noise.Seed:
        """Fresh seeds."""
        return noise.seeds(key, jnp.arange(self.population))

    def decode(self, state: State, candidate: noise.Seed) -> Params:
        """The parameters that are drawn from a seed."""
        s = noise.normal(candidate, state.structure.size)
        return state.structure.unravel(state.mean + state.deviations * s)

    def tell(
        self, key: jax.Array, state: State, candidates: noise.Seed, losses: jax.Array
    ) -> State:
        """One step along the natural gradient; if no loss is finite, nothing changes."""
        dimension = state.structure.size
        weights = shaping.nes_utilities(losses)
        s_mean, s_square = moments(candidates, weights, dimension)
        # Algorithm 2: gradients by the mean and by the logarithm of the deviations.
        gradient = s_square - jnp.sum(weights)
        rate = self.deviation_rate * (3 + math.log(dimension)) / (5 * math.sqrt(dimension))
        following = state._replace(
            mean=limits.in_range(state.mean + self.mean_rate * state.deviations * s_mean),
            deviations=limits.bounded(state.deviations * jnp.exp(rate / 2 * gradient)),
        )
        return tree.where(jnp.any(jnp.isfinite(losses)), following, state)

    def center(self, state: State) -> Params:
        """The mean of the distribution."""
        return state.structure.unravel(state.mean)

    def at_rest(self, state: State) -> jax.Array:
        """Whether steps are too small to change the mean."""
        return limits.without_effect(state.mean, state.deviations)
