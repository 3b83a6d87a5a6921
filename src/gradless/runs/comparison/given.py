"""What is compared on, as Python gives it? A recipe, a problem, arrays or a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradless import objectives
from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.models import first_weights
from gradless.problems.function import FunctionProblem
from gradless.problems.python import PythonProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.runs.comparison.arrays import ArraysTask
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
        given = Recipe(str(given), validation=None)  # as gradless train has it
    if isinstance(given, Recipe):
        if params is not None:
            raise InputError("params do not go with a recipe, which draws its own. Leave them out")
        return RecipeTask(given)
    if of_arrays:
        if len(given) != 2:
            raise InputError(f"arrays must be (X, y), got {len(given)} of them")
        if params is not None:
            raise InputError(
                "params do not go with arrays, whose network draws its own. Leave it out"
            )
        return ArraysTask(*given, hidden=hidden, objective=objective, batch_size=batch_size)
    if isinstance(given, SupervisedProblem) and params is None:
        drawn = functools.partial(first_weights.drawn, given.model)
        return ProblemTask(given, drawn, "data")
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
