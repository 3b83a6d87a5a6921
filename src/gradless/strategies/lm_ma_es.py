"""Limited-memory matrix adaptation: a few learnt directions for millions of parameters.

Loshchilov, Glasmachers and Beyer, "Large Scale Black-box Optimization by Limited-Memory Matrix
Adaptation" (2017), arXiv:1705.06693, algorithm 1.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import noise, tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits
from gradless.strategies.parts.recombination import (
    by_rank,
    damped,
    default_population,
    effective_size,
    first_scales,
    moments,
    typed,
)


class State(NamedTuple):
    """A normal distribution whose transformation is a product of rank-one changes."""

    mean: jax.Array  # y, (dimension,)
    sigma: jax.Array
    scales: jax.Array  # of the parameters, in whose units the search takes place, (dimension,)
    directions: jax.Array  # m_1 ... m_m, (memory, dimension)
    step_path: jax.Array  # p_sigma, (dimension,)
    generation: jax.Array  # finished so far, uint32
    structure: Structure


@strategy
class LMMAES:
    """Normal distribution stretched along a few directions that the search has taken.

    The directions remember steps over time spans that grow by a factor of four, so together they
    hold what matters of a covariance matrix that would not fit. Memory is ``memory`` + 3 vectors,
    whatever the population. Made for large networks: with fewer parameters than four times the
    population, the paper's rate of the step size would be too large, and is capped; for fewer than
    ten parameters the method is unreliable, take ``cma_es``.

    Parameters
    ----------
    sigma
        First standard deviation of every parameter, about its distance to good values; it adapts.
        By default in units of the parameter's scale at the start: see ``relative``.
    population
        Candidates in a generation; ``for_dimension`` gives the paper's 4 + floor(3 ln d).
    memory
        Directions; the paper takes as many as candidates.
    relative
        Whether ``sigma`` counts in units of the scale of each array of parameters at the start: of
        drawn weights their root mean square, which biases take too, of other numbers at least 1
        (``mirrored.leaf_scales``).
    """

    sigma: float = hyperparameter(0.3, above=0.0)
    population: int = hyperparameter(16, above=1)
    memory: int = hyperparameter(16, at_least=1)
    relative: bool = True

    name: ClassVar[str] = "lm_ma_es"
    samples_around_center: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> LMMAES:
        """The strategy with the paper's population and directions for so many parameters."""
        default = default_population(dimension)
        return cls(**{"population": default, "memory": default, **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """State around ``params``, as wide as ``sigma`` says."""
        structure, mean = Structure.of(params), tree.ravel(params)
        return State(
            mean=mean,
            sigma=typed(self.sigma, mean),
            scales=first_scales(params, self.relative),
            directions=jnp.zeros((self.memory, structure.size), mean.dtype),
            step_path=jnp.zeros_like(mean),
            generation=jnp.uint32(0),
            structure=structure,
        )

    def ask(self, key: jax.Array, state: State) -> noise.Seed:
        """Fresh seeds."""
        return noise.seeds(key, jnp.arange(self.population))

    def decode(self, state: State, candidate: noise.Seed) -> Params:
        """The parameters that are drawn from a seed."""
        z = noise.normal(candidate, state.structure.size)
        return state.structure.unravel(state.mean + self._step(state, z))

    def tell(
        self, key: jax.Array, state: State, candidates: noise.Seed, losses: jax.Array
    ) -> State:
        """Move towards the better candidates and let every direction take up the step.

        If no loss is finite, nothing changes.
        """
        dimension = state.structure.size
        parents = self.population // 2
        raw = np.log(parents + 0.5) - np.log(np.arange(1, self.population + 1))  # line 2
        raw[parents:] = 0
        table = raw / raw.sum()
        effective = effective_size(table)
        weights = by_rank(losses, table)
        step_rate = min(0.5, 2 * self.population / dimension)  # c_sigma, line 3, capped
        path_rates = np.minimum(  # c_c, line 4
            1.0, self.population / (4.0 ** np.arange(self.memory) * dimension)
        )

        # The transformation is linear: the weighted sum of d_i is that of z_i, transformed.
        z_mean, _ = moments(candidates, weights, dimension)
        mean = state.mean + self._step(state, z_mean)  # line 13
        step_path = damped(state.step_path, step_rate, effective, z_mean)  # line 14
        gains = np.sqrt(path_rates * (2 - path_rates) * effective)
        directions = (
            typed(1 - path_rates, mean)[:, None] * state.directions
            + typed(gains, mean)[:, None] * z_mean
        )  # line 16
        excess = jnp.sum(step_path**2) / dimension - 1
        sigma = state.sigma * jnp.exp(jnp.clip(step_rate / 2 * excess, -1, 1))  # line 17
        following = state._replace(
            mean=limits.in_range(mean),
            sigma=limits.bounded(sigma),
            directions=directions,
            step_path=step_path,
            generation=state.generation + 1,
        )
        return tree.where(jnp.any(jnp.isfinite(losses)), following, state)

    def _step(self, state: State, z: jax.Array) -> jax.Array:
        """From the mean to a candidate: sigma times the vector d of lines 7 to 9."""

        def stretch(index: jax.Array, d: jax.Array) -> jax.Array:
            direction = state.directions[index]
            # c_d, line 4; directions are used once they have taken up a step each.
            rate = 1.5 ** -index.astype(jnp.float32) / state.structure.size
            rate = jnp.where(index < state.generation, rate, 0)
            return (1 - rate) * d + rate * jnp.vdot(direction, d, precision="highest") * direction

        d = jax.lax.fori_loop(0, self.memory, stretch, z.astype(state.mean.dtype))
        return state.sigma * state.scales * d

    def center(self, state: State) -> Params:
        """The mean of the distribution."""
        return state.structure.unravel(state.mean)
