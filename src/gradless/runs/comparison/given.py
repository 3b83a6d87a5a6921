"""What is compared on, as Python gives it? A recipe, a problem, arrays or a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless import objectives
from gradless._core import defaults
from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.data import targets
from gradless.data.datasets import Dataset
from gradless.data.scaling import Moments, check_deviation, mean_and_scale
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.problems.function import FunctionProblem
from gradless.problems.python import PythonProblem
from gradless.problems.supervised import OutputScale, SupervisedProblem
from gradless.runs.comparison.tasks import ProblemTask, RecipeTask, Task
from gradless.runs.recipe import Recipe


def task_of(
    given: Any,
    *,
    params: Params | Callable[[int], Params] | None = None,
    hidden: tuple[int, ...] | None = None,
    objective: str | objectives.Objective | None = None,
    batch_size: int | None = None,
) -> Task:
    """The task that a person means.

    Parameters
    ----------
    given
        A recipe, the name of a data set, a problem, arrays ``(X, y)`` or a JAX function of
        parameters.
    params
        First parameters of a problem or a function, or a function from a seed to them.
    hidden, objective, batch_size
        Neurons of the network for arrays, what it is trained for, and samples of a minibatch.

    Raises
    ------
    InputError
        If it is nothing of that, or an argument is missing or does not go with it.
    """
    of_arrays = isinstance(given, tuple | list)
    extra = {"hidden": hidden, "objective": objective, "batch_size": batch_size}
    names = [name for name, value in extra.items() if value is not None]
    if names and not of_arrays:
        raise InputError(
            f"{names[0]} goes with arrays (X, y), got {type(given).__name__}. Leave it out: "
            "a problem has its own"
        )
    if isinstance(given, str | Path):
        given = Recipe(str(given))
    if isinstance(given, Recipe):
        if params is not None:
            raise InputError("params do not go with a recipe, which draws its own. Leave them out")
        return RecipeTask(given)
    if of_arrays:
        if len(given) != 2:
            raise InputError(f"arrays must be (X, y), got {len(given)} of them")
        given = supervised(*given, hidden=hidden, objective=objective, batch_size=batch_size)
    if isinstance(given, SupervisedProblem) and params is None:
        drawn = functools.partial(first_weights.drawn, given.model)
        return ProblemTask(given, drawn, "arrays" if of_arrays else "data")
    if not isinstance(given, SupervisedProblem | FunctionProblem | PythonProblem) and not callable(
        given
    ):
        raise InputError(
            "problem must be a problem, a recipe, a data set by name, arrays (X, y) or a JAX "
            f"function, got {type(given).__name__}. For example: compare((X, y), ['snes'])"
        )
    if params is None:
        raise InputError(
            "params must be where a search begins: a pytree of arrays, or a function from a seed "
            "to one, got none. For example: params=np.zeros(10)"
        )
    first: Callable[[int], Params] = params if callable(params) else lambda seed: params
    if isinstance(given, SupervisedProblem | FunctionProblem | PythonProblem):
        return ProblemTask(given, first, _name_of(getattr(given, "loss_fn", None), "problem"))
    return ProblemTask(FunctionProblem.of(given, first(0)), first, _name_of(given, "function"))


def _name_of(function: Any, otherwise: str) -> str:
    name = str(getattr(function, "__name__", otherwise))
    return otherwise if name == "<lambda>" else name


def supervised(
    X: npt.ArrayLike,  # noqa: N803 - as scikit-learn has it
    y: npt.ArrayLike,
    *,
    hidden: tuple[int, ...] | None = None,
    objective: str | objectives.Objective | None = None,
    batch_size: int | None = None,
) -> SupervisedProblem:
    """A network on arrays: inputs standardised, and numbers to predict brought to their scale.

    Which of the answers are classes is as in a table: texts, and up to 20 different whole numbers,
    unless the objective judges classes only, or numbers only.

    Raises
    ------
    InputError
        If the arrays do not fit.
    """
    wanted = objectives.get(objective) if isinstance(objective, str) else objective
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
    mean, scale = mean_and_scale(inputs)
    features: npt.NDArray[np.float32] = ((inputs - mean) / scale).astype(np.float32)
    columns = tuple(f"x{index}" for index in range(features.shape[1]))
    task = targets.guessed_task(map(str, answers.tolist()))
    if wanted is not None and task not in wanted.tasks:
        task = "regression" if "regression" in wanted.tasks else "classification"
    classes = task == "classification"
    outputs = None
    if classes:
        names, indices = np.unique(answers, return_inverse=True)
        if len(names) < 2:
            raise InputError("y must hold two classes or more, got one")
        texts = tuple(map(str, names))
        dataset = Dataset("arrays", features, indices.astype(np.int32), columns, texts)
    else:
        if answers.dtype.kind not in "biuf":
            raise InputError("y must be numbers here, got texts. For example: y.astype(float)")
        numbers = answers.astype(np.float64)
        dataset = Dataset("arrays", features, numbers, columns, None)
        moments = Moments.of(numbers[:, None])
        check_deviation(moments.spread, "y")
        outputs = OutputScale(moments.spread, moments.mean)  # as what trains has it
    measure = wanted or objectives.get("cross_entropy" if classes else "squared_error")
    measure = measure.for_classes(dataset.class_names)
    sizes = (
        dataset.n_features,
        *(defaults.HIDDEN if hidden is None else hidden),
        dataset.n_outputs,
    )
    return SupervisedProblem.of(dataset, MLP(sizes), measure, batch_size, outputs=outputs)
