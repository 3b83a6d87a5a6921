"""What does a session do? Phases, where they begin, what judges them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from gradless._core import defaults
from gradless._core.programs import compiled
from gradless._core.tree import Params, Structure
from gradless.objectives.objective import Measure
from gradless.problems.contract import Score
from gradless.strategies import Strategy
from gradless.training.factors import fitted
from gradless.training.generation import Run, begin
from gradless.training.host_loop import mode_for
from gradless.training.loop import evaluations_per_generation
from gradless.training.records import Stop
from gradless.training.regularization import Regularization
from gradless.training.validation import GrowingLooks, Validation, answers

FIRST, MAIN = 0, 1  # numbers of the phases


class Judged(Protocol):
    """A problem that says of parameters how good they are on all of the data."""

    def score_all(self, params: Params) -> Score:
        """Loss and measures, each of shape ()."""


@dataclass(frozen=True)
class Phase:
    """A problem, and how it is searched.

    Attributes
    ----------
    problem
        Of the contract, and :class:`Judged`.
    strategy, why
        How, and why that was chosen; empty if it was given.
    stop
        When it ends.
    objective
        What is improved; None for a loss without a name.
    told
        Makes what people see of losses.
    """

    problem: Any
    strategy: Strategy
    stop: Stop
    why: str = ""
    objective: Measure | None = None
    told: Callable[[Any], Any] = lambda losses: losses


@dataclass(frozen=True)
class Plan:
    """What a session does.

    Attributes
    ----------
    main
        The phase that it is about; its limits are those of the whole session.
    params
        Where it begins.
    seed
        Decides all noise and minibatches.
    first
        A phase before, which counts towards the limits.
    keeps_center
        Whether the best parameters seen owe much to luck even without minibatches.
    held_out
        The problem of rows held out, if there are some.
    patience
        With them: times the evaluations of the best network after which it ends.
    goes_on
        Whether ``params`` may be the result, if nothing better is found: those of another session,
        and those that a person gives with a function.
    judges_alike
        With minibatches, whether the best seen is judged on all data beside the center.
    known
        What ``params`` score in the main phase, if that is known.
    settings
        What else decides it, for people.
    regularization
        How it is fitted with a penalty; None for a search.
    all_losses
        Whether records have the losses of all candidates.
    """

    main: Phase
    params: Params
    seed: int
    first: Phase | None = None
    keeps_center: bool = False
    held_out: Judged | None = None
    patience: float = defaults.PATIENCE
    goes_on: bool = False
    judges_alike: bool = False
    known: Score | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    regularization: Regularization | None = None
    all_losses: bool = False

    def __post_init__(self) -> None:
        """Let strategies know how their problems use the parameters."""
        for name in ("main", "first"):
            phase = getattr(self, name)
            if phase is not None:
                strategy = fitted(phase.problem, phase.strategy, self.params)
                object.__setattr__(self, name, dataclasses.replace(phase, strategy=strategy))

    @classmethod
    def of_function(cls, main: Phase, params: Params, seed: int, **more: Any) -> Plan:
        """Of a function, of which people give where it begins, and want the least value."""
        return cls(main, params, seed, goes_on=True, judges_alike=True, **more)

    @property
    def wants_center(self) -> bool:
        """Whether it ends with the center of its search, unless rows held out choose."""
        return self.main.problem.uses_minibatches or self.keeps_center

    def begun(self, phase: int = MAIN, params: Params | None = None) -> Run:
        """The run of a phase before its first generation."""
        one = self.main if phase == MAIN else self.first
        assert one is not None
        with mode_for(one.problem):
            return begun(one.strategy, self.params if params is None else params, self.seed)

    def validator(self) -> Validation | None:
        """What judges networks on the rows held out; None if there are none."""
        if self.held_out is None:
            return None
        per_generation = evaluations_per_generation(self.main.strategy)
        return Validation(
            GrowingLooks(per_generation, self.patience),
            loss_of(self.held_out, self.params),
            answers(self.main.strategy, self.wants_center),
        )


class Spent(NamedTuple):
    """What phases before the present one took."""

    generations: int = 0
    evaluations: int = 0
    seconds: float = 0.0


def left(main: Phase, spent: Spent, seconds: float) -> Stop:
    """Limits of the main phase once a first one has spent its part, ``seconds`` of this call."""
    stop = main.stop
    if stop.evaluations is not None and spent.evaluations:
        least = evaluations_per_generation(main.strategy)
        stop = dataclasses.replace(
            stop, evaluations=max(least, stop.evaluations - spent.evaluations)
        )
    if stop.seconds is not None and seconds:
        stop = dataclasses.replace(stop, seconds=max(1e-9, stop.seconds - seconds))
    return stop


def loss_of(problem: Judged, like: Params) -> Callable[[Any], float]:
    """Makes a loss on all of a problem's data of parameters as a vector."""
    structure = Structure.of(like)

    def of(vector: Any) -> float:  # cut by NumPy: JAX would compile every cut
        return float(problem.score_all(structure.unravel(vector)).loss)

    return of


def begun(strategy: Strategy, params: Params, seed: int) -> Run:
    """The run before its first generation."""
    return _begun(strategy, params, np.uint32(seed))


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@compiled()
def _begun(strategy: Strategy, params: Params, seed: Any) -> Run:
    return begin(strategy, params, seed)
