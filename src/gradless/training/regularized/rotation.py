"""How are more columns than rows learned? On as many numbers as there are rows, exactly as well.

Under a penalty on squared weights, the weights of a hidden neuron are a combination of the rows:
any other part of them changes no output, and costs. So rows are turned until all that differs
among them lies in the first few numbers, and the others are left away; afterwards the weights are
turned back (Hastie and Tibshirani, "Efficient quadratic regularization for expression arrays",
2004, section 2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_ROUNDING = 1e-10  # of the largest square: what is below is rounding


class Turned(NamedTuple):
    """Inputs that were turned, and what turns weights back."""

    inputs: npt.NDArray[np.float32]  # (rows, rank)
    back: npt.NDArray[np.float32]  # (rank, features)

    @classmethod
    def of(cls, inputs: npt.NDArray[np.floating]) -> Turned:
        """The rows (rows, features), features more than rows, in the space that they span."""
        wide = np.asarray(inputs, np.float64)
        squares, directions = np.linalg.eigh(wide @ wide.T)
        kept = squares > _ROUNDING * max(squares[-1], 1e-300)
        kept[-1] = True  # rows of zeros have one number, too
        sizes = np.sqrt(np.maximum(squares[kept], 1e-300))
        directions = directions[:, kept]
        turned = directions * sizes
        back = (directions / sizes).T @ wide
        return cls(turned.astype(np.float32), back.astype(np.float32))
