"""What is a good network?

An objective turns outputs and targets into one number and knows whether more of it is better. None
needs a derivative. Training minimises :meth:`Objective.loss_rows`, which is the value, or minus the
value where greater is better.

Outputs are logits: softmax belongs to the objective. Inside the compiled loop, outputs and targets
are feature-major (outputs, samples), either as one array or as a list of rows; see ``models``.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gradless.errors import InputError, unknown_name
from gradless.models import Rows

Task = Literal["classification", "regression"]
Targets = dict[str, Any]
"""Targets prepared for the compiled loop, every array with the samples on its last axis."""

CLIP = 1e-7
"""Probabilities are clipped to [1e-7, 1 - 1e-7] before the logarithm, as in the chapter."""

# In float32, as the chapter computes it: 1 - 1e-7 is the nearest float32 below 1.
_LOWEST_NLL = -math.log(float(np.float32(1 - CLIP)))
_HIGHEST_NLL = -math.log(CLIP)
_TIE = float(np.finfo(np.float32).tiny)


def class_targets(targets: Any, n_classes: int, weight: np.ndarray | None = None) -> Targets:
    """Class indices (samples,) or one-hot labels (samples, classes) for the compiled loop.

    ``weight`` is how much each sample counts, (samples,); by default all count the same.
    """
    targets = np.asarray(targets)
    indices = targets.argmax(1) if targets.ndim == 2 else targets
    classes = np.arange(n_classes)[:, None]
    return {
        "one_hot": _array(classes == indices),
        "tie": _array(np.where(classes < indices, -_TIE, 0.0)),
        **_weights(len(indices), weight),
    }


def value_targets(targets: Any, weight: np.ndarray | None = None) -> Targets:
    """Real targets (samples,) or (samples, outputs) for the compiled loop; weights as above."""
    values = np.asarray(targets, np.float32)
    values = values.reshape(len(values), -1).T
    return {"values": _array(values), **_weights(values.shape[1], weight)}


def _weights(samples: int, weight: np.ndarray | None) -> Targets:
    weight = np.ones(samples) if weight is None else weight
    return {"weight": _array(weight), "total": _array(np.sum(weight))}


def pick(targets: Targets, chosen: jax.Array) -> Targets:
    """Targets of the samples at the indices ``chosen``."""
    taken = {
        name: jnp.take(values, chosen, axis=-1) for name, values in targets.items() if values.ndim
    }
    return {**taken, "total": taken["weight"].sum()}


def _array(values: Any) -> jax.Array:
    """The numbers for JAX, converted by NumPy: what JAX converts, it compiles first."""
    return jax.device_put(np.asarray(values, np.float32))


def _sum(rows: Rows) -> jax.Array:
    return functools.reduce(operator.add, rows) if isinstance(rows, list) else rows.sum(0)


def _all(rows: Rows) -> jax.Array:
    return functools.reduce(operator.and_, rows) if isinstance(rows, list) else rows.all(0)


def _each(function: Callable[..., jax.Array], rows: Rows, *others: Any) -> Rows:
    if isinstance(rows, list):
        return [function(*row) for row in zip(rows, *others, strict=True)]
    return function(rows, *others)


def _mean(samples: jax.Array, targets: Targets) -> jax.Array:
    # As a product with stored weights: a plain reduction becomes two more passes over the samples.
    weighted = jnp.matmul(samples, targets["weight"], precision=jax.lax.Precision.HIGHEST)
    return weighted / targets["total"]


def _margins(outputs: Rows, targets: Targets) -> Rows:
    """How far each class's logit lies above the true class's."""
    true = _sum(_each(operator.mul, outputs, targets["one_hot"]))
    return _each(lambda logit: logit - true, outputs)


def cross_entropy(outputs: Rows, targets: Targets) -> jax.Array:
    """Negative log-likelihood of the true class under softmax, clipped as in the chapter.

    -log p = log sum_j exp(z_j - z_true), so clipping p is clipping this number.
    """
    # Where exp overflows, the clipped loss is at its ceiling anyway.
    terms = _each(jnp.exp, _margins(outputs, targets))
    nll = jnp.log(_sum(terms))
    # As clip, which takes more instructions to pass NaN on.
    nll = jnp.where(nll < _LOWEST_NLL, _LOWEST_NLL, nll)
    return jnp.where(nll > _HIGHEST_NLL, _HIGHEST_NLL, nll)


def _right(outputs: Rows, targets: Targets) -> jax.Array:
    """Whether the largest output is the true class; of equal outputs the first counts.

    Like ``argmax``, so a network whose outputs are all equal predicts class 0 for everything: an
    earlier class than the true one has to stay below it by the smallest float.
    """
    return _all(_each(operator.le, _margins(outputs, targets), targets["tie"]))


def right(outputs: Rows, targets: Targets) -> jax.Array:
    """1 where the predicted class is right, otherwise 0."""
    return _right(outputs, targets).astype(jnp.float32)


def wrong(outputs: Rows, targets: Targets) -> jax.Array:
    """1 where the predicted class is wrong, otherwise 0."""
    return 1 - right(outputs, targets)


def squared_error(outputs: Rows, targets: Targets) -> jax.Array:
    """Squared error, the mean over outputs.

    For classification the targets are one-hot labels and the outputs are compared with them as
    they are (the Brier score of the raw outputs).
    """
    wanted = targets["values"] if "values" in targets else targets["one_hot"]
    squares = _each(lambda output, value: (output - value) ** 2, outputs, wanted)
    return _sum(squares) / len(wanted)


def accuracy(outputs: Rows, targets: Targets) -> jax.Array:
    """Share of samples whose predicted class is right."""
    return _mean(right(outputs, targets), targets)


@dataclass(frozen=True)
class Objective:
    """A mean over samples of what outputs and targets give, with its direction.

    Parameters
    ----------
    name
        Name in ``OBJECTIVES`` and on the command line.
    description
        One line for people.
    of_samples
        Value of every sample, (samples,), from feature-major outputs and prepared targets; 0 or
        more.
    tasks
        What it can judge.
    greater_is_better
        Direction.
    smooth
        Whether it follows small changes of the outputs, and does not go in steps.
    """

    name: str
    description: str
    of_samples: Callable[[Rows, Targets], jax.Array]
    tasks: tuple[Task, ...] = ("classification",)
    greater_is_better: bool = False
    smooth: bool = True

    def function(self, outputs: Rows, targets: Targets) -> jax.Array:
        """Value, from feature-major outputs and prepared targets."""
        return _mean(self.of_samples(outputs, targets), targets)

    def loss_rows(self, outputs: Rows, targets: Targets) -> jax.Array:
        """What training minimises, from feature-major outputs and prepared targets."""
        value = self.function(outputs, targets)
        return -value if self.greater_is_better else value

    def judge(self, outputs: Rows, targets: Targets) -> tuple[jax.Array, jax.Array]:
        """Loss and accuracy; the accuracy is NaN where there are no classes."""
        if "one_hot" not in targets:
            return self.loss_rows(outputs, targets), jnp.full((), jnp.nan)
        if not isinstance(outputs, list):
            return self.loss_rows(outputs, targets), accuracy(outputs, targets)
        # A list of rows is not stored: whatever reads them computes the network again. So loss and
        # rightness of a sample are one number, the sign being the rightness, and the compiler never
        # looks across the border of a condition.
        values = jnp.abs(self.of_samples(outputs, targets))  # so that NaN has a sign, too
        signed = jnp.where(_right(outputs, targets), values, -values)

        def means(signed: jax.Array) -> tuple[jax.Array, jax.Array]:
            value = _mean(jnp.abs(signed), targets)
            accuracy = _mean((~jnp.signbit(signed)).astype(jnp.float32), targets)
            return -value if self.greater_is_better else value, accuracy

        def of_nothing(signed: jax.Array) -> tuple[jax.Array, jax.Array]:
            return jnp.full((), jnp.nan), jnp.full((), jnp.nan)

        return jax.lax.cond(targets["total"] > 0, means, of_nothing, signed)

    def __call__(self, outputs: Any, targets: Any) -> float:
        """Value for outputs (samples, outputs) and targets as a data set holds them.

        Parameters
        ----------
        outputs
            Logits or predictions, shape (samples, outputs).
        targets
            Class indices (samples,), one-hot labels (samples, classes), or real values.
        """
        outputs = np.asarray(outputs, np.float32)
        if outputs.ndim != 2 or len(outputs) != len(targets):
            raise InputError(
                f"{self.name}: outputs of shape {outputs.shape} for {len(targets)} targets, "
                "expected (samples, outputs); give one row of outputs for each target"
            )
        given = np.asarray(targets)
        one_output = outputs.shape[1] == 1 or given.shape == outputs.shape
        if "regression" in self.tasks and (given.dtype.kind == "f" or one_output):
            if given.size != outputs.size:
                raise InputError(
                    f"{self.name}: outputs of shape {outputs.shape} for targets of shape "
                    f"{given.shape}, expected as many; give one target for each output"
                )
            prepared = value_targets(given)
        else:
            if given.ndim == 1 and not 0 <= given.min() <= given.max() < outputs.shape[1]:
                raise InputError(
                    f"{self.name}: class indices from {given.min()} to {given.max()} for "
                    f"{outputs.shape[1]} outputs, expected from 0 to {outputs.shape[1] - 1}"
                )
            prepared = class_targets(given, outputs.shape[1])
        return float(_value(self.function, outputs.T, prepared))


@functools.partial(jax.jit, static_argnums=0)
def _value(
    function: Callable[[Rows, Targets], jax.Array], outputs: jax.Array, targets: Targets
) -> jax.Array:
    """One program instead of one for each operation."""
    return function(outputs, targets)


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("cross_entropy", "mean negative log-likelihood of the true class", cross_entropy),
        Objective(
            "zero_one", "share of wrong predictions; has no useful gradient", wrong, smooth=False
        ),
        Objective(
            "accuracy",
            "share of right predictions; has no useful gradient",
            right,
            greater_is_better=True,
            smooth=False,
        ),
        Objective(
            "squared_error",
            "mean squared error",
            squared_error,
            tasks=("classification", "regression"),
        ),
    )
}
"""Every objective by name."""


def get(name: str) -> Objective:
    """Objective by name; an unknown name is an :class:`InputError` with the closest one."""
    if name not in OBJECTIVES:
        raise unknown_name("objective", name, OBJECTIVES)
    return OBJECTIVES[name]
