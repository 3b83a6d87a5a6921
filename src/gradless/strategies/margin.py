"""How does a search of whole numbers not freeze on one of them? Its steps stay wide enough."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import tree
from gradless._core.tree import Candidates, Params
from gradless.strategies.base import Widens, at_rest
from gradless.strategies.wrappers import Wrapper


class MarginState(NamedTuple):
    """The strategy's own state, and the least deviations, (dimension,)."""

    inner: Any
    least: jax.Array


@tree.as_pytree(traced=["strategy", "distances"])
@dataclass(frozen=True)
class Margin(Wrapper):
    """A strategy whose standard deviations stay wide enough to find other whole numbers.

    The idea of Hamano, Saito, Nomura and Shirakawa, "CMA-ES with Margin: Lower-Bounding Marginal
    Probability for Mixed-Integer Black-Box Optimization", GECCO (2022): another whole number is
    sampled with a probability of at least 1 / (dimension * population). Here the deviation is what
    it takes from the middle of a whole number, whatever the mean, which is not moved.

    Parameters
    ----------
    strategy
        One that can be widened (:class:`.base.Widens`).
    distances
        Between two whole numbers, in the strategy's units: a pytree like the parameters with a
        number, or an array of its shape, for each array; 0 where others are between them.
    """

    strategy: Widens
    distances: Any

    name: ClassVar[str] = "margin"

    @property
    def samples_around_center(self) -> bool:
        """That of the strategy."""
        return self.strategy.samples_around_center

    def init(self, key: jax.Array, params: Params) -> MarginState:
        """The strategy's state, widened."""
        dimension = tree.size(params)
        # Of both sides of the middle of a whole number, half a distance away.
        beyond = statistics.NormalDist().inv_cdf(1 - 1 / (2 * dimension * self.population))
        each = jax.tree.map(lambda x, d: jnp.broadcast_to(d, jnp.shape(x)), params, self.distances)
        least = tree.ravel(each) / (2 * max(beyond, 0.5))
        inner = self.strategy.init(key, params)
        return MarginState(self.strategy.widened(inner, least), least)

    def tell(
        self, key: jax.Array, state: MarginState, candidates: Candidates, losses: jax.Array
    ) -> MarginState:
        """Tell the strategy, and widen it."""
        inner = self.strategy.tell(key, state.inner, candidates, losses)
        return state._replace(inner=self.strategy.widened(inner, state.least))

    def center(self, state: MarginState) -> Params:
        """The strategy's present answer."""
        return self.strategy.center(state.inner)

    def at_rest(self, state: MarginState) -> jax.Array:
        """Whether the strategy is."""
        return at_rest(self.strategy, state.inner)
