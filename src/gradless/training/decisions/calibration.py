"""By which temperature and biases do probabilities become true?

Logarithms of probabilities are divided by a temperature and get a bias for each class (Guo et al.,
"On calibration of modern neural networks", 2017; for two classes Platt, 1999), those of the lowest
log loss. Biases matter for a model that was trained with weighted classes. The loss is convex in
the inverse of the temperature and in the biases, so Newton's method finds them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gradless._core.probabilities import softmax

Array = npt.NDArray[np.float64]

# Half of it times the squares of what differs from the model's own probabilities is added to the
# mean log loss: nothing to notice, but a limit where classes are perfectly apart.
_RIDGE = 2e-3
_STEPS = 30
_COLDEST, _HOTTEST = 0.1, 20.0


def fitted(logs: Array, true: Array, weight: Array, *, biases: bool = True) -> tuple[float, Array]:
    """Temperature and biases (classes,) of the lowest log loss.

    Parameters
    ----------
    logs
        Logarithms of the model's probabilities, (n, classes).
    true
        One-hot labels, (n, classes).
    weight
        Of the rows, (n,).
    biases
        Whether to fit them; otherwise they are 0.
    """
    weight = weight / weight.sum()
    classes = logs.shape[1]
    centered = logs - logs.mean(1, keepdims=True)
    numbers = np.concatenate([[1.0], np.zeros(classes)])  # 1 / temperature, and the biases
    prior = numbers.copy()

    def loss(numbers: Array) -> float:
        given = numbers[0] * centered + numbers[1:]
        top = given.max(1)
        sums = np.log(np.exp(given - top[:, None]).sum(1)) + top
        nll = weight @ (sums - (given * true).sum(1))
        return float(nll + _RIDGE / 2 * ((numbers - prior) ** 2).sum())

    now = loss(numbers)
    for _ in range(_STEPS):
        slope, curvature = _derivatives(numbers, centered, true, weight)
        slope += _RIDGE * (numbers - prior)
        curvature[np.diag_indices_from(curvature)] += _RIDGE
        if not biases:
            slope, curvature = slope[:1], curvature[:1, :1]
        step = np.linalg.solve(curvature, slope)
        step = np.pad(step, (0, len(numbers) - len(step)))
        length = 1.0
        while length > 1e-4:
            tried = numbers - length * step
            tried[0] = np.clip(tried[0], 1 / _HOTTEST, 1 / _COLDEST)
            after = loss(tried)
            if after < now:
                break
            length /= 2
        else:
            break
        gained, numbers, now = now - after, tried, after
        if gained < 1e-9:
            break
    bias = numbers[1:] - numbers[1:].mean()
    return float(1 / numbers[0]), bias


def _derivatives(
    numbers: Array, centered: Array, true: Array, weight: Array
) -> tuple[Array, Array]:
    """Slope and curvature of the log loss."""
    likely = softmax(numbers[0] * centered + numbers[1:])
    wrong = weight[:, None] * (likely - true)
    weighted = weight[:, None] * likely
    mean = (likely * centered).sum(1)
    slope = np.concatenate([[(wrong * centered).sum()], wrong.sum(0)])
    curvature = np.empty((len(numbers), len(numbers)))
    curvature[0, 0] = weight @ ((likely * centered**2).sum(1) - mean**2)
    curvature[0, 1:] = curvature[1:, 0] = (weighted * (centered - mean[:, None])).sum(0)
    curvature[1:, 1:] = np.diag(weighted.sum(0)) - weighted.T @ likely
    return slope, curvature
