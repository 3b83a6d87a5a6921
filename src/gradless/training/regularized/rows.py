"""How do rows lie in memory? Feature-major, filled up to few sizes, in blocks that fit a cache.

In one piece, each operation on some hundred thousand rows would wait for memory: an iteration on
200,000 rows took seven times as long for each row as one on 7,000.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from gradless.objectives import Task, prepared
from gradless.training.regularized.slopes import Data
from gradless.training.samples import Samples, filled

_LARGEST = 8192  # rows of a block


class Rows(NamedTuple):
    """Some of the rows, filled up by copies that weigh nothing."""

    chosen: npt.NDArray[np.int64]  # which, ascending
    data: Data
    weight: npt.NDArray[np.float32]  # (blocks, rows)

    @classmethod
    def of(cls, task: Task, samples: Samples, chosen: npt.NDArray[np.int64], outputs: int) -> Rows:
        """Those of the samples that were chosen, for a network of so many outputs."""
        size, full = len(chosen), filled(len(chosen))
        blocks = next(k for k in itertools.count(1) if full % k == 0 and full // k <= _LARGEST)
        pick = chosen[np.arange(full) % size]
        weight = np.zeros(full, np.float32)
        given = np.asarray(samples.weight, np.float64)
        # So that weights in another unit are the same bits.
        weight[:size] = given[chosen] / max(float(given.max()), 1e-300)
        targets = prepared(task, np.asarray(samples.targets)[pick], outputs, weight)
        data = Data(
            jax.device_put(_cut(np.asarray(samples.inputs, np.float32)[pick].T, blocks)),
            {
                name: jax.device_put(_cut(np.asarray(values), blocks))
                for name, values in targets.items()
                if values.ndim
            },
        )
        return cls(chosen, data, _cut(weight, blocks))

    def masked(self, seen: npt.NDArray[np.bool_]) -> jax.Array:
        """Weights (blocks, rows) without the rows that are not to be seen."""
        return jax.device_put(self.weight * self.blocked(seen, False))

    def blocked(self, values: npt.NDArray[Any], rest: Any) -> npt.NDArray[Any]:
        """Numbers of the rows, (rows,), in blocks; copies get the rest."""
        filling = np.full(self.weight.size - len(values), rest, values.dtype)
        return np.concatenate([values, filling]).reshape(self.weight.shape)

    def flat(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Numbers (blocks, ..., rows) as (..., rows), without the copies."""
        whole = np.moveaxis(values, 0, -2).reshape(*values.shape[1:-1], -1)
        return whole[..., : len(self.chosen)]


def _cut(values: npt.NDArray[Any], blocks: int) -> npt.NDArray[Any]:
    """Numbers (..., rows) as (blocks, ..., rows)."""
    parts = values.reshape(*values.shape[:-1], blocks, -1)
    return np.ascontiguousarray(np.moveaxis(parts, -2, 0))
