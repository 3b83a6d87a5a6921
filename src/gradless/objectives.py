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

from gradless import metrics
from gradless.errors import InputError, unknown_name
from gradless.metrics import Targets as Targets
from gradless.models import Rows
from gradless.programs import compiled
from gradless.scores import CLIP, MOST_LIKELY

Task = Literal["classification", "regression", "multilabel"]

_LOWEST_NLL = -math.log(MOST_LIKELY)
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


def label_targets(targets: Any, weight: np.ndarray | None = None) -> Targets:
    """Labels (samples, labels), each 0 or 1, for the compiled loop; weights as above.

    A network's outputs are then independent logits: it predicts every label above 0.
    """
    labels = np.asarray(targets).T
    return {"labels": _array(labels), **_weights(labels.shape[1], weight)}


def prepared(task: Task, targets: Any, n_outputs: int, weight: np.ndarray | None = None) -> Targets:
    """Targets for the compiled loop by task: class indices, real values or labels, as above."""
    if task == "classification":
        return class_targets(targets, n_outputs, weight)
    return (value_targets if task == "regression" else label_targets)(targets, weight)


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


def _right(outputs: Rows, targets: Targets) -> jax.Array:
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
    return _mean_of_outputs(lambda output, value: (output - value) ** 2, outputs, wanted)


def absolute_error(outputs: Rows, targets: Targets) -> jax.Array:
    """Absolute error, the mean over outputs."""
    return _of_errors(jnp.abs, outputs, targets)


def log_cosh(outputs: Rows, targets: Targets) -> jax.Array:
    """log cosh(error), the mean over outputs: half the square of small errors, linear in large."""

    def of_error(error: jax.Array) -> jax.Array:
        size = jnp.abs(error)
        # cosh overflows, and next to it a small error would be rounded away.
        small = jnp.log1p(jnp.sinh(jnp.minimum(size, 1.0)) ** 2) / 2
        large = size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)
        return jnp.where(size < 1, small, large)

    return _of_errors(of_error, outputs, targets)


def huber(outputs: Rows, targets: Targets, delta: float) -> jax.Array:
    """Half the squared error up to delta, and linear beyond; the mean over outputs.

    Huber, "Robust estimation of a location parameter" (1964).
    """

    def of_error(error: jax.Array) -> jax.Array:
        size = jnp.abs(error)
        return jnp.where(size <= delta, size**2 / 2, delta * (size - delta / 2))

    return _of_errors(of_error, outputs, targets)


def quantile(outputs: Rows, targets: Targets, share: float) -> jax.Array:
    """Pinball loss, lowest where this share of targets lies below; the mean over outputs.

    Koenker and Bassett, "Regression quantiles" (1978).
    """

    def of_error(error: jax.Array) -> jax.Array:
        return jnp.where(error > 0, share * error, (share - 1) * error)

    return _of_errors(of_error, outputs, targets)


def _of_errors(
    function: Callable[[jax.Array], jax.Array], outputs: Rows, targets: Targets
) -> jax.Array:
    return _mean_of_outputs(
        lambda output, value: function(value - output), outputs, targets["values"]
    )


def _mean_of_outputs(
    function: Callable[[jax.Array, jax.Array], jax.Array], outputs: Rows, wanted: jax.Array
) -> jax.Array:
    return _sum(_each(function, outputs, wanted)) / len(wanted)


def accuracy(outputs: Rows, targets: Targets) -> jax.Array:
    """Share of samples whose predicted class is right."""
    return _mean(right(outputs, targets), targets)


class Measure:
    """What people see of an objective: its own name and value, whatever the loss inside.

    Training minimises a loss, which is the value, or minus the value where more of it is better.
    """

    name: str
    greater_is_better: bool

    @property
    def quantity(self) -> str:
        """What its values are called: ``loss``, or where more is better, its name."""
        return self.name if self.greater_is_better else "loss"

    @property
    def label(self) -> str:
        """The same for a heading, where a loss is named, too."""
        return self.name if self.greater_is_better else f"loss ({self.name})"

    @property
    def best_loss(self) -> float:
        """The loss of what cannot be better: of all measures here, 1 is the best, or 0."""
        return -1.0 if self.greater_is_better else 0.0

    def value(self, loss: Any) -> Any:
        """The value of a loss, or of an array of them; and the loss of a value."""
        return -loss if self.greater_is_better else loss


@dataclass(frozen=True)
class Objective(Measure):
    """What a network is judged by: one number from all outputs and targets, with its direction.

    Parameters
    ----------
    name
        What :func:`get` finds it by, also on the command line.
    description
        One line for people.
    of_samples
        From feature-major outputs and prepared targets, the value of every sample, (samples,), 0 or
        more; or what ``of_all`` needs of it.
    tasks
        What it can judge.
    greater_is_better
        Direction.
    smooth
        Whether it follows small changes of the outputs, and does not go in steps.
    of_all
        Value from what ``of_samples`` gives and prepared targets; None for the weighted mean.
    classes
        How many classes it needs, if not any number.
    degree
        Of targets and outputs in a unit c times as small, its value is ``c**degree`` times as
        large; None if there is no such rule. Where it is 0, each output may have its own unit.
    """

    name: str
    description: str
    of_samples: Callable[[Rows, Targets], jax.Array]
    tasks: tuple[Task, ...] = ("classification",)
    greater_is_better: bool = False
    smooth: bool = True
    of_all: Callable[[jax.Array, Targets], jax.Array] | None = None
    classes: int | None = None
    degree: int | None = None

    def check(self, task: Task, n_outputs: int) -> None:
        """Refuse data that it cannot judge.

        Raises
        ------
        InputError
            If the task or its number of classes does not fit.
        """
        if task not in self.tasks:
            raise InputError(
                f"objective {self.name!r} was given for {task}, but judges "
                f"{' and '.join(self.tasks)}; choose another objective or another target column"
            )
        if self.classes not in (None, n_outputs):
            raise InputError(
                f"objective {self.name!r} was given for {n_outputs} classes, expected "
                f"{self.classes}; choose another objective or another target column"
            )

    def function(self, outputs: Rows, targets: Targets) -> jax.Array:
        """Value, from feature-major outputs and prepared targets; NaN if a sample has no value."""
        return self._of(self.of_samples(outputs, targets), targets)

    def _of(self, reduced: jax.Array, targets: Targets) -> jax.Array:
        if self.of_all is None:
            return _mean(reduced, targets)
        value = jnp.where(targets["total"] > 0, self.of_all(reduced, targets), jnp.nan)
        # What only counts and compares would take NaN for a low score; times 0, it stays NaN.
        return value + metrics.weighed(0 * reduced, targets).sum()

    def loss_rows(self, outputs: Rows, targets: Targets) -> jax.Array:
        """What training minimises, from feature-major outputs and prepared targets."""
        loss: jax.Array = self.value(self.function(outputs, targets))
        return loss

    def judge(self, outputs: Rows, targets: Targets) -> tuple[jax.Array, jax.Array]:
        """Loss and accuracy; the accuracy is NaN where there are no classes."""
        if self.of_all is not None:
            return self._judge_all(outputs, targets)
        if "values" in targets:
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
            return _float32(self.value(value), accuracy)

        return jax.lax.cond(targets["total"] > 0, means, _of_nothing, signed)

    def _judge_all(self, outputs: Rows, targets: Targets) -> tuple[jax.Array, jax.Array]:
        reduced = self.of_samples(outputs, targets)

        def both(reduced: jax.Array) -> tuple[jax.Array, jax.Array]:
            value = self.value(self._of(reduced, targets))
            return _float32(value, metrics.accuracy(reduced, targets))

        if not isinstance(outputs, list):
            return both(reduced)
        # Stored once on the way into the condition, as above.
        return jax.lax.cond(targets["total"] > 0, both, _of_nothing, reduced)

    def __call__(
        self,
        outputs: Any,
        targets: Any,
        sample_weight: Any | None = None,
        task: Task | None = None,
    ) -> float:
        """Value for outputs (samples, outputs) and targets as a data set holds them.

        Parameters
        ----------
        outputs
            Logits or predictions, shape (samples, outputs).
        targets
            Class indices (samples,), one-hot labels (samples, classes), or real values; or labels
            (samples, labels), each 0 or 1.
        sample_weight
            How much each sample counts, (samples,), 0 or more; by default all count the same.
        task
            What the targets are. Left out, labels are taken for one-hot ones or real values.

        Raises
        ------
        InputError
            If shapes, values or task do not fit.
        """
        outputs = np.asarray(outputs, np.float32)
        if outputs.ndim != 2 or len(outputs) != len(targets):
            raise InputError(
                f"{self.name}: outputs of shape {outputs.shape} for {len(targets)} targets, "
                "expected (samples, outputs); give one row of outputs for each target"
            )
        given = np.asarray(targets)
        task = self._task(given, outputs) if task is None else task
        self.check(task, outputs.shape[1])
        self._check_targets(given, outputs, task)
        if sample_weight is not None:
            sample_weight = checked_weight(sample_weight, len(outputs))
        ready = prepared(task, given, outputs.shape[1], sample_weight)
        return float(_compiled(self.function, outputs.T, ready))

    def _task(self, given: np.ndarray, outputs: np.ndarray) -> Task:
        one_output = outputs.shape[1] == 1 or given.shape == outputs.shape
        if "classification" not in self.tasks:
            return "regression"
        if "regression" in self.tasks and (given.dtype.kind == "f" or one_output):
            return "regression"
        return "classification"

    def _check_targets(self, given: np.ndarray, outputs: np.ndarray, task: Task) -> None:
        if task == "regression":
            if given.size != outputs.size:
                raise InputError(
                    f"{self.name}: outputs of shape {outputs.shape} for targets of shape "
                    f"{given.shape}, expected as many; give one target for each output"
                )
        elif given.ndim == 1 and task == "classification":
            if not 0 <= given.min() <= given.max() < outputs.shape[1]:
                raise InputError(
                    f"{self.name}: class indices from {given.min()} to {given.max()} for "
                    f"{outputs.shape[1]} outputs, expected from 0 to {outputs.shape[1] - 1}"
                )
        elif given.shape != outputs.shape or not ((given == 0) | (given == 1)).all():
            raise InputError(
                f"{self.name}: labels of shape {given.shape} from {given.min()} to {given.max()} "
                f"for outputs of shape {outputs.shape}, expected 0 or 1 for each output"
            )
        elif task == "classification" and not (given.sum(1) == 1).all():
            raise InputError(
                f"{self.name}: labels of which a sample has none or several, expected one class "
                "for each; give task='multilabel'"
            )


def _of_nothing(reduced: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Loss and accuracy of no samples."""
    del reduced
    return jnp.float32(jnp.nan), jnp.float32(jnp.nan)


def _float32(loss: jax.Array, accuracy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """As precise as the outputs of networks are; JAX's 64-bit mode may have made more of them."""
    return loss.astype(jnp.float32), accuracy.astype(jnp.float32)


def checked_weight(weight: Any, samples: int) -> np.ndarray:
    """Weights of samples as an array (samples,).

    Raises
    ------
    InputError
        If there is not one for each sample, or one is negative or not finite, or all are 0.
    """
    weight = np.asarray(weight, np.float32)
    if weight.shape != (samples,):
        raise InputError(
            f"weights of shape {weight.shape} were given for {samples} samples, expected "
            f"({samples},); give one number for each sample"
        )
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise InputError(
            f"weights from {weight.min()} to {weight.max()} were given, expected finite numbers, "
            "0 or more, and not all 0; give for example 1 for each sample"
        )
    return weight


@compiled(static_argnames=["function"])
def _compiled(
    function: Callable[[Rows, Targets], jax.Array], outputs: jax.Array, targets: Targets
) -> jax.Array:
    """One program instead of one for each operation."""
    return function(outputs, targets)


# --- By name --------------------------------------------------------------------------------------

_CLASSES: tuple[Task, ...] = ("classification",)
_LABELS: tuple[Task, ...] = ("classification", "multilabel")
_NUMBERS: tuple[Task, ...] = ("regression",)


def _all_at_once(
    name: str,
    description: str,
    of_samples: Callable[[Rows, Targets], jax.Array],
    of_all: Callable[[jax.Array, Targets], jax.Array],
    tasks: tuple[Task, ...],
    smooth: bool = False,
    classes: int | None = None,
) -> Objective:
    degree = 0 if tasks == _NUMBERS else None
    return Objective(name, description, of_samples, tasks, True, smooth, of_all, classes, degree)


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            "cross_entropy",
            "mean negative log-likelihood of the true class",
            cross_entropy,
            tasks=_LABELS,
        ),
        Objective(
            "zero_one",
            "share of wrong predictions; has no useful gradient",
            wrong,
            tasks=_LABELS,
            smooth=False,
        ),
        Objective(
            "accuracy",
            "share of right predictions; has no useful gradient",
            right,
            tasks=_LABELS,
            greater_is_better=True,
            smooth=False,
        ),
        _all_at_once(
            "balanced_accuracy",
            "mean of the classes' shares of right predictions",
            metrics.decision,
            metrics.balanced_accuracy,
            _CLASSES,
        ),
        _all_at_once(
            "f1",
            "F1 of the second of two classes, or the mean of all",
            metrics.decision,
            metrics.f_beta,
            _LABELS,
        ),
        _all_at_once(
            "f1_macro", "mean of the classes' F1", metrics.decision, metrics.f_macro, _LABELS
        ),
        _all_at_once(
            "f1_weighted",
            "mean of the classes' F1, weighted by their samples",
            metrics.decision,
            metrics.f_weighted,
            _LABELS,
        ),
        _all_at_once(
            "matthews", "Matthews' correlation", metrics.decision, metrics.matthews, _CLASSES
        ),
        _all_at_once(
            "cohen_kappa",
            "Cohen's kappa, agreement beyond chance",
            metrics.decision,
            metrics.cohen_kappa,
            _CLASSES,
        ),
        _all_at_once(
            "roc_auc",
            "area under the ROC curve, each class against the rest",
            metrics.scores,
            metrics.roc_auc,
            _LABELS,
        ),
        _all_at_once(
            "average_precision",
            "mean precision at the positives, each class against the rest",
            metrics.scores,
            metrics.average_precision,
            _LABELS,
        ),
        Objective(
            "squared_error",
            "mean squared error",
            squared_error,
            tasks=("classification", "regression"),
            degree=2,
        ),
        Objective(
            "absolute_error", "mean absolute error", absolute_error, tasks=_NUMBERS, degree=1
        ),
        Objective("log_cosh", "mean of log cosh(error)", log_cosh, tasks=_NUMBERS),
        _all_at_once(
            "r2", "share of variance explained", metrics.stacked, metrics.r2, _NUMBERS, smooth=True
        ),
        _all_at_once(
            "spearman", "Spearman's rank correlation", metrics.stacked, metrics.spearman, _NUMBERS
        ),
    )
}
"""Every objective without a number, by name."""

ALIASES = {"log_loss": "cross_entropy", "mse": "squared_error", "mae": "absolute_error"}
"""Other names of objectives."""


def _fbeta(name: str, number: float) -> Objective:
    of_all = functools.partial(metrics.f_beta, beta=number)
    description = f"F-beta for beta {number:g} of the second of two classes, or the mean of all"
    return _all_at_once(name, description, metrics.decision, of_all, _LABELS)


def _precision_at_recall(name: str, number: float) -> Objective:
    of_all = functools.partial(metrics.precision_at_recall, recall=number)
    description = f"best precision at which recall is {number:g} or more, of the second class"
    return _all_at_once(name, description, metrics.scores, of_all, _CLASSES, classes=2)


def _huber(name: str, number: float) -> Objective:
    of_samples = functools.partial(huber, delta=number)
    description = f"half the squared error up to {number:g}, linear beyond"
    return Objective(name, description, of_samples, _NUMBERS)


def _quantile(name: str, number: float) -> Objective:
    of_samples = functools.partial(quantile, share=number)
    description = f"pinball loss of the quantile {number:g}"
    return Objective(name, description, of_samples, _NUMBERS, degree=1)


@dataclass(frozen=True)
class _Family:
    """Objectives that differ in a number, as ``name:number``."""

    make: Callable[[str, float], Objective]
    expected: str
    allowed: Callable[[float], bool]
    example: float
    optional: bool = False  # the example is the default

    def number(self, name: str, text: str) -> float:
        if not text and self.optional:
            return self.example
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not self.allowed(number):
            raise InputError(
                f"objective {name!r} was given {text or 'no number'}, expected a number "
                f"{self.expected}; give for example {_numbered(name, self.example)}"
            )
        return number


_FAMILIES = {
    "fbeta": _Family(_fbeta, "above 0", lambda beta: 0 < beta < math.inf, 2.0),
    "precision_at_recall": _Family(
        _precision_at_recall, "above 0 and up to 1", lambda recall: 0 < recall <= 1, 0.9
    ),
    "huber": _Family(_huber, "above 0", lambda delta: 0 < delta < math.inf, 1.0, optional=True),
    "quantile": _Family(
        _quantile,
        "between 0 and 1, both excluded",
        lambda share: 0 < share < 1,
        0.5,
        optional=True,
    ),
}


def _numbered(family: str, number: float) -> str:
    return f"{family}:{number!r}".removesuffix(".0")


NAMES = (*OBJECTIVES, *(_numbered(name, family.example) for name, family in _FAMILIES.items()))
"""Every objective's name, those with a number having an example of it."""


def get(name: str) -> Objective:
    """Objective by name.

    Parameters
    ----------
    name
        One of ``OBJECTIVES`` or ``ALIASES``; or ``fbeta:B``, ``precision_at_recall:R``, ``huber:D``
        (``huber`` is ``huber:1``) or ``quantile:Q`` (``quantile`` is ``quantile:0.5``).

    Returns
    -------
    Objective
        Always the same one for a name and an equal number, so that a program is compiled once.

    Raises
    ------
    InputError
        For an unknown name, with the closest one, or a number out of its range.

    Examples
    --------
    >>> get("quantile:0.90").name
    'quantile:0.9'
    """
    name = ALIASES.get(name, name)
    if name in OBJECTIVES:
        return OBJECTIVES[name]
    family, _, text = name.partition(":")
    if family not in _FAMILIES:
        raise unknown_name("objective", name, (*NAMES, *ALIASES))
    return _of_family(family, _FAMILIES[family].number(family, text))


@functools.cache
def _of_family(family: str, number: float) -> Objective:
    return _FAMILIES[family].make(_numbered(family, number), number)
