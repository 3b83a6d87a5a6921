"""What is minimised, in NumPy and apart from gradless: data, network, loss, first weights."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_CLIP = 1e-7  # of probabilities, as in the chapter
_LOWEST, _HIGHEST = -np.log(float(np.float32(1 - _CLIP))), -np.log(_CLIP)
_LARGEST_EXPONENT = 80.0  # far beyond the clip, and no overflow in float32
_NUMBERS_AT_ONCE = 2**18  # activations of a block of candidates stay in the cache

LATE = 1.02
"""A search looks at the clock between generations; so much later still counts, for everyone."""

_POINTS_PER_FACTOR = 1.25  # of evaluations, between two points of a curve
_POINTS_IN_TIME = 30


class Finished(BaseException):
    """The budget is used up. No ``Exception``, so that no library catches it on the way."""


@dataclass(frozen=True)
class Task:
    """Train a network with ReLU between its layers on the cross-entropy of all training samples.

    A vector of parameters holds of each layer the weights, (inputs, outputs) row by row, and then
    the biases.
    """

    name: str
    recipe: dict[str, Any]  # how gradless makes the same data, network and first weights
    sizes: tuple[int, ...]
    features: Array  # float32 (samples, features)
    targets: Array  # int (samples,)
    test_features: Array  # (0, features) where nothing is held out
    test_targets: Array
    start: Array  # float32 (dimension,)

    @property
    def dimension(self) -> int:
        """Number of parameters."""
        return len(self.start)

    def save(self, path: Path) -> None:
        """Write it for :meth:`load`."""
        arrays = {
            name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        np.savez(path, **arrays, name=self.name, sizes=self.sizes, recipe=np.array([self.recipe]))

    @classmethod
    def load(cls, path: Path) -> Task:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=True) as file:  # of our own making
            values: dict[str, Any] = dict(file)
        values["name"] = str(values["name"])
        values["sizes"] = tuple(int(size) for size in values["sizes"])
        values["recipe"] = values["recipe"][0]
        return cls(**values)

    def layers(self, population: Array) -> list[tuple[Array, Array]]:
        """Weights (population, inputs, outputs) and biases (population, outputs) of each layer."""
        parts, begin = [], 0
        for inputs, outputs in itertools.pairwise(self.sizes):
            middle, end = begin + inputs * outputs, begin + (inputs + 1) * outputs
            weights = population[:, begin:middle].reshape(-1, inputs, outputs)
            parts.append((weights, population[:, middle:end]))
            begin = end
        return parts

    def losses(self, population: Array, dtype: Any = np.float32) -> Array:
        """Loss of each candidate, (population,), of an array (population, dimension)."""
        population = np.asarray(population, dtype)
        block = max(1, _NUMBERS_AT_ONCE // (len(self.features) * max(self.sizes[1:])))
        parts = range(0, len(population), block)
        return np.concatenate([self._block(population[i : i + block], dtype) for i in parts])

    def _block(self, population: Array, dtype: Any) -> Array:
        margins = self._outputs(population, self._rows(dtype))
        index = np.arange(margins.shape[-1])
        margins -= margins[:, self.targets, index][:, None]
        np.minimum(margins, _LARGEST_EXPONENT, out=margins)
        np.exp(margins, out=margins)
        return np.clip(np.log(margins.sum(1)), _LOWEST, _HIGHEST).mean(1)

    def _rows(self, dtype: Any) -> Array:
        """Features (features, samples): NumPy's loops then run along the samples."""
        if dtype not in self._cache:
            self._cache[dtype] = np.ascontiguousarray(self.features.T, dtype)
        return self._cache[dtype]

    @property
    def _cache(self) -> dict[Any, Array]:
        return self.__dict__.setdefault("_rows_cache", {})  # type: ignore[no-any-return]

    def _outputs(self, population: Array, rows: Array) -> Array:
        """Logits (population, outputs, samples)."""
        for index, (weights, biases) in enumerate(self.layers(population)):
            if index:
                np.maximum(rows, 0, out=rows)
            rows = weights.transpose(0, 2, 1) @ rows
            rows += biases[:, :, None]
        return rows

    def judge(self, vector: Array) -> tuple[float, float, float]:
        """Loss and accuracy in training, and accuracy on held-out samples (or NaN), in float64."""
        population = np.asarray(vector, np.float64)[None]
        with np.errstate(over="ignore", invalid="ignore"):
            loss = float(self.losses(population, np.float64)[0])
            shares = [
                np.mean(self._outputs(population, data.T.astype(np.float64))[0].argmax(0) == wanted)
                if len(wanted)
                else np.nan
                for data, wanted in (
                    (self.features, self.targets),
                    (self.test_features, self.test_targets),
                )
            ]
        return loss, float(shares[0]), float(shares[1])


class _Point(NamedTuple):
    evaluations: int
    seconds: float
    vector: Array


class Recorder:
    """The clock of a run: what the best parameters were, and when.

    Parameters
    ----------
    task
        What is minimised.
    seconds
        Budget, from :meth:`start` on.
    evaluations
        Budget, never exceeded; None for no limit.
    mark
        A number of evaluations at which the curve has a point in any case.
    """

    def __init__(
        self, task: Task, seconds: float, evaluations: int | None = None, mark: int = 0
    ) -> None:
        self.task = task
        self.seconds = seconds
        self.limit = evaluations
        self.mark = mark
        self.evaluations = 0
        self.elapsed = 0.0  # when the last candidates had been evaluated
        self.begun = float("nan")  # by time.perf_counter
        self._best, self._best_loss = task.start, np.inf
        self._points: list[_Point] = []
        self._next_evaluations, self._next_seconds = 1.0, seconds / _POINTS_IN_TIME

    def start(self) -> None:
        """Imports and compilation are done; from here on everything counts."""
        self.begun = time.perf_counter()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.begun

    def affords(self, candidates: int) -> bool:
        """Whether so many more candidates may be evaluated."""
        return self.limit is None or self.evaluations + candidates <= self.limit

    def losses(self, population: Any) -> Array:
        """Losses (population,) of candidates; raises :class:`Finished` when the budget is used."""
        population = np.asarray(population)
        if not self.affords(len(population)):
            raise Finished
        losses = self.task.losses(population)
        winner = int(np.argmin(losses))
        # An argmin is NaN if there is one; that candidate wins nothing.
        self.note(len(population), float(losses[winner]), population[winner])
        return losses

    def loss(self, vector: Any) -> float:
        """Loss of one candidate."""
        return float(self.losses(np.asarray(vector)[None])[0])

    def note(self, candidates: int, loss: float, vector: Array) -> None:
        """So many candidates have been evaluated, and this was the best of them."""
        now = self.now
        if now > self.seconds * LATE:
            raise Finished
        if self.evaluations <= self.mark < self.evaluations + candidates:
            self._point()
        self.evaluations += candidates
        self.elapsed = now
        if loss < self._best_loss:
            self._best, self._best_loss = np.array(vector, np.float32), loss
        if self.evaluations >= self._next_evaluations or now >= self._next_seconds:
            self._point()

    def _point(self) -> None:
        self._points.append(_Point(self.evaluations, self.elapsed, self._best))
        self._next_evaluations = max(self.evaluations, 1) * _POINTS_PER_FACTOR
        self._next_seconds = self.elapsed + self.seconds / _POINTS_IN_TIME

    def curve(self) -> dict[str, list[float]]:
        """Columns: evaluations, seconds, loss, accuracy and test_accuracy of the best so far."""
        if not self._points or self._points[-1].evaluations < self.evaluations:
            self._point()
        judged: dict[int, tuple[float, float, float]] = {}
        for point in self._points:
            if id(point.vector) not in judged:
                judged[id(point.vector)] = self.task.judge(point.vector)
        rows = [(p.evaluations, p.seconds, *judged[id(p.vector)]) for p in self._points]
        names = ("evaluations", "seconds", "loss", "accuracy", "test_accuracy")
        return {
            name: [float(f"{value:.5g}") if name != "evaluations" else value for value in column]
            for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }
