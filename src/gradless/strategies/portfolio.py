"""Nobody knows which strategy a function needs: several search it in turn.

A portfolio is itself a strategy, and all that are in it are part of one compiled loop. So a run
with it is saved and resumed as any other.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree, words
from gradless._core.errors import InputError
from gradless._core.floats import no_loss
from gradless._core.tree import Params, Structure
from gradless.strategies.base import CountsAttempts, Strategy, Widens, goes_by_differences
from gradless.strategies.bipop_cma_es import BIPOPCMAES
from gradless.strategies.coordinate_search import CoordinateSearch
from gradless.strategies.differential_evolution import DifferentialEvolution
from gradless.strategies.parts import limits

_MEMBERS = 20  # of differential evolution, at least, and for each parameter:
_MEMBERS_EACH = 5
# The best of a few that were tried on BBOB in 2 and 5 dimensions.
_SHARES = (0.65, 0.25, 0.1)


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
                f"strategies of a portfolio must have one population, got {populations}"
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

    @property
    def goes_by_differences(self) -> bool:
        """Whether one of them does."""
        return any(map(goes_by_differences, self.strategies))

    def __str__(self) -> str:
        """The names, since all hyperparameters of all of them are hard to read."""
        return f"portfolio of {words.either([each.name for each in self.strategies], 'and')}"

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

    def widened(self, state: PortfolioState, least: jax.Array) -> PortfolioState:
        """The state with deviations of at least so much for those that have some."""
        both = zip(self.strategies, state.inner, strict=True)
        wider = (each.widened(of, least) if isinstance(each, Widens) else of for each, of in both)
        return state._replace(inner=tuple(wider))

    def center(self, state: PortfolioState) -> Params:
        """The best of all."""
        return state.structure.unravel(state.best)


def for_functions(dimension: int) -> Portfolio:
    """What functions of so many parameters are searched by, when nothing else is known of them.

    CMA-ES, which begins again; differential evolution, for many minima without order; and a search
    along coordinates, for parameters that act on their own.
    """
    first = BIPOPCMAES.for_dimension(dimension)
    evolution = DifferentialEvolution(
        population=first.population, members=max(_MEMBERS, _MEMBERS_EACH * dimension)
    )
    along = CoordinateSearch.for_dimension(dimension)
    return Portfolio((first, evolution, along), _SHARES)
