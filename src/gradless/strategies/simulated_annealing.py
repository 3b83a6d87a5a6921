"""A search path that also climbs, less and less as it cools.

Kirkpatrick, Gelatt and Vecchi, "Optimization by simulated annealing" (1983), with the acceptance
rule of Metropolis et al., "Equation of state calculations by fast computing machines" (1953). Steps
in continuous space that shrink with the square root of the temperature are those of Szu and
Hartley's account of Boltzmann annealing, "Fast simulated annealing" (1987).
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless import noise, tree
from gradless.floats import no_loss
from gradless.strategies.base import hyperparameter, strategy
from gradless.tree import Params, Structure


class State(NamedTuple):
    """Where every chain stands, and the best that any of them has seen."""

    current: jax.Array  # (population, dimension)
    current_loss: jax.Array  # (population,)
    evaluations: jax.Array  # of all chains, uint32; it stays at the largest, long after cooling
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


@strategy
class SimulatedAnnealing:
    """Search paths that also accept a worse candidate, more rarely as the temperature falls.

    A candidate that raises the loss by d is accepted with probability exp(-d / temperature). The
    paper gives no numbers for networks: the defaults suit losses of order one.

    Parameters
    ----------
    sigma
        Standard deviation of the change to every parameter, at the initial temperature.
    initial_temperature
        In units of the loss: an increase by this much is accepted in 37 % of all cases.
    final_temperature
        Cooling ends here.
    decay
        The temperature is multiplied by this after every evaluation. The default goes from the
        initial to the final temperature in 23,000 evaluations. One minus the decay is resolved to
        6e-8.
    population
        Independent chains. They share the cooling, which counts the evaluations of all, so that
        a budget ends at the same temperature however many there are.
    cool_steps
        Steps shrink with the square root of the temperature, so that they go with the width of
        the region that the chain explores at this temperature; otherwise ``sigma`` stays.
    """

    sigma: float = hyperparameter(0.1, above=0.0)
    initial_temperature: float = hyperparameter(0.01, above=0.0)
    final_temperature: float = hyperparameter(1e-5, above=0.0)
    decay: float = hyperparameter(0.9997, above=0.0, at_most=1.0)
    population: int = hyperparameter(1, at_least=1)
    cool_steps: bool = True

    name: ClassVar[str] = "simulated_annealing"
    samples_around_center: ClassVar[bool] = False

    def init(self, key: jax.Array, params: Params) -> State:
        """All chains at ``params``, which any candidate with a finite loss replaces."""
        vector = tree.ravel(params)
        return State(
            current=jnp.broadcast_to(vector, (self.population, vector.size)),
            current_loss=jnp.broadcast_to(no_loss(), self.population),
            evaluations=jnp.uint32(0),
            best=vector,
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def temperature(self, state: State) -> jax.Array:
        """Temperature at which the next candidates are judged."""
        evaluations = state.evaluations.astype(jnp.float32)
        cooled = self.initial_temperature * jnp.exp(evaluations * jnp.log(self.decay))
        return jnp.maximum(cooled, self.final_temperature)

    def step_size(self, state: State) -> jax.Array:
        """Standard deviation of the next change to every parameter."""
        if not self.cool_steps:
            return jnp.asarray(self.sigma)
        return self.sigma * jnp.sqrt(self.temperature(state) / self.initial_temperature)

    def ask(self, key: jax.Array, state: State) -> noise.Seed:
        """Seeds of one proposal for every chain."""
        return noise.seeds(key, jnp.arange(self.population))

    def decode(self, state: State, candidate: noise.Seed) -> Params:
        """The parameters that the chain of this number proposes."""
        return state.structure.unravel(self._proposal(state, candidate))

    def tell(
        self, key: jax.Array, state: State, candidates: noise.Seed, losses: jax.Array
    ) -> State:
        """Each chain takes its proposal or stays."""
        # Metropolis: always downwards, upwards with probability exp(-rise / temperature).
        rise = losses - state.current_loss
        uniform = jax.random.uniform(key, (self.population,), jnp.float32)
        accepted = uniform < jnp.exp(-rise / self.temperature(state))
        accepted &= jnp.isfinite(losses)
        proposals = jax.vmap(self._proposal, in_axes=(None, 0))(state, candidates)
        evaluations = state.evaluations + jnp.uint32(self.population)
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        return state._replace(
            current=jnp.where(accepted[:, None], proposals, state.current),
            current_loss=jnp.where(accepted, losses, state.current_loss),
            evaluations=jnp.maximum(evaluations, state.evaluations),
            best=jnp.where(improved, proposals[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def _proposal(self, state: State, seed: noise.Seed) -> jax.Array:
        step = self.step_size(state) * noise.normal(seed, state.structure.size)
        return state.current[seed.member] + step

    def center(self, state: State) -> Params:
        """The best that any chain has seen."""
        return state.structure.unravel(state.best)
