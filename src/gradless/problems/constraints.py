"""How does a search keep constraints, functions of the parameters that are to be at most 0?

By the rule of Deb, "An efficient constraint handling method for genetic algorithms" (2000): what
keeps them is better than what does not; of two that do, the lower loss is better, and of two that
do not, the smaller violation, which is the sum of all that is above 0. The rule is told to
strategies as one number, so each that only compares losses searches by it: a loss below
``GREATEST`` where the constraints are kept, and above ``LEAST_VIOLATED`` a number that grows with
the violation, of which it keeps six digits in float32.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.problems.contract import loss_and_measures

VIOLATION = "violation"  # the name of a measure
GREATEST, LEAST_VIOLATED = 1e26, 1e27
_UNIT, _POWER, _SMALLEST = 1e32, 1 / 8, 1e-37  # of float32, too

Functions = tuple[Callable[[Params], Any], ...]


def functions_of(constraints: Any) -> Functions:
    """The functions that are given: one, or a list.

    Raises
    ------
    InputError
        If something given is no function.
    """
    if constraints is None:
        return ()
    functions = tuple(constraints) if isinstance(constraints, list | tuple) else (constraints,)
    for each in functions:
        if not callable(each):
            raise InputError(
                "constraints must be a function of params, or a list of functions, got "
                f"{each!r}. For example: constraints=lambda params: params['x'] - 1"
            )
    return functions


def violation(returned: Sequence[Any], xp: Any) -> Any:
    """By how much constraints are violated, of what their functions return: one number, 0 if not.

    NaN where one of them is NaN. ``xp`` is the module whose arrays they are.
    """
    return sum((xp.sum(xp.maximum(xp.asarray(value), 0)) for value in returned), xp.zeros(()))


def ranked(loss: Any, violated: Any, xp: Any) -> Any:
    """One number by which candidates are compared; NaN where the violation is."""
    beyond = _UNIT * xp.maximum(violated, _SMALLEST) ** _POWER
    return xp.where(violated <= 0, xp.minimum(loss, GREATEST), beyond)


def told(losses: Any) -> Any:
    """Losses as people see them: infinite where constraints are violated."""
    return np.where(np.asarray(losses) >= LEAST_VIOLATED, np.inf, losses)[()]


def check_measures(names: Sequence[str]) -> None:
    """Refuse a measure that has the name of what is told of constraints.

    Raises
    ------
    InputError
        If there is one.
    """
    if VIOLATION in names:
        raise InputError(
            f"loss_fn must not return a measure {VIOLATION!r} with constraints, whose own that is. "
            "Give it another name"
        )


def check_returned(returned: Any) -> None:
    """Refuse what is no array of real numbers, of which shapes and types will do.

    Raises
    ------
    InputError
        If it is not.
    """
    try:
        is_shape = isinstance(returned, jax.ShapeDtypeStruct)
        dtype: Any = returned.dtype if is_shape else np.asarray(returned).dtype
    except ValueError:  # lists of several lengths
        dtype = np.dtype(object)
    is_real = jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)
    if not is_real:
        raise unfit(type(returned).__name__ if dtype.kind in "OU" else str(dtype))


def check_known(violated: float) -> None:
    """Refuse a start of which constraints say nothing: a search could spend its budget so.

    Raises
    ------
    InputError
        If the violation is NaN.
    """
    if np.isnan(violated):
        raise InputError(
            "constraints must return numbers at params, got NaN. Begin where they are known, or "
            "return a large number where they are not"
        )


def unfit(what: str) -> InputError:
    """The error for what constraints must not return."""
    return InputError(
        f"constraints must return numbers that are to be at most 0, got {what}. For example: "
        "params['x'] - 1 for an x of at most 1"
    )


@dataclass(frozen=True)
class Constrained:
    """A function in Python that is not called where constraints are violated.

    Parameters
    ----------
    loss_fn
        The function.
    constraints
        Those of the parameters.
    measures
        Names of what else ``loss_fn`` returns, of which nothing is known where it is not called.
    """

    loss_fn: Callable[..., Any]
    constraints: Functions
    measures: tuple[str, ...] = ()

    def __call__(self, params: Params, *data: Any) -> Any:
        """What candidates are compared by, and measures."""
        violated = self.violation(params)
        if violated <= 0:
            return self.of(self.loss_fn(params, *data), violated)
        return self.of((np.nan, dict.fromkeys(self.measures, np.nan)), violated)

    def of(self, returned: Any, violated: float) -> Any:
        """What the function has returned, with the violation."""
        loss, measures = loss_and_measures(returned)
        known = violated <= 0
        if known and (np.ndim(loss) or np.asarray(loss).dtype.kind not in "fiu"):
            return returned  # is refused where all losses are
        of_all = {name: value if known else np.nan for name, value in measures.items()}
        loss = float(ranked(loss if known else np.nan, violated, np))
        return loss, {**of_all, VIOLATION: violated}

    def violation(self, params: Params) -> float:
        """By how much parameters violate the constraints, each of which gets its own copy."""
        returned = [each(copy.deepcopy(params)) for each in self.constraints]
        for value in returned:
            check_returned(value)
        return float(violation(returned, np))
