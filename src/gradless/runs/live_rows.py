"""How can a run be watched from elsewhere? A line a second in a file, while it trains.

``live.csv`` has the columns of ``history.csv``, which is there only when the run has ended. A line
is appended, so that whoever follows reads what is new and nothing else, also in a folder that
machines share. What cannot be written is left out: to watch a run must not end it.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from gradless.training.observers import Observer, RunInfo
from gradless.training.records import Record

NAME = "live.csv"
COLUMNS = ("evaluations", "seconds", "loss", "best_loss", "accuracy", "best_accuracy")
_EVERY = 1.0  # seconds


class LiveRows(Observer):
    """Appends what a run has reached, once a second at most, and at its end."""

    def __init__(self, folder: Path) -> None:
        """Write into this run folder."""
        self._path = folder / NAME
        self._next = 0.0
        self._last: str | None = None

    def begin(self, info: RunInfo) -> None:
        """Write the header, unless the run goes on."""
        with contextlib.suppress(OSError):
            if not self._path.exists():
                self._path.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")

    def record(self, record: Record) -> str | None:
        """Append a line if it is time."""
        rows = record.rows
        if not len(rows["evaluations"]):
            return None
        cells = [f"{rows[name][-1]:.9g}" if name in rows else "nan" for name in COLUMNS]
        self._last = ",".join(cells) + "\n"
        if time.monotonic() >= self._next:
            self._append()
            self._next = time.monotonic() + _EVERY
        return None

    def end(self, reason: str | None) -> None:
        """Append where it ended."""
        self._append()

    def _append(self) -> None:
        if self._last is None:
            return
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(self._last)
        self._last = None
