"""Which inputs of a network are made of which column, and what is their number in the table?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless.data.preprocessing import Preprocessing

_AFTER = (" is missing", " = ", ": ")  # a column's name, in the names of its inputs


def of_columns(columns: Sequence[str], inputs: Sequence[str]) -> list[list[int]] | None:
    """Indices of the inputs that are made of each column; None if one is of no column.

    Parameters
    ----------
    columns
        Names of the columns.
    inputs
        Names of the inputs, as of ``Preprocessing.input_names``.
    """
    places = {name: k for k, name in enumerate(columns)}
    groups: list[list[int]] = [[] for _ in columns]
    for index, name in enumerate(inputs):
        begins = [name, name.rstrip("'")]
        begins += [name[:at] for after in _AFTER for at in _ends(name, after)]
        fitting = [begin for begin in begins if begin in places]
        if not fitting:
            return None
        groups[places[max(fitting, key=len)]].append(index)
    return groups if all(groups) else None


def _ends(name: str, after: str) -> list[int]:
    """Where a column's name may end."""
    return [at for at in range(len(name)) if name.startswith(after, at)]


def numbers(
    preprocessing: Preprocessing | None, index: int, values: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Numbers of the table that values of an input, which is a number, stand for.

    Parameters
    ----------
    preprocessing
        What makes the inputs; None where they are the numbers themselves.
    index
        Of the input.
    values
        Of it.
    """
    found = np.asarray(values, np.float64)
    if preprocessing is None:
        return found
    # Numbers are the first inputs, in their order.
    steps = preprocessing.transformer.named_transformers_["numbers"].named_steps
    if "scale" not in steps:
        return found
    return found * steps["scale"].scale_[index] + steps["scale"].mean_[index]
