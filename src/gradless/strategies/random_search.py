"""Approach 1: draw everything anew, keep the best.

Kinsley and Kukieła, "Neural Networks from Scratch in Python" (2020), chapter 6; as a method,
Rastrigin, "The convergence of the random search method" (1963).
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy


class State(NamedTuple):
    """The best parameters so far and their loss."""

    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


@strategy
class RandomSearch:
    """Candidates drawn independently around zero; the best one is kept.

    Parameters
    ----------
    sigma
        Standard deviation of every weight and bias that is drawn (the chapter's 0.05).
    population
        Candidates drawn in one step. It changes the speed, not what is found: the number of
        candidates decides.
    """

    sigma: float = hyperparameter(0.05, above=0.0)
    population: int = hyperparameter(1024, at_least=1)

    name: ClassVar[str] = "random_search"
    samples_around_center: ClassVar[bool] = False

    def init(self, key: jax.Array, params: Params) -> State:
        """State that any candidate with a finite loss improves on."""
        return State(tree.ravel(params), no_loss(), Structure.of(params))

    def ask(self, key: jax.Array, state: State) -> noise.Seed:
        """Fresh seeds, whatever was found before."""
        return noise.seeds(key, jnp.arange(self.population))

    def decode(self, state: State, candidate: noise.Seed) -> Params:
        """The parameters that are drawn from a seed."""
        return state.structure.unravel(self._drawn(state, candidate))

    def tell(
        self, key: jax.Array, state: State, candidates: noise.Seed, losses: jax.Array
    ) -> State:
        """Keep the best candidate if it beats the best so far."""
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        drawn = self._drawn(state, tree.member(candidates, winner))
        return state._replace(
            best=jnp.where(improved, drawn, state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def _drawn(self, state: State, seed: noise.Seed) -> jax.Array:
        return self.sigma * noise.normal(seed, state.structure.size)

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)
