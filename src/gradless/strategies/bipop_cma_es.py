"""A minimum that one search misses is found by several, wider ones and shorter ones in turn.

IPOP: Auger and Hansen, "A restart CMA evolution strategy with increasing population size", CEC
(2005): when an attempt has come to rest, the next one begins elsewhere with twice the population.

BIPOP: Hansen, "Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed", GECCO
workshops (2009): as much is spent on attempts with small populations and small first steps, which
many functions with a few deep minima reward.

Arrays in a compiled loop keep their shapes, so what is asked for is always a block of the first
population. An attempt with eight times the population waits for eight blocks before it moves. Only
keys and losses of blocks are kept: their noise is drawn again when the attempt moves. One program
serves every size, and a run is saved and resumed as that of any strategy.
"""

from __future__ import annotations

import functools
import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits
from gradless.strategies.parts.covariance import (
    Normal,
    Sums,
    adapted,
    begun,
    deviations,
    drawn,
    generations_between,
    vectors,
)
from gradless.strategies.parts.recombination import (
    Rates,
    default_population,
    first_scales,
    log_ranks,
)

_LARGE = 1  # index of the regime with growing populations
_SIZES = (1, 8, 64, 512)  # blocks that are ranked together, rounded up: one sort for each
_LOST = 3.0  # times the last window's progress by which an attempt must be able to win


class Attempt(NamedTuple):
    """One search, and how it goes."""

    normal: Normal
    doublings: jax.Array  # of the first population, uint32
    regime: jax.Array  # 0 for small populations, _LARGE for growing ones, uint32
    blocks: jax.Array  # evaluated so far, uint32
    most_blocks: jax.Array  # it may take, uint32
    best_loss: jax.Array
    history: jax.Array  # its best loss after each of the last generations, (window,)


class State(NamedTuple):
    """The present attempt, what it waits for, and what all of them took and found."""

    attempt: Attempt
    keys: jax.Array  # of the blocks of this generation, (2^doublings, 2), uint32
    losses: jax.Array  # theirs, (population * 2^doublings,)
    blocks: jax.Array  # told of this generation, uint32
    attempts: jax.Array  # begun so far, uint32
    doublings: jax.Array  # of the largest population so far, uint32
    spent: jax.Array  # blocks by regime since the second attempt, (2,), uint32
    latest_large: jax.Array  # blocks of the latest attempt with a growing population, uint32
    start: jax.Array  # (dimension,)
    scales: jax.Array  # of sigma, (dimension,)
    low: jax.Array  # attempts begin between these, (dimension,); -inf and inf where not
    high: jax.Array
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


class Candidate(NamedTuple):
    """Parameters, and the seed of the noise that they were made from."""

    vector: jax.Array  # (dimension,)
    seed: noise.Seed


@strategy
class BIPOPCMAES:
    population: int = hyperparameter(8, above=2)
    doublings: int = hyperparameter(9, at_least=0, at_most=9)
    memory_gib: int = hyperparameter(4, at_least=1)
    relative: bool = True
    sigma: float = hyperparameter(0.4, above=0.0)
    lost: float = hyperparameter(_LOST, at_least=0.0)
    low: Any = None
    high: Any = None

    name: ClassVar[str] = "bipop_cma_es"
    samples_around_center: ClassVar[bool] = False

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> BIPOPCMAES:
        """The strategy with the tutorial's population for so many parameters."""
        return cls(**{"population": default_population(dimension), **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        structure, start = Structure.of(params), tree.ravel(params)
        scales = first_scales(params, self.relative)
        dimension = structure.size
        rows = 2**self.doublings
        box = [
            jnp.full(dimension, end, start.dtype) if bound is None else jnp.broadcast_to(bound, dimension).astype(start.dtype)
            for bound, end in ((self.low, -jnp.inf), (self.high, jnp.inf))
        ]
        attempt = self._begun(begun(start, self.sigma, scales), jnp.uint32(0), jnp.uint32(_LARGE), jnp.uint32(2**31))
        return State(
            attempt=attempt,
            keys=jnp.zeros((rows, 2), jnp.uint32),
            losses=jnp.broadcast_to(no_loss(), rows * self.population),
            blocks=jnp.uint32(0),
            attempts=jnp.uint32(1),
            doublings=jnp.uint32(0),
            spent=jnp.zeros(2, jnp.uint32),
            latest_large=jnp.uint32(0),
            start=start,
            scales=scales,
            low=box[0],
            high=box[1],
            best=start,
            best_loss=no_loss(),
            structure=structure,
        )

    def _begun(self, normal, doublings, regime, most):
        return Attempt(
            normal, doublings, regime, jnp.uint32(0), most, no_loss(),
            jnp.broadcast_to(no_loss(), self._window(0, normal.mean.size) + 1),
        )

    def _window(self, doublings, dimension):
        """Generations over which progress is looked at; Hansen (2009), TolHistFun."""
        return 10 + math.ceil(30 * dimension / (self.population * 2**doublings))

    def ask(self, key: jax.Array, state: State) -> Candidate:
        seeds = noise.seeds(key, jnp.arange(self.population))
        z = drawn(seeds, state.attempt.normal)
        return Candidate(vectors(state.attempt.normal, z), seeds)

    def decode(self, state, candidate):
        return state.structure.unravel(candidate.vector)

    def tell(self, key, state, candidates, losses):
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        at = state.blocks
        state = state._replace(
            keys=jax.lax.dynamic_update_index_in_dim(state.keys, candidates.seed.key[0], at, 0),
            losses=jax.lax.dynamic_update_slice(state.losses, losses, (at * self.population,)),
            blocks=at + 1,
            attempt=state.attempt._replace(blocks=state.attempt.blocks + 1),
            best=jnp.where(improved, candidates.vector[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )
        full = state.blocks >= _power(state.attempt.doublings)
        return jax.lax.cond(full, functools.partial(self._moved, key), lambda state: state, state)

    def _moved(self, key, state):
        state = state._replace(attempt=self._adapted(state), blocks=jnp.uint32(0))
        ended = self._ended(state)
        return jax.lax.cond(ended, functools.partial(self._following, key), lambda state: state, state)

    def _table(self, dimension):
        each = [Rates.of(self.population * 2**k, dimension) for k in range(self.doublings + 1)]
        every = [generations_between(rates, dimension) for rates in each]
        logs = [log_ranks(self.population * 2**k) for k in range(self.doublings + 1)]
        factors = [(r.weights[0] / l[0], r.weights[-1] / l[-1]) for r, l in zip(each, logs)]
        rates = jax.tree.map(lambda *xs: np.array(xs), *[r._replace(weights=0.0) for r in each])
        return rates, np.array(every), np.array(factors)

    def _adapted(self, state):
        attempt = state.attempt
        dimension = state.structure.size
        table, everies, factors = self._table(dimension)
        dtype = attempt.normal.mean.dtype
        rates = jax.tree.map(lambda of: jnp.asarray(of, dtype)[attempt.doublings], table)
        every = jnp.asarray(everies, jnp.uint32)[attempt.doublings]
        factor = jnp.asarray(factors, dtype)[attempt.doublings]
        blocks = _power(attempt.doublings)
        count = blocks * self.population
        there = jnp.arange(len(state.losses)) < count
        losses = jnp.where(there, state.losses, jnp.inf)
        ranks = self._ranks(losses, attempt.doublings)  # from 1
        raw = jnp.log((count.astype(dtype) + 1) / 2) - jnp.log(ranks.astype(dtype))
        weights = jnp.where(ranks <= count // 2, raw * factor[0], raw * factor[1])
        weights = jnp.where(jnp.isfinite(losses), weights, jnp.minimum(weights, 0))
        weights = jnp.where(there, weights, 0)

        def add(block, sums):
            seeds = noise.Seed(jnp.broadcast_to(state.keys[block], (self.population, 2)), jnp.arange(self.population, dtype=jnp.uint32))
            z = drawn(seeds, attempt.normal)
            of = jax.lax.dynamic_slice(weights, (block * self.population,), (self.population,))
            return jax.tree.map(jnp.add, sums, Sums.of(z, of))

        zeros = Sums(jnp.zeros(dimension, dtype), jnp.zeros((dimension, dimension), dtype), jnp.zeros((), dtype))
        sums = jax.lax.fori_loop(jnp.uint32(0), blocks, add, zeros)
        normal = adapted(attempt.normal, sums, rates, every)
        least = jnp.min(losses)
        normal = tree.where(jnp.isfinite(least), normal, attempt.normal._replace(generation=attempt.normal.generation + 1))
        best = jnp.minimum(attempt.best_loss, least)
        index = normal.generation % len(attempt.history)
        return attempt._replace(normal=normal, best_loss=best, history=attempt.history.at[index].set(best))

    def _ranks(self, losses, doublings):
        sizes = [min(size, 2**self.doublings) for size in _SIZES]
        sizes = sorted(set(sizes))
        def ranked(size):
            def of(losses):
                order = jnp.argsort(losses[: size * self.population])
                ranks = jnp.zeros(len(losses), jnp.int32)
                return ranks.at[order].set(jnp.arange(1, len(order) + 1, dtype=jnp.int32), unique_indices=True) + (jnp.arange(len(losses)) >= len(order)) * len(losses)
            return of
        index = jnp.searchsorted(jnp.array(sizes, jnp.uint32), _power(doublings))
        return jax.lax.switch(index, [ranked(s) for s in sizes], losses)

    def _ended(self, state):
        attempt, normal = state.attempt, state.attempt.normal
        d = normal.mean.size
        windows = jnp.array([self._window(k, d) for k in range(self.doublings + 1)], jnp.uint32)
        window = windows[attempt.doublings]
        most = jnp.array([int(100 + 50 * (d + 3) ** 2 / math.sqrt(self.population * 2**k)) for k in range(self.doublings + 1)], jnp.uint32)
        before = attempt.history[(normal.generation + len(attempt.history) - window) % len(attempt.history)]
        fall = before - attempt.best_loss
        rounding = 4 * jnp.finfo(attempt.best_loss.dtype).eps * jnp.abs(attempt.best_loss)
        begun = normal.generation > window
        still = begun & ~(fall > rounding)
        behind = attempt.best_loss - state.best_loss
        lost = begun & (self.lost > 0) & (behind > self.lost * fall)
        deviation = deviations(normal)
        tiny = jnp.all(deviation < 1e-12 * self.sigma * state.scales)
        rest = limits.without_effect(normal.mean, deviation) | tiny
        return still | lost | rest | (attempt.blocks >= attempt.most_blocks) | (normal.generation >= most[attempt.doublings]) | ~jnp.all(jnp.isfinite(deviation))

    def _following(self, key, state):
        attempt = state.attempt
        first = state.attempts == 1
        spent = jnp.where(first, state.spent, state.spent.at[attempt.regime].add(attempt.blocks))
        large = attempt.regime == _LARGE
        latest = jnp.where(large, attempt.blocks, state.latest_large)
        small = ~first & (spent[0] < spent[_LARGE])
        grown = jnp.minimum(state.doublings + 1, self.doublings)
        uniform_key, start_key = (noise.fold_in(key, 2**32 - use) for use in (1, 2))
        u = _uniform(uniform_key, 2)
        own = jnp.round(jnp.maximum(grown.astype(jnp.float32) - 2, 0) * u[0] ** 2).astype(jnp.uint32)
        own = jnp.round(state.doublings.astype(jnp.float32) * u[0] ** 2 ).astype(jnp.uint32)
        own = jnp.minimum(own, jnp.maximum(state.doublings, 1) - 1)
        doublings = jnp.where(small, own, grown)
        sigma = jnp.where(small, self.sigma * 10 ** (-2 * u[1]), self.sigma)
        most = jnp.where(small, jnp.maximum(latest // 2, 1), jnp.uint32(2**31))
        start = self._elsewhere(start_key, state)
        normal = begun(start, sigma, state.scales)
        return state._replace(
            attempt=self._begun(normal, doublings, jnp.where(small, 0, _LARGE).astype(jnp.uint32), most),
            attempts=state.attempts + 1,
            doublings=jnp.where(small, state.doublings, grown),
            spent=spent,
            latest_large=latest,
        )

    def _elsewhere(self, key, state):
        low, high = state.low, state.high
        boxed = jnp.isfinite(low) & jnp.isfinite(high)
        uniform = _uniform(key, low.size).astype(low.dtype)
        inside = jnp.where(boxed, low + uniform * (high - low), 0)
        z = noise.normal(jax.tree.map(lambda a: a[0], noise.seeds(noise.fold_in(key, 1), jnp.arange(1))), low.size)
        around = jnp.clip(state.start + state.scales * z, low, high)
        return jnp.where(boxed, inside, around)

    def center(self, state):
        return state.structure.unravel(state.best)


def _uniform(key, size):
    return jax.random.uniform(key, (size,), jnp.float32)


def _power(doublings):
    return jnp.uint32(1) << doublings
