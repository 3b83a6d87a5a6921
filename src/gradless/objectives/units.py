"""What is an objective of numbers in another unit?

Networks are judged in float32, where the square of 1e-20 is 0. So targets are given in a unit in
which they are about 1, and the values for people are put back into theirs in double precision.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless import objectives
from gradless.data.scaling import check_deviation
from gradless.objectives import Objective

_LARGEST_RATIO = 1e12  # of a deviation and what an objective compares errors with


class Unit(NamedTuple):
    """A unit of the targets, and what objective judges numbers in it.

    Attributes
    ----------
    of_targets
        Targets and outputs are divided by it, (outputs,): one for all of them, but where each
        output counts by its own spread.
    objective
        For these.
    of_values
        Losses of this objective times this number are those of the one that was asked for.
    """

    of_targets: npt.NDArray[np.float64]
    objective: Any
    of_values: float

    def told(self, losses: Any) -> Any:
        """Losses as people know them: a number in double precision, arrays in their own."""
        if self.of_values == 1:
            return losses
        with np.errstate(all="ignore"):  # beyond 1e308 is infinite
            made = np.float64(losses) * self.of_values
            return made.astype(losses.dtype) if isinstance(losses, np.ndarray) else made


def unit_for(objective: Objective, deviation: npt.NDArray[np.float64]) -> Unit:
    """The unit in which an objective judges targets.

    Parameters
    ----------
    objective
        Of numbers.
    deviation
        Standard deviations of the targets, (outputs,); 0 for what is constant.

    Raises
    ------
    InputError
        If targets are too large or too small for an objective that is not known in other units.
    """
    ones = np.ones_like(deviation)
    largest = float(np.max(deviation))
    if all(map(_fits, deviation[deviation > 0])):  # that of the user, also where all is constant
        return Unit(ones, objective, 1.0)
    if objective.degree == 0:
        return Unit(np.where(deviation > 0, deviation, 1.0), objective, 1.0)
    if objective.degree is not None:
        return Unit(ones * largest, objective, _power(largest, objective.degree))
    compared = _compared_with(objective)
    if compared is None or _fits(largest):
        check_deviation(largest, "targets")
        return Unit(ones, objective, 1.0)  # another number would be another program to compile
    # Half the square of errors far below what they are compared with, and a multiple of those far
    # above.
    if largest * _LARGEST_RATIO < compared:
        return Unit(ones * largest, objectives.get("squared_error"), _power(largest, 2) / 2)
    if largest > compared * _LARGEST_RATIO:
        return Unit(ones * largest, objectives.get("absolute_error"), largest * compared)
    in_unit = objectives.get(f"huber:{compared / largest!r}")
    return Unit(ones * largest, in_unit, _power(largest, 2))


def _fits(deviation: float) -> bool:
    return 1 / _LARGEST_RATIO <= deviation <= _LARGEST_RATIO


def _compared_with(objective: Objective) -> float | None:
    """The error up to which an objective is about half a square, and beyond which linear."""
    if objective is objectives.get("log_cosh"):
        return 1.0
    family, _, number = objective.name.partition(":")
    known = family == "huber" and objective is objectives.get(objective.name)
    return float(number) if known else None


def _power(base: float, exponent: int) -> float:
    try:
        return base**exponent
    except OverflowError:
        return math.inf
