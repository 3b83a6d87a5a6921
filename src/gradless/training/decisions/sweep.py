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
_EXACT, _SLOW = 20_000, 48
_SEVERAL = 96  # of more than two classes, for a class
_PASSES, _ENOUGH = 3, 1e-3  # a pass that gains less than this part is the last one


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
    by_class = weight[:, None] * true
    offsets, best = start.copy(), _gain(scores + start, true, weight, metric)
    for _ in range(_PASSES):
        before = best
        for k in range(len(offsets)):
            offset, gain = _swept(scores + offsets, by_class, metric, k)
            if gain > best:
                tried = offsets.copy()
                tried[k] += offset
                # The sum of many small numbers that a sweep goes by is not exact.
                if (exact := _gain(scores + tried, true, weight, metric)) > best:
                    offsets, best = tried, exact
        if best - before <= _ENOUGH * abs(best):
            break
    return offsets - offsets.mean()


def within(scores: Array, weight: Array, most: float, positive: int) -> Array:
    """Offsets (2,) for the larger score to decide, but for at most a share of the rows positive.

    They are 0 where that is so already; else the rows with the largest lead stay positive.
    """
    lead = scores[:, positive] - scores[:, 1 - positive]
    order = np.argsort(-lead, kind="stable")
    many = np.cumsum(weight[order]) > (most + 1e-12) * weight.sum()
    limit = float(lead[order][many].max(initial=0.0))
    offsets = np.zeros(2)
    if limit > 0:
        above = float(lead[lead > limit].min(initial=limit + 2.0))
        offsets[positive] = -(limit + above) / 2
    return offsets


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


def _swept(shifted: Array, by_class: Array, metric: Metric, k: int) -> tuple[float, float]:
    """What to add to a class's score, and about the metric then.

    ``by_class`` is the weight of each true class, (n, classes).
    """
    classes = shifted.shape[1]
    others = shifted.copy()
    others[:, k] = -np.inf
    second = others.argmax(1)
    behind = others[np.arange(len(others)), second] - shifted[:, k]
    limits = _spread(behind, by_class[:, k], _SEVERAL if metric.fast else _SLOW)
    segment = np.searchsorted(limits, behind, side="left")
    cells = segment * classes + second
    count = (len(limits) + 1) * classes
    columns = [np.bincount(cells, by_class[:, c], minlength=count) for c in range(classes)]
    # (segments, true, decided without k)
    from_where = np.stack(columns, axis=1).reshape(-1, classes, classes).swapaxes(1, 2)
    moved = np.cumsum(from_where, axis=0)
    tables = moved[-1] - moved[:-1]
    tables[:, :, k] += moved[:-1].sum(-1)
    gains = metric.gain(tables)
    gains = np.where(np.isfinite(gains), gains, -np.inf)
    at = _nearest(gains, limits, 0.0)
    return at, float(gains.max())


def _spread(values: Array, of_class: Array, most: int) -> Array:
    """About so many limits: at even shares of some of the rows, and of those of a class."""
    few = values[:: len(values) // (8 * most) + 1]
    likely = np.flatnonzero(of_class > of_class.max() / 2)
    likely = likely[:: len(likely) // (8 * most) + 1]
    parts = np.concatenate([few, values[likely]])
    shares = np.quantile(parts, np.linspace(0, 1, most))
    return np.unique(np.concatenate([[values.min() - 1], shares, [values.max() + 1]]))


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
