"""How far is a run? One live line in a terminal or a notebook, or plain lines where neither is."""

from __future__ import annotations

import math
import time
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from gradless._core import words
from gradless.objectives.objective import Measure
from gradless.training.observers import Observer, RunInfo
from gradless.training.records import Record, Stop

_WORTH_A_LINE = 2.0  # seconds that a search takes at least, to show its progress unasked
_LINE_EVERY = 1.0  # seconds, at least, between two plain lines


def named(loss: float, objective: Measure | None) -> str:
    """A loss by name; an objective of which more is better, as its value."""
    if objective is None:
        return f"loss: {words.loss(loss)}"
    return f"{objective.quantity}: {words.loss(objective.value(loss))}"


def is_accuracy(objective: Measure | None) -> bool:
    """Whether what is improved is the accuracy, which need not be shown twice."""
    return objective is not None and objective.name == "accuracy"


class Status:
    """Says in one line where a run is."""

    def __init__(
        self, stop: Stop, objective: Measure | None = None, *, on_batches: bool = False
    ) -> None:
        """Nothing seen yet."""
        self._stop, self._objective = stop, objective
        self._best = "best batch" if on_batches else "best"
        self._first: tuple[int, float] | None = None  # evaluations and seconds
        self._last: tuple[int, float] | None = None

    def line(self, record: Record) -> str:
        """After a record of at least one generation."""
        stop, objective = self._stop, self._objective
        evaluations, seconds = int(record.evaluations[-1]), float(record.seconds[-1])
        begun = int(record.evaluations[0]), float(record.seconds[0])
        if self._first is None:  # of a run that goes on, what was before is another call's
            self._first = begun
        if len(record.evaluations) == 1 and self._last is not None:
            begun = self._last  # of one row, there is no pace in it
        self._last = evaluations, seconds
        is_last = record.stopped_because is not None
        before = self._first if is_last else begun  # the pace of all of it, or of now
        pace = (evaluations - before[0]) / (seconds - before[1]) if seconds > before[1] else 0.0
        parts = [
            f"{evaluations:,} evaluations",
            f"{pace:,.0f} a second",
            f"{self._best} {named(float(record.best_loss[-1]), objective)}",
        ]
        for name, best in record.best_measures.items():
            if not (name == "accuracy" and is_accuracy(objective)):
                parts.append(f"{name} {words.measure(name, float(best[-1]))}")
        left = []
        if stop.evaluations is not None and pace:
            left.append((stop.evaluations - evaluations) / pace)
        if stop.seconds is not None:
            left.append(stop.seconds - (seconds - self._first[1]))
        if left and not is_last:
            parts.append(f"{words.about(max(0.0, min(left)))} left")
        return "  ".join(parts)


class LiveLine:
    """A line at the bottom of a terminal that changes, and goes when it is closed."""

    def __init__(self, console: Console) -> None:
        """Show that something is compiled."""
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("compiling", total=None)
        self._progress.start()

    def show(self, text: str) -> None:
        """Show this instead."""
        self._progress.update(self._task, description=text)

    def close(self) -> None:
        """Take the line away."""
        self._progress.stop()


class _Cell:
    """A line in the output of a notebook's cell.

    The live displays of rich need ipywidgets there, which is not installed with every notebook.
    """

    def __init__(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - there, where a notebook runs

        self._handle: Any = display(self._as_data("compiling"), raw=True, display_id=True)

    @staticmethod
    def _as_data(text: str) -> dict[str, str]:
        return {"text/plain": text}

    def show(self, text: str) -> None:
        self._handle.update(self._as_data(text), raw=True)

    def close(self) -> None:
        pass


def live_line(console: Console) -> LiveLine | _Cell:
    """A line that changes, in a terminal or a notebook: with ``show(text)`` and ``close()``."""
    return _Cell() if console.is_jupyter else LiveLine(console)


class ProgressLine(Observer):
    """Shows a run while it goes on.

    In a terminal, on standard error, and in a notebook, it is one line that changes; elsewhere,
    for example in a file, a line on standard output about once a second while the loss falls.

    Parameters
    ----------
    unasked
        Whether no one asked for it: it then shows nothing but a live line in a terminal, which
        comes after two seconds and goes at the end.
    console
        Where a live line is shown; standard error if not given.
    """

    def __init__(self, *, unasked: bool = False, console: Console | None = None) -> None:
        """Show nothing yet."""
        self._unasked = unasked
        self._given = console
        self._live: LiveLine | _Cell | None = None

    def begin(self, info: RunInfo) -> None:
        """Get ready, and show that it compiles if that was asked for."""
        self._status = Status(info.stop, info.objective, on_batches=info.uses_minibatches)
        if self._live is not None:  # of a first phase
            self.end("goes on")
        self._last = ""
        self._begun = self._told = time.monotonic()
        self._told_loss = math.inf
        self._console = self._given or Console(stderr=True)
        in_terminal = self._console.file.isatty() and self._console.is_terminal
        self._is_live = in_terminal or (self._console.is_jupyter and not self._unasked)
        if self._is_live and not self._unasked:
            self._open()

    def _open(self) -> None:
        self._live = live_line(self._console)

    def record(self, record: Record) -> None:
        """Show where it is."""
        if not self._is_live:
            if not self._unasked:
                self._print(record)
            return
        self._last = self._status.line(record)
        if self._live is None and time.monotonic() - self._begun > _WORTH_A_LINE:
            self._open()
        if self._live is not None:
            self._live.show(self._last)

    def _print(self, record: Record) -> None:
        now, last = time.monotonic(), record.stopped_because is not None
        loss = float(record.best_loss[-1])
        if last or (now - self._told >= _LINE_EVERY and loss < self._told_loss):
            self._told, self._told_loss = now, loss
            print(self._status.line(record), flush=True)

    def end(self, reason: str | None) -> None:
        """Take a live line away; of one that was asked for, the last state stays."""
        if self._live is None:
            return
        last = f"{self._last}  {reason or 'cut off'}".strip()
        if isinstance(self._live, _Cell):
            self._live.show(last)
        self._live.close()
        if isinstance(self._live, LiveLine) and not self._unasked:
            self._console.print(last, highlight=False, soft_wrap=True)
        self._live = None


def progress_lines(verbose: bool | int | None) -> list[ProgressLine]:
    """What shows a run: nothing if false, a line if true; None for one that no one asked for."""
    if verbose is None:
        return [ProgressLine(unasked=True)]
    return [ProgressLine()] if verbose else []
