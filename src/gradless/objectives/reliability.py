"""Does what is said to be likely happen as often? Probabilities beside shares, in bins.

Bins of equal counts (DeGroot and Fienberg, "The Comparison and Evaluation of Forecasters", 1983,
have such diagrams), with Wilson's intervals of the shares (Wilson, "Probable Inference", 1927).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_Z = 1.959964  # 95 % of a normal distribution
_MOST, _ROWS = 10, 15  # bins, and rows in each


class Bins(NamedTuple):
    """Rows of similar probabilities, each field (bins,).

    Attributes
    ----------
    said
        The mean probability.
    happened
        The share of rows where it happened.
    low, high
        95 % interval of that share.
    rows
        How many there are.
    """

    said: Array
    happened: Array
    low: Array
    high: Array
    rows: npt.NDArray[np.intp]


def bins(happened: npt.ArrayLike, probabilities: npt.ArrayLike) -> Bins:
    """Rows by their probability, about as many in each bin.

    Rows of one probability stay together, so that there may be fewer bins.

    Parameters
    ----------
    happened
        Whether it did, shape (n,), n at least 1.
    probabilities
        That it does, shape (n,).
    """
    did, said = np.asarray(happened, np.float64), np.asarray(probabilities, np.float64)
    order = np.argsort(said, kind="stable")
    did, said = did[order], said[order]
    wanted = int(np.clip(len(said) // _ROWS, 1, _MOST))
    cuts = np.linspace(0, len(said), wanted + 1).astype(int)[1:-1]
    starts = np.unique([0, *np.searchsorted(said, said[cuts])])
    rows = np.diff(starts, append=len(said))
    share = np.add.reduceat(did, starts) / rows
    half = _Z**2 / rows
    middle = (share + half / 2) / (1 + half)
    reach = _Z * np.sqrt(share * (1 - share) / rows + half / (4 * rows)) / (1 + half)
    means = np.add.reduceat(said, starts) / rows
    return Bins(means, share, (middle - reach).clip(0), (middle + reach).clip(max=1), rows)


def judged(targets: npt.NDArray[Any], probabilities: Array) -> tuple[Array, Array]:
    """What is to happen and how likely it is said to be, each (rows,).

    Of two classes the second one; of more, that the most likely class is the true one.
    """
    if probabilities.shape[1] == 2:
        return (targets == 1).astype(np.float64), probabilities[:, 1]
    return (targets == probabilities.argmax(1)).astype(np.float64), probabilities.max(1)
