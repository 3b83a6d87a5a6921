"""Steps are differences between members of the population itself.

Storn and Price, "Differential evolution: a simple and efficient heuristic for global optimization
over continuous spaces" (1997).
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import initial, limits

_DONORS = {"rand/1/bin": 3, "best/1/bin": 2, "current-to-best/1/bin": 2}


class State(NamedTuple):
    """The population with its losses, and the best so far."""

    population: jax.Array  # (population, dimension)
    losses: jax.Array  # (population,)
    begun: jax.Array  # whether the first population has been evaluated, boolean
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


def distinct_donors(key: jax.Array, members: int, donors: int) -> jax.Array:
    """For every member, others that are all different, shape (donors, members), integer.

    Every choice of donors is equally likely; ``members`` is more than ``donors``.
    """
    taken = [jnp.arange(members)]
    for draw in range(donors):
        # Index among those that are left, then a step over each one that is taken.
        left = members - len(taken)
        index = jax.random.randint(noise.fold_in(key, draw), (members,), 0, left, jnp.int32)
        for other in jnp.sort(jnp.stack(taken), axis=0):
            index += index >= other
        taken.append(index)
    return jnp.stack(taken[1:])


@strategy
class DifferentialEvolution:
    """Each member tries a step made of the difference of two others, and keeps it if it is better.

    The first generation is the first population; losses of members are kept, not evaluated again.

    Parameters
    ----------
    differential_weight
        The paper's F, the factor of the difference; it suggests 0.5 to begin with.
    crossover_rate
        The paper's CR, the share of parameters taken from the mutant; it suggests 0.9 or 1 for fast
        progress and 0.1 for separable problems.
    variant
        What the difference is added to: ``rand/1/bin`` a random member, ``best/1/bin`` the best,
        ``current-to-best/1/bin`` the member itself after a step of F towards the best.
    spread
        Standard deviation of the first population around the initial parameters, relative to
        the scale of each array at the start.
    population
        The paper's NP; it suggests 5 to 10 times the number of parameters, which no network
        affords.
    """

    differential_weight: float = hyperparameter(0.5, above=0.0, at_most=2.0)
    crossover_rate: float = hyperparameter(0.9, at_least=0.0, at_most=1.0)
    variant: str = hyperparameter("rand/1/bin", choices=tuple(_DONORS))
    spread: float = hyperparameter(1.0, above=0.0)
    population: int = hyperparameter(64, at_least=4)

    name: ClassVar[str] = "differential_evolution"
    samples_around_center: ClassVar[bool] = False

    def init(self, key: jax.Array, params: Params) -> State:
        """A population around ``params``, not evaluated yet."""
        return State(
            population=initial.around(key, params, self.population, self.spread),
            losses=jnp.broadcast_to(no_loss(), self.population),
            begun=jnp.asarray(False),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def ask(self, key: jax.Array, state: State) -> jax.Array:
        """A trial vector for every member, shape (population, dimension)."""
        donors_key, uniform_key, forced_key = (noise.fold_in(key, use) for use in range(3))
        shape = state.population.shape
        # On a plateau every trial is taken, and the population grows by a share in each generation.
        mutants = limits.in_range(self._mutants(donors_key, state))
        # Equation 4: each parameter from the mutant with probability CR, and one of them surely.
        crossed = jax.random.uniform(uniform_key, shape, jnp.float32) < self.crossover_rate
        forced = jax.random.randint(forced_key, (self.population, 1), 0, shape[1], jnp.int32)
        crossed |= jnp.arange(shape[1]) == forced
        trials = jnp.where(crossed, mutants, state.population)
        return jnp.where(state.begun, trials, state.population)

    def _mutants(self, key: jax.Array, state: State) -> jax.Array:
        donors = distinct_donors(key, self.population, _DONORS[self.variant])
        chosen = state.population[donors]
        difference = self.differential_weight * (chosen[-2] - chosen[-1])
        if self.variant == "rand/1/bin":  # equation 2
            return chosen[0] + difference
        best = state.population[jnp.argmin(state.losses)]
        if self.variant == "best/1/bin":
            return best + difference
        towards_best = self.differential_weight * (best - state.population)
        return state.population + towards_best + difference

    def decode(self, state: State, candidate: jax.Array) -> Params:
        """The parameters of a trial vector."""
        return state.structure.unravel(candidate)

    def tell(self, key: jax.Array, state: State, candidates: jax.Array, losses: jax.Array) -> State:
        """Each member is replaced by its trial vector unless that is worse."""
        # An equal loss is taken, or the population would stand still on a plateau.
        taken = (losses <= state.losses) & jnp.isfinite(losses)
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        return state._replace(
            population=jnp.where(taken[:, None], candidates, state.population),
            losses=jnp.where(taken, losses, state.losses),
            begun=jnp.asarray(True),
            best=jnp.where(improved, candidates[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)
