"""Good parents are recombined and their children mutated.

Holland, "Adaptation in natural and artificial systems" (1975), with real numbers as genes. Uniform
crossover: Syswerda, "Uniform crossover in genetic algorithms" (1989). Blend crossover BLX-alpha:
Eshelman and Schaffer, "Real-coded genetic algorithms and interval-schemata" (1993). Tournaments:
Goldberg and Deb, "A comparative analysis of selection schemes used in genetic algorithms" (1991).
Truncation and mutation without crossover is what Such et al., "Deep neuroevolution" (2017), trained
networks of millions of weights with. Steps of mutation that are inherited: Schwefel, "Numerical
optimization of computer models" (1981), as in Beyer and Schwefel, "Evolution strategies: a
comprehensive introduction" (2002), for one step of a child.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import initial, limits


class State(NamedTuple):
    """All that may become parents, best first, and the best so far."""

    pool: jax.Array  # (elites + population, dimension)
    losses: jax.Array  # (elites + population,), ascending
    sigmas: jax.Array  # that each was mutated by, float32, (elites + population,)
    begun: jax.Array  # whether the first population has been evaluated, boolean
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


class Candidate(NamedTuple):
    """A child, and the standard deviation that it was mutated by."""

    vector: jax.Array  # (dimension,)
    mutation: jax.Array  # float32


def uniform_crossover(even: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
    """Each parameter from either parent, with equal probability.

    ``even`` are uniform numbers between 0 and 1, of the shape of the parents.
    """
    return jnp.where(even < 0.5, first, second)


def blend_crossover(
    even: jax.Array, first: jax.Array, second: jax.Array, alpha: float | jax.Array
) -> jax.Array:
    """BLX-alpha: each parameter uniform on the parents' interval, extended on both sides.

    The extension is ``alpha`` times the interval's length; ``even`` as for uniform crossover.
    """
    share = (1 + 2 * alpha) * even - alpha
    return first + share * (second - first)


@strategy
class GeneticAlgorithm:
    """Parents are selected, recombined and mutated; the best are kept as they are.

    The elites are parents beside the last generation. Their losses are remembered, so that all
    candidates are new; with minibatches, a lucky one stays until a luckier one comes.

    Parameters
    ----------
    sigma
        Standard deviation of the mutation of a parameter, at first.
    adapt
        Whether each child inherits that from its parents, with a random change: the geometric mean
        of two, times exp(N(0, 1) / sqrt(d)). What survives tells which are of use. Otherwise
        ``sigma`` stays, and the search comes no closer than that.
    mutation_rate
        Share of the parameters of a child that mutate.
    selection
        ``truncation``: parents are drawn evenly from the best ``parents``; ``tournament``: each
        parent is the best of ``tournament_size`` drawn evenly from all.
    parents
        How many survive truncation (Such et al.: 20 of 1000; Schwefel: a seventh).
    tournament_size
        How many compete for the place of a parent (Goldberg and Deb: 2).
    crossover
        ``uniform``, ``blend`` or ``none``.
    crossover_rate
        Share of the children that have two parents; the others begin as a copy of one.
    alpha
        Extension of the interval in the blend crossover (Eshelman and Schaffer: 0.5).
    elites
        How many of the best are kept.
    spread
        Standard deviation of the first population around the initial parameters, relative to
        the scale of each array at the start.
    population
        Children in a generation.
    """

    sigma: float = hyperparameter(0.1, above=0.0)
    adapt: bool = True
    mutation_rate: float = hyperparameter(1.0, at_least=0.0, at_most=1.0)
    selection: str = hyperparameter("truncation", choices=("truncation", "tournament"))
    parents: int = hyperparameter(8, at_least=1)
    tournament_size: int = hyperparameter(2, at_least=1)
    crossover: str = hyperparameter("uniform", choices=("uniform", "blend", "none"))
    crossover_rate: float = hyperparameter(1.0, at_least=0.0, at_most=1.0)
    alpha: float = hyperparameter(0.5, at_least=0.0)
    elites: int = hyperparameter(1, at_least=0)
    spread: float = hyperparameter(1.0, above=0.0)
    population: int = hyperparameter(64, at_least=2)

    name: ClassVar[str] = "genetic_algorithm"
    samples_around_center: ClassVar[bool] = False

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> GeneticAlgorithm:
        """The strategy with what was measured to be better on functions than on networks.

        Blend crossover and tournaments of four, in a population of 128, whatever the dimension:
        slower, and less often caught in a local minimum.
        """
        wide = {"crossover": "blend", "selection": "tournament", "tournament_size": 4}
        return cls(**{**wide, "population": 128, **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """A population around ``params``, not evaluated yet."""
        return State(
            pool=initial.around(key, params, self.elites + self.population, self.spread),
            losses=jnp.broadcast_to(no_loss(), self.elites + self.population),
            sigmas=jnp.full(self.elites + self.population, self.sigma, jnp.float32),
            begun=jnp.asarray(False),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def ask(self, key: jax.Array, state: State) -> Candidate:
        """The children."""
        size, members = state.structure.size, jnp.arange(self.population)
        crossover_key, mutation_key, rate_key = (noise.fold_in(key, use) for use in range(1, 4))
        draw = jax.vmap(noise.uniform, in_axes=(0, None))
        places = self.selected(noise.fold_in(key, 0), state)
        first, second = state.pool[places]
        inherited, other = state.sigmas[places]
        children = first
        if self.crossover != "none":
            # One number more, which says whether there are two parents.
            even = draw(noise.seeds(crossover_key, members), size + 1)
            paired = even[:, size] < self.crossover_rate
            if self.crossover == "uniform":
                recombined = uniform_crossover(even[:, :size], first, second)
            else:
                recombined = blend_crossover(even[:, :size], first, second, self.alpha)
            children = jnp.where(paired[:, None], recombined, first)
            inherited = jnp.where(paired, jnp.sqrt(inherited) * jnp.sqrt(other), inherited)
        drawn = jax.vmap(noise.normal, in_axes=(0, None))(
            noise.seeds(mutation_key, members), size + 1
        )
        if self.adapt:
            sigmas = limits.bounded(inherited * jnp.exp(drawn[:, size] / math.sqrt(size)))
        else:
            sigmas = jnp.broadcast_to(jnp.float32(self.sigma), self.population)
        mutated = children + sigmas[:, None] * drawn[:, :size]
        mutates = draw(noise.seeds(rate_key, members), size) < self.mutation_rate
        children = jnp.where(mutates, mutated, children)
        children = limits.in_range(children)  # the blend crossover extends intervals
        return Candidate(
            jnp.where(state.begun, children, state.pool[self.elites :]),
            jnp.where(state.begun, sigmas, state.sigmas[self.elites :]),
        )

    def selected(self, key: jax.Array, state: State) -> jax.Array:
        """Places in the pool of two parents for every child, shape (2, population), integer."""
        # One without a finite loss is a parent only if all are.
        finite = jnp.sum(jnp.isfinite(state.losses))
        eligible = jnp.where(finite > 0, finite, len(state.losses))
        rounds = 1 if self.selection == "truncation" else self.tournament_size
        even = jax.vmap(noise.uniform, in_axes=(0, None))(
            noise.seeds(key, jnp.arange(self.population)), 2 * rounds
        ).T
        if self.selection == "truncation":
            return noise.below(even, jnp.minimum(eligible, self.parents))
        # The pool is sorted: the winner of a tournament is the one in front.
        entered = noise.below(even, eligible).reshape(2, rounds, self.population)
        return jnp.min(entered, axis=1)

    def decode(self, state: State, candidate: Candidate) -> Params:
        """The parameters of a child."""
        return state.structure.unravel(candidate.vector)

    def tell(self, key: jax.Array, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """The elites and the children become the pool, best first."""
        pool = jnp.concatenate([state.pool[: self.elites], candidates.vector])
        sigmas = jnp.concatenate([state.sigmas[: self.elites], candidates.mutation])
        pool_losses = jnp.concatenate([state.losses[: self.elites], losses])
        order = jnp.argsort(pool_losses)
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        return state._replace(
            pool=pool[order],
            losses=pool_losses[order],
            sigmas=sigmas[order],
            begun=jnp.asarray(True),
            best=jnp.where(improved, candidates.vector[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)
