"""Good parents are recombined and their children mutated.

Holland, "Adaptation in natural and artificial systems" (1975), with real numbers as genes. Uniform
crossover: Syswerda, "Uniform crossover in genetic algorithms" (1989). Blend crossover BLX-alpha:
Eshelman and Schaffer, "Real-coded genetic algorithms and interval-schemata" (1993). Tournaments:
Goldberg and Deb, "A comparative analysis of selection schemes used in genetic algorithms" (1991).
Truncation and mutation without crossover is what Such et al., "Deep neuroevolution" (2017), trained
networks of millions of weights with.
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
    """All that may become parents, best first, and the best so far."""

    pool: jax.Array  # (elites + population, dimension)
    losses: jax.Array  # (elites + population,), ascending
    begun: jax.Array  # whether the first population has been evaluated, boolean
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


def uniform_crossover(key: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
    """Each parameter from either parent, with equal probability."""
    return jnp.where(jax.random.bernoulli(key, jnp.float32(0.5), first.shape), first, second)


def blend_crossover(
    key: jax.Array, first: jax.Array, second: jax.Array, alpha: float | jax.Array
) -> jax.Array:
    """BLX-alpha: each parameter uniform on the parents' interval, extended on both sides.

    The extension is ``alpha`` times the interval's length.
    """
    share = jax.random.uniform(key, first.shape, jnp.float32, -alpha, 1 + alpha)
    return first + share * (second - first)


@strategy
class GeneticAlgorithm:
    """Parents are selected, recombined and mutated; the best are kept as they are.

    The elites are parents beside the last generation. Their losses are remembered, so that all
    candidates are new; with minibatches, a lucky one stays until a luckier one comes.

    Parameters
    ----------
    sigma
        Standard deviation of the mutation of a parameter.
    mutation_rate
        Share of the parameters of a child that mutate.
    selection
        ``truncation``: parents are drawn evenly from the best ``parents``; ``tournament``: each
        parent is the best of ``tournament_size`` drawn evenly from all.
    parents
        How many survive truncation (Such et al.: 20 of 1000).
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

    sigma: float = hyperparameter(0.05, above=0.0)
    mutation_rate: float = hyperparameter(1.0, at_least=0.0, at_most=1.0)
    selection: str = hyperparameter("truncation", choices=("truncation", "tournament"))
    parents: int = hyperparameter(16, at_least=1)
    tournament_size: int = hyperparameter(2, at_least=1)
    crossover: str = hyperparameter("uniform", choices=("uniform", "blend", "none"))
    crossover_rate: float = hyperparameter(1.0, at_least=0.0, at_most=1.0)
    alpha: float = hyperparameter(0.5, at_least=0.0)
    elites: int = hyperparameter(1, at_least=0)
    spread: float = hyperparameter(1.0, above=0.0)
    population: int = hyperparameter(128, at_least=2)

    name: ClassVar[str] = "genetic_algorithm"
    samples_around_center: ClassVar[bool] = False

    def init(self, key: jax.Array, params: Params) -> State:
        """A population around ``params``, not evaluated yet."""
        return State(
            pool=initial.around(key, params, self.elites + self.population, self.spread),
            losses=jnp.broadcast_to(no_loss(), self.elites + self.population),
            begun=jnp.asarray(False),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def ask(self, key: jax.Array, state: State) -> jax.Array:
        """The children, shape (population, dimension)."""
        parents_key, crossover_key, pair_key, mutation_key, rate_key = (
            noise.fold_in(key, use) for use in range(5)
        )
        first, second = state.pool[self.selected(parents_key, state)]
        children = first
        if self.crossover != "none":
            if self.crossover == "uniform":
                recombined = uniform_crossover(crossover_key, first, second)
            else:
                recombined = blend_crossover(crossover_key, first, second, self.alpha)
            paired = (
                jax.random.uniform(pair_key, (self.population, 1), jnp.float32)
                < self.crossover_rate
            )
            children = jnp.where(paired, recombined, first)
        mutation = self.sigma * jax.vmap(noise.normal, in_axes=(0, None))(
            noise.seeds(mutation_key, jnp.arange(self.population)), state.structure.size
        )
        mutates = jax.random.uniform(rate_key, children.shape, jnp.float32) < self.mutation_rate
        children = jnp.where(mutates, children + mutation, children)
        children = limits.in_range(children)  # the blend crossover extends intervals
        return jnp.where(state.begun, children, state.pool[self.elites :])

    def selected(self, key: jax.Array, state: State) -> jax.Array:
        """Places in the pool of two parents for every child, shape (2, population), integer."""
        # One without a finite loss is a parent only if all are.
        finite = jnp.sum(jnp.isfinite(state.losses))
        eligible = jnp.where(finite > 0, finite, len(state.losses))
        shape = (2, self.population)
        if self.selection == "truncation":
            last = jnp.minimum(eligible, self.parents)
            return jax.random.randint(key, shape, 0, last, jnp.int32)
        # The pool is sorted: the winner of a tournament is the one in front.
        drawn = jax.random.randint(key, (self.tournament_size, *shape), 0, eligible, jnp.int32)
        return jnp.min(drawn, axis=0)

    def decode(self, state: State, candidate: jax.Array) -> Params:
        """The parameters of a child."""
        return state.structure.unravel(candidate)

    def tell(self, key: jax.Array, state: State, candidates: jax.Array, losses: jax.Array) -> State:
        """The elites and the children become the pool, best first."""
        pool = jnp.concatenate([state.pool[: self.elites], candidates])
        pool_losses = jnp.concatenate([state.losses[: self.elites], losses])
        order = jnp.argsort(pool_losses)
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        return state._replace(
            pool=pool[order],
            losses=pool_losses[order],
            begun=jnp.asarray(True),
            best=jnp.where(improved, candidates[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)
