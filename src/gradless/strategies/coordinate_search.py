"""One parameter at a time, with steps of every size: where parameters act on their own.

A (1 + population) evolution strategy that mutates a single parameter of a candidate. The size of a
step is drawn from all orders of magnitude, as in Doerr, Le, Makhmara and Nguyen, "Fast genetic
algorithms", GECCO (2017), so that no step size has to be learnt: a large one leaves the basin that
the parameter is in, a small one goes on inside of it. On a function that is a sum over parameters
the basins of all of them are found one by one, and not all at once.
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
from gradless.strategies.parts import limits
from gradless.strategies.parts.recombination import default_population, first_scales


class State(NamedTuple):
    """The present attempt, and the best of all."""

    point: jax.Array  # best of the attempt, (dimension,)
    current_loss: jax.Array
    waited: jax.Array  # evaluations without a lower loss, uint32
    start: jax.Array  # (dimension,)
    scales: jax.Array  # (dimension,)
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


@strategy
class CoordinateSearch:
    """Change one parameter of the best, by a step of any size, and keep the best change.

    Parameters
    ----------
    anywhere
        Share of the changes that put the parameter anywhere within ``spread``; all others add a
        normal step.
    magnitudes
        Orders of magnitude of steps, the largest being ``spread``; at most those of the type of
        the parameters, which is 6.9 in float32.
    spread
        Scales of each array to either side of the initial parameters, between which parameters are
        put and attempts begin. With bounds, of which half is the scale, 2 is the whole box.
    patience
        Evaluations for each parameter without a lower loss, after which it begins elsewhere.
    population
        Candidates in a generation.
    relative
        Whether ``spread`` counts in units of the scale of each array, as in ``cma_es``.
    """

    anywhere: float = hyperparameter(0.3, at_least=0.0, at_most=1.0)
    magnitudes: float = hyperparameter(10.0, above=0.0)
    spread: float = hyperparameter(2.0, above=0.0)
    patience: int = hyperparameter(300, at_least=1)
    population: int = hyperparameter(8, at_least=1)
    relative: bool = True

    name: ClassVar[str] = "coordinate_search"
    samples_around_center: ClassVar[bool] = False
    begins_elsewhere: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> CoordinateSearch:
        """The strategy with the population of ``cma_es`` for so many parameters."""
        return cls(**{"population": default_population(dimension), **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """At ``params``, not evaluated yet."""
        start = tree.ravel(params)
        return State(
            point=start,
            current_loss=no_loss(),
            waited=jnp.uint32(0),
            start=start,
            scales=first_scales(params, self.relative),
            best=start,
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def ask(self, key: jax.Array, state: State) -> jax.Array:
        """Changes of one parameter each, shape (population, dimension)."""
        dimension, count = state.point.size, self.population
        which, kind, size, place = jax.vmap(noise.uniform, in_axes=(0, None), out_axes=1)(
            noise.seeds(key, jnp.arange(count)), 4
        )
        index = noise.below(which, dimension)
        widest = self.spread * state.scales[index]
        # Smaller steps than that are rounded away.
        most = -math.log10(jnp.finfo(state.point.dtype).eps)
        step = widest * jnp.exp(-math.log(10) * jnp.minimum(self.magnitudes, most) * size)
        normal = jax.scipy.special.ndtri(place)
        near = state.point[index] + step * normal
        anywhere = state.start[index] + widest * (2 * place - 1)
        value = jnp.where(kind < self.anywhere, anywhere, near)
        chosen = jnp.arange(dimension) == index[:, None]
        return jnp.where(chosen, value[:, None].astype(state.point.dtype), state.point)

    def decode(self, state: State, candidate: jax.Array) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(candidate)

    def tell(self, key: jax.Array, state: State, candidates: jax.Array, losses: jax.Array) -> State:
        """Keep the best candidate if it is better; begin elsewhere if none has been for long."""
        winner = jnp.argmin(losses)
        loss = losses[winner]
        better = loss < state.current_loss
        point = jnp.where(better, candidates[winner], state.point)
        waited = jnp.where(better, jnp.uint32(0), state.waited + self.population)
        improved = loss < state.best_loss
        again = waited > self.patience * state.point.size
        within = 2 * noise.uniform(noise.seed(key), point.size).astype(point.dtype) - 1
        elsewhere = limits.in_range(state.start + self.spread * state.scales * within)
        return state._replace(
            point=jnp.where(again, elsewhere, point),
            current_loss=jnp.where(again, no_loss(), jnp.where(better, loss, state.current_loss)),
            waited=jnp.where(again, jnp.uint32(0), waited),
            best=jnp.where(improved, candidates[winner], state.best),
            best_loss=jnp.where(improved, loss, state.best_loss),
        )

    def center(self, state: State) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)
