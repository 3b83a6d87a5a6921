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
    following
        The same of the phase that follows, where this is a first phase.
    """

    strategy: Strategy
    stop: Stop
    objective: Measure | None = None
    uses_minibatches: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    following: RunInfo | None = None

    @property
    def hyperparameters(self) -> dict[str, bool | int | float | str]:
        """All of it by name, without what was not given, as plain values: others as text.

        Of a run in two phases it is what the second one has, and after ``first.`` what the first.
        """
        if self.following is not None:
            whole = self.following.hyperparameters
            first = dataclasses.replace(self, following=None).hyperparameters
            own = {f"first.{k}": v for k, v in first.items() if k not in self.settings}
            return {**whole, **own}
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

    Training in two phases, each with its own objective, is one run: :meth:`begin` is called for
    each of them, evaluations and seconds go on, and there is one end.
    """

    def begin(self, info: RunInfo) -> None:
        """Get ready, before anything is compiled; for each phase, of which most runs have one."""
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


class Watch:
    """Tells observers of a run in one or more phases; to be used in a ``with`` statement.

    Each phase begins, and when the block is left, all of it ends.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        """Tell these."""
        self._observers, self._stack = observers, contextlib.ExitStack()
        self._begun: list[Observer] = []
        self._reason: str | None = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def begin(self, info: RunInfo) -> None:
        """A phase begins."""
        self._reason = None
        for each in self._observers:
            each.begin(info)
            if not any(each is one for one in self._begun):
                self._begun.append(each)
                self._stack.callback(lambda one: one.end(self._reason), each)

    def tell(self, record: Record) -> str | None:
        """A record came, of at least one generation or of the end.

        Returns
        -------
        str or None
            Why the run ends: the record's own reason, or that of the first observer with one; None
            if it goes on.
        """
        wishes = [each.record(record) for each in self._observers if len(record.generation)]
        self._reason = record.stopped_because or next(filter(None, wishes), None)
        return self._reason


@contextlib.contextmanager
def watching(
    observers: Sequence[Observer], info: RunInfo
) -> Iterator[Callable[[Record], str | None]]:
    """Begin the observers of a run of one phase, and end them when the block is left.

    Yields
    ------
    callable
        :meth:`Watch.tell`.
    """
    with Watch(observers) as watch:
        watch.begin(info)
        yield watch.tell
