"""How does one compiled program serve populations of many sizes? By blocks of one size.

Arrays in a compiled loop keep their shapes, so CMA-ES with a population that changes always asks
for one block, and a generation of eight times that population ends after eight of them. Of a block
only the seed and the losses are kept, and its noise is drawn again when the distribution moves. So
memory hardly grows with the population.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import noise
from gradless.strategies.parts.covariance import Normal, Sums, drawn, generations_between
from gradless.strategies.parts.recombination import Rates, log_ranks, rank_of

_SIZES = (1, 16, 512)  # blocks that are ranked together, rounded up: one sort is compiled each


class Tables(NamedTuple):
    """What depends on the population, for each number of doublings of a block."""

    population: int  # candidates in a block
    doublings: int  # at most
    rates: Rates  # without weights
    every: np.ndarray  # generations between two roots
    positive: np.ndarray  # factors of the logarithms of ranks, for the better half and the others
    negative: np.ndarray
    windows: np.ndarray  # generations over which progress is looked at
    most_generations: np.ndarray  # of an attempt; Hansen (2009), MaxIter

    @classmethod
    def of(cls, population: int, doublings: int, dimension: int) -> Tables:
        """For blocks of so many candidates and so many doublings of them."""
        sizes = [population * 2**power for power in range(doublings + 1)]
        rates = [Rates.of(size, dimension) for size in sizes]
        logs = [log_ranks(size) for size in sizes]
        columns = zip(*(each._replace(weights=np.zeros(())) for each in rates), strict=True)
        of_sizes: Any = map(np.array, columns)
        most = [100 + 50 * (dimension + 3) ** 2 / math.sqrt(size) for size in sizes]
        return cls(
            population,
            doublings,
            Rates(*of_sizes),
            np.array([generations_between(each, dimension) for each in rates], np.uint32),
            np.array([each.weights[0] / log[0] for each, log in zip(rates, logs, strict=True)]),
            np.array([each.weights[-1] / log[-1] for each, log in zip(rates, logs, strict=True)]),
            np.array([window_of(size, dimension) for size in sizes], np.uint32),
            np.array(most, np.uint32),
        )

    def weights(self, ranks: jax.Array, count: jax.Array, power: jax.Array, dtype: Any) -> Any:
        """Of candidates with these ranks among ``count``; as ``Rates.weights``."""
        logs = jnp.log((count.astype(dtype) + 1) / 2) - jnp.log(ranks.astype(dtype))
        positive, negative = (
            jnp.asarray(of, dtype)[power] for of in (self.positive, self.negative)
        )
        return logs * jnp.where(ranks <= count // 2, positive, negative)

    def rates_of(self, power: jax.Array, dtype: Any) -> tuple[Rates, jax.Array]:
        """The rates, and the generations between two roots, as arrays of shape ()."""
        rates = jax.tree.map(lambda of: jnp.asarray(of, dtype)[power], self.rates)
        return rates, jnp.asarray(self.every)[power]

    def sums(
        self, normal: Normal, keys: jax.Array, losses: jax.Array, power: jax.Array
    ) -> tuple[Sums, jax.Array]:
        """What all blocks of a generation say, and its lowest loss.

        Parameters
        ----------
        normal
            The distribution that they were drawn from.
        keys, losses
            Seeds of the blocks, (2^doublings, 2), and what was told of them,
            (2^doublings * population,); those of the first 2^power blocks count.
        power
            Doublings of this generation, uint32.
        """
        number = blocks(power)
        count = number * self.population
        members = jnp.arange(self.population, dtype=jnp.uint32)

        def of_block(block: Any, weights: jax.Array) -> Sums:
            words = jnp.broadcast_to(keys[block], (self.population, 2))
            z = drawn(noise.Seed(words, members), normal)
            first = block * self.population
            return Sums.of(z, jax.lax.dynamic_slice(weights, (first,), (self.population,)))

        some = jax.ShapeDtypeStruct((self.population,), normal.mean.dtype)
        shapes = jax.eval_shape(of_block, 0, some)

        def of_first(size: int) -> tuple[Sums, jax.Array]:
            there = jnp.arange(size * self.population) < count
            told = jnp.where(there, losses[: len(there)], jnp.inf)
            weights = self.weights(rank_of(told) + 1, count, power, normal.mean.dtype)
            weights = jnp.where(jnp.isfinite(told), weights, jnp.minimum(weights, 0))
            weights = jnp.where(there, weights, 0)
            if size == 1:
                return of_block(0, weights), jnp.min(told)

            def add(block: jax.Array, sums: Sums) -> Sums:
                return jax.tree.map(jnp.add, sums, of_block(block, weights))

            none = jax.tree.map(lambda of: jnp.zeros(of.shape, of.dtype), shapes)
            sums = jax.lax.fori_loop(jnp.uint32(0), number, add, none)
            return sums, jnp.min(told)

        sizes = sorted({min(size, 2**self.doublings) for size in _SIZES})
        which = jnp.searchsorted(jnp.array(sizes, jnp.uint32), number)
        return jax.lax.switch(which, [functools.partial(of_first, size) for size in sizes])


def window_of(population: int, dimension: int) -> int:
    """Generations over which progress is looked at; Hansen (2009), TolHistFun."""
    return 10 + math.ceil(30 * dimension / population)


def blocks(doublings: jax.Array) -> jax.Array:
    """Blocks of a generation, uint32."""
    return jnp.uint32(1) << doublings
