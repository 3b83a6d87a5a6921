"""What is a strategy?

A strategy is a frozen dataclass of hyperparameters with five pure functions, each of which can be
compiled. Its state is a pytree of arrays, apart from the hyperparameters::

    state = strategy.init(key, params)
    candidates = strategy.ask(key, state)               # population on the leading axis
    losses = [loss(strategy.decode(state, c)) for c in candidates]
    state = strategy.tell(key, state, candidates, losses)
    params = strategy.center(state)

Lower loss is better, always. A loss that is not finite never wins: whatever is told,
:func:`strategy` makes it +inf before a method sees it. After any losses, the center is finite.
Hyperparameters annotated ``float`` are traced, so changing one does not recompile; all others
(sizes, switches, names) are static.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import (
    Any,
    ClassVar,
    NamedTuple,
    Protocol,
    TypeVar,
    dataclass_transform,
    runtime_checkable,
)

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless._core.tree import Candidates, Params, as_pytree, population_size
from gradless.strategies.parts.limits import told

State = Any
# Annotations are text under "from __future__ import annotations", and types without it.
_FLOAT, _INT, _BOOL = ("float", float), ("int", int, "int | str"), ("bool", bool)
T = TypeVar("T")


@runtime_checkable
class Strategy(Protocol):
    """The contract that every strategy meets and that evaluation and training know."""

    name: ClassVar[str]
    """Name in the registry and on the command line."""

    samples_around_center: ClassVar[bool]
    """True if ``center`` is an estimate that is never itself among the candidates, as in evolution
    strategies: training then evaluates it too, once a generation. False if ``center`` is the best
    candidate told so far."""

    @property
    def population(self) -> int:
        """Number of candidates that one ``ask`` returns."""

    def init(self, key: jax.Array, params: Params) -> State:
        """State before the first generation, from initial parameters."""

    def ask(self, key: jax.Array, state: State) -> Candidates:
        """The next population: any pytree with the candidates on the leading axis."""

    def decode(self, state: State, candidate: Any) -> Params:
        """Parameters of one candidate."""

    def tell(
        self, key: jax.Array, state: State, candidates: Candidates, losses: jax.Array
    ) -> State:
        """State after the losses, shape (population,), of what ``ask`` returned are known."""

    def center(self, state: State) -> Params:
        """The strategy's present answer."""


class Perturbation(NamedTuple):
    """How candidates are made around a point, as far as an evaluation can make use of it.

    Parameters
    ----------
    opposite_pairs
        Candidates i and i + population / 2 are a point plus and minus the same change.
    rank
        Rank of the changes of matrices; 0 if every number has noise of its own, ``"auto"`` while it
        is not known how a problem uses them.
    """

    opposite_pairs: bool = False
    rank: int | str = 0


@runtime_checkable
class Perturbs(Strategy, Protocol):
    """A strategy that says how its candidates are made.

    Opposite pairs are evaluated together: they share their noise, and what a problem computes for
    the point in their middle.
    """

    @property
    def perturbation(self) -> Perturbation:
        """How they are made."""

    def middle(self, state: State) -> Params:
        """The point that the candidates of a generation lie around."""

    def change(self, state: State, candidate: Any) -> Params:
        """What a candidate adds to that point; its matrices may be ``low_rank.LowRank``."""


def perturbation(strategy: Strategy) -> Perturbation:
    """How a strategy makes its candidates; nothing is known of one that does not say."""
    return strategy.perturbation if isinstance(strategy, Perturbs) else Perturbation()


class Neighbours(NamedTuple):
    """Candidates that differ from a point by a single number each.

    Candidate ``first + i`` is the point with the change of number i added to it, and candidate
    ``second + i`` has it taken away, for each number.
    """

    point: Params
    changes: jax.Array  # of each number, in the order of ``tree.ravel``, (dimension,)
    first: int
    second: int


@runtime_checkable
class AsksNeighbours(Strategy, Protocol):
    """A strategy that says which of its candidates are neighbours of a point.

    With one number changed, most of a network gives what it gives at the point.
    """

    def coordinate_neighbours(self, state: State) -> Neighbours | None:
        """Those of a generation; None if it does not ask for two of every number."""


@runtime_checkable
class Widens(Strategy, Protocol):
    """A strategy whose distribution can be kept from becoming too narrow.

    Whole numbers need that: what is narrower than the distance between two finds no other one.
    """

    def widened(self, state: State, least: jax.Array) -> State:
        """The state with standard deviations of at least so much, (dimension,); 0 leaves one."""


@runtime_checkable
class ComesToRest(Strategy, Protocol):
    """A strategy that can tell when going on is useless.

    Attempts end then, and runs with a limit of stagnation: the loop asks after every generation.
    """

    def at_rest(self, state: State) -> jax.Array:
        """Whether the steps have become so small that they change no parameter, boolean."""


def at_rest(strategy: Strategy, state: State) -> jax.Array:
    """Whether a strategy says that it has come to rest; never if it cannot tell."""
    if isinstance(strategy, ComesToRest):
        return strategy.at_rest(state)
    return jnp.bool_(False)


@runtime_checkable
class CountsAttempts(Strategy, Protocol):
    """A strategy that searches in attempts, and says how many it has begun."""

    def attempts(self, state: State) -> jax.Array:
        """Attempts begun so far, uint32."""


@runtime_checkable
class BeginsElsewhere(Strategy, Protocol):
    """A strategy that says whether it leaves what it has found, now and then, and begins elsewhere.

    Its losses jump there, which pictures explain.
    """

    @property
    def begins_elsewhere(self) -> bool:
        """Whether it does."""


def begins_elsewhere(strategy: Strategy) -> bool:
    """Whether a strategy now and then begins elsewhere; not if it does not say so."""
    return isinstance(strategy, BeginsElsewhere) and strategy.begins_elsewhere


def goes_by_differences(strategy: Any) -> bool:
    """Whether a strategy goes by how much losses differ, and not only by which one is lower.

    It says so by an attribute of this name; one that does not say so only compares. A wrapper does
    what the strategy inside of it does.
    """
    while hasattr(strategy, "strategy"):
        strategy = strategy.strategy
    return bool(getattr(strategy, "goes_by_differences", False))


def hyperparameter(
    default: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    choices: tuple[Any, ...] | None = None,
    words: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field of a strategy with the range of values that make sense.

    ``words`` are what may stand in place of a number, whose field is then ``int | str``.
    """
    limits = {
        "above": above, "at_least": at_least, "at_most": at_most, "choices": choices, "words": words
    }  # fmt: skip
    return dataclasses.field(
        default=default, metadata={k: v for k, v in limits.items() if v is not None}
    )


def _check(owner: str, field: dataclasses.Field[Any], value: Any) -> None:
    limits = field.metadata
    instead = limits.get("words", ())
    if isinstance(value, str) and value in instead:
        return
    if "choices" in limits and value not in limits["choices"]:
        expected = f"one of {', '.join(map(repr, limits['choices']))}"
    elif field.type in _BOOL:
        if isinstance(value, bool):
            return
        expected = "True or False"
    elif field.type in (*_INT, *_FLOAT) and isinstance(value, bool | str | None):
        expected = "a number"
    elif field.type in (*_INT, *_FLOAT) and (
        isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
    ):
        expected = "one number"
    elif not isinstance(value, int | float):
        return  # traced, or a name
    elif field.type in _INT and not isinstance(value, int):
        expected = "a whole number"
    elif not math.isfinite(value):
        expected = "a finite number"
    elif "above" in limits and not value > limits["above"]:
        expected = f"a number above {limits['above']:g}"
    elif "at_least" in limits and not value >= limits["at_least"]:
        expected = f"{limits['at_least']:g} or more"
    elif "at_most" in limits and not value <= limits["at_most"]:
        expected = f"at most {limits['at_most']:g}"
    else:
        return
    expected = " or ".join([expected, *map(repr, instead)])
    raise InputError(f"{owner}: {field.name} must be {expected}, got {value!r}")


def _checked(tell: Callable[..., State]) -> Callable[..., State]:
    """``tell`` for losses of any kind: those that are not finite arrive as +inf."""

    @functools.wraps(tell)
    def checked(
        self: Any, key: jax.Array, state: State, candidates: Candidates, losses: jax.Array
    ) -> State:
        losses = told(losses)
        given, expected = losses.shape, (population_size(candidates),)
        if given != expected:
            raise InputError(
                f"losses must be one number for each of the {expected[0]} candidates, got shape "
                f"{given}; tell those of the candidates that ask returned, in their order"
            )
        return tell(self, key, state, candidates, losses)

    return checked


# Without field specifiers: type checkers see defaults of theirs only where they are keywords.
@dataclass_transform(frozen_default=True)
def strategy(cls: type[T]) -> type[T]:
    """Make a class a strategy: a frozen dataclass, checked, and a pytree of its float fields.

    Its ``tell`` sees losses that are finite or +inf, of the type ``floats.loss_dtype()``. Its
    method ``check_together``, if it has one, says which values do not go together; floats may be
    traced there. A strategy that is a dataclass of other pytrees, a wrapper for example, takes
    :func:`gradless._core.tree.as_pytree` instead.
    """

    def __post_init__(self: Any) -> None:  # noqa: N807
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.generic):
                value = value.item()
            if field.type in _FLOAT and type(value) is int:
                value = float(value)  # an integer would be another type to compile for
            _check(cls.__name__, field, value)
            object.__setattr__(self, field.name, value)
        if together := getattr(self, "check_together", None):
            together()

    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
    if tell := getattr(cls, "tell", None):
        cls.tell = _checked(tell)  # type: ignore[attr-defined]
    made = dataclasses.dataclass(frozen=True)(cls)
    fields = dataclasses.fields(made)  # type: ignore[arg-type]
    traced = [f.name for f in fields if f.type in _FLOAT]
    static = [f.name for f in fields if f.type not in _FLOAT]
    return as_pytree(traced, static)(made)
