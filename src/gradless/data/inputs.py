"""Which inputs of a network are made of which column, and what is their number in the table?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gradless.data.preprocessing import Preprocessing


def of_columns(preprocessing: Preprocessing | None, columns: int) -> list[list[int]]:
    """Indices of the inputs that are made of each column.

    Parameters
    ----------
    preprocessing
        What makes the inputs; None where they are the columns themselves.
    columns
        How many there are.
    """
    if preprocessing is None:
        return [[column] for column in range(columns)]
    return [np.flatnonzero(preprocessing.sources == column).tolist() for column in range(columns)]


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
