"""A minimum that one search misses is found by several: wider ones, and shorter ones.

IPOP: Auger and Hansen, "A restart CMA evolution strategy with increasing population size", CEC
(2005): when an attempt has come to rest, the next one begins elsewhere with twice the population.

BIPOP: Hansen, "Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed", GECCO
workshops (2009): as much is spent on attempts with small populations and small first steps, which
many functions with a few deep minima reward.

What is asked for is always one block, as many candidates as the first population has, and an
attempt with eight times that population moves after eight of them (``parts.blocks``).
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits
from gradless.strategies.parts.blocks import Tables, blocks, window_of
from gradless.strategies.parts.covariance import (
    MATRICES,
    Normal,
    adapted,
    begun,
    deviations,
    drawn,
    vectors,
    widened,
)
from gradless.strategies.parts.recombination import (
    default_population,
    first_scales,
    refuse_large_matrices,
)

_SMALL, _GROWING = 0, 1  # the two regimes
_NO_LIMIT = 2**31 - 1  # blocks
_LEAST_STEP = 1e-12  # of the first one, at which an attempt is at rest (Hansen 2009, TolX: 1e-12)
# An attempt ends when it is as many times as far behind the best one as its losses are spread.
_TIMES_BEHIND = 3.0


class Attempt(NamedTuple):
    """One search, and how it goes."""

    normal: Normal
    doublings: jax.Array  # of the first population, uint32
    regime: jax.Array  # _SMALL or _GROWING, uint32
    blocks: jax.Array  # evaluated so far, uint32
    most_blocks: jax.Array  # that it may take, uint32
    latest_losses: jax.Array  # best losses of the last generations, (window,)


class State(NamedTuple):
    """The present attempt, what it waits for, and what all of them took and found."""

    attempt: Attempt
    keys: jax.Array  # of the blocks of this generation, (2^doublings, 2), uint32
    losses: jax.Array  # theirs, (2^doublings * population,)
    told: jax.Array  # blocks of this generation so far, uint32
    attempts: jax.Array  # begun so far, uint32
    doublings: jax.Array  # of the largest population so far, uint32
    spent: jax.Array  # blocks of the attempts from the second on, by regime, (2,), uint32
    latest_growing: jax.Array  # blocks of the latest attempt with a growing population, uint32
    start: jax.Array  # (dimension,)
    scales: jax.Array  # units of sigma, (dimension,)
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


class Candidate(NamedTuple):
    """Parameters, and the seed of the noise that they were made from."""

    vector: jax.Array  # (dimension,)
    seed: noise.Seed


@strategy
class BIPOPCMAES:
    """CMA-ES that begins again, in turn with growing populations and with small ones.

    For functions of up to a few hundred parameters with local minima, whose losses do not change
    from generation to generation. The answer is the best candidate of all attempts. The first
    attempt is that of ``cma_es``.

    Parameters
    ----------
    sigma
        First standard deviation of every parameter, about its distance to good values, in units of
        the scale of its array at the start; see ``relative``.
    population
        Candidates in a block, and in a generation of the first attempt; ``for_dimension`` gives the
        tutorial's 4 + floor(3 ln d).
    doublings
        How often the population may be doubled; 9 in the paper.
    small
        Whether as much is spent on attempts with small populations (BIPOP), and not only on growing
        ones (IPOP).
    spread
        Attempts begin uniformly within so many scales of the initial parameters to either side.
        With bounds, of which half is the scale, 2 is the whole box.
    memory_gib
        Memory that the matrices may take; more parameters than fit are refused.
    relative
        Whether ``sigma`` counts in units of the scale of each array, as in ``cma_es``.
    """

    sigma: float = hyperparameter(0.4, above=0.0)
    population: int = hyperparameter(8, at_least=4)
    doublings: int = hyperparameter(9, at_least=0, at_most=9)
    small: bool = True
    spread: float = hyperparameter(2.0, above=0.0)
    memory_gib: int = hyperparameter(4, at_least=1)
    relative: bool = True

    name: ClassVar[str] = "bipop_cma_es"
    samples_around_center: ClassVar[bool] = False
    begins_elsewhere: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> BIPOPCMAES:
        """The strategy with the tutorial's population for so many parameters."""
        return cls(**{"population": default_population(dimension), **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """The first attempt, at ``params``.

        Raises
        ------
        InputError
            If the matrices would take more than ``memory_gib``; nothing has been allocated then.
        """
        structure, start = Structure.of(params), tree.ravel(params)
        refuse_large_matrices(self.name, structure.size, MATRICES, self.memory_gib, start.dtype)
        scales = first_scales(params, self.relative)
        most = 2**self.doublings
        normal = begun(start, self.sigma, scales)
        return State(
            attempt=self._attempt(normal, 0, _GROWING, _NO_LIMIT),
            keys=jnp.zeros((most, 2), jnp.uint32),
            losses=jnp.broadcast_to(no_loss(), most * self.population),
            told=jnp.uint32(0),
            attempts=jnp.uint32(1),
            doublings=jnp.uint32(0),
            spent=jnp.zeros(2, jnp.uint32),
            latest_growing=jnp.uint32(0),
            start=start,
            scales=scales,
            best=start,
            best_loss=no_loss(),
            structure=structure,
        )

    def ask(self, key: jax.Array, state: State) -> Candidate:
        """A block of candidates from the distribution of the present attempt."""
        seeds = noise.seeds(key, jnp.arange(self.population))
        normal = state.attempt.normal
        return Candidate(vectors(normal, drawn(seeds, normal)), seeds)

    def decode(self, state: State, candidate: Candidate) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(candidate.vector)

    def tell(self, key: jax.Array, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """Keep the block; after the last of a generation the attempt moves, or another begins."""
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        words = candidates.seed.key[0]
        state = state._replace(
            keys=jax.lax.dynamic_update_index_in_dim(state.keys, words, state.told, 0),
            losses=jax.lax.dynamic_update_slice(
                state.losses, losses, (state.told * self.population,)
            ),
            told=state.told + 1,
            attempt=state.attempt._replace(blocks=state.attempt.blocks + 1),
            best=jnp.where(improved, candidates.vector[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )
        complete = state.told >= blocks(state.attempt.doublings)
        return jax.lax.cond(
            complete, functools.partial(self._moved, key), lambda state: state, state
        )

    def widened(self, state: State, least: jax.Array) -> State:
        """The state with deviations of the present attempt of at least so much, (dimension,)."""
        normal = widened(state.attempt.normal, least)
        return state._replace(attempt=state.attempt._replace(normal=normal))

    def center(self, state: State) -> Params:
        """The best of all attempts."""
        return state.structure.unravel(state.best)

    def attempts(self, state: State) -> jax.Array:
        """Attempts begun so far."""
        return state.attempts

    # --- The end of a generation ------------------------------------------------------------------

    def _moved(self, key: jax.Array, state: State) -> State:
        """The state after all blocks of a generation."""
        state = state._replace(attempt=self._adapted(state), told=jnp.uint32(0))
        following = functools.partial(self._following, key)
        return jax.lax.cond(self._is_over(state), following, lambda state: state, state)

    def _adapted(self, state: State) -> Attempt:
        """The attempt after the blocks of a generation."""
        attempt, normal = state.attempt, state.attempt.normal
        tables = Tables.of(self.population, self.doublings, normal.mean.size)
        sums, least = tables.sums(normal, state.keys, state.losses, attempt.doublings)
        after = adapted(normal, sums, *tables.rates_of(attempt.doublings, normal.mean.dtype))
        nothing = normal._replace(generation=after.generation)
        at = after.generation % len(attempt.latest_losses)
        return attempt._replace(
            normal=tree.where(jnp.isfinite(least), after, nothing),
            latest_losses=attempt.latest_losses.at[at].set(least),
        )

    def _is_over(self, state: State) -> jax.Array:
        """Whether the attempt cannot find anything better any more, or has had its share."""
        attempt, normal = state.attempt, state.attempt.normal
        dimension = normal.mean.size
        tables = Tables.of(self.population, self.doublings, dimension)
        window = jnp.asarray(tables.windows)[attempt.doublings]
        size = len(attempt.latest_losses)
        age = (normal.generation + jnp.uint32(size) - jnp.arange(size, dtype=jnp.uint32)) % size
        recent = age < window
        least = jnp.min(jnp.where(recent, attempt.latest_losses, jnp.inf))
        # Infinite until the window is full.
        spread = jnp.max(jnp.where(recent, attempt.latest_losses, -jnp.inf)) - least
        rounding = 4 * jnp.finfo(least.dtype).eps * jnp.abs(least)
        still = spread <= rounding
        # The papers let such an attempt converge to the last digit.
        behind = least - state.best_loss > _TIMES_BEHIND * spread
        deviation = deviations(normal)
        rest = jnp.all(deviation < _LEAST_STEP * self.sigma * state.scales)
        rest |= limits.without_effect(normal.mean, deviation)
        late = normal.generation >= jnp.asarray(tables.most_generations)[attempt.doublings]
        late |= attempt.blocks >= attempt.most_blocks
        return still | behind | rest | late

    # --- Attempts ---------------------------------------------------------------------------------

    def _attempt(self, normal: Normal, doublings: Any, regime: Any, most_blocks: Any) -> Attempt:
        """One that begins."""
        window = window_of(self.population, normal.mean.size)
        return Attempt(
            normal=normal,
            doublings=jnp.asarray(doublings, jnp.uint32),
            regime=jnp.asarray(regime, jnp.uint32),
            blocks=jnp.uint32(0),
            most_blocks=jnp.asarray(most_blocks, jnp.uint32),
            latest_losses=jnp.broadcast_to(no_loss(), window),
        )

    def _following(self, key: jax.Array, state: State) -> State:
        """The state with the next attempt."""
        attempt = state.attempt
        # The first attempt counts for neither regime (Hansen 2009, section 2).
        spent = state.spent.at[attempt.regime].add(attempt.blocks)
        spent = jnp.where(state.attempts == 1, state.spent, spent)
        growing = attempt.regime == _GROWING
        latest = jnp.where(growing, attempt.blocks, state.latest_growing)
        small = (state.attempts > 1) & (spent[_SMALL] < spent[_GROWING]) & self.small
        grown = jnp.minimum(state.doublings + 1, self.doublings)

        # Streams of the generation's key that no strategy uses.
        keys = [noise.fold_in(key, 2**32 - use) for use in (3, 4)]
        size, step = noise.uniform(noise.seed(keys[0]), 2)
        # The paper draws a small population as first * (large / (2 first))^(U^2): up to half of it.
        most = jnp.maximum(state.doublings, 1) - 1
        power = jnp.round(state.doublings * size**2).astype(jnp.uint32)
        doublings = jnp.where(small, jnp.minimum(power, most), grown)
        sigma = self.sigma * jnp.where(small, 10 ** (-2 * step), 1.0)
        within = (
            2 * noise.uniform(noise.seed(keys[1]), state.start.size).astype(state.start.dtype) - 1
        )
        start = state.start + self.spread * state.scales * within
        return state._replace(
            attempt=self._attempt(
                begun(start, sigma, state.scales),
                doublings,
                jnp.where(small, _SMALL, _GROWING),
                jnp.where(small, jnp.maximum(latest // 2, 1), _NO_LIMIT),
            ),
            attempts=state.attempts + 1,
            doublings=jnp.where(small, state.doublings, grown),
            spent=spent,
            latest_growing=latest,
        )
