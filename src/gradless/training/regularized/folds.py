"""Which rows judge which network? Folds, each with its share of every class or range of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def drawn(
    targets: npt.NDArray[Any],
    weight: npt.NDArray[np.floating],
    folds: int,
    seed: int,
    groups: npt.NDArray[np.integer] | None = None,
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
    groups
        Rows of one number are in one fold, (rows,): the largest groups are placed first, each where
        the fewest rows are. None for none.
    """
    draw = np.random.default_rng(np.random.SeedSequence([seed, folds]))
    rows = len(targets)
    if groups is not None:
        return _of_groups(groups, folds, draw)
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


def _of_groups(
    groups: npt.NDArray[np.integer], folds: int, draw: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Whole groups, folds of about as many rows."""
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = draw.permutation(len(sizes))
    fold_of, filled = np.empty(len(sizes), np.int64), np.zeros(folds)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[group] = int(np.argmin(filled))
        filled[fold_of[group]] += sizes[group]
    found: npt.NDArray[np.int64] = fold_of[number]
    return found
