"""Approach 2: change the best a little, keep the change if it helps.

Kinsley and Kukieła, "Neural Networks from Scratch in Python" (2020), chapter 6. With
``adapt=True`` it is the (1+1) evolution strategy with the 1/5 success rule (Rechenberg,
"Evolutionsstrategie", 1973), as in Hansen, Arnold and Auger, "Evolution Strategies" (2015),
algorithm 4.

With ``speculation=K`` the next K proposals of the *same* sequential search are evaluated at once:
each is made as if those before it had failed, the first that improves is taken, and the noise goes
on with the proposal after it. The path is the sequential one; its losses agree to rounding.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy

_EXPONENTS = (-16.0, 16.0)  # of the step: on a plateau it falls to a ten-millionth, not to zero


class State(NamedTuple):
    """The best so far, and where the sequential search stands."""

    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    proposals: jax.Array  # judged so far, uint32: the index of the next proposal's noise
    successes: jax.Array  # improvements among them, uint32
    key: jax.Array  # noise belongs to a proposal, not to the step in which it is evaluated
    structure: Structure


@strategy
class HillClimbing:
    """One search path: the best so far plus normal noise, kept when the loss falls.

    Parameters
    ----------
    sigma
        Standard deviation of the change to every weight and bias, the chapter's 0.05; with
        ``adapt``, the first one.
    speculation
        Proposals of the sequential search that are evaluated at once. Those after the first
        success are wasted, and counted as evaluations; the path stays the same.
    adapt
        Let the step grow after a success and shrink after a failure, so that one in five succeeds.
    """

    sigma: float = hyperparameter(0.05, above=0.0)
    speculation: int = hyperparameter(1, at_least=1)
    adapt: bool = False

    name: ClassVar[str] = "hill_climbing"
    samples_around_center: ClassVar[bool] = False

    @property
    def population(self) -> int:
        """Candidates in one step: the speculative proposals."""
        return self.speculation

    def init(self, key: jax.Array, params: Params) -> State:
        """State at ``params``, which any candidate with a finite loss improves on."""
        return State(
            best=tree.ravel(params),
            best_loss=no_loss(),
            proposals=jnp.uint32(0),
            successes=jnp.uint32(0),
            key=key,
            structure=Structure.of(params),
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
        damping = (state.structure.size + 1) ** 0.5
        exponent = jnp.clip(fifths.astype(jnp.float32) / (5 * damping), *_EXPONENTS)
        return self.sigma * jnp.exp(exponent)

    def ask(self, key: jax.Array, state: State) -> noise.Seed:
        """Seeds of the next proposals, each made as if the ones before it had failed."""
        return noise.seeds(
            state.key, state.proposals + jnp.arange(self.speculation, dtype=jnp.uint32)
        )

    def decode(self, state: State, candidate: noise.Seed) -> Params:
        """The parameters of a proposal."""
        return state.structure.unravel(self._proposal(state, candidate))

    def tell(
        self, key: jax.Array, state: State, candidates: noise.Seed, losses: jax.Array
    ) -> State:
        """Take the first proposal that improves; those after it were never made."""
        improves = losses < state.best_loss
        first = jnp.argmax(improves)
        improved = improves[first]
        judged = jnp.where(improved, first + 1, self.speculation).astype(jnp.uint32)
        proposal = self._proposal(state, tree.member(candidates, first))
        return state._replace(
            best=jnp.where(improved, proposal, state.best),
            best_loss=jnp.where(improved, losses[first], state.best_loss),
            proposals=state.proposals + judged,
            successes=state.successes + improved.astype(jnp.uint32),
        )

    def _proposal(self, state: State, seed: noise.Seed) -> jax.Array:
        step = self.step_size(state, seed.member)
        return state.best + step * noise.normal(seed, state.structure.size)

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)
