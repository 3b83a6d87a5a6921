"""A loss that changes when it is evaluated again needs more candidates, as many as it is noisy.

Hansen, Niederberger, Guzzella and Koumoutsakos, "A method for handling uncertainty in evolutionary
optimization with an application to feedback control of combustion", IEEE Transactions on
Evolutionary Computation 13 (2009), section III: some candidates are evaluated again, and by how far
their ranks change is seen whether noise decides which of them are the best (UH-CMA-ES).

The paper answers noise by averaging more evaluations of each candidate. Here the population grows,
which costs as much and brought lower losses on sphere, ellipsoid and Rosenbrock's function: the
mean of more candidates averages noise as well, and they learn more of the function (Arnold and
Beyer, "Local performance of the (mu/mu, lambda)-ES in a noisy environment", 2001).
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import noise, tree
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits
from gradless.strategies.parts.blocks import Tables, blocks
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

_EVERY = 8  # blocks after which one of them is evaluated again
_STEP = 0.5  # doublings of the population after each of these
# Of all evaluations so far, a generation takes this part at most: in a run of any length, there are
# enough generations to get near.
_SHARE = 0.05
_ACCEPTED = 0.2  # theta of the paper: rank changes that noise may cause


class State(NamedTuple):
    """The distribution, its population, and what has been told of the present generation."""

    normal: Normal
    level: jax.Array  # doublings of a block in this generation, between whole numbers as well
    following: jax.Array  # and in the next one
    keys: jax.Array  # of the blocks of this generation, (2^doublings, 2), uint32
    losses: jax.Array  # theirs, (2^doublings * population,)
    told: jax.Array  # blocks of this generation so far, uint32
    waited: jax.Array  # blocks since one was evaluated again, uint32
    spent: jax.Array  # blocks of all generations, uint32
    again: jax.Array  # whether the first block is evaluated again now, bool
    structure: Structure


class Candidate(NamedTuple):
    """Parameters, and the seed of the noise that they were made from."""

    vector: jax.Array  # (dimension,)
    seed: noise.Seed


@strategy
class UHCMAES:
    """CMA-ES for noisy losses: the population grows while noise decides which candidates win.

    For functions of up to a few hundred parameters. The answer is the mean of the distribution,
    since the lowest loss of many that are noisy is a lucky one.

    Parameters
    ----------
    sigma
        First standard deviation of every parameter, as in ``cma_es``.
    population
        Candidates in a block, of which a generation has 1, 2, 4 and so on; ``for_dimension`` gives
        the tutorial's 4 + floor(3 ln d).
    first
        Doublings of that with which the search begins: noise is expected.
    doublings
        How often the population may be doubled.
    memory_gib
        Memory that the matrices may take; more parameters than fit are refused.
    relative
        Whether ``sigma`` counts in units of the scale of each array, as in ``cma_es``.
    """

    sigma: float = hyperparameter(0.4, above=0.0)
    population: int = hyperparameter(8, at_least=4)
    first: int = hyperparameter(3, at_least=0, at_most=9)
    doublings: int = hyperparameter(9, at_least=0, at_most=9)
    memory_gib: int = hyperparameter(4, at_least=1)
    relative: bool = True

    name: ClassVar[str] = "uh_cma_es"
    samples_around_center: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> UHCMAES:
        """The strategy with the tutorial's population for so many parameters."""
        return cls(**{"population": default_population(dimension), **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """State around ``params``.

        Raises
        ------
        InputError
            If the matrices would take more than ``memory_gib``; nothing has been allocated then.
        """
        structure, mean = Structure.of(params), tree.ravel(params)
        refuse_large_matrices(self.name, structure.size, MATRICES, self.memory_gib, mean.dtype)
        most = 2**self.doublings
        return State(
            normal=begun(mean, self.sigma, first_scales(params, self.relative)),
            level=jnp.float32(min(self.first, self.doublings)),
            following=jnp.float32(min(self.first, self.doublings)),
            keys=jnp.zeros((most, 2), jnp.uint32),
            losses=jnp.broadcast_to(no_loss(), most * self.population),
            told=jnp.uint32(0),
            waited=jnp.uint32(0),
            spent=jnp.uint32(0),
            again=jnp.bool_(False),
            structure=structure,
        )

    def ask(self, key: jax.Array, state: State) -> Candidate:
        """A block of candidates, or the first one of this generation once more."""
        fresh = noise.seeds(key, jnp.arange(self.population))
        words = jnp.where(state.again, state.keys[0], fresh.key)
        seeds = noise.Seed(words, fresh.member)
        return Candidate(vectors(state.normal, drawn(seeds, state.normal)), seeds)

    def decode(self, state: State, candidate: Candidate) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(candidate.vector)

    def tell(self, key: jax.Array, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """Keep the block; after the last of a generation the distribution moves.

        Before that, the first block is evaluated again now and then.
        """
        state = jax.lax.cond(state.again, self._compared, self._kept, state, candidates, losses)
        complete = state.told >= blocks(_doublings(state.level))
        due = complete & (state.waited >= _EVERY)
        state = state._replace(again=due)
        return jax.lax.cond(complete & ~due, self._moved, lambda state: state, state)

    def widened(self, state: State, least: jax.Array) -> State:
        """The state with deviations of at least so much, (dimension,)."""
        return state._replace(normal=widened(state.normal, least))

    def center(self, state: State) -> Params:
        """The mean of the distribution."""
        return state.structure.unravel(state.normal.mean)

    def at_rest(self, state: State) -> jax.Array:
        """Whether steps are too small to change the mean."""
        return limits.without_effect(state.normal.mean, deviations(state.normal))

    def present_population(self, state: State) -> int:
        """Candidates of the present generation."""
        return self.population * 2 ** int(state.level)

    def _kept(self, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """The state with one more block."""
        words, first = candidates.seed.key[0], state.told * self.population
        return state._replace(
            keys=jax.lax.dynamic_update_index_in_dim(state.keys, words, state.told, 0),
            losses=jax.lax.dynamic_update_slice(state.losses, losses, (first,)),
            told=state.told + 1,
            waited=state.waited + 1,
            spent=state.spent + 1,
        )

    def _compared(self, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """The state with the first block's mean losses, and the next generation's population."""
        before = state.losses[: self.population]
        noisy = uncertainty(before, losses) > 0
        size = blocks(_doublings(state.following)).astype(jnp.float32)
        affordable = 2 * size <= _SHARE * state.spent.astype(jnp.float32)
        more = jnp.where(affordable, state.following + _STEP, state.following)
        following = jnp.where(noisy, more, state.following - _STEP)
        return state._replace(
            following=jnp.clip(following, 0, self.doublings),
            losses=state.losses.at[: self.population].set((before + losses) / 2),
            waited=jnp.uint32(0),
            spent=state.spent + 1,
            again=jnp.bool_(False),
        )

    def _moved(self, state: State) -> State:
        """The state after a generation."""
        normal, power = state.normal, _doublings(state.level)
        tables = Tables.of(self.population, self.doublings, normal.mean.size)
        sums, least = tables.sums(normal, state.keys, state.losses, power)
        after = adapted(normal, sums, *tables.rates_of(power, normal.mean.dtype))
        return state._replace(
            normal=tree.where(jnp.isfinite(least), after, normal),
            level=state.following,
            told=jnp.uint32(0),
        )


def _doublings(level: jax.Array) -> jax.Array:
    """Those of a generation, uint32."""
    return level.astype(jnp.uint32)


def uncertainty(before: jax.Array, after: jax.Array) -> jax.Array:
    """By how much more the ranks of candidates change than is accepted; section III-A.

    Parameters
    ----------
    before, after
        Losses of the same candidates, evaluated twice, (candidates,). Those of which one is
        infinite do not count.

    Returns
    -------
    uncertainty
        Above 0 where noise decides. Without noise, and if nothing counts, it is below.
    """
    size = len(before)
    both = jnp.concatenate([before, after])
    # Equal losses share the middle of their ranks: on a plateau, nothing changes.
    less = jnp.sum(both[:, None] > both, axis=1) + (jnp.sum(both[:, None] == both, axis=1) + 1) / 2
    first, second = less[:size], less[size:]
    change = jnp.maximum(jnp.abs(second - first) - 1, 0)
    # The rank of a loss among the others, without the other one of its candidate.
    accepted = _accepted(size)
    limits_of = accepted[_at(second - (after > before))] + accepted[_at(first - (before > after))]
    counts = jnp.isfinite(before) & jnp.isfinite(after)
    total = jnp.sum(jnp.where(counts, 2 * change - limits_of, 0))
    return jnp.where(jnp.any(counts), total / jnp.maximum(jnp.sum(counts), 1), -1.0)


def _at(ranks: jax.Array) -> jax.Array:
    return jnp.clip(ranks.astype(jnp.int32) - 1, 0, None)


def _accepted(size: int) -> jax.Array:
    """Rank changes accepted at each rank from 1: a quantile of those that chance would make."""
    ranks = np.arange(1, 2 * size)
    quantiles = [np.percentile(np.abs(ranks - rank), 50 * _ACCEPTED) for rank in ranks]
    return jnp.asarray([*quantiles, quantiles[-1]], jnp.float32)
