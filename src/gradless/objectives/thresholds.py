"""What would another threshold cost? Precision, recall and F1 by how many rows are found."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

USED = 0.5
SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


class Threshold(NamedTuple):
    """A decision for the positive class from a probability on.

    Attributes
    ----------
    probability
        From which on a row is taken for positive.
    share
        Of the rows, those that are.
    precision, recall, f1
        Of the positive class; None where it is not defined.
    used
        Whether it is the one that the network decides by.
    """

    probability: float
    share: float
    precision: float | None
    recall: float | None
    f1: float
    used: bool


def thresholds(
    targets: npt.NDArray[Any], probabilities: npt.NDArray[np.float64]
) -> list[Threshold]:
    """Some thresholds, from the fewest rows that are taken for positive to the most.

    Parameters
    ----------
    targets
        1 for positive rows and 0 for the others, shape (n,).
    probabilities
        Of the positive class, shape (n,).
    """
    ordered = np.sort(probabilities)[::-1]
    ends = {max(1, round(share * len(ordered))) for share in SHARES}
    found = {}
    for cut in {float(ordered[end - 1]) for end in ends}:
        positive = probabilities >= cut
        found[int(positive.sum())] = _of(targets, positive, cut, used=False)
    # Of the two classes the first one is decided for where both are equally likely.
    positive = probabilities > USED
    found[int(positive.sum())] = _of(targets, positive, USED, used=True)
    return [found[rows] for rows in sorted(found)]


def _of(
    targets: npt.NDArray[Any], positive: npt.NDArray[np.bool_], cut: float, used: bool
) -> Threshold:
    hits, taken, true = int(targets[positive].sum()), int(positive.sum()), int(targets.sum())
    return Threshold(
        cut,
        taken / len(targets),
        hits / taken if taken else None,
        hits / true if true else None,
        2 * hits / (taken + true) if taken + true else 0.0,
        used,
    )
