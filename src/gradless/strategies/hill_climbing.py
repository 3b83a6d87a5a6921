"""Approach 2: change the best a little, keep the change if it helps.

Kinsley and Kukieła, "Neural Networks from Scratch in Python" (2020), chapter 6. With
``adapt=True`` it is the (1+1) evolution strategy with the 1/5 success rule (Rechenberg,
"Evolutionsstrategie", 1973), as in Hansen, Arnold and Auger, "Evolution Strategies" (2015),
algorithm 4.

With ``speculation=K`` the next K proposals of the *same* sequential search are evaluated at once:
each is made as if those before it had failed, the first that improves is taken, and the noise goes
on with the proposal after it. The trajectory is the sequential one.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless import noise, tree
from gradless.strategies.base import hyperparameter, strategy
from gradless.tree import Candidates, Params


class State(NamedTuple):
    """The best so far, and where the sequential search stands."""

    best: Params
    best_loss: jax.Array
    proposals: jax.Array  # judged so far, uint32: the index of the next proposal's noise
    successes: jax.Array  # improvements among them, uint32
    key: jax.Array  # noise belongs to a proposal, not to the step in which it is evaluated


@strategy
class HillClimbing:
    """One search path: the best so far plus normal noise, kept when the loss falls.

    Parameters
    ----------
    sigma
        Standard deviation of the change to every weight and bias, the chapter's 0.05; with
        ``adapt``, the first one.
    adapt
        Let the step grow after a success and shrink after a failure, so that one in five succeeds.
    speculation
        Proposals of the sequential search that are evaluated at once. Those after the first
        success are wasted, and counted as evaluations; the path stays the same.
    """

    sigma: float = hyperparameter(0.05, above=0.0)
    adapt: bool = False
    speculation: int = hyperparameter(1, at_least=1)

    name: ClassVar[str] = "hill_climbing"
    samples_around_center: ClassVar[bool] = False

    @property
    def population(self) -> int:
        """Candidates in one step: the speculative proposals."""
        return self.speculation

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``, which any candidate with a finite loss improves on."""
        return State(
            params, jnp.asarray(jnp.inf, jnp.float32), jnp.uint32(0), jnp.uint32(0), key
        )

    def step_size(self, state: State, proposals: jax.Array) -> jax.Array:
        """Standard deviation of the proposal made after ``proposals`` earlier ones.

        Algorithm 4 multiplies the step by exp((success - 1/5) / sqrt(n + 1)) after each proposal;
        it stands still at one success in five. Counting successes and proposals instead of
        multiplying along the way gives the same number however the search is cut into steps.
        """
        if not self.adapt:
            return jnp.asarray(self.sigma)
        fifths = (5 * state.successes - proposals).astype(jnp.int32)
        damping = jnp.sqrt(tree.size(state.best) + 1.0)
        return self.sigma * jnp.exp(fifths.astype(jnp.float32) / (5 * damping))

    def ask(self, key: jax.Array, state: State) -> Candidates:
        """The next proposals, each made as if the ones before it had failed."""
        proposals = state.proposals + jnp.arange(self.speculation, dtype=jnp.uint32)
        steps = self.step_size(state, proposals)
        structure = tree.Structure.of(state.best)
        drawn = noise.population_normal(state.key, proposals, structure)

        def moved(best: jax.Array, change: jax.Array) -> jax.Array:
            scale = steps.reshape((-1,) + (1,) * best.ndim) if self.adapt else steps
            return best + (scale * change).astype(best.dtype)

        return jax.tree.map(moved, state.best, drawn)

    def decode(self, state: State, candidate: Any) -> Params:
        """The candidate itself."""
        return candidate

    def tell(
        self, key: jax.Array, state: State, candidates: Candidates, losses: jax.Array
    ) -> State:
        """Take the first proposal that improves; those after it were never made."""
        improves = losses < state.best_loss
        first = jnp.argmax(improves)
        improved = improves[first]
        judged = jnp.where(improved, first + 1, self.speculation).astype(jnp.uint32)
        return State(
            tree.where(improved, tree.member(candidates, first), state.best),
            jnp.where(improved, losses[first], state.best_loss),
            state.proposals + judged,
            state.successes + improved.astype(jnp.uint32),
            state.key,
        )

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.best
