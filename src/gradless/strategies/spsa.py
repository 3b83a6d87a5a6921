"""Descent along one random direction, of which two losses give the slope.

Spall, "Implementation of the Simultaneous Perturbation Algorithm for Stochastic Optimization", IEEE
Transactions on Aerospace and Electronic Systems 34 (1998): the estimate and its gain sequences. As
in Malladi et al., "Fine-Tuning Language Models with Just Forward Passes" (MeZO, 2023), algorithm 1,
a direction is a seed and drawn again for the step, so that the memory is that of one network.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless import tree
from gradless.strategies import mirrored
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.mirrored import Mirrored
from gradless.tree import Params, Structure


class State(NamedTuple):
    """The present parameters."""

    center: jax.Array  # (dimension,)
    scales: jax.Array  # typical size of the parameters of each leaf, (leaves,)
    generation: jax.Array  # finished so far, uint32
    structure: Structure


@strategy
class SPSA:
    """Two losses a step, whatever the number of parameters.

    Parameters
    ----------
    probes
        Directions whose estimates are averaged; each costs two evaluations.
    sigma
        First size c of the changes.
    learning_rate
        First gain a: the step is the estimated gradient times this.
    alpha, gamma
        The gain falls as (1 + stability + step)^-alpha, the change as step^-gamma. Spall's
        practical values are 0.602 and 0.101; 0 and 0 keep both, as MeZO does.
    stability
        Spall's A: steps by which the fall of the gain is put off, about a tenth of all steps.
    directions
        ``rademacher``: every change plus or minus one (Spall); ``normal`` (MeZO).
    relative
        Measure changes in the typical size of the initial values of each leaf (a zero leaf, such as
        biases, takes that of the leaf beside it), instead of absolutely.
    """

    probes: int = hyperparameter(1, at_least=1)
    sigma: float = hyperparameter(0.01, above=0.0)
    learning_rate: float = hyperparameter(0.01, above=0.0)
    alpha: float = hyperparameter(0.0, at_least=0.0, at_most=1.0)
    gamma: float = hyperparameter(0.0, at_least=0.0, at_most=1.0)
    stability: float = hyperparameter(0.0, at_least=0.0)
    directions: str = hyperparameter("rademacher", choices=("rademacher", "normal"))
    relative: bool = False

    name: ClassVar[str] = "spsa"
    samples_around_center: ClassVar[bool] = True

    @property
    def population(self) -> int:
        """Two candidates for each probe."""
        return 2 * self.probes

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``."""
        scales = mirrored.leaf_scales(params)
        return State(
            tree.ravel(params),
            scales if self.relative else jnp.ones_like(scales),
            jnp.uint32(0),
            Structure.of(params),
        )

    def gains(self, state: State) -> tuple[jax.Array, jax.Array]:
        """Gain a_k and size c_k of the changes of this step (Spall 1998, section III, step 1)."""
        k = state.generation.astype(jnp.float32)
        # Divided by the first value, so that the hyperparameters are what the first step uses.
        fall = ((self.stability + 1) / (self.stability + k + 1)) ** self.alpha
        return self.learning_rate * fall, self.sigma / (k + 1) ** self.gamma

    def ask(self, key: jax.Array, state: State) -> Mirrored:
        """Noise with both signs."""
        return mirrored.pairs(key, self.probes, state.structure.size, self.directions)

    def decode(self, state: State, candidate: Mirrored) -> Params:
        """Center plus or minus the change of a seed."""
        _, size = self.gains(state)
        direction = mirrored.draw(candidate, state.structure.size, self.directions)
        change = size * mirrored.spread(state.scales, state.structure) * direction
        return state.structure.unravel(state.center + change)

    def tell(self, key: jax.Array, state: State, candidates: Mirrored, losses: jax.Array) -> State:
        """Step down the mean slope; a pair with a loss that is not finite counts as flat."""
        gain, size = self.gains(state)
        plus, minus = losses[: self.probes], losses[self.probes :]
        finite = jnp.isfinite(plus) & jnp.isfinite(minus)
        # Equation 2: g = (y+ - y-) / (2 c) d^-1, and 1 / d = d for Rademacher directions.
        slopes = jnp.where(finite, plus - minus, 0.0) / (2 * size)
        gradient = mirrored.weighted_sum(
            candidates, slopes / self.probes, state.structure.size, directions=self.directions
        )
        scales = mirrored.spread(state.scales, state.structure)
        center = state.center - gain * scales * gradient  # equation 1
        return state._replace(
            center=center.astype(state.center.dtype), generation=state.generation + 1
        )

    def center(self, state: State) -> Params:
        """The present parameters."""
        return state.structure.unravel(state.center)
