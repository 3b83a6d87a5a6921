"""How is a file of rows that grows followed, in little memory and time?

Only plain files are read: what a link, a pipe or a device leads to is none of a run's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

POINTS = 1_000
"""Rows that a curve keeps at most."""
LONG = 1 << 18
"""Bytes from which on a file that is new to us is read at ``POINTS`` places instead of whole."""
_PIECE = 512  # bytes that are read at such a place; longer rows are passed over
_END = 1 << 13  # and at the end of the file, where rows count most
_AT_ONCE = 1 << 20  # bytes that are held at a time


class Stamp(NamedTuple):
    """By what is seen that a file has changed, without reading it."""

    node: tuple[int, int]
    size: int
    changed: int


def stamp(path: str | Path) -> Stamp | None:
    """That of a plain file; None of anything else and where there is nothing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Stamp((found.st_ino, found.st_dev), found.st_size, found.st_mtime_ns)


class Curve:
    """Rows by column, thinned as they come: memory does not grow with their number.

    Every so many rows one is kept. Where too many are, each second one goes. The latest row is
    always there.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        """Have these columns."""
        self.columns = tuple(columns)
        self.rows = 0
        self._stride = 1
        self._kept = np.empty((0, len(self.columns)))
        self._latest = np.empty((0, len(self.columns)))

    def append(self, rows: npt.NDArray[np.float64]) -> None:
        """Add rows, shape (rows, columns)."""
        if not len(rows):
            return
        # The last of each stride, counted from the first row of all.
        kept = rows[self._stride - 1 - self.rows % self._stride :: self._stride]
        self.rows += len(rows)
        self._latest = rows[-1:].copy() if self.rows % self._stride else self._latest[:0]
        if len(kept):
            self._kept = np.concatenate([self._kept, kept])
        while len(self._kept) > POINTS:
            self._stride *= 2
            self._kept = self._kept[1::2]
            if self.rows % self._stride:
                self._latest = rows[-1:].copy()

    def sampled(self, rows: npt.NDArray[np.float64], total: int) -> None:
        """Begin with some rows of a total number, spread evenly."""
        while total // self._stride > POINTS:
            self._stride *= 2
        self.rows = total // self._stride * self._stride
        self._kept = rows[-POINTS:]

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """A column of what is kept; empty if there is none."""
        if name not in self.columns:
            return np.empty(0)
        place = self.columns.index(name)
        return np.concatenate([self._kept[:, place], self._latest[:, place]])

    def shown(self) -> dict[str, list[float | None]]:
        """What is kept, by column, for JSON."""
        return {name: plain(self.column(name)) for name in self.columns}


def plain(values: npt.NDArray[np.float64], digits: int = 6) -> list[float | None]:
    """Numbers for JSON: so many digits, whole numbers whole, None for what is no number."""
    finite = np.isfinite(values)
    numbers = np.where(finite, values, 0.0)
    size = np.abs(numbers)
    tens = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    unit = 10.0 ** np.clip(digits - 1 - tens, 0, 300)
    told: list[float | None] = (np.round(numbers * unit) / unit).tolist()
    if not finite.all():
        for place in np.flatnonzero(~finite):
            told[place] = None
    return told


class Followed:
    """A CSV file of numbers that is read on whenever it has grown."""

    def __init__(self, path: Path, wanted: Sequence[str]) -> None:
        """Follow these columns of it, those that it has."""
        self._path, self._wanted = str(path), tuple(wanted)
        self._forget()

    def _forget(self) -> None:
        self.curve: Curve | None = None
        self._read = 0
        self._places: list[int] = []
        self._node: tuple[int, int] | None = None
        self._width = 0

    def look(self, found: Stamp | None) -> bool:
        """Read what is new of the file with this stamp; whether there was something."""
        if found is None:
            changed = self.curve is not None
            self._forget()
            return changed
        if found.node != self._node or found.size < self._read:  # another file
            self._forget()
            self._node = found.node
        before = self._read
        if found.size == before:
            return False
        try:
            with open(self._path, "rb", _PIECE) as file:  # noqa: PTH123 - often
                if self._read == 0 and found.size > LONG:
                    self._sample(file, found.size)
                file.seek(self._read)
                while data := file.read(_AT_ONCE):
                    # Of a row that is being written, later.
                    whole = data[: data.rfind(b"\n") + 1]
                    if not whole:
                        break
                    self._read += len(whole)
                    self._take(whole)
                    file.seek(self._read)
        except OSError:  # gone, or not for us
            return False
        return self._read != before

    def _sample(self, file: Any, size: int) -> None:
        """Take the columns and rows from places all over a long file, but for its end."""
        head = file.readline(_AT_ONCE)
        if not head.endswith(b"\n"):
            return
        self._name(head)
        assert self.curve is not None
        begin, end = len(head), size - _END
        pieces, after = [], begin
        for place in np.linspace(begin, end - _PIECE, POINTS).astype(int):
            file.seek(max(int(place) - 1, after - 1))
            piece = file.read(_PIECE)
            first = piece.find(b"\n") + 1  # where a row begins, as for the place before a row
            last = piece.find(b"\n", first) + 1
            if 0 < first < last:
                pieces.append(piece[first:last])
                after = file.tell() - len(piece) + last
        file.seek(end)
        self._read = end + len(file.readline())
        if pieces:
            per_row = sum(map(len, pieces)) / len(pieces)
            rows = self._numbers(b"".join(pieces))
            self.curve.sampled(rows, int((self._read - begin) / per_row))

    def _name(self, head: bytes) -> None:
        names = head.decode("utf-8", "replace").rstrip("\r\n").split(",")
        here = [name for name in self._wanted if name in names]
        self._places = [names.index(name) for name in here]
        self._width = len(names)
        self.curve = Curve(here)

    def _take(self, data: bytes) -> None:
        if self.curve is None:
            head, _, data = data.partition(b"\n")
            self._name(head)
        assert self.curve is not None
        self.curve.append(self._numbers(data))

    def _numbers(self, data: bytes) -> npt.NDArray[np.float64]:
        """The wanted columns of some lines; what is no number is NaN."""
        if not data.strip() or not self._places:
            return np.empty((0, len(self._places)))
        lines = data.decode("utf-8", "replace").splitlines()
        try:
            table = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
            if table.shape[1] == self._width:
                return table[:, self._places]
        except ValueError:
            pass  # a cell that is empty, a row that is cut off
        cells = [line.split(",") for line in lines]
        rows = [
            [_number(row[place]) for place in self._places]
            for row in cells
            if len(row) == self._width
        ]
        return np.array(rows, np.float64).reshape(-1, len(self._places))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan
