"""What is a good network?

An objective turns outputs and targets into one number and knows whether more of it is better. None
needs a derivative. Training minimises :meth:`Objective.loss_rows`, which is the value, or minus the
value where greater is better.

Outputs are logits: softmax belongs to the objective. Inside the compiled loop, outputs and targets
are feature-major (outputs, samples), either as one array or as a list of rows; see ``models``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless._core.programs import compiled
from gradless.models.contract import FeatureRows
from gradless.objectives import metrics
from gradless.objectives.extras import Extras, checked
from gradless.objectives.losses import accuracy, is_right, mean
from gradless.objectives.metrics import Targets
from gradless.objectives.targets import Task, checked_weight, prepared

ITSELF = "itself"
"""``Objective.fitted_by`` of a loss of rows that needs no other in its place."""

_LONG = 20  # characters in which no figures would have room beside a label


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
        How many classes, or numbers of a regression, it needs, if not any number.
    degree
        Of targets and outputs in a unit c times as small, its value is ``c**degree`` times as
        large; None if there is no such rule. Where it is 0, each output may have its own unit.
    needs
        Roles of the arrays that it looks at besides the answers; see ``objectives.extras``.
    most_groups
        Groups that it can tell apart, if not any number.
    also
        Names of measures that are said with its value, and what makes them of outputs and targets.
    perfect
        The best value that there can be, infinite if there is none; None for 1, or 0 of a loss.
    of_names
        Of an objective that speaks of classes by name, what makes the one of class indices.
    of_rows
        Of one that speaks of a number of rows, what makes the one of their share, of all rows.
    fitted_by
        Name of the loss of rows by which networks for tables are fitted with a penalty in its
        place, ``"cross_entropy"`` or ``"squared_error"``; or ``"itself"``, if it is the mean of a
        smooth loss of rows. By default None: it is searched for.
    decided
        Whether it judges the class decided for, so that after such a fit the decision is chosen for
        it, on outputs for rows not seen.
    stakes
        Of one of two classes in which rows bring different amounts: from class indices and
        ``extras``, whether the second class is the better decision, (samples,), and what it brings
        then or costs otherwise, (samples,); the first one brings nothing. These are the classes and
        weights that are fitted.
    """

    name: str
    description: str
    of_samples: Callable[[FeatureRows, Targets], jax.Array]
    tasks: tuple[Task, ...] = ("classification",)
    greater_is_better: bool = False
    smooth: bool = True
    of_all: Callable[[jax.Array, Targets], jax.Array] | None = None
    classes: int | None = None
    degree: int | None = None
    needs: tuple[str, ...] = ()
    most_groups: int | None = None
    also: tuple[tuple[str, Callable[[FeatureRows, Targets], jax.Array]], ...] = ()
    perfect: float | None = None
    of_names: Callable[[Sequence[Any]], Objective] | None = None
    of_rows: Callable[[int], Objective] | None = None
    fitted_by: str | None = None
    decided: bool = False
    stakes: Callable[[Any, Extras], tuple[Any, Any]] | None = None

    @property
    def label(self) -> str:
        """As of every measure, without a table of costs that would fill a line."""
        name, _, table = self.name.partition(":")
        return super().label if len(table) < _LONG else f"loss ({name})"

    @property
    def best_loss(self) -> float:
        """The loss of what cannot be better."""
        return super().best_loss if self.perfect is None else float(self.value(self.perfect))

    def for_classes(self, names: Sequence[Any] | None) -> Objective:
        """The same for classes of these names, in the order of the outputs.

        Raises
        ------
        InputError
            If it speaks of other classes.
        """
        return self if self.of_names is None or names is None else self.of_names(names)

    def for_rows(self, rows: int) -> Objective:
        """The same for each part of so many rows, which has its share of what all of them have.

        Raises
        ------
        InputError
            If it speaks of more rows.
        """
        return self if self.of_rows is None else self.of_rows(rows)

    def check(self, task: Task, n_outputs: int) -> None:
        """Refuse data that it cannot judge.

        Raises
        ------
        InputError
            If the task or its number of classes does not fit.
        """
        if task not in self.tasks:
            raise InputError(
                f"objective {self.name!r} must be used for {' or '.join(self.tasks)}, got "
                f"{task}; choose another objective or another target column"
            )
        if self.classes not in (None, n_outputs):
            what = "classes" if task == "classification" else "number to predict"
            raise InputError(
                f"objective {self.name!r} must be used for {self.classes} {what}, got "
                f"{n_outputs}; choose another objective or another target column"
            )

    def function(self, outputs: FeatureRows, targets: Targets) -> jax.Array:
        """Value, from feature-major outputs and prepared targets; NaN if a sample has no value."""
        return self._of(self.of_samples(outputs, targets), targets)

    def _of(self, reduced: jax.Array, targets: Targets) -> jax.Array:
        if self.of_all is None:
            return mean(reduced, targets)
        value = jnp.where(targets["total"] > 0, self.of_all(reduced, targets), jnp.nan)
        # What only counts and compares would take NaN for a low score; times 0, it stays NaN.
        return value + metrics.weighed(0 * reduced, targets).sum()

    def loss_rows(self, outputs: FeatureRows, targets: Targets) -> jax.Array:
        """What training minimises, from feature-major outputs and prepared targets."""
        loss: jax.Array = self.value(self.function(outputs, targets))
        return loss

    def judge(self, outputs: FeatureRows, targets: Targets) -> tuple[jax.Array, jax.Array]:
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
        signed = jnp.where(is_right(outputs, targets), values, -values)

        def means(signed: jax.Array) -> tuple[jax.Array, jax.Array]:
            value = mean(jnp.abs(signed), targets)
            accuracy = mean((~jnp.signbit(signed)).astype(jnp.float32), targets)
            return _float32(self.value(value), accuracy)

        return jax.lax.cond(targets["total"] > 0, means, _of_nothing, signed)

    def _judge_all(self, outputs: FeatureRows, targets: Targets) -> tuple[jax.Array, jax.Array]:
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
        extras: Extras | None = None,
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
        extras
            What it needs besides, arrays (samples,) by role: ``{"value": amounts}`` for example.

        Raises
        ------
        InputError
            If shapes, values or task do not fit.
        """
        outputs = np.asarray(outputs, np.float32)
        if outputs.ndim != 2 or len(outputs) != len(targets):
            raise InputError(
                f"{self.name}: outputs must be of shape (samples, outputs), got {outputs.shape} "
                f"for {len(targets)} targets; give one row of outputs for each target"
            )
        given = np.asarray(targets)
        task = self._task(given, outputs) if task is None else task
        self.check(task, outputs.shape[1])
        self._check_targets(given, outputs, task)
        if sample_weight is not None:
            sample_weight = checked_weight(sample_weight, len(outputs))
        beside = checked(self, extras, given)
        ready = prepared(task, given, outputs.shape[1], sample_weight, beside)
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
                    f"{self.name}: there must be one target for each output, got targets of "
                    f"shape {given.shape} for outputs of shape {outputs.shape}"
                )
        elif given.ndim == 1 and task == "classification":
            if not 0 <= given.min() <= given.max() < outputs.shape[1]:
                raise InputError(
                    f"{self.name}: class indices must be from 0 to {outputs.shape[1] - 1} for "
                    f"{outputs.shape[1]} outputs, got {given.min()} to {given.max()}"
                )
        elif given.shape != outputs.shape or not ((given == 0) | (given == 1)).all():
            raise InputError(
                f"{self.name}: labels must be 0 or 1 for each output, of shape {outputs.shape}, "
                f"got shape {given.shape} from {given.min()} to {given.max()}"
            )
        elif task == "classification" and not (given.sum(1) == 1).all():
            raise InputError(
                f"{self.name}: labels must be one class for each sample, got none or several for "
                "some; give task='multilabel'"
            )


def _of_nothing(reduced: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Loss and accuracy of no samples."""
    del reduced
    return jnp.float32(jnp.nan), jnp.float32(jnp.nan)


def _float32(loss: jax.Array, accuracy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """As precise as the outputs of networks are; JAX's 64-bit mode may have made more of them."""
    return loss.astype(jnp.float32), accuracy.astype(jnp.float32)


@compiled(static_argnames=["function"])
def _compiled(
    function: Callable[[FeatureRows, Targets], jax.Array], outputs: jax.Array, targets: Targets
) -> jax.Array:
    """One program instead of one for each operation."""
    return function(outputs, targets)
