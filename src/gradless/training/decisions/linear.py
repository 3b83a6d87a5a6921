"""Which linear map of logits decides as Bayes' rule does?

Expected benefits are linear in probabilities, and not in their logarithms. A network whose last
layer is to decide by itself needs a map of logits: the one whose expected benefit is highest, with
each decision taken as often as a softmax of the mapped logits says. Only the probabilities are
looked at, no true class, so there is no luck in it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Array = npt.NDArray[np.float64]

MOST_CLASSES = 12
"""Of more classes, a map has so many numbers that offsets alone are looked for."""

_RIDGE = 1e-3  # half of it times the squares of what differs from the start, beside regrets of 1
_ROWS, _STEPS = 4_000, 200


def closest(
    logs: Array, likely: Array, weight: Array, benefits: Array, start: Array
) -> tuple[Array, Array]:
    """A map (classes, decisions) and offsets (decisions,) of logarithms of probabilities.

    What is decided for is the largest of ``logs @ map + offsets``; adding a number to all
    logarithms of a row changes nothing.

    Parameters
    ----------
    logs
        Logarithms of probabilities up to a number in each row, (n, classes).
    likely
        The probabilities, (n, classes).
    weight
        Of the rows, (n,).
    benefits
        What decisions bring, (true, decided).
    start
        Offsets that are good without a map, (classes,).
    """
    every = len(logs) // _ROWS + 1
    logs, likely, weight = logs[::every], likely[::every], weight[::every] / weight[::every].sum()
    classes = logs.shape[1]
    centered = logs - logs.mean(1, keepdims=True)
    expected = likely @ benefits
    regret = expected.max(1, keepdims=True) - expected
    regret /= max(float(weight @ regret.mean(1)) * classes, np.finfo(float).tiny)
    begin = np.concatenate([np.eye(classes).ravel(), start])

    def cost(numbers: Array) -> tuple[float, Array]:
        mapped = centered @ numbers[: classes**2].reshape(classes, classes)
        mapped += numbers[classes**2 :]
        shares = np.exp(mapped - mapped.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        mean = (shares * regret).sum(1)
        slope = weight[:, None] * shares * (regret - mean[:, None])
        moved = numbers - begin
        both = np.concatenate([(centered.T @ slope).ravel(), slope.sum(0)])
        return float(weight @ mean + _RIDGE / 2 * (moved @ moved)), both + _RIDGE * moved

    found = minimize(cost, begin, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    mixing = found[: classes**2].reshape(classes, classes)
    return mixing - mixing.mean(0), found[classes**2 :] - found[classes**2 :].mean()
