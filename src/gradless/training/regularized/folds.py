"""Which rows judge which network? Folds, each with its share of every class or range of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def drawn(
    targets: npt.NDArray[Any], weight: npt.NDArray[np.floating], folds: int, seed: int
) -> npt.NDArray[np.int64]:
    """Fold of every row, (rows,), from 0 on.

    Rows are ordered by class or target, and each of so many in a row goes to another fold: every
    class, and every range of targets, is spread as evenly as its number of rows allows. Of several
    outputs or labels, the sum decides the order.

    Parameters
    ----------
    targets
        Class indices (rows,), or numbers or labels (rows, outputs).
    weight
        How much each row counts, (rows,); those that count for nothing are spread as well.
    folds
        How many.
    seed
        Decides every draw.
    """
    draw = np.random.default_rng(np.random.SeedSequence([seed, folds]))
    rows = len(targets)
    key = targets if targets.ndim == 1 else targets.sum(1)
    shuffled = draw.permutation(rows)
    order = shuffled[np.lexsort((key[shuffled], weight[shuffled] <= 0))]
    found = np.empty(rows, np.int64)
    if targets.dtype.kind in "iub" and targets.ndim == 1:
        found[order] = np.arange(rows) % folds
    else:
        blocks = [draw.permutation(folds) for _ in range(-(-rows // folds))]
        found[order] = np.concatenate(blocks)[:rows] if blocks else []
    return found
