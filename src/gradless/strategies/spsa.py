"""Descent along one random direction, of which two losses give the slope.

Spall, "Implementation of the Simultaneous Perturbation Algorithm for Stochastic Optimization", IEEE
Transactions on Aerospace and Electronic Systems 34 (1998): the estimate and its gain sequences. As
in Malladi et al., "Fine-Tuning Language Models with Just Forward Passes" (MeZO, 2023), algorithm 1,
a direction is a seed and drawn again for the step, so that the memory is that of one network.

MeZO is ``SPSA(directions="normal", sigma=1e-3, learning_rate=1e-6, raw=True)``, the paper's epsilon
and eta, with everything else at its default: one probe, constant gains, absolute changes.

The papers' gain is in the unit of the loss: Spall (1998, section III.B) chooses it by the size of
the first slopes and a wanted change of the parameters. By default that is done here all along: the
learning rate is the change of every parameter along the steepest slope so far. A slope that falls a
millionfold at once was that of a penalty, and everything before it is forgotten.

``curvature=True`` is what is called 1.5-SPSA here, between the first order and the second order of
Spall, "Adaptive stochastic approximation by the simultaneous perturbation method", IEEE
Transactions on Automatic Control 45 (2000), which estimates a matrix. The loss at the center is one
more evaluation for all probes, and gives along each of them a curvature too::

    slope      s_k = (f(x + c d_k) - f(x - c d_k)) / (2 c)
    curvature  h_k = (f(x + c d_k) - 2 f(x) + f(x - c d_k)) / c^2
    step       -learning_rate * mean_k  s_k / max(|h_k|, 0.01 h) d_k

where h is a running mean of |h_k|, which keeps a probe along which the loss happens to be straight
from a step to infinity. With one probe and a learning rate of 1 the step goes to the minimum of the
parabola through three points, as in Stich, Mueller and Gaertner, "Optimization of convex functions
with random pursuit" (2013).
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import layer_ranks, limits, mirrored
from gradless.strategies.parts.around_center import AroundCenter
from gradless.strategies.parts.mirrored import Mirrored

_LEAST_CURVATURE = 0.01  # of a probe, as a share of the mean
_KEPT = 0.9  # of the mean curvature from step to step
_STEEPER = 10.0  # times the steepest slope so far: what is steeper counts as that
_RECENT_KEPT = 0.9  # of the steepest recent slope from step to step
_PENALTY = 1e6  # times as steep as what follows: that was no slope


class State(NamedTuple):
    """The present parameters."""

    center: jax.Array  # (dimension,)
    scales: jax.Array  # typical size of the parameters of each leaf, (leaves,)
    generation: jax.Array  # finished so far, uint32
    curvature: jax.Array  # running mean of its magnitude, 0 before the first one
    steepest: jax.Array  # slope so far, 0 before the first one
    recent: jax.Array  # steepest slope of the last steps
    structure: Structure


@strategy
class SPSA(AroundCenter):
    """Two losses a step, whatever the number of parameters.

    Parameters
    ----------
    probes
        Directions whose estimates are averaged; each costs two evaluations.
    sigma
        First size c of the changes.
    learning_rate
        First gain a: the change of every parameter along the steepest slope so far, and less
        along others; for ``raw``, the step is the estimated gradient times this.
    alpha, gamma
        The gain falls as (1 + stability + step)^-alpha, the change as step^-gamma. Spall's
        practical values are 0.602 and 0.101; 0 and 0 keep both, as MeZO does.
    stability
        Spall's A: steps by which the fall of the gain is put off, about a tenth of all steps.
    directions
        ``rademacher``: every change plus or minus one (Spall); ``normal`` (MeZO).
    curvature
        Divide the slope of each probe by its curvature (1.5-SPSA), at one more evaluation a step. A
        learning rate of 1 is then a good one, and one probe is best unless losses are noisy. For
        ``normal`` directions: those of ``rademacher`` have all the same curvature where no two
        parameters interact.
    raw
        The learning rate is in units of the loss, as in the papers.
    rank
        1 or more: a layer's weights are changed by a product of two thin matrices with so many
        columns, which is many times as fast for wide layers (see ``low_rank``); of ``rademacher``
        directions, rank 1 is again plus or minus one for every weight. ``auto``: 4 for the first
        layer, 2 for the second, 1 for all others. 0: every weight by a random number of its own.
    relative
        Measure changes in the scale of each leaf at the start (of drawn weights their root mean
        square, of other numbers at least 1: ``mirrored.leaf_scales``), instead of absolutely.
    """

    probes: int = hyperparameter(1, at_least=1)
    sigma: float = hyperparameter(0.01, above=0.0)
    learning_rate: float = hyperparameter(0.05, above=0.0)
    alpha: float = hyperparameter(0.0, at_least=0.0, at_most=1.0)
    gamma: float = hyperparameter(0.0, at_least=0.0, at_most=1.0)
    stability: float = hyperparameter(0.0, at_least=0.0)
    directions: str = hyperparameter("rademacher", choices=("rademacher", "normal"))
    curvature: bool = False
    raw: bool = False
    rank: int | str = hyperparameter(0, at_least=0, words=(layer_ranks.AUTO,))
    relative: bool = False

    name: ClassVar[str] = "spsa"
    goes_by_differences: ClassVar[bool] = True
    samples_around_center: ClassVar[bool] = True

    @property
    def population(self) -> int:
        """Two candidates for each probe, and for curvatures the center."""
        return 2 * self.probes + self.curvature

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``."""
        return State(
            tree.ravel(params),
            self.first_scales(mirrored.leaf_scales(params), self.relative),
            jnp.uint32(0),
            jnp.float32(0),
            jnp.float32(0),
            jnp.float32(0),
            Structure.of(params),
        )

    @property
    def law(self) -> str:
        """Of the numbers that a direction is made of."""
        return self.directions

    @property
    def opposite_pairs(self) -> bool:
        """Whether candidates come in opposite pairs: not with the center among them."""
        return not self.curvature

    def step_size(self, state: State) -> jax.Array:
        """Size c_k of the changes of this step."""
        return self.gains(state)[1]

    def gains(self, state: State) -> tuple[jax.Array, jax.Array]:
        """Gain a_k and size c_k of the changes of this step (Spall 1998, section III, step 1)."""
        k = state.generation.astype(jnp.float32)
        # Divided by the first value, so that the hyperparameters are what the first step uses.
        fall = ((self.stability + 1) / (self.stability + k + 1)) ** self.alpha
        return self.learning_rate * fall, limits.bounded(self.sigma / (k + 1) ** self.gamma)

    def ask(self, key: jax.Array, state: State) -> Mirrored:
        """Noise with both signs, and with the sign 0 for the center."""
        pairs = self.directions_of(state).pairs(key, self.probes)
        return mirrored.with_center(pairs) if self.curvature else pairs

    def tell(self, key: jax.Array, state: State, candidates: Mirrored, losses: jax.Array) -> State:
        """Step down the mean slope; a pair with a loss that is not finite counts as flat."""
        gain, size = self.gains(state)
        known = jnp.isfinite(losses)
        told = limits.subtractable(jnp.where(known, losses, 0.0))
        unit: Any = 1.0
        if self.curvature or not self.raw:  # then it falls out; in this one, all is in range
            unit = limits.unit(jnp.where(known, losses, 0.0))
            told = jnp.where(known, losses / unit, 0.0)
        plus, minus, middle = told[: self.probes], told[self.probes : 2 * self.probes], told[-1]
        finite = known[: self.probes] & known[self.probes : 2 * self.probes]
        # Equation 2: g = (y+ - y-) / (2 c) d^-1, and 1 / d = d for Rademacher directions.
        slopes = jnp.where(finite, plus - minus, 0.0) / (2 * size)
        curvature, steepest, recent = (
            x / unit for x in (state.curvature, state.steepest, state.recent)
        )
        if self.curvature:
            finite &= known[-1]
            bends = jnp.where(finite, (plus - middle) + (minus - middle), 0.0)
            curvatures = limits.subtractable(jnp.abs(bends) / limits.bounded(size**2))
            mean = curvatures.sum() / jnp.maximum(finite.sum(), 1)
            updated = jnp.where(curvature > 0, _KEPT * curvature + (1 - _KEPT) * mean, mean)
            curvature = jnp.where(finite.any(), updated, curvature)
            divisors = jnp.maximum(curvatures, _LEAST_CURVATURE * curvature)
            usable = finite & (divisors > 0)
            slopes = jnp.where(usable, slopes / jnp.where(usable, divisors, 1.0), 0.0)
        elif not self.raw:
            present = jnp.max(jnp.abs(slopes))
            was_penalty = (present > 0) & (_PENALTY * present < recent)
            recent = jnp.where(was_penalty, present, jnp.maximum(present, _RECENT_KEPT * recent))
            most = jnp.where((steepest > 0) & ~was_penalty, _STEEPER * steepest, jnp.inf)
            slopes = jnp.clip(slopes, -most, most)
            steepest = jnp.maximum(jnp.minimum(present, most), jnp.where(was_penalty, 0, steepest))
            slopes = slopes / jnp.where(steepest > 0, steepest, 1.0)
        slopes = limits.subtractable(slopes / self.probes).astype(state.center.dtype)
        gradient = self.directions_of(state).weighted_sum(candidates, slopes)
        gradient = limits.extrapolated(gradient, self.learning_rate, self.sigma)
        scales = mirrored.spread(state.scales, state.structure)
        center = state.center - gain * scales * gradient  # equation 1
        return state._replace(
            center=limits.in_range(center.astype(state.center.dtype)),
            generation=state.generation + 1,
            curvature=limits.in_range(curvature * unit).astype(jnp.float32),
            steepest=limits.in_range(steepest * unit).astype(jnp.float32),
            recent=limits.in_range(recent * unit).astype(jnp.float32),
        )
