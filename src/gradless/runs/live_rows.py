"""How can a run be watched from elsewhere? A line a second in a file, while it trains.

``live.csv`` has the columns of ``history.csv``, which is there only when the run has ended. A line
is appended, so that whoever follows reads what is new and nothing else, also in a folder that
machines share. What cannot be written is left out: to watch a run must not end it.

A run that was killed goes on from its last checkpoint: lines of what came after that are dropped,
with a line that was cut off.
"""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path

from gradless._core import storage
from gradless.training.observers import Observer, RunInfo
from gradless.training.records import Record

NAME = "live.csv"
COLUMNS = ("evaluations", "seconds", "loss", "best_loss", "accuracy", "best_accuracy")
_HEADER = ",".join(COLUMNS) + "\n"
_LOSSES = {"loss", "best_loss"}
_EVERY = 1.0  # seconds


class LiveRows(Observer):
    """Appends what a run has reached, once a second at most, and at its end."""

    def __init__(self, folder: Path) -> None:
        """Write into this run folder."""
        self._path = folder / NAME
        self._next = 0.0
        self._last: str | None = None
        self._goes_on = self._path.exists()
        self._another_loss = False

    def begin(self, info: RunInfo) -> None:
        """Write the header, unless the run goes on."""
        # Of two losses in one column nobody could tell which is which.
        self._another_loss = info.following is not None
        with contextlib.suppress(OSError):
            if not self._path.exists():
                self._path.write_text(_HEADER, encoding="utf-8")

    def record(self, record: Record) -> str | None:
        """Append a line if it is time."""
        rows = record.rows
        if not len(rows["evaluations"]):
            return None
        if self._goes_on:
            self._goes_on = False
            self._cut(before=float(rows["evaluations"][0]))
        told = rows.keys() - (_LOSSES if self._another_loss else set())
        cells = [f"{rows[name][-1]:.9g}" if name in told else "nan" for name in COLUMNS]
        self._last = ",".join(cells) + "\n"
        if time.monotonic() >= self._next:
            self._append()
            self._next = time.monotonic() + _EVERY
        return None

    def end(self, reason: str | None) -> None:
        """Append where it ended."""
        self._append()

    def _cut(self, before: float) -> None:
        """Keep whole lines of fewer evaluations than this."""
        with contextlib.suppress(OSError):
            found = self._path.read_text(encoding="utf-8", errors="replace")
            lines = found.splitlines(keepends=True)
            kept = _HEADER + "".join(
                line for line in lines[1:] if line.endswith("\n") and _evaluations(line) < before
            )
            if kept != found:
                storage.write_bytes(self._path, kept.encode())

    def _append(self) -> None:
        if self._last is None:
            return
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(self._last)
        self._last = None


def _evaluations(line: str) -> float:
    try:
        return float(line.split(",", 1)[0])
    except ValueError:
        return math.inf
