"""What do decisions cost, and whom do they miss? Metrics of the classes that are predicted.

All work on the numbers of :func:`.metrics.decision`, one a sample, and on the decision itself: the
class of the largest output. What a row brings, or which group it is of, is in the targets beside
the answers; see :mod:`gradless.objectives.extras`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradless.objectives import metrics
from gradless.objectives.extras import Extras
from gradless.objectives.metrics import Targets, decided, dot, ratio, weighed

MOST_GROUPS = 32
"""Groups whose rates are compared."""

_PENALTY = 2.0


def confusion(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Weight of the samples by predicted and true class, (predicted classes, true classes)."""
    chosen = decided(reduced, targets).astype(jnp.float32)
    return dot(chosen, (targets["one_hot"] * targets["weight"]).T)


def quadratic_kappa(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Cohen's kappa in which an error counts by the square of its distance between the classes.

    1 - sum_ij w_ij C_ij / sum_ij w_ij E_ij with w_ij = (i - j)^2, the counts C and those expected
    by chance E. The classes are in their order, and one step apart. 0 where one class is all that
    is true or all that is predicted; where both are the same class, scikit-learn says NaN.

    Cohen, "Weighted kappa: nominal scale agreement with provision for scaled disagreement or
    partial credit" (1968).
    """
    count = confusion(reduced, targets) / targets["total"]
    predicted, true = count.sum(1), count.sum(0)
    rank = np.arange(count.shape[0], dtype=np.float32)
    distance = (rank[:, None] - rank) ** 2
    observed, by_chance = ((distance * of).sum() for of in (count, predicted[:, None] * true))
    # What rounding leaves of one class a search would follow.
    alone = ((predicted > 0).sum() < 2) | ((true > 0).sum() < 2)
    return jnp.where(alone, 0.0, 1 - ratio(observed, by_chance))


def cost(reduced: jax.Array, targets: Targets, costs: tuple[tuple[float, ...], ...]) -> jax.Array:
    """Mean cost of a row: ``costs[true][predicted]``.

    Elkan, "The foundations of cost-sensitive learning" (2001).
    """
    each = np.asarray(costs, np.float32).T
    return (confusion(reduced, targets) * each).sum() / targets["total"]


def profit(reduced: jax.Array, targets: Targets, price: float) -> jax.Array:
    """Mean profit of a row, where each has a value of its own.

    A row predicted positive brings its ``value`` if it is positive, and costs ``price`` in any
    case; the others bring and cost nothing.
    """
    chosen = (reduced > 0).astype(jnp.float32)
    brings = targets["one_hot"][1] * targets["value"] - price
    return weighed(chosen * brings, targets) / targets["total"]


def stakes(
    targets: npt.NDArray[Any], extras: Extras, price: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Of each row, whether to act pays, and how much it brings then or costs otherwise.

    With these classes and weights, accuracy is profit: Zadrozny, Langford and Abe, "Cost-sensitive
    learning by cost-proportionate example weighting" (2003).
    """
    brings = np.asarray(targets == 1, np.float64) * np.asarray(extras["value"], np.float64) - price
    return (brings > 0).astype(np.intp), np.abs(brings)


def rate_gap(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Largest difference between the true positive rates of two groups.

    Groups without positives do not count; 0 where fewer than two are left.
    """
    members = targets["group"] == jnp.arange(MOST_GROUPS, dtype=jnp.float32)[:, None]
    positive = members * targets["one_hot"][1] * targets["weight"]
    there = positive.sum(1)
    rate = ratio(dot(positive, (reduced > 0).astype(jnp.float32)), there)
    highest = jnp.where(there > 0, rate, -jnp.inf).max()
    lowest = jnp.where(there > 0, rate, jnp.inf).min()
    return jnp.where((there > 0).any(), highest - lowest, 0.0)


def equal_opportunity(
    reduced: jax.Array, targets: Targets, limit: float, f1: bool = False
) -> jax.Array:
    """Accuracy or F1, less twice what :func:`rate_gap` is above the limit.

    As a penalty, and not as a value of its own for whatever is above: a search that looks at many
    networks around one can then weigh both. Twice is enough: what closes a gap of a group changes
    at most as large a share of all rows.

    Hardt, Price and Srebro, "Equality of opportunity in supervised learning" (2016).
    """
    metric = metrics.f_beta if f1 else metrics.accuracy
    over = jnp.maximum(0.0, rate_gap(reduced, targets) - limit)
    return metric(reduced, targets) - _PENALTY * over
