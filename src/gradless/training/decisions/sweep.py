"""Which offsets of classes make a metric as good as it gets?

Of two classes, every threshold between two different scores is tried: rows sorted by score move
over one by one, and sums of what moved are all that a metric needs. Of more classes, one class's
offset after the other is swept like that, the others staying where they are, until none helps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gradless.training.decisions.counted import Metric, table

Array = npt.NDArray[np.float64]

# Thresholds tried: of more scores than that, those at even shares of the rows and of each class.
_EXACT, _MANY_CLASSES, _SLOW = 20_000, 128, 48
_PASSES = 4


def best_offsets(
    scores: Array, true: Array, weight: Array, metric: Metric, start: Array,
    most: float | None = None, positive: int = 1,
) -> Array:  # fmt: skip
    """Offsets (classes,) to be added to scores, for the largest one to be the best decision.

    Parameters
    ----------
    scores
        Of the classes, (n, classes).
    true
        Probabilities of the true class, (n, classes): one-hot where it is known.
    weight
        Of the rows, (n,).
    metric
        What is to be best.
    start
        Offsets to begin with, (classes,); of equally good ones, those nearest to it are taken.
    most
        Of two classes, the largest share of the rows that may be decided to be ``positive``.
    """
    if scores.shape[1] == 2:
        return _two(scores, true, weight, metric, start, most, positive)
    offsets, best = start.copy(), _gain(scores + start, true, weight, metric)
    for _ in range(_PASSES):
        before = best
        for k in range(len(offsets)):
            offset, gain = _swept(scores + offsets, true, weight, metric, k)
            if gain > best:
                tried = offsets.copy()
                tried[k] += offset
                # The sum of many small numbers that a sweep goes by is not exact.
                if (exact := _gain(scores + tried, true, weight, metric)) > best:
                    offsets, best = tried, exact
        if best <= before:
            break
    return offsets - offsets.mean()


def _gain(shifted: Array, true: Array, weight: Array, metric: Metric) -> float:
    return float(metric.gain(table(true, shifted.argmax(1), weight)[None])[0])


def _two(
    scores: Array, true: Array, weight: Array, metric: Metric, start: Array,
    most: float | None, positive: int,
) -> Array:  # fmt: skip
    """The best of all thresholds between two classes."""
    lead = scores[:, 1] - scores[:, 0]  # the second class is decided for where lead + offset > 0
    cuts, moved = _cuts(-lead, true, weight, _EXACT if metric.fast else _SLOW)
    whole = (weight[:, None] * true).sum(0)
    tables = np.stack([whole - moved, moved], axis=-1)
    gains = metric.gain(tables)
    gains = np.where(np.isfinite(gains), gains, -np.inf)
    if most is not None:
        share = tables[:, :, positive].sum(-1) / whole.sum()
        gains = np.where(share <= most + 1e-12, gains, -np.inf)
    at = _nearest(gains, cuts, start[1] - start[0])
    return np.array([-at / 2, at / 2])


def _nearest(gains: Array, cuts: Array, start: float) -> float:
    """Of the best cuts, the one nearest to where the search began."""
    top = gains.max()
    best = np.flatnonzero(gains >= top - 1e-12 * max(1.0, abs(top) if np.isfinite(top) else 1.0))
    return float(cuts[best[np.argmin(np.abs(cuts[best] - start))]])


def _swept(
    shifted: Array, true: Array, weight: Array, metric: Metric, k: int
) -> tuple[float, float]:
    """What to add to a class's score, and the metric then."""
    classes = shifted.shape[1]
    others = shifted.copy()
    others[:, k] = -np.inf
    second = others.argmax(1)
    behind = others[np.arange(len(others)), second] - shifted[:, k]
    limits = _limits(behind, true[:, k] * weight, _MANY_CLASSES if metric.fast else _SLOW)
    segment = np.searchsorted(limits, behind, side="left")
    cells = segment * classes + second
    count = (len(limits) + 1) * classes
    from_where = np.stack(
        [
            np.bincount(cells, weight * true[:, c], minlength=count).reshape(-1, classes)
            for c in range(classes)
        ],
        axis=1,
    )  # (segments, true, decided without k)
    moved = np.cumsum(from_where, axis=0)
    tables = moved[-1] - moved[:-1]
    tables[:, :, k] += moved[:-1].sum(-1)
    gains = metric.gain(tables)
    gains = np.where(np.isfinite(gains), gains, -np.inf)
    at = _nearest(gains, limits, 0.0)
    return at, float(gains.max())


def _limits(values: Array, of_class: Array, most: int) -> Array:
    """Numbers between different values, at most about so many: no value is between two."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    steps = np.flatnonzero(np.diff(ordered) > 0)
    if len(steps) > most:
        near = np.searchsorted(steps, _even(of_class[order], most))
        steps = np.unique(steps[np.minimum(near, len(steps) - 1)])
    between = (ordered[steps] + ordered[steps + 1]) / 2
    # Rounding must not put a limit onto the larger value.
    between = np.where(between >= ordered[steps + 1], ordered[steps], between)
    return np.concatenate([[ordered[0] - 1], between, [ordered[-1] + 1]])


def _even(of_class: Array, most: int) -> npt.NDArray[np.intp]:
    """Positions at even shares of the rows, and of the weight of a class."""
    rows = np.linspace(0, len(of_class) - 1, most // 2).astype(np.intp)
    sums = np.cumsum(of_class)
    if sums[-1] <= 0:
        return rows
    shares = np.searchsorted(sums, np.linspace(0, sums[-1], most // 2))
    return np.union1d(rows, np.minimum(shares, len(of_class) - 1))


def _cuts(values: Array, true: Array, weight: Array, most: int) -> tuple[Array, Array]:
    """Limits among values, and weight (limits, classes) of the rows below each."""
    rare = int(np.argmin((weight[:, None] * true).sum(0)))
    limits = _limits(values, weight * true[:, rare], most)
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weight[order, None] * true[order], axis=0)
    sums = np.concatenate([np.zeros((1, true.shape[1])), sums])
    return limits, sums[np.searchsorted(values[order], limits, side="left")]
