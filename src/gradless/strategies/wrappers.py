"""What can be added to any strategy? Memory of the best, beginning again, and schedules.

A wrapper is itself a strategy, so wrappers can be nested. It is a pytree with the strategy inside
it, whose numbers stay traced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import stagnation, tree
from gradless._core.errors import InputError, unknown_name
from gradless._core.floats import loss_dtype, no_loss
from gradless._core.tree import Candidates, Params, Structure
from gradless.strategies.base import Perturbation, Strategy, at_rest, begins_elsewhere, perturbation
from gradless.strategies.parts import initial, limits
from gradless.strategies.random_search import RandomSearch


class Wrapper:
    """What every wrapper hands on to the strategy inside of it, whose state is ``state.inner``."""

    strategy: Strategy

    def present(self, state: Any) -> Any:
        """The strategy as it is in this generation."""
        return self.strategy

    @property
    def population(self) -> int:
        """That of the strategy."""
        return self.strategy.population

    @property
    def perturbation(self) -> Perturbation:
        """That of the strategy."""
        return perturbation(self.strategy)

    @property
    def begins_elsewhere(self) -> bool:
        """Whether the strategy does."""
        return begins_elsewhere(self.strategy)

    def ask(self, key: jax.Array, state: Any) -> Candidates:
        """Candidates of the strategy."""
        return self.present(state).ask(key, state.inner)

    def decode(self, state: Any, candidate: Any) -> Params:
        """The parameters of a candidate."""
        return self.present(state).decode(state.inner, candidate)

    def middle(self, state: Any) -> Params:
        """The point that the strategy's candidates lie around."""
        return self.present(state).middle(state.inner)

    def change(self, state: Any, candidate: Any) -> Params:
        """What a candidate adds to it."""
        return self.present(state).change(state.inner, candidate)


class BestSoFarState(NamedTuple):
    """The strategy's own state, and the best candidate that it was told about."""

    inner: Any
    best: jax.Array  # (dimension,)
    best_loss: jax.Array
    structure: Structure


@tree.as_pytree(traced=["strategy"])
@dataclass(frozen=True)
class BestSoFar(Wrapper):
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

    def init(self, key: jax.Array, params: Params) -> BestSoFarState:
        """The strategy's state, and ``params``, which any candidate with a finite loss replaces."""
        return BestSoFarState(
            inner=self.strategy.init(key, params),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def tell(
        self, key: jax.Array, state: BestSoFarState, candidates: Candidates, losses: jax.Array
    ) -> BestSoFarState:
        """Keep the best candidate if it beats the best so far, and tell the strategy."""
        losses = limits.told(losses)
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

    def at_rest(self, state: BestSoFarState) -> jax.Array:
        """Whether the strategy is."""
        return at_rest(self.strategy, state.inner)


def check_restartable(owner: str, strategy: Any) -> None:
    """Refuse a strategy that beginning again does not change, inside of other wrappers or not."""
    while hasattr(strategy, "strategy"):
        strategy = strategy.strategy
    if isinstance(strategy, RandomSearch):
        raise InputError(
            f"{owner} must be given a strategy that moves, got random_search: its generations "
            "are independent, so there is nothing to restart. Use more evaluations instead"
        )


class RestartsState(NamedTuple):
    """The present attempt, how it goes, and where attempts begin."""

    inner: BestSoFarState  # its best is that of this attempt
    progress: stagnation.Progress  # of the attempt
    restarts: jax.Array  # so far, uint32
    start: jax.Array  # (dimension,)
    best: jax.Array  # of all attempts, (dimension,)
    best_loss: jax.Array
    structure: Structure


@tree.as_pytree(traced=["strategy", "spread"], static=["patience"])
@dataclass(frozen=True)
class Restarts(Wrapper):
    """A strategy that begins again, from elsewhere, when it finds nothing better any more.

    Each attempt begins from the initial parameters plus normal noise, with a state of its own;
    the answer is the best candidate of all attempts. What a strategy knows is thrown away, so
    ``patience`` should be generous.

    Attempts have one population size. ``bipop_cma_es`` begins again with others.

    Parameters
    ----------
    strategy
        Any strategy.
    patience
        Generations without a worthwhile fall of the attempt's best loss before the next attempt:
        see :mod:`gradless._core.stagnation`. It begins at once if the strategy has come to rest.
    spread
        Standard deviation of where attempts begin around the initial parameters, relative to
        the scale of each array at the start. The first attempt begins at the initial parameters.

    Raises
    ------
    InputError
        If the patience is below one generation, the spread is not above zero, or the strategy has
        nothing to begin again.
    """

    strategy: Strategy
    patience: int = 100
    spread: float = 1.0

    name: ClassVar[str] = "restarts"
    begins_elsewhere: ClassVar[bool] = True
    samples_around_center: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if not isinstance(self.patience, int) or self.patience < 1:
            raise InputError(
                "Restarts: patience must be a whole number of generations, 1 or more, got "
                f"{self.patience!r}"
            )
        if isinstance(self.spread, int | float) and not self.spread > 0:
            raise InputError(f"Restarts: spread must be above 0, got {self.spread!r}")
        check_restartable("Restarts", self.strategy)

    @property
    def _attempt(self) -> BestSoFar:
        return BestSoFar(self.strategy)

    def present(self, state: RestartsState) -> BestSoFar:
        """The strategy that keeps the best of an attempt."""
        return self._attempt

    def init(self, key: jax.Array, params: Params) -> RestartsState:
        """The first attempt, at ``params``."""
        return RestartsState(
            inner=self._attempt.init(key, params),
            progress=stagnation.begin(loss_dtype()),
            restarts=jnp.uint32(0),
            start=tree.ravel(params),
            best=tree.ravel(params),
            best_loss=no_loss(),
            structure=Structure.of(params),
        )

    def tell(
        self, key: jax.Array, state: RestartsState, candidates: Candidates, losses: jax.Array
    ) -> RestartsState:
        """Tell the present attempt; begin the next one if the patience is at its end."""
        told = self._attempt.tell(key, state.inner, candidates, losses)
        lowest = jnp.min(limits.told(losses))
        progress = stagnation.after(state.progress, told.best_loss, lowest)
        again = (progress.waited >= self.patience) | self._attempt.at_rest(told)
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
            progress=tree.where(again, stagnation.begin(loss_dtype()), progress),
            restarts=state.restarts + again.astype(jnp.uint32),
            best=jnp.where(improved, told.best, state.best),
            best_loss=jnp.where(improved, told.best_loss, state.best_loss),
        )

    def center(self, state: RestartsState) -> Params:
        """The best of all attempts."""
        return state.structure.unravel(state.best)


class ScheduledState(NamedTuple):
    """The strategy's own state, and how far the schedule is."""

    inner: Any
    generation: jax.Array  # finished so far, uint32


@tree.as_pytree(traced=["strategy"], static=["hyperparameter", "schedule"])
@dataclass(frozen=True)
class Scheduled(Wrapper):
    """A strategy of which one number changes from generation to generation.

    A number that a strategy only begins with, such as the first sigma of CMA-ES, does not change
    anything later, scheduled or not. For several numbers, nest several of these.

    Parameters
    ----------
    strategy
        Any strategy.
    hyperparameter
        Name of one of its hyperparameters that is a ``float``.
    schedule
        Its value, from the number of finished generations, as optax makes them:
        ``optax.cosine_decay_schedule(0.1, 1000)``. Keep it: another one compiles another program.

    Raises
    ------
    InputError
        If there is no such hyperparameter, it may not change, or begins out of its range.
    """

    strategy: Strategy
    hyperparameter: str
    schedule: Callable[[Any], Any]

    name: ClassVar[str] = "scheduled"

    def __post_init__(self) -> None:
        """Refuse what cannot be scheduled, and a first value out of range."""
        numbers = _numbers(self.strategy)
        if self.hyperparameter not in numbers:
            raise unknown_name("hyperparameter to schedule", self.hyperparameter, numbers)
        with jax.ensure_compile_time_eval():  # also where a trace takes the dataclass apart
            first = float(self.schedule(0))
        with_hyperparameter(self.strategy, self.hyperparameter, first)

    @property
    def samples_around_center(self) -> bool:
        """That of the strategy."""
        return self.strategy.samples_around_center

    def present(self, state: ScheduledState) -> Any:
        """The strategy as it is in this generation."""
        value = jnp.asarray(self.schedule(state.generation), jnp.float32)
        return with_hyperparameter(self.strategy, self.hyperparameter, value)

    def init(self, key: jax.Array, params: Params) -> ScheduledState:
        """The strategy's state, with the first value."""
        begun = ScheduledState(None, jnp.uint32(0))
        return begun._replace(inner=self.present(begun).init(key, params))

    def tell(
        self, key: jax.Array, state: ScheduledState, candidates: Candidates, losses: jax.Array
    ) -> ScheduledState:
        """Tell the strategy as it was when it asked; the next value is for the next generation."""
        inner = self.present(state).tell(key, state.inner, candidates, losses)
        return ScheduledState(inner, state.generation + 1)

    def center(self, state: ScheduledState) -> Params:
        """The strategy's present answer."""
        return self.present(state).center(state.inner)

    def at_rest(self, state: ScheduledState) -> jax.Array:
        """Whether the strategy is."""
        return at_rest(self.present(state), state.inner)


def _numbers(strategy: Any) -> list[str]:
    """Hyperparameters that are traced, of a strategy and of those inside of it."""
    fields = dataclasses.fields(strategy)
    own = [field.name for field in fields if field.type in ("float", float)]
    return own + (_numbers(strategy.strategy) if hasattr(strategy, "strategy") else [])


def with_hyperparameter(strategy: Any, hyperparameter: str, value: Any) -> Any:
    """The strategy with another value, which may belong to a strategy inside of it."""
    if hyperparameter in {field.name for field in dataclasses.fields(strategy)}:
        return dataclasses.replace(strategy, **{hyperparameter: value})
    inner = with_hyperparameter(strategy.strategy, hyperparameter, value)
    return dataclasses.replace(strategy, strategy=inner)


def value_of(strategy: Any, hyperparameter: str) -> Any:
    """A hyperparameter of a strategy, or of one inside of it; None if there is none."""
    while not hasattr(strategy, hyperparameter):
        if not hasattr(strategy, "strategy"):
            return None
        strategy = strategy.strategy
    return getattr(strategy, hyperparameter)
