"""Who watches a run? Observers hear of its beginning, of every record, and of its end.

Progress lines, histories, loggers and callbacks are observers; whatever trains tells them, by
:func:`watching`. None of them changes what a run finds, except that it may end it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from gradless._core.errors import InputError
from gradless.objectives.objective import Measure
from gradless.strategies.base import Strategy
from gradless.training.history import History
from gradless.training.records import Record, Stop

_LONGEST = 250  # characters of a hyperparameter: trackers take no whole arrays
CALLBACK = "stopped by the callback"  # why a run stopped


@dataclass(frozen=True)
class RunInfo:
    """What is known of a run before it begins.

    Attributes
    ----------
    strategy, stop
        How it searches, and what ends it.
    objective
        What is improved; losses are told as it minimises them, and its ``value`` makes of them what
        people see. None for a loss without a name.
    uses_minibatches
        Whether losses are of batches.
    settings
        What else decides it, by name: the seed, the data, the network.
    """

    strategy: Strategy
    stop: Stop
    objective: Measure | None = None
    uses_minibatches: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hyperparameters(self) -> dict[str, bool | int | float | str]:
        """All of it by name, without what was not given, as plain values: others as text."""
        limits: dict[str, Any] = {f"stop.{name}": of for name, of in vars(self.stop).items()}
        limits |= {f"stop.{name}": least for name, least in limits.pop("stop.measures").items()}
        of_strategy = {"strategy": self.strategy.name}
        strategy: Any = self.strategy
        if dataclasses.is_dataclass(strategy):
            for each in dataclasses.fields(strategy):
                of_strategy[f"strategy.{each.name}"] = getattr(strategy, each.name)
        improved = {} if self.objective is None else {"objective": self.objective.name}
        everything = {**of_strategy, **limits, **improved, **self.settings}
        return {k: _plain(v) for k, v in everything.items() if v is not None}


def _plain(value: Any) -> bool | int | float | str:
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


@runtime_checkable
class Observer(Protocol):
    """What watches a run. A class that inherits it need not define all three.

    Training in two phases, each with its own objective, is two runs: it begins and ends twice.
    """

    def begin(self, info: RunInfo) -> None:
        """Get ready, before anything is compiled."""
        return

    def record(self, record: Record) -> str | None:
        """Look at a record of at least one generation; a text ends the run for that reason.

        Several come a second, most often the last one with ``record.stopped_because``.
        """
        return None

    def end(self, reason: str | None) -> None:
        """Clean up: why the run ended, None if an exception or its reader cut it off."""
        return


class Recorder(Observer):
    """Appends records to a history."""

    def __init__(self, history: History) -> None:
        """Append to this one."""
        self.history = history

    def record(self, record: Record) -> None:
        """Append the rows."""
        self.history.append(**record.rows)


class Callback(Observer):
    """A function of records, which ends the run by returning True."""

    def __init__(self, function: Callable[[Record], Any]) -> None:
        """Call this one."""
        self.function = function

    def record(self, record: Record) -> str | None:
        """Call it."""
        return CALLBACK if self.function(record) else None


def checked(observers: Any) -> list[Observer]:
    """The observers of a user.

    Raises
    ------
    InputError
        If it is not a list of them.
    """
    if isinstance(observers, list | tuple):
        wrong = [each for each in observers if isinstance(each, type) or not _observes(each)]
        if not wrong:
            return list(observers)
        observers = wrong[0]
    shown = observers.__name__ if isinstance(observers, type) else repr(observers)
    raise InputError(
        f"observers must be a list of objects with begin, record and end, got {shown}. "
        "Give a function as callback, and observers as for example [TensorBoard('folder')]"
    )


def _observes(each: Any) -> bool:
    return isinstance(each, Observer)


@contextlib.contextmanager
def watching(
    observers: Sequence[Observer], info: RunInfo
) -> Iterator[Callable[[Record], str | None]]:
    """Begin the observers, and end them when the block is left.

    Yields
    ------
    callable
        Tells all of them a record, unless it is of no generation, and returns why the run ends: the
        record's own reason, or that of the first observer with one; None if it goes on.
    """
    reason: str | None = None

    def tell(record: Record) -> str | None:
        nonlocal reason
        wishes = [each.record(record) for each in observers if len(record.generation)]
        reason = record.stopped_because or next(filter(None, wishes), None)
        return reason

    with contextlib.ExitStack() as stack:
        for each in observers:
            each.begin(info)
            stack.callback(lambda one: one.end(reason), each)
        yield tell
