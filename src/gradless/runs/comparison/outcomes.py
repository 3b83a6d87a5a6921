"""What does one run of a comparison leave? How its best loss fell, and what it took."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless.objectives import Measure
from gradless.problems.contract import Score
from gradless.training.loop import Record

Axis = Literal["evaluations", "seconds"]
Floats = npt.NDArray[np.float64]


class Target(NamedTuple):
    """What counts as success."""

    quantity: Literal["loss", "accuracy"]
    value: float
    given: bool  # by the user, or else taken from the runs


class Curve(NamedTuple):
    """How the best loss of one run fell: its improvements, arrays of shape (improvements,)."""

    evaluations: Floats
    seconds: Floats
    loss: Floats
    accuracy: Floats

    def at(self, axis: Axis, marks: npt.ArrayLike) -> Floats:
        """Best loss at positions on an axis; inf before the first finite one."""
        position = np.searchsorted(getattr(self, axis), np.asarray(marks, np.float64), side="right")
        return np.concatenate([[np.inf], self.loss])[position]

    def reached(self, target: Target) -> int | None:
        """Index of the first improvement that reached a target."""
        if target.quantity == "loss":
            hits = np.flatnonzero(self.loss <= target.value)
        else:
            hits = np.flatnonzero(self.accuracy >= target.value)
        return int(hits[0]) if hits.size else None


class Outcome(NamedTuple):
    """One finished run.

    Attributes
    ----------
    name, seed
        Of the entrant, and of the run.
    curve
        How the best loss of its search fell, on the data that it learns from.
    evaluations, seconds, compile_seconds
        What it took.
    loss, accuracy
        Of the network, or of the parameters, that the run ends with: on test rows, if there are
        any, otherwise on all the data. The accuracy is NaN where there is none.
    stopped_because
        What ended it.
    """

    name: str
    seed: int
    curve: Curve
    evaluations: int
    seconds: float
    compile_seconds: float
    loss: float
    accuracy: float
    stopped_because: str

    @property
    def best_loss(self) -> float:
        """Where the curve ends, inf if no loss was finite."""
        return float(self.curve.loss[-1]) if len(self.curve.loss) else math.inf


class Quartiles(NamedTuple):
    """First quartile, median and third quartile over seeds; inf where runs have no finite loss."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Quartiles:
        """Of one value a seed, linear between neighbours; NaN counts as inf, the worst."""
        low, median, high = quartiles(np.asarray(values, np.float64)[:, None])[:, 0]
        return cls(float(low), float(median), float(high))

    def values(self, objective: Measure) -> Quartiles:
        """Of the values that have these losses."""
        return Quartiles(*sorted(map(objective.value, self)))


def quartiles(values: Floats) -> Floats:
    """Quartiles (3, n) over the first axis of (seeds, n); unlike NumPy's, inf stays inf."""
    ordered = np.sort(np.where(np.isnan(values), np.inf, values), axis=0)
    rows = []
    for share in (0.25, 0.5, 0.75):
        position = share * (len(ordered) - 1)
        below, above = ordered[math.floor(position)], ordered[math.ceil(position)]
        part = position % 1
        with np.errstate(invalid="ignore"):
            between = np.where(np.isinf(above), above, (1 - part) * below + part * above)
        rows.append(np.where(part == 0, below, between))
    return np.stack(rows)


class Improvements:
    """Collects the improvements of a run.

    With minibatches, the best loss seen is that of a lucky batch. There, the strategy's center is
    judged on all the data after every chunk instead; this is not counted as an evaluation.
    """

    def __init__(self, judge: Callable[[Any], Score] | None) -> None:
        """Nothing seen yet; ``judge`` scores a state's center, None where losses are of all."""
        self.best = math.inf
        self._judge = judge
        self._pieces: list[Floats] = [np.empty((4, 0))]

    def add(self, record: Record) -> None:
        """Look at a record."""
        if not len(record.evaluations):
            return
        unknown = np.full_like(record.best_loss, np.nan)
        accuracy = record.best_measures.get("accuracy", unknown)
        rows = np.stack([record.evaluations, record.seconds, record.best_loss, accuracy]).astype(
            np.float64
        )
        if self._judge is not None:
            rows = rows[:, -1:]
            score = self._judge(record.run.state)
            rows[2:, 0] = float(score.loss), float(score.measures.get("accuracy", math.nan))
        before = np.concatenate([[self.best], rows[2, :-1]])
        self._pieces.append(rows[:, rows[2] < before])
        self.best = min([self.best, *self._pieces[-1][2][-1:].tolist()])

    def ended(self, evaluations: int, seconds: float, loss: float, accuracy: float) -> None:
        """Add the end of a run of which nothing else is known."""
        self._pieces.append(np.array([[evaluations], [seconds], [loss], [accuracy]], np.float64))
        self.best = loss

    def curve(self) -> Curve:
        """All of them."""
        return Curve(*np.concatenate(self._pieces, axis=1))
