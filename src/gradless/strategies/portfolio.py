"""Nobody knows which strategy a function needs: several search it in turn.

:class:`Portfolio` gives each of them a share of the evaluations; :class:`InBlocks` cuts generations
into blocks, so that strategies with populations of several sizes can take turns in one compiled
loop, whose arrays keep their shapes. Both are strategies themselves, so a run with them is saved
and resumed as any other.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.errors import InputError
from gradless._core.floats import no_loss
from gradless._core.tree import Candidates, Params, Structure
from gradless.strategies.base import CountsAttempts, Strategy
from gradless.strategies.parts import limits


class InBlocksState(NamedTuple):
    """The strategy's own state, and the generation on its way."""

    inner: Any
    candidates: Any  # of the whole generation
    losses: jax.Array  # of those told so far, (population of the strategy,)
    told: jax.Array  # blocks so far, uint32


@tree.as_pytree(traced=["strategy"], static=["block"])
@dataclass(frozen=True)
class InBlocks:
    """A strategy whose generations are evaluated in blocks of fewer candidates.

    Parameters
    ----------
    strategy
        Any strategy whose answer is the best candidate.
    block
        Candidates at once; divides its population.
    """

    strategy: Strategy
    block: int

    name: ClassVar[str] = "in_blocks"
    samples_around_center: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse blocks that do not divide the population."""
        population = getattr(self.strategy, "population", None)
        if isinstance(population, int) and population % self.block:
            raise InputError(
                f"block must divide the population of {self.strategy.name}, {population}, got "
                f"{self.block}"
            )

    @property
    def population(self) -> int:
        """Those of a block."""
        return self.block

    def init(self, key: jax.Array, params: Params) -> InBlocksState:
        """The strategy's state, with its first generation."""
        inner = self.strategy.init(key, params)
        return InBlocksState(
            inner=inner,
            candidates=self.strategy.ask(noise.fold_in(key, 1), inner),
            losses=jnp.broadcast_to(no_loss(), self.strategy.population),
            told=jnp.uint32(0),
        )

    def ask(self, key: jax.Array, state: InBlocksState) -> Candidates:
        """The next block of the generation."""
        first = state.told * self.block
        return jax.tree.map(
            lambda of: jax.lax.dynamic_slice_in_dim(of, first, self.block), state.candidates
        )

    def decode(self, state: InBlocksState, candidate: Any) -> Params:
        """The parameters of a candidate."""
        return self.strategy.decode(state.inner, candidate)

    def tell(
        self, key: jax.Array, state: InBlocksState, candidates: Candidates, losses: jax.Array
    ) -> InBlocksState:
        """Keep the losses; with the last block, tell the strategy and ask for a generation."""
        losses = limits.told(losses)
        every = jax.lax.dynamic_update_slice(state.losses, losses, (state.told * self.block,))
        state = state._replace(losses=every, told=state.told + 1)

        def complete(state: InBlocksState) -> InBlocksState:
            inner = self.strategy.tell(key, state.inner, state.candidates, state.losses)
            following = self.strategy.ask(noise.fold_in(key, 2**32 - 5), inner)
            return state._replace(inner=inner, candidates=following, told=jnp.uint32(0))

        full = state.told * self.block >= self.strategy.population
        return jax.lax.cond(full, complete, lambda state: state, state)

    def center(self, state: InBlocksState) -> Params:
        """The strategy's answer."""
        return self.strategy.center(state.inner)


class PortfolioState(NamedTuple):
    """Everybody's state, and what each of them has had."""

    inner: tuple[Any, ...]
    spent: jax.Array  # generations, (strategies,), uint32
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


class PortfolioCandidate(NamedTuple):
    """Parameters, and candidates of every strategy; those of whose turn it is count."""

    vector: jax.Array  # (dimension,)
    inner: tuple[Any, ...]


@tree.as_pytree(traced=["strategies"], static=["shares"])
@dataclass(frozen=True)
class Portfolio:
    """Strategies that search the same function in turn; the answer is the best of all.

    The first of them goes alone until its first attempt has ended, which is all that a function
    without local minima needs.

    Parameters
    ----------
    strategies
        Of the same population; the first one counts its attempts, as ``bipop_cma_es`` does.
    shares
        Evaluations of each, as parts of their sum, after that.
    """

    strategies: tuple[Strategy, ...]
    shares: tuple[float, ...]

    name: ClassVar[str] = "portfolio"
    samples_around_center: ClassVar[bool] = False
    begins_elsewhere: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse what cannot take turns."""
        if len(self.strategies) != len(self.shares) or not all(of > 0 for of in self.shares):
            raise InputError(
                f"shares must be a number above 0 for each of the {len(self.strategies)} "
                f"strategies, got {self.shares!r}"
            )
        populations = [each.population for each in self.strategies]
        if len(set(populations)) != 1:
            raise InputError(
                f"strategies of a portfolio must have one population, got {populations}; cut "
                "larger ones into blocks by InBlocks"
            )
        if not isinstance(self.strategies[0], CountsAttempts):
            raise InputError(
                "the first strategy of a portfolio must count its attempts, as bipop_cma_es does, "
                f"got {self.strategies[0].name}"
            )

    @property
    def population(self) -> int:
        """That of each."""
        return self.strategies[0].population

    def init(self, key: jax.Array, params: Params) -> PortfolioState:
        """Everybody's state at ``params``."""
        keys = [noise.fold_in(key, number) for number in range(len(self.strategies))]
        return PortfolioState(
            inner=tuple(
                each.init(own, params) for each, own in zip(self.strategies, keys, strict=True)
            ),
            spent=jnp.zeros(len(self.strategies), jnp.uint32),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def _turn(self, state: PortfolioState) -> jax.Array:
        """Whose turn it is: of the one that is furthest behind its share."""
        first: Any = self.strategies[0]
        shares = jnp.asarray(self.shares, jnp.float32)
        due = jnp.argmin(state.spent.astype(jnp.float32) / shares)
        return jnp.where(first.attempts(state.inner[0]) > 1, due, 0)

    def ask(self, key: jax.Array, state: PortfolioState) -> PortfolioCandidate:
        """The candidates of the one whose turn it is."""
        shapes = tuple(
            jax.eval_shape(each.ask, key, own)
            for each, own in zip(self.strategies, state.inner, strict=True)
        )

        def of(number: int) -> PortfolioCandidate:
            each, own = self.strategies[number], state.inner[number]
            asked = each.ask(key, own)
            vectors = jax.vmap(lambda one: tree.ravel(each.decode(own, one)))(asked)
            inner = list(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))
            inner[number] = asked
            return PortfolioCandidate(vectors, tuple(inner))

        branches = [functools.partial(of, number) for number in range(len(self.strategies))]
        return jax.lax.switch(self._turn(state), branches)

    def decode(self, state: PortfolioState, candidate: PortfolioCandidate) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(candidate.vector)

    def tell(
        self,
        key: jax.Array,
        state: PortfolioState,
        candidates: PortfolioCandidate,
        losses: jax.Array,
    ) -> PortfolioState:
        """Tell the one that asked."""
        losses = limits.told(losses)
        turn = self._turn(state)

        def told(number: int) -> tuple[Any, ...]:
            inner = list(state.inner)
            inner[number] = self.strategies[number].tell(
                key, state.inner[number], candidates.inner[number], losses
            )
            return tuple(inner)

        branches = [functools.partial(told, number) for number in range(len(self.strategies))]
        inner = jax.lax.switch(turn, branches)
        # What the first one takes alone is not held against it.
        counted = self.strategies[0].attempts(inner[0]) > 1  # type: ignore[attr-defined]
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        return state._replace(
            inner=inner,
            spent=state.spent.at[turn].add(counted.astype(jnp.uint32)),
            best=jnp.where(improved, candidates.vector[winner], state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def center(self, state: PortfolioState) -> Params:
        """The best of all."""
        return state.structure.unravel(state.best)
