"""How are strategies compared on arrays? Divided as a table, each trains as an estimator would."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless import objectives
from gradless._core import defaults
from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.data import parts, targets
from gradless.data.datasets import Dataset
from gradless.data.scaling import Moments, Scales, check_deviation
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.objectives import Objective
from gradless.objectives.extras import needed
from gradless.runs.comparison.tasks import Trial
from gradless.strategies import Strategy
from gradless.training.learning import Kind, Learning
from gradless.training.loop import Stop
from gradless.training.samples import Samples, filled

_FEWEST = 20  # rows of which some are kept aside to test


class ArraysTask:
    """A network on arrays.

    A quarter of the rows tests, by the seed. On the others each run is that of an estimator that is
    fitted with this strategy and seed, the objective, and evaluations or seconds: standardised,
    with rows held out and, for metrics that count, a first phase on log loss.

    Parameters
    ----------
    X, y
        Shapes (samples, features) and (samples,). Which of the answers are classes is as in a
        table: texts, and up to 20 different whole numbers, unless the objective judges classes
        only, or numbers only.
    hidden, objective, batch_size
        Neurons of each hidden layer, what is improved, and samples of a minibatch; None for the
        defaults.

    Raises
    ------
    InputError
        If the arrays do not fit.
    """

    def __init__(
        self,
        X: npt.ArrayLike,  # noqa: N803 - as scikit-learn has it
        y: npt.ArrayLike,
        *,
        hidden: tuple[int, ...] | None = None,
        objective: str | Objective | None = None,
        batch_size: int | None = None,
    ) -> None:
        """Read them."""
        wanted = objectives.get(objective) if isinstance(objective, str) else objective
        self._data = _dataset(X, y, wanted)
        classes = self._data.is_classification
        self.objective: Objective = wanted or objectives.get(
            "cross_entropy" if classes else "squared_error"
        )
        self.objective = self.objective.for_classes(self._data.class_names)
        self.objective = self.objective.for_rows(self._data.n_samples)
        needed(self.objective, ())
        task: objectives.Task = "classification" if classes else "regression"
        self.objective.check(task, self._data.n_outputs)
        neurons = defaults.HIDDEN if hidden is None else hidden
        self._model = MLP((self._data.n_features, *neurons, self._data.n_outputs))
        self._kind = Kind(task, self._model, self.objective)
        self._batch_size = batch_size

    @property
    def name(self) -> str:
        """Of the data."""
        return self._data.name

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the network."""
        return self._model.sizes

    @property
    def has_classes(self) -> bool:
        """Whether it is classification."""
        return self._data.is_classification

    @property
    def has_test(self) -> bool:
        """Whether rows are kept aside."""
        return self._data.n_samples >= _FEWEST

    @property
    def shapes(self) -> Params:
        """Of the network's parameters."""
        return first_weights.drawn(self._model, 0)

    def described(self) -> dict[str, Any]:
        """What decides it but the arrays."""
        return {"data": self.name, "hidden": self.sizes[1:-1], "batch_size": self._batch_size}

    def trial(self, strategy: Strategy | None, seed: int, stop: Stop) -> Trial:
        """The run of an estimator with this strategy, seed and budget on the training rows."""
        data, kind = self._data, self._kind
        rows = parts.divide(
            data.name, data.targets, data.class_names, seed=seed, validation=None,
            test=defaults.TEST_FRACTION if self.has_test else 0.0, features=data.features,
        )  # fmt: skip
        first, weight = rows.samples
        numbers = None
        if not self.has_classes:
            numbers = Moments.of(data.targets[first].astype(np.float64)[:, None], weight)
            check_deviation(numbers.spread, "y")
        features = data.features[first].astype(np.float64)
        scales = Scales.of(Moments.of(features, weight), numbers, True)

        def samples(chosen: npt.NDArray[np.integer], weight: npt.NDArray[np.float64]) -> Samples:
            inputs = scales.inputs(data.features[chosen].astype(np.float64))
            answers: npt.NDArray[Any] = data.targets[chosen]
            if numbers is not None:
                answers = scales.targets(answers.astype(np.float64)[:, None], np.ones(1))
            return Samples(inputs, answers, weight)

        learning = Learning(
            kind,
            samples(first, weight),
            samples(*rows.held_out) if len(rows.held_out[0]) else None,
            stop,
            seed,
            strategy=strategy,
            first=kind.begins_with_log_loss(None) or None,
            output_scale=scales.output_scale,
            batch_size=self._batch_size,
            size=filled,
        )
        params = first_weights.drawn(self._model, seed)
        judge = None
        if len(rows.test):
            tests = samples(rows.test, np.ones(len(rows.test)))
            judge = learning.problem(tests, params, whole=True).score_all
        plan = dataclasses.replace(learning.plan(params), settings={"seed": seed})
        return Trial(plan, judge)


def _dataset(X: npt.ArrayLike, y: npt.ArrayLike, objective: Objective | None) -> Dataset:  # noqa: N803
    """The arrays as data of classes or of numbers."""
    inputs: npt.NDArray[Any] = np.asarray(X)
    answers: npt.NDArray[Any] = np.asarray(y)
    if inputs.ndim != 2 or inputs.dtype.kind not in "biuf" or answers.shape != inputs.shape[:1]:
        raise InputError(
            "X must be numbers of shape (samples, features) and y of shape (samples,), got shapes "
            f"{inputs.shape} and {answers.shape}"
        )
    inputs = inputs.astype(np.float64)
    if not np.isfinite(inputs).all():
        raise InputError("X must be finite, got NaN or infinity")
    columns = tuple(f"x{index}" for index in range(inputs.shape[1]))
    task = targets.guessed_task(map(str, answers.tolist()))
    if objective is not None and task not in objective.tasks:
        task = "regression" if "regression" in objective.tasks else "classification"
    if task == "classification":
        names, indices = np.unique(answers, return_inverse=True)
        if len(names) < 2:
            raise InputError("y must hold two classes or more, got one")
        texts = tuple(map(str, names))
        return Dataset("arrays", inputs, indices.astype(np.int32), columns, texts)
    if answers.dtype.kind not in "biuf":
        raise InputError("y must be numbers here, got texts. For example: y.astype(float)")
    return Dataset("arrays", inputs, answers.astype(np.float64), columns, None)
