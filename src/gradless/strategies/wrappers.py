"""What can be added to any strategy? Memory of the best, and beginning again.

A wrapper is itself a strategy, so wrappers can be nested. It is a pytree with the strategy inside
it, whose numbers stay traced.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless import tree
from gradless.errors import InputError
from gradless.strategies import initial
from gradless.strategies.base import Strategy
from gradless.tree import Candidates, Params, Structure


class BestSoFarState(NamedTuple):
    """The strategy's own state, and the best candidate that it was told about."""

    inner: Any
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


@functools.partial(jax.tree_util.register_dataclass, data_fields=["strategy"], meta_fields=[])
@dataclass(frozen=True)
class BestSoFar:
    """A strategy whose answer is the best candidate that it was told about.

    What is searched stays the same. It is for strategies whose center is an estimate, such as the
    mean of a distribution, and for losses that do not change from generation to generation: with
    minibatches or a noisy simulator the lowest loss is a lucky one, and an estimate is better.

    Parameters
    ----------
    strategy
        Any strategy.
    """

    strategy: Strategy

    name: ClassVar[str] = "best_so_far"
    samples_around_center: ClassVar[bool] = False

    @property
    def population(self) -> int:
        """That of the strategy."""
        return self.strategy.population

    def init(self, key: jax.Array, params: Params) -> BestSoFarState:
        """The strategy's state, and ``params``, which any candidate with a finite loss replaces."""
        return BestSoFarState(
            inner=self.strategy.init(key, params),
            best=tree.ravel(params),
            best_loss=jnp.float32(jnp.inf),
            structure=Structure.of(params),
        )

    def ask(self, key: jax.Array, state: BestSoFarState) -> Candidates:
        """Candidates of the strategy."""
        return self.strategy.ask(key, state.inner)

    def decode(self, state: BestSoFarState, candidate: Any) -> Params:
        """The parameters of a candidate."""
        return self.strategy.decode(state.inner, candidate)

    def tell(
        self, key: jax.Array, state: BestSoFarState, candidates: Candidates, losses: jax.Array
    ) -> BestSoFarState:
        """Keep the best candidate if it beats the best so far, and tell the strategy."""
        winner = jnp.argmin(losses)
        improved = losses[winner] < state.best_loss
        found = tree.ravel(self.decode(state, tree.member(candidates, winner)))
        return state._replace(
            inner=self.strategy.tell(key, state.inner, candidates, losses),
            best=jnp.where(improved, found, state.best),
            best_loss=jnp.where(improved, losses[winner], state.best_loss),
        )

    def center(self, state: BestSoFarState) -> Params:
        """The best so far."""
        return state.structure.unravel(state.best)


class RestartsState(NamedTuple):
    """The present attempt, how it goes, and where attempts begin."""

    inner: BestSoFarState  # its best is that of this attempt
    waited: jax.Array  # generations without a better candidate, uint32
    restarts: jax.Array  # so far, uint32
    start: jax.Array  # (dimension,)
    best: jax.Array  # of all attempts, (dimension,)
    best_loss: jax.Array
    structure: Structure


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["strategy", "spread"], meta_fields=["patience"]
)
@dataclass(frozen=True)
class Restarts:
    """A strategy that begins again, from elsewhere, when it finds nothing better any more.

    Each attempt begins from the initial parameters plus normal noise, with a state of its own;
    the answer is the best candidate of all attempts. What a strategy knows is thrown away, so
    ``patience`` should be generous.

    Attempts have one population size, since arrays in a compiled loop keep their shapes. The
    restarts with growing populations of Auger and Hansen, "A restart CMA evolution strategy with
    increasing population size" (2005), need a strategy that knows of idle members: its population
    is the largest one ever used, members above the present size take no part in its update, and
    they would be evaluated all the same. Without that, make one run after another, each with a
    strategy of twice the population.

    Parameters
    ----------
    strategy
        Any strategy.
    patience
        Generations without a better candidate before the next attempt.
    spread
        Standard deviation of where attempts begin around the initial parameters, relative to
        their root mean square in each array. The first attempt begins at the initial parameters.

    Raises
    ------
    InputError
        If the patience is below one generation or the spread is not above zero.
    """

    strategy: Strategy
    patience: int = 100
    spread: float = 1.0

    name: ClassVar[str] = "restarts"
    samples_around_center: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if not isinstance(self.patience, int) or self.patience < 1:
            raise InputError(
                f"Restarts: patience={self.patience!r} was given, expected a whole number of "
                "generations, at least 1"
            )
        if isinstance(self.spread, int | float) and not self.spread > 0:
            raise InputError(
                f"Restarts: spread={self.spread!r} was given, expected a number above 0"
            )

    @property
    def population(self) -> int:
        """That of the strategy."""
        return self.strategy.population

    @property
    def _attempt(self) -> BestSoFar:
        return BestSoFar(self.strategy)

    def init(self, key: jax.Array, params: Params) -> RestartsState:
        """The first attempt, at ``params``."""
        return RestartsState(
            inner=self._attempt.init(key, params),
            waited=jnp.uint32(0),
            restarts=jnp.uint32(0),
            start=tree.ravel(params),
            best=tree.ravel(params),
            best_loss=jnp.float32(jnp.inf),
            structure=Structure.of(params),
        )

    def ask(self, key: jax.Array, state: RestartsState) -> Candidates:
        """Candidates of the present attempt."""
        return self._attempt.ask(key, state.inner)

    def decode(self, state: RestartsState, candidate: Any) -> Params:
        """The parameters of a candidate."""
        return self._attempt.decode(state.inner, candidate)

    def tell(
        self, key: jax.Array, state: RestartsState, candidates: Candidates, losses: jax.Array
    ) -> RestartsState:
        """Tell the present attempt; begin the next one if the patience is at its end."""
        told = self._attempt.tell(key, state.inner, candidates, losses)
        better = told.best_loss < state.inner.best_loss
        waited = jnp.where(better, jnp.uint32(0), state.waited + 1)
        again = waited >= self.patience
        improved = told.best_loss < state.best_loss

        # Streams of the generation's key that no strategy uses.
        start_key, init_key = (jax.random.fold_in(key, 2**32 - use) for use in (1, 2))
        params = state.structure.unravel(state.start)
        elsewhere = initial.around(start_key, params, 1, self.spread)[0]
        # Both branches have the same shapes, so the loop stays compiled.
        inner = jax.lax.cond(
            again,
            lambda: self._attempt.init(init_key, state.structure.unravel(elsewhere)),
            lambda: told,
        )
        return state._replace(
            inner=inner,
            waited=jnp.where(again, jnp.uint32(0), waited),
            restarts=state.restarts + again.astype(jnp.uint32),
            best=jnp.where(improved, told.best, state.best),
            best_loss=jnp.where(improved, told.best_loss, state.best_loss),
        )

    def center(self, state: RestartsState) -> Params:
        """The best of all attempts."""
        return state.structure.unravel(state.best)
