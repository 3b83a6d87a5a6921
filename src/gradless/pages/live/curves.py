"""How is a file of rows that grows followed, in little memory and time?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

POINTS = 1_000
"""Buckets that a curve has at most; each has the least and the greatest value of its rows."""


class Curve:
    """Rows by column, thinned as they come: memory does not grow with their number.

    A bucket is so many rows in turn, of which the first position, and of each column the least, the
    greatest and the last value are kept. Where there are too many buckets, each two become one.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        """Have these columns."""
        self.columns = tuple(columns)
        self.rows = 0
        self._stride = 1
        width = len(self.columns)
        self._low = np.empty((0, width))
        self._high = np.empty((0, width))
        self._last = np.empty((0, width))
        self._left = np.empty((0, width))  # rows that fill no bucket yet

    def append(self, rows: npt.NDArray[np.float64]) -> None:
        """Add rows, shape (rows, columns)."""
        self.rows += len(rows)
        rows = np.concatenate([self._left, rows])
        whole = len(rows) // self._stride * self._stride
        self._left = rows[whole:]
        if whole:
            cut = rows[:whole].reshape(-1, self._stride, len(self.columns))
            self._low = np.concatenate([self._low, np.fmin.reduce(cut, axis=1)])
            self._high = np.concatenate([self._high, np.fmax.reduce(cut, axis=1)])
            self._last = np.concatenate([self._last, cut[:, -1]])
        while len(self._low) > POINTS:
            self._halve()

    def _halve(self) -> None:
        # The last one of an odd number stays a bucket of its own.
        pairs = np.arange(0, len(self._low), 2)
        self._low = np.fmin.reduceat(self._low, pairs)
        self._high = np.fmax.reduceat(self._high, pairs)
        self._last = self._last[np.minimum(pairs + 1, len(self._last) - 1)]
        self._stride *= 2

    def shown(self) -> dict[str, list[float | None]]:
        """By column its last values; ``COLUMN_low`` and ``COLUMN_high`` of what varies."""
        last = np.concatenate([self._last, self._left[-1:]])
        low = np.concatenate([self._low, self._left[-1:]])
        high = np.concatenate([self._high, self._left[-1:]])
        shown: dict[str, list[float | None]] = {}
        for place, name in enumerate(self.columns):
            shown[name] = _plain(last[:, place])
            if name == "loss" and self._stride > 1:
                shown["loss_low"], shown["loss_high"] = (
                    _plain(low[:, place]),
                    _plain(high[:, place]),
                )
        return shown


def _plain(values: npt.NDArray[np.float64]) -> list[float | None]:
    """For JSON, six digits, and None for what is no number."""
    return [float(f"{x:.6g}") if np.isfinite(x) else None for x in values]


class Followed:
    """A CSV file of numbers that is read on whenever it has grown."""

    def __init__(self, path: Path, wanted: Sequence[str]) -> None:
        """Follow these columns of it, those that it has."""
        self._path, self._wanted = path, tuple(wanted)
        self._forget()

    def _forget(self) -> None:
        self.curve: Curve | None = None
        self._read = 0
        self._places: list[int] = []
        self._identity: tuple[int, ...] = ()
        self._width = 0

    def look(self) -> bool:
        """Read what is new; whether there was something."""
        try:
            found = self._path.stat()
        except OSError:
            changed = self.curve is not None
            self._forget()
            return changed
        identity = (found.st_ino, found.st_dev)
        if identity != self._identity or found.st_size < self._read:  # another file
            self._forget()
            self._identity = identity
        if found.st_size == self._read:
            return False
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]  # of a line that is being written, later
        self._read += len(data)
        return self._take(data.decode("utf-8", "replace"))

    def _take(self, text: str) -> bool:
        if self.curve is None and text:
            header, _, text = text.partition("\n")
            names = header.split(",")
            here = [name for name in self._wanted if name in names]
            self._places = [names.index(name) for name in here]
            self._width = len(names)
            self.curve = Curve(here)
        if not text or self.curve is None:
            return False
        self.curve.append(self._numbers(text))
        return True

    def _numbers(self, text: str) -> npt.NDArray[np.float64]:
        """The wanted columns of some lines; what is no number is NaN."""
        lines = [line.split(",") for line in text.splitlines()]
        rows: list[list[Any]] = [
            [_number(cells[place]) for place in self._places]
            for cells in lines
            if len(cells) == self._width
        ]
        return np.array(rows, np.float64).reshape(-1, len(self._places))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan
