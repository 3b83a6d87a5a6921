"""Separable CMA-ES: one learnt standard deviation for every parameter, in linear time and memory.

Ros and Hansen, "A Simple Modification in CMA-ES Achieving Linear Time and Space Complexity" (2008),
with the rates of Hansen, "The CMA Evolution Strategy: A Tutorial" (2016), arXiv:1604.00772, whose
equation numbers are given.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits
from gradless.strategies.parts.recombination import (
    Rates,
    by_rank,
    damped,
    default_population,
    first_scales,
    moments,
    typed,
)


class State(NamedTuple):
    """A normal distribution with independent parameters."""

    mean: jax.Array  # (dimension,)
    sigma: jax.Array
    variances: jax.Array  # diagonal of C, (dimension,)
    step_path: jax.Array  # p_sigma, (dimension,)
    covariance_path: jax.Array  # p_c, (dimension,)
    generation: jax.Array  # finished so far, uint32
    structure: Structure


@strategy
class SepCMAES:
    """Normal distribution whose deviation is learnt parameter by parameter.

    Its candidates are seeds: memory is five vectors, whatever the population. It learns how
    sensitive each parameter is, not how parameters depend on each other.

    Parameters
    ----------
    sigma
        First standard deviation of every parameter, about its distance to good values; it adapts.
        By default in units of the parameter's scale at the start: see ``relative``.
    population
        Candidates in a generation. More make the search slower and more robust against noise and
        local minima; ``for_dimension`` gives the paper's 4 + floor(3 ln d).
    relative
        Whether ``sigma`` counts in units of the scale of each array of parameters at the start: of
        drawn weights their root mean square, which biases take too, of other numbers at least 1
        (``mirrored.leaf_scales``).
    """

    sigma: float = hyperparameter(0.3, above=0.0)
    population: int = hyperparameter(16, above=1)
    relative: bool = True

    name: ClassVar[str] = "sep_cma_es"
    samples_around_center: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> SepCMAES:
        """The strategy with the paper's population for so many parameters."""
        return cls(**{"population": default_population(dimension), **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """State around ``params``, as wide as ``sigma`` says."""
        structure, mean = Structure.of(params), tree.ravel(params)
        return State(
            mean=mean,
            sigma=typed(self.sigma, mean),
            variances=limits.bounded(first_scales(params, self.relative) ** 2),
            step_path=jnp.zeros_like(mean),
            covariance_path=jnp.zeros_like(mean),
            generation=jnp.uint32(0),
            structure=structure,
        )

    def ask(self, key: jax.Array, state: State) -> noise.Seed:
        """Fresh seeds."""
        return noise.seeds(key, jnp.arange(self.population))

    def decode(self, state: State, candidate: noise.Seed) -> Params:
        """The parameters that are drawn from a seed, (38) to (40) with a diagonal C."""
        deviations = state.sigma * jnp.sqrt(state.variances)
        z = noise.normal(candidate, state.structure.size)
        return state.structure.unravel(state.mean + deviations * z)

    def tell(
        self, key: jax.Array, state: State, candidates: noise.Seed, losses: jax.Array
    ) -> State:
        """Move towards the better candidates and adapt the deviations to theirs.

        If no loss is finite, nothing changes.
        """
        rates = Rates.of(self.population, state.structure.size, separable=True)
        weights = by_rank(losses, rates.weights)
        generation = state.generation + 1
        z_mean, z_square = moments(candidates, weights, state.structure.size)

        # Mean, (41) and (42).
        step = jnp.sqrt(state.variances) * z_mean
        mean = state.mean + state.sigma * step

        # Step size, (43) and (44).
        step_path = damped(state.step_path, rates.step_path, rates.effective, z_mean)
        sigma = limits.bounded(state.sigma * rates.step_factor(step_path))

        # Variances, (45) and the diagonal of (47).
        short = rates.path_is_short(step_path, generation)
        covariance_path = damped(
            state.covariance_path, rates.covariance_path, rates.effective, short * step
        )
        lost = (1 - short) * rates.covariance_path * (2 - rates.covariance_path)
        kept = 1 + rates.rank_one * (lost - 1) - rates.rank_mu * jnp.sum(weights)
        variances = (
            kept * state.variances
            + rates.rank_one * covariance_path**2
            + rates.rank_mu * state.variances * z_square
        )
        following = state._replace(
            mean=limits.in_range(mean),
            sigma=sigma,
            variances=limits.bounded(variances),
            step_path=step_path,
            covariance_path=covariance_path,
            generation=generation,
        )
        return tree.where(jnp.any(jnp.isfinite(losses)), following, state)

    def center(self, state: State) -> Params:
        """The mean of the distribution."""
        return state.structure.unravel(state.mean)

    def at_rest(self, state: State) -> jax.Array:
        """Whether steps are too small to change the mean."""
        return limits.without_effect(state.mean, state.sigma * jnp.sqrt(state.variances))
