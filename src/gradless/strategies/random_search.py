"""Approach 1: draw everything anew, keep the best.

Kinsley and Kukieła, "Neural Networks from Scratch in Python" (2020), chapter 6; as a method,
Rastrigin, "The convergence of the random search method" (1963).
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless import noise, tree
from gradless.strategies.base import hyperparameter, strategy
from gradless.tree import Candidates, Params


class State(NamedTuple):
    """The best parameters so far and their loss."""

    best: Params
    best_loss: jax.Array


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
        return State(params, jnp.asarray(jnp.inf, jnp.float32))

    def ask(self, key: jax.Array, state: State) -> Candidates:
        """Fresh candidates, whatever was found before."""
        structure = tree.Structure.of(state.best)
        drawn = noise.population_normal(key, jnp.arange(self.population), structure)
        return jax.tree.map(lambda x: self.sigma * x, drawn)

    def decode(self, state: State, candidate: Any) -> Params:
        """The candidate itself."""
        return candidate

    def tell(
        self, key: jax.Array, state: State, candidates: Candidates, losses: jax.Array
    ) -> State:
        """Keep the best candidate if it beats the best so far."""
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        return State(
            tree.where(improved, tree.member(candidates, winner), state.best),
            jnp.where(improved, losses[winner], state.best_loss),
        )

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.best
