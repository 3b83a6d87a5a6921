"""A gradient estimated from the losses of random changes, followed by a step-size rule.

Salimans, Ho, Chen, Sidor and Sutskever, "Evolution Strategies as a Scalable Alternative to
Reinforcement Learning" (2017), algorithm 1, with the mirrored sampling, fitness shaping and weight
decay of its section 2.1.

Decay towards the start is the anchored weight decay of Schweighofer et al., "Overcoming Forgetting
in LLM Fine-Tuning with Evolution Strategies" (arXiv:2605.30148, 2026): weights that the new loss
does not hold in their place would go for a random walk, and with them what the network knew.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import tree
from gradless._core.errors import InputError
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import layer_ranks, limits, mirrored, optimizers, shaping
from gradless.strategies.parts.around_center import AroundCenter
from gradless.strategies.parts.mirrored import Mirrored


class State(NamedTuple):
    """The center of the search distribution and the optimiser's memory."""

    center: jax.Array  # (dimension,)
    scales: jax.Array  # typical size of the parameters of each leaf, (leaves,)
    optimizer: Any
    generation: jax.Array  # finished so far, uint32
    start: jax.Array | None  # what weights decay towards, (dimension,); None for zero
    structure: Structure


@strategy
class OpenAIES(AroundCenter):
    """Candidates spread normally around a center, which moves down the estimated gradient.

    Parameters
    ----------
    population
        Candidates of one generation, an even number: each change is tried with both signs.
    sigma
        Standard deviation of the changes.
    learning_rate
        Length of the steps: about the change of every parameter in one generation, for adam.
    sigma_decay, learning_rate_decay
        Factor by which they shrink in every generation; 0.999 halves them in 693 generations.
    momentum
        Share of the mean gradient kept from one generation to the next, in adam, momentum, clipup.
    second_moment
        Share of the mean squared gradient kept, in adam and rmsprop.
    weight_decay
        Share of every parameter, times the learning rate, that is lost in every generation.
    weight_decay_towards
        ``zero``, or ``start``: then it is a share of the distance to where the search began, and a
        network that is trained further forgets less. ``start`` needs a ``weight_decay`` above 0.
    shaping
        What the losses count: ``centered_ranks``, ``nes_utilities``, ``zscore`` or ``raw``.
    optimizer
        Step-size rule: ``adam``, ``sgd``, ``momentum``, ``rmsprop`` or ``clipup``.
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
    sigma: float = hyperparameter(0.1, above=0.0)
    learning_rate: float = hyperparameter(0.05, above=0.0)
    sigma_decay: float = hyperparameter(1.0, above=0.0, at_most=1.0)
    learning_rate_decay: float = hyperparameter(1.0, above=0.0, at_most=1.0)
    momentum: float = hyperparameter(0.9, at_least=0.0, at_most=1.0)
    second_moment: float = hyperparameter(0.999, at_least=0.0, at_most=1.0)
    weight_decay: float = hyperparameter(0.0, at_least=0.0)
    weight_decay_towards: str = hyperparameter("zero", choices=("zero", "start"))
    shaping: str = hyperparameter("centered_ranks", choices=tuple(shaping.SHAPINGS))
    optimizer: str = hyperparameter("adam", choices=optimizers.OPTIMIZERS)
    rank: int | str = hyperparameter(0, at_least=0, words=(layer_ranks.AUTO,))
    relative: bool = True

    name: ClassVar[str] = "openai_es"
    samples_around_center: ClassVar[bool] = True

    def check_together(self) -> None:
        """Refuse a direction of a decay that there is not: it would do nothing, silently."""
        none = isinstance(self.weight_decay, float) and self.weight_decay == 0
        if none and self.weight_decay_towards != "zero":
            raise InputError(
                f"OpenAIES: weight_decay must be above 0 with weight_decay_towards="
                f"{self.weight_decay_towards!r}, got 0.0. For example: weight_decay=0.1"
            )

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``.

        Raises
        ------
        InputError
            If the population is odd.
        """
        mirrored.check_even("OpenAIES", self.population)
        center = tree.ravel(params)
        return State(
            center=center,
            scales=self.first_scales(mirrored.leaf_scales(params), self.relative),
            optimizer=self._rule.init(center),
            generation=jnp.uint32(0),
            start=center if self.weight_decay_towards == "start" else None,
            structure=Structure.of(params),
        )

    @property
    def goes_by_differences(self) -> bool:
        """Whether the shaping does."""
        return self.shaping in shaping.OF_DIFFERENCES

    @property
    def _rule(self) -> Any:
        return optimizers.get(self.optimizer, self.momentum, self.second_moment)

    def step_size(self, state: State) -> jax.Array:
        """Standard deviation of the changes in this generation."""
        decayed = self.sigma * self.sigma_decay ** state.generation.astype(jnp.float32)
        return limits.bounded(jnp.asarray(decayed))

    def ask(self, key: jax.Array, state: State) -> Mirrored:
        """Noise with both signs."""
        return self.directions_of(state).pairs(key, self.population // 2)

    def gradient(self, state: State, candidates: Mirrored, losses: jax.Array) -> jax.Array:
        """Estimated gradient of the shaped loss, (dimension,), in units of ``state.scales``."""
        half = self.population // 2
        weights = shaping.get(self.shaping)(losses)
        # Algorithm 1, line 6, with weights that are positive for good candidates:
        # g = -1 / (n sigma) sum_i w_i e_i, where e_i of the second half is minus that of the first.
        differences = limits.squarable(weights[half:] - weights[:half], self.step_size(state))
        differences = differences.astype(state.center.dtype)
        total = self.directions_of(state).weighted_sum(candidates, differences)
        return total / (self.population * self.step_size(state))

    def tell(self, key: jax.Array, state: State, candidates: Mirrored, losses: jax.Array) -> State:
        """Step down the estimated gradient."""
        gradient = self.gradient(state, candidates, losses)
        update, optimizer = self._rule.update(gradient, state.optimizer)
        rate = self.learning_rate * self.learning_rate_decay ** state.generation.astype(jnp.float32)
        update = limits.extrapolated(update, self.learning_rate, self.sigma)
        step = mirrored.spread(state.scales, state.structure) * update
        # Decoupled from the gradient: Loshchilov and Hutter (2019), algorithm 2.
        decaying = state.center if state.start is None else state.center - state.start
        center = state.center - rate * (step + self.weight_decay * decaying)
        return state._replace(
            center=limits.in_range(center.astype(state.center.dtype)),
            optimizer=optimizer,
            generation=state.generation + 1,
        )
