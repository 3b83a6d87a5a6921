"""Which scale shows a run's values? One on which no spike squeezes them, and where they jump."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from gradless.views import style

Array = npt.NDArray[Any]

# A loss that spans more than this factor is easier to read on a logarithmic axis.
_LOG_SPAN = 20.0
# More rows than the picture has columns by far; beyond that only time and ink are spent.
_DRAWN_ROWS = 20_000
_OUTLIERS = 0.02  # share of the values that may leave the axis, where they would squeeze the others
_SQUEEZED = 0.5  # of the height of the others that outliers take, at least, to be left out
_JUMP = 0.03  # of the height, from one row to the next, that shows that a search began elsewhere


def count_axis(axes: Axes, label: str, x: Array, *, from_zero: bool = False) -> None:
    """Horizontal axis of counts: 50,000 with its comma, then millions and billions."""
    unit, word = 1.0, ""
    for size, name in ((1e6, " (millions)"), (1e9, " (billions)")):
        if x.size and x.max() >= 2 * size:
            unit, word = size, name
    axes.set_xlabel(label + word)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10], integer=unit == 1))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda count, _: f"{count:,.0f}" if unit == 1 else f"{count / unit:,.4g}")
    )
    if x.size:
        alone = x.min() == x.max()
        # The last step of a line is to be seen.
        first = 0.0 if from_zero else x.min() - alone
        axes.set_xlim(first, x.max() + alone + 0.01 * (x.max() - first))


def value_axis(
    axes: Axes,
    quantity: str,
    values: Array,
    marks: Array,
    *,
    rises: bool = False,
    log: bool | None = None,
) -> bool:
    """Vertical axis: percent for an accuracy, plain numbers (never powers) otherwise.

    Room is made for `values`, but for a few that would squeeze the others, and for all of `marks`.
    Returns whether it is logarithmic.
    """
    if quantity == "accuracy":
        axes.yaxis.set_major_formatter(FuncFormatter(style.percent))
    if rises:
        axes.set_ylabel(quantity)
        if values.size:
            low, high = _rising_limits(np.append(values, marks))
            axes.set_ylim(low, high)
            ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
            # Nothing is better than 1.
            axes.set_yticks([tick for tick in ticks if low <= tick <= min(high, 1.0 + 1e-9)])
        return False
    ceiling = _ceiling(values)
    core = np.append(values[values <= ceiling], marks)
    positive = bool(core.size) and bool(core.min() > 0)
    if log is None:
        log = positive and bool(core.max() > _LOG_SPAN * core.min())
    axes.set_ylabel(f"{quantity} (log scale)" if log else quantity)
    if log:
        axes.set_yscale("log", nonpositive="mask")
        decades = np.log10(core.max() / core.min()) if positive else 3.0
        subs = (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axes.yaxis.set_major_formatter(FuncFormatter(style.number))
        axes.yaxis.set_minor_formatter(NullFormatter())
    elif quantity != "accuracy":
        axes.yaxis.set_major_formatter(FuncFormatter(style.number))
    if values.size and ceiling < values.max():
        low, high = np.log([core.min(), core.max()]) if log else [core.min(), core.max()]
        room = 0.06 * ((high - low) or abs(high) or 1.0)
        limits = np.array([low - room, high + room])
        axes.set_ylim(*(np.exp(limits) if log else limits))
        axes.annotate(
            f"↑ up to {style.short(values.max(), quantity)}", (0.99, 1), (0, -14),
            xycoords="axes fraction", textcoords="offset points", ha="right", va="top",
            color=style.NOTE, fontsize=style.SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        )  # fmt: skip
    return log


def _ceiling(values: Array) -> float:
    """The largest value worth its place: outliers are not where they would squeeze the others."""
    if len(values) < 50:
        return np.inf
    seen = np.log(values) if values.min() > 0 else values
    low, most, high = np.quantile(seen, [0, 1 - _OUTLIERS, 1])
    if high - most <= _SQUEEZED * (most - low) or most == low:
        return np.inf
    return float(np.quantile(values, 1 - _OUTLIERS, method="lower"))


def _rising_limits(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    # R² may begin far below 0, which would squeeze what comes after.
    low = max(low, -1.0) if high > 0 else low
    # At least ten points of percent, or noise would look like progress.
    room = max(0.1 - (high - low), 0) / 2 + 0.02 * max(1.0, high - low)
    return (max(low - room, -0.02) if low >= 0 else low - room), min(high + room, 1.02)


def jumps(evaluations: Array, losses: Array) -> list[float]:
    """Where a reader sees losses jump up, of a search that begins elsewhere now and then.

    Jumps that nobody can tell apart are one, at its first row.
    """
    x, y = finite(np.asarray(evaluations, np.float64), np.asarray(losses, np.float64))
    if len(x) < 3:
        return []
    seen = np.log(y) if y.min() > 0 and y.max() > _LOG_SPAN * y.min() else y
    rows = np.flatnonzero(np.diff(seen) > _JUMP * np.ptp(seen)) + 1
    apart, last = [], -np.inf
    for position in x[rows].tolist():
        if position - last > 0.008 * (x[-1] - x[0]):
            apart.append(position)
        last = position
    return apart


def finite(x: Array, y: Array) -> tuple[Array, Array]:
    """Pairs that can be drawn; of very many every k-th, and always the last."""
    keep = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    step = max(1, -(-keep.size // _DRAWN_ROWS))
    keep = keep[::-1][::step][::-1]
    return x[keep], y[keep]
