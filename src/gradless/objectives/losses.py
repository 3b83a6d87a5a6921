"""Losses of samples and their means: what a network is trained for, without any derivative.

Outputs and targets are feature-major (outputs, samples), one array or a list of rows.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gradless.models.contract import FeatureRows
from gradless.objectives.metrics import Targets
from gradless.objectives.quality import CLIP, MOST_LIKELY

_LOWEST_NLL = -math.log(MOST_LIKELY)
_HIGHEST_NLL = -math.log(CLIP)


def _sum(rows: FeatureRows) -> jax.Array:
    return functools.reduce(operator.add, rows) if isinstance(rows, list) else rows.sum(0)


def _all(rows: FeatureRows) -> jax.Array:
    return functools.reduce(operator.and_, rows) if isinstance(rows, list) else rows.all(0)


def _each(function: Callable[..., jax.Array], rows: FeatureRows, *others: Any) -> FeatureRows:
    if isinstance(rows, list):
        return [function(*row) for row in zip(rows, *others, strict=True)]
    return function(rows, *others)


def mean(samples: jax.Array, targets: Targets) -> jax.Array:
    """Mean over samples (samples,), weighted as the targets say."""
    # As a product with stored weights: a plain reduction becomes two more passes over the samples.
    weighted = jnp.matmul(samples, targets["weight"], precision=jax.lax.Precision.HIGHEST)
    return weighted / targets["total"]


def _margins(outputs: FeatureRows, targets: Targets) -> FeatureRows:
    """How far each class's logit lies above the true class's."""
    true = _sum(_each(operator.mul, outputs, targets["one_hot"]))
    return _each(lambda logit: logit - true, outputs)


def cross_entropy(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """Negative log-likelihood of the true class under softmax, clipped as in the chapter.

    -log p = log sum_j exp(z_j - z_true), so clipping p is clipping this number. Of labels, which
    are independent, the mean of each one's.
    """
    if "labels" in targets:
        return _mean_of_outputs(_label_nll, outputs, targets["labels"])
    # Where exp overflows, the clipped loss is at its ceiling anyway.
    terms = _each(jnp.exp, _margins(outputs, targets))
    return _clipped(jnp.log(_sum(terms)))


def _clipped(nll: jax.Array) -> jax.Array:
    # As clip, which takes more instructions to pass NaN on.
    nll = jnp.where(nll < _LOWEST_NLL, _LOWEST_NLL, nll)
    return jnp.where(nll > _HIGHEST_NLL, _HIGHEST_NLL, nll)


def _label_nll(logit: jax.Array, label: jax.Array) -> jax.Array:
    """-log of the probability of a label's value, log(1 + exp(-z)) for 1 and with z for 0."""
    return _clipped(jnp.logaddexp(0, (1 - 2 * label) * logit))


def is_right(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """Whether the largest output is the true class; of equal outputs the first counts.

    Of labels, whether all are right.

    Like ``argmax``, so a network whose outputs are all equal predicts class 0 for everything: an
    earlier class than the true one has to stay below it by the smallest float.
    """
    if "labels" in targets:
        return _all(_each(_label_right, outputs, targets["labels"]))
    return _all(_each(operator.le, _margins(outputs, targets), targets["tie"]))


def _label_right(logit: jax.Array, label: jax.Array) -> jax.Array:
    return jnp.where(label > 0, logit > 0, logit <= 0)


def right(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """1 where the predicted class is right, otherwise 0."""
    return is_right(outputs, targets).astype(jnp.float32)


def wrong(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """1 where the predicted class is wrong, otherwise 0."""
    return 1 - right(outputs, targets)


def squared_error(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """Squared error, the mean over outputs.

    For classification the targets are one-hot labels and the outputs are compared with them as
    they are (the Brier score of the raw outputs).
    """
    wanted = targets["values"] if "values" in targets else targets["one_hot"]
    return _mean_of_outputs(lambda output, value: (output - value) ** 2, outputs, wanted)


def absolute_error(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """Absolute error, the mean over outputs."""
    return _of_errors(jnp.abs, outputs, targets)


def log_cosh(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """log cosh(error), the mean over outputs: half the square of small errors, linear in large."""

    def of_error(error: jax.Array) -> jax.Array:
        size = jnp.abs(error)
        # cosh overflows, and next to it a small error would be rounded away.
        small = jnp.log1p(jnp.sinh(jnp.minimum(size, 1.0)) ** 2) / 2
        large = size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)
        return jnp.where(size < 1, small, large)

    return _of_errors(of_error, outputs, targets)


def huber(outputs: FeatureRows, targets: Targets, delta: float) -> jax.Array:
    """Half the squared error up to delta, and linear beyond; the mean over outputs.

    Huber, "Robust estimation of a location parameter" (1964).
    """

    def of_error(error: jax.Array) -> jax.Array:
        size = jnp.abs(error)
        return jnp.where(size <= delta, size**2 / 2, delta * (size - delta / 2))

    return _of_errors(of_error, outputs, targets)


def quantile(outputs: FeatureRows, targets: Targets, share: float) -> jax.Array:
    """Pinball loss, lowest where this share of targets lies below; the mean over outputs.

    Koenker and Bassett, "Regression quantiles" (1978).
    """

    def of_error(error: jax.Array) -> jax.Array:
        return jnp.where(error > 0, share * error, (share - 1) * error)

    return _of_errors(of_error, outputs, targets)


def covered(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """Share of a sample's targets that are at most the outputs, (samples,)."""
    below = _each(lambda output, value: value <= output, outputs, targets["values"])
    return _sum(_each(lambda row: row.astype(jnp.float32), below)) / len(targets["values"])


def _of_errors(
    function: Callable[[jax.Array], jax.Array], outputs: FeatureRows, targets: Targets
) -> jax.Array:
    return _mean_of_outputs(
        lambda output, value: function(value - output), outputs, targets["values"]
    )


def _mean_of_outputs(
    function: Callable[[jax.Array, jax.Array], jax.Array], outputs: FeatureRows, wanted: jax.Array
) -> jax.Array:
    return _sum(_each(function, outputs, wanted)) / len(wanted)


def accuracy(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """Share of samples whose predicted class is right."""
    return mean(right(outputs, targets), targets)
