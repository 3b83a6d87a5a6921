"""Search with a step size for every parameter, both mean and step sizes following gradients.

Sehnke, Osendorfer, Rückstieß, Graves, Peters and Schmidhuber, "Parameter-exploring policy
gradients", Neural Networks 23 (2010), algorithm 2: symmetric sampling. The mean may be moved by
ClipUp, as in Toklu, Liskowski and Srivastava (2020).
"""

from __future__ import annotations

import operator
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import Perturbation, hyperparameter, strategy
from gradless.strategies.parts import limits, mirrored, optimizers, shaping
from gradless.strategies.parts.mirrored import Mirrored


class State(NamedTuple):
    """Mean and standard deviations of the search distribution, and the optimiser's memory."""

    mean: jax.Array  # (dimension,)
    sigma: jax.Array  # (dimension,)
    scales: jax.Array  # typical size of the parameters of each leaf, (leaves,)
    optimizer: Any
    structure: Structure


@strategy
class PGPE:
    """Candidates in pairs around a mean, with a standard deviation learnt for every parameter.

    It has no ``rank``, as ``openai_es`` has: a product of thin matrices times a deviation for every
    weight is no product of thin matrices, and what it says of single deviations is little.

    Parameters
    ----------
    population
        Candidates of one generation, an even number: each change is tried with both signs.
    sigma
        First standard deviation of the changes.
    learning_rate
        Length of the mean's steps.
    sigma_learning_rate
        Length of the steps of the standard deviations; 0 keeps them.
    max_change
        Largest share by which a standard deviation may change in one generation.
    momentum
        Share of the mean gradient kept from one generation to the next, in adam, momentum, clipup.
    second_moment
        Share of the mean squared gradient kept, in adam and rmsprop.
    shaping
        What the losses count: ``centered_ranks``, ``nes_utilities``, ``zscore`` or ``raw``.
    optimizer
        Step-size rule of the mean: ``adam``, ``sgd``, ``momentum``, ``rmsprop`` or ``clipup``.
    relative
        Measure ``sigma`` and ``learning_rate`` in the scale of each leaf at the start (of drawn
        weights their root mean square, of other numbers at least 1: ``mirrored.leaf_scales``),
        instead of absolutely.
    """

    population: int = hyperparameter(128, at_least=2)
    sigma: float = hyperparameter(0.1, above=0.0)
    learning_rate: float = hyperparameter(0.05, above=0.0)
    sigma_learning_rate: float = hyperparameter(0.1, at_least=0.0)
    max_change: float = hyperparameter(0.2, at_least=0.0, at_most=1.0)
    momentum: float = hyperparameter(0.9, at_least=0.0, at_most=1.0)
    second_moment: float = hyperparameter(0.999, at_least=0.0, at_most=1.0)
    shaping: str = hyperparameter("centered_ranks", choices=tuple(shaping.SHAPINGS))
    optimizer: str = hyperparameter("adam", choices=optimizers.OPTIMIZERS)
    relative: bool = True

    name: ClassVar[str] = "pgpe"
    samples_around_center: ClassVar[bool] = True
    perturbation: ClassVar[Perturbation] = Perturbation(opposite_pairs=True)

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``.

        Raises
        ------
        InputError
            If the population is odd.
        """
        mirrored.check_even("PGPE", self.population)
        mean, structure = tree.ravel(params), Structure.of(params)
        scales = mirrored.leaf_scales(params)
        scales = scales if self.relative else jnp.ones_like(scales)
        return State(
            mean=mean,
            sigma=limits.bounded(self.sigma * mirrored.spread(scales, structure)).astype(
                mean.dtype
            ),
            scales=scales,
            optimizer=self._rule.init(mean),
            structure=structure,
        )

    @property
    def goes_by_differences(self) -> bool:
        """Whether the shaping does."""
        return self.shaping in shaping.OF_DIFFERENCES

    @property
    def _rule(self) -> Any:
        return optimizers.get(self.optimizer, self.momentum, self.second_moment)

    def ask(self, key: jax.Array, state: State) -> Mirrored:
        """Noise with both signs."""
        return mirrored.pairs(key, self.population // 2, state.structure.size)

    def middle(self, state: State) -> Params:
        """The mean."""
        return self.center(state)

    def change(self, state: State, candidate: Mirrored) -> Params:
        """What is added to the mean: noise of a seed, or its opposite."""
        return state.structure.unravel(state.sigma * mirrored.draw(candidate, state.structure.size))

    def decode(self, state: State, candidate: Mirrored) -> Params:
        """Mean plus the change."""
        return jax.tree.map(operator.add, self.center(state), self.change(state, candidate))

    def tell(self, key: jax.Array, state: State, candidates: Mirrored, losses: jax.Array) -> State:
        """Step along the likelihood gradients of mean and standard deviations.

        Algorithm 2, with rewards r+ and r- of a pair, its change T = sigma e, the mean reward b:

        - mean: T (r+ - r-) / 2, which is sigma^2 times the gradient e (r+ - r-) / (2 sigma); here
          the factor is left to the step-size rule;
        - sigma: (T^2 - sigma^2) / sigma * ((r+ + r-) / 2 - b) = sigma (e^2 - 1) (...).
        """
        half, size = self.population // 2, state.structure.size
        rewards = shaping.get(self.shaping)(losses)
        plus, minus = rewards[:half], rewards[half:]
        dtype = state.mean.dtype
        first = mirrored.weighted_sum(candidates, ((plus - minus) / 2).astype(dtype), size)
        scales = mirrored.spread(state.scales, state.structure)
        # Of the loss, minus the reward, and in units of the scales.
        first = limits.squarable(first, half * state.sigma / scales)
        gradient = -first / half * scales / state.sigma
        update, optimizer = self._rule.update(gradient, state.optimizer)
        update = limits.extrapolated(update, self.learning_rate, self.sigma)
        mean = state.mean - self.learning_rate * scales * update

        excess = ((plus + minus) / 2 - jnp.mean(rewards)).astype(dtype)
        # These weights sum to zero, so that the -1 of (e^2 - 1) falls out.
        second = mirrored.weighted_sum(candidates, excess, size, power=2)
        change = self.sigma_learning_rate * second / half
        change = jnp.clip(change, -self.max_change, self.max_change)
        return state._replace(
            mean=limits.in_range(mean.astype(state.mean.dtype)),
            sigma=limits.bounded(state.sigma * (1 + change)),
            optimizer=optimizer,
        )

    def center(self, state: State) -> Params:
        """Mean of the search distribution."""
        return state.structure.unravel(state.mean)
