"""Particles fly towards the best places that they and their neighbours remember.

Kennedy and Eberhart, "Particle swarm optimization" (1995), with the constriction coefficient of
Clerc and Kennedy, "The particle swarm: explosion, stability, and convergence in a multidimensional
complex space" (2002).
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


class State(NamedTuple):
    """Where the particles are, how they move and what they remember."""

    position: jax.Array  # (population, dimension)
    velocity: jax.Array  # (population, dimension)
    remembered: jax.Array  # best place of each particle, (population, dimension)
    remembered_loss: jax.Array  # (population,)
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


@strategy
class ParticleSwarm:
    """Particles with velocities, drawn to their own best place and to their neighbours'.

    Parameters
    ----------
    cognitive
        Pull of a particle's own best place (Clerc and Kennedy: 2.05).
    social
        Pull of the neighbours' best place (Clerc and Kennedy: 2.05). With both pulls together at 4
        or below, the swarm is not constricted, only slowed down by ``kappa``.
    kappa
        Speed at which the swarm contracts: 1 slow, towards 0 fast (Clerc and Kennedy: 1).
    topology
        Who is a particle's neighbour: ``gbest`` all, which is fast; ``ring`` those beside it,
        which is slower and less often caught in a local optimum.
    neighbours
        Neighbours on each side in the ring.
    spread
        Standard deviation of the first positions around the initial parameters, relative to the
        scale of each array at the start; the first velocities have half of it.
    population
        Particles (20 to 30 is usual in low dimensions).
    """

    cognitive: float = hyperparameter(2.05, at_least=0.0)
    social: float = hyperparameter(2.05, at_least=0.0)
    kappa: float = hyperparameter(1.0, above=0.0, at_most=1.0)
    topology: str = hyperparameter("gbest", choices=("gbest", "ring"))
    neighbours: int = hyperparameter(1, at_least=1)
    spread: float = hyperparameter(1.0, above=0.0)
    population: int = hyperparameter(32, at_least=2)

    name: ClassVar[str] = "particle_swarm"
    samples_around_center: ClassVar[bool] = False

    @property
    def constriction(self) -> jax.Array:
        """The coefficient of Clerc and Kennedy that keeps the swarm from exploding."""
        pull = jnp.asarray(self.cognitive + self.social)
        # Below 4 the root is imaginary and there is no formula.
        above = jnp.maximum(pull, 4.0)
        return 2 * self.kappa / (above - 2 + jnp.sqrt(above**2 - 4 * above))

    def init(self, key: jax.Array, params: Params) -> State:
        """Particles around ``params``, not evaluated yet."""
        structure = Structure.of(params)
        position_key, velocity_key = (noise.fold_in(key, use) for use in range(2))
        position = initial.around(position_key, params, self.population, self.spread)
        other = initial.around(velocity_key, params, self.population, self.spread)
        return State(
            position=position,
            velocity=(other - tree.ravel(params)) / 2,
            remembered=position,
            remembered_loss=jnp.broadcast_to(no_loss(), self.population),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=structure,
        )

    def ask(self, key: jax.Array, state: State) -> jax.Array:
        """The positions, shape (population, dimension)."""
        return state.position

    def decode(self, state: State, candidate: jax.Array) -> Params:
        """The parameters at a position."""
        return state.structure.unravel(candidate)

    def tell(self, key: jax.Array, state: State, candidates: jax.Array, losses: jax.Array) -> State:
        """Remember better places, then move."""
        better = losses < state.remembered_loss
        remembered = jnp.where(better[:, None], candidates, state.remembered)
        remembered_loss = jnp.where(better, losses, state.remembered_loss)
        leader = self.leaders(remembered_loss)
        # Where no neighbour has had a finite loss, none leads.
        led = jnp.isfinite(remembered_loss[leader])[:, None]

        size = state.structure.size
        shares = jax.vmap(noise.uniform, in_axes=(0, None))(
            noise.seeds(key, jnp.arange(self.population)), 2 * size
        )
        own = self.cognitive * shares[:, :size] * (remembered - candidates)
        towards_leader = jnp.where(led, remembered[leader] - candidates, 0.0)
        social = self.social * shares[:, size:] * towards_leader
        # Kennedy and Eberhart's velocity, constricted as a whole.
        velocity = self.constriction * (state.velocity + own + social)

        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        return state._replace(
            position=limits.in_range(candidates + velocity),
            velocity=limits.in_range(velocity),
            remembered=remembered,
            remembered_loss=remembered_loss,
            best=jnp.where(improved, candidates[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def leaders(self, losses: jax.Array) -> jax.Array:
        """For every particle, the best among its neighbours and itself, (population,), integer."""
        particles = jnp.arange(self.population)
        if self.topology == "gbest":
            return jnp.broadcast_to(jnp.argmin(losses), particles.shape)
        beside = jnp.arange(-self.neighbours, self.neighbours + 1)
        neighbourhood = (particles[:, None] + beside) % self.population
        return neighbourhood[particles, jnp.argmin(losses[neighbourhood], axis=1)]

    def center(self, state: State) -> Params:
        """The best place that any particle remembers."""
        return state.structure.unravel(state.best)
