"""What is logged of a run, and when? Whatever writes it down."""

from __future__ import annotations

import contextlib
import math
import warnings
from abc import abstractmethod
from collections.abc import Iterator

from gradless._core.errors import InputError
from gradless.training.observers import Observer, RunInfo
from gradless.training.records import Record

_GROWTH = 1.01  # of a run between two points: as fine as anyone can see, and few in the longest run


@contextlib.contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import in such a block what an extra installs.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"logging to {extra} needs {error.name or extra}, which is not installed. "
            f'Install it with: pip install ".[{extra}]"'
        ) from None


class Logger(Observer):
    """An observer that writes numbers down over the number of evaluations.

    A subclass says how, in :meth:`open`, :meth:`write` and :meth:`close`. A point is written
    whenever a run has grown by a hundredth, so that a run of a day is not slowed down, and of the
    last record in any case. If one cannot be written, for example because a server is down, a
    warning says so, and the run goes on without this logger.
    """

    @abstractmethod
    def open(self, hyperparameters: dict[str, bool | int | float | str]) -> None:
        """A run begins."""

    @abstractmethod
    def write(self, metrics: dict[str, float], evaluations: int) -> None:
        """Write down finite numbers after so many evaluations."""

    @abstractmethod
    def close(self, reason: str | None) -> None:
        """A run has ended; see :meth:`.Observer.end`."""

    _is_open = False

    def begin(self, info: RunInfo) -> None:
        """Open what is written to; a second phase goes on with it."""
        self._objective = info.objective
        if self._is_open:
            return
        self._is_open, self._not_finite = True, 0
        self._evaluations, self._written, self._failed = 0, 0, False
        self._metrics: dict[str, float] = {}
        self.open(info.hyperparameters)

    def record(self, record: Record) -> None:
        """Write a point if it is time."""
        self._not_finite += record.not_finite
        if self._failed:
            return
        self._metrics, self._evaluations = self._of(record), int(record.evaluations[-1])
        if self._evaluations >= _GROWTH * self._written or record.stopped_because is not None:
            self._write()

    def end(self, reason: str | None) -> None:
        """Write the last point if it was not yet, and close."""
        self._is_open = False
        if not self._failed and self._evaluations > self._written:
            self._write()
        if not self._failed:
            with self._going_on():
                self.close(reason)

    def _write(self) -> None:
        with self._going_on():
            self.write(self._metrics, self._evaluations)
        self._written = self._evaluations

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        """Let no failure of a tracker end hours of training."""
        try:
            yield
        except Exception as error:
            self._failed = True
            warnings.warn(
                f"{type(self).__name__} can no longer be written ({error}); the run continues "
                "without it",
                stacklevel=2,
            )

    def _of(self, record: Record) -> dict[str, float]:
        """What is finite of the last generation, as people see it."""
        loss, best = record.loss[-1], record.best_loss[-1]
        name = "loss"
        if self._objective is not None:
            name = self._objective.quantity
            loss, best = self._objective.value(loss), self._objective.value(best)
        values = {
            **{key: of[-1] for key, of in record.measures.items()},
            **{f"best_{key}": of[-1] for key, of in record.best_measures.items()},
            name: loss,
            f"best_{name}": best,
            "seconds": record.seconds[-1],
            "not_finite": self._not_finite,
        }
        return {key: float(value) for key, value in values.items() if math.isfinite(value)}
