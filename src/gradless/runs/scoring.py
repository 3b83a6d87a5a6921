"""What is the objective of given outputs on some rows, and on resamples of these rows?

For what is no network of the search: a linear model, or a network whose inputs were shuffled. The
resamples are weights, how often each row was drawn, so that all objectives take the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from gradless._core.programs import compiled
from gradless.data.datasets import Dataset
from gradless.models.contract import FeatureRows
from gradless.objectives import Objective
from gradless.objectives.metrics import Targets
from gradless.runs.prepared import Judged, Prepared

Array = npt.NDArray[np.float64]

_AT_ONCE = 2_000_000  # numbers: resamples x rows


class Scoring:
    """The objective of a run on the rows of a data set.

    Parameters
    ----------
    prepared
        The run.
    dataset
        The rows, inputs preprocessed as in training.

    Attributes
    ----------
    features : float32, shape (rows, inputs)
        Of them.
    rows : int
        How many there are.
    """

    def __init__(self, prepared: Prepared, dataset: Dataset) -> None:
        """Nothing is computed yet."""
        problem = prepared.problem_of(dataset)
        self.objective: Objective = problem.objective
        self.features, self.rows = dataset.features, dataset.n_samples
        self._targets: Targets = problem.targets
        self._classes = dataset.targets if dataset.is_classification else None
        self._shift = None if prepared.outputs is None else prepared.outputs.shift

    def _turned(self, outputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Feature-major and as many as the targets are, of which those of weight 0 fill up."""
        given = outputs if self._shift is None else outputs - self._shift
        filled = np.arange(self._targets["weight"].shape[-1]) % self.rows
        return np.ascontiguousarray(np.asarray(given, np.float32)[filled].T)

    def value(self, outputs: npt.NDArray[Any]) -> float:
        """The objective's value of outputs (rows, outputs), in the units of the target."""
        return float(_value(self.objective.function, self._turned(outputs), self._targets))

    def judged(self, outputs: npt.NDArray[Any]) -> Judged:
        """The same, and the accuracy where there are classes."""
        right = None
        if self._classes is not None:
            right = float(np.mean(outputs.argmax(1) == self._classes))
        return Judged(self.value(outputs), right)

    def resampled(self, outputs: npt.NDArray[Any], counts: npt.NDArray[Any]) -> Array:
        """Values of outputs (rows, outputs) where each row counts so often, (resamples,).

        Parameters
        ----------
        outputs
            In the units of the target.
        counts
            Shape (resamples, rows).
        """
        turned, size = self._turned(outputs), self._targets["weight"].shape[-1]
        if self.objective.of_all is None:  # a mean: one program less
            samples = _value(self.objective.of_samples, turned, self._targets)
            values = np.asarray(samples, np.float64)[: self.rows]
            return np.asarray(counts @ values / counts.sum(1), np.float64)
        weights = np.zeros((len(counts), size), np.float32)
        weights[:, : self.rows] = counts
        step = max(1, min(len(counts), _AT_ONCE // size))
        # All of one shape, which is compiled once: the last piece begins earlier.
        found = np.empty(len(counts))
        for first in range(0, len(counts), step):
            begin = min(first, len(counts) - step)
            piece = _values(
                self.objective.function, turned, self._targets, weights[begin : begin + step]
            )
            found[begin : begin + step] = np.asarray(piece)
        return found


def drawn(rows: int, resamples: int) -> npt.NDArray[np.float32]:
    """How often each row is in each of so many resamples with replacement, (resamples, rows)."""
    generator = np.random.default_rng(0)
    counts = np.empty((resamples, rows), np.float32)
    for k in range(resamples):
        counts[k] = np.bincount(generator.integers(0, rows, rows), minlength=rows)
    return counts


@compiled(static_argnames=["function"])
def _value(
    function: Callable[[FeatureRows, Targets], jax.Array], outputs: jax.Array, targets: Targets
) -> jax.Array:
    return function(outputs, targets)


@compiled(static_argnames=["function"])
def _values(
    function: Callable[[FeatureRows, Targets], jax.Array],
    outputs: jax.Array,
    targets: Targets,
    weights: jax.Array,
) -> jax.Array:
    """One value for each row of weights."""

    def of(weight: jax.Array) -> jax.Array:
        return function(outputs, {**targets, "weight": weight, "total": weight.sum()})

    return jax.vmap(of)(weights)
