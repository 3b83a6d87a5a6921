"""Which strength is the best? Its loss on rows that the networks of the folds have not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless._core.programs import compiled
from gradless.training.regularized.rows import Rows
from gradless.training.regularized.slopes import Data, Shape, first_layer


class Judged(NamedTuple):
    """What the networks of all folds, at one strength, give for rows that they have not seen."""

    mean: float  # loss
    error: float  # standard error of that mean
    outputs: npt.NDArray[np.float32]  # (outputs, rows)
    losses: npt.NDArray[np.float64]  # of the rows that count
    share: npt.NDArray[np.float64]  # of each of these, summing to one

    @classmethod
    def of(
        cls,
        shape: Shape,
        rows: Rows,
        fold: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.float32],
    ) -> Judged:
        """Each row's loss by the network of its fold; vectors (folds, weights)."""
        found = _judged(shape, vectors, rows.blocked(fold, -1), rows.data)
        outputs, losses = (rows.flat(np.asarray(each)) for each in found)
        weight = rows.flat(rows.weight).astype(np.float64)
        counted = weight > 0
        share = weight[counted] / max(weight.sum(), 1e-30)
        losses = losses[counted].astype(np.float64)
        return cls(*_mean(losses, share), outputs, losses, share)

    def is_better(self, other: Judged) -> bool:
        """Whether the loss is lower by more than the standard error of the rows' differences."""
        mean, error = _mean(self.losses - other.losses, self.share)
        return mean < -error


def _mean(losses: npt.NDArray[np.float64], share: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Weighted mean, and its standard error."""
    mean = float(share @ losses)
    return mean, float(np.sqrt(share**2 @ (losses - mean) ** 2))


def best(judged: Mapping[float, Judged]) -> float | None:
    """The strength of the lowest loss, of equal ones the stronger; None if there is none."""
    finite = {alpha: each.mean for alpha, each in judged.items() if np.isfinite(each.mean)}
    return min(finite, key=lambda alpha: (finite[alpha], -alpha)) if finite else None


def is_hopeless(alpha: float, judged: Mapping[float, Judged]) -> bool:
    """Whether a strength lies beyond one that is clearly worse than its neighbour on this side.

    Losses fall and then rise with the strength: where they are rising, no more is looked for.
    """
    for nearer in (sorted(judged), sorted(judged, reverse=True)):
        if len(nearer) < 2:
            return False
        last, before = nearer[-1], nearer[-2]
        beyond = alpha > last if last > before else alpha < last
        if beyond and judged[before].is_better(judged[last]):
            return True
    return False


@compiled(static_argnames=["shape"])
def _judged(shape: Shape, vectors: Any, fold: Any, data: Data) -> tuple[jax.Array, jax.Array]:
    """Outputs (blocks, outputs, rows), each row by its fold's network, and losses of the rows."""

    def of_block(block: tuple[Data, jax.Array]) -> tuple[jax.Array, jax.Array]:
        rows, own = block

        def add(found: jax.Array, network: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            vector, number = network
            return jnp.where(own == number, _outputs(shape, vector, rows.inputs), found), None

        nothing = jnp.zeros((shape.outputs, own.size), jnp.float32)
        outputs, _ = jax.lax.scan(add, nothing, (vectors, jnp.arange(len(vectors))))
        return outputs, shape.row_losses(outputs, rows.targets)

    return jax.lax.map(of_block, (data, fold))


@compiled(static_argnames=["shape"])
def mean_outputs(shape: Shape, vectors: Any, inputs: jax.Array) -> jax.Array:
    """Mean of the outputs of some networks, (blocks, outputs, rows)."""

    def of_block(rows: jax.Array) -> jax.Array:
        each = jax.lax.map(lambda vector: _outputs(shape, vector, rows), vectors)
        return jnp.mean(each, axis=0)

    return jax.lax.map(of_block, inputs)


def _outputs(shape: Shape, vector: jax.Array, inputs: jax.Array) -> jax.Array:
    """Outputs (outputs, rows) of one network."""
    layers = shape.layers(vector)
    return shape.last_layer(layers, shape.activated(first_layer(layers, inputs)))
