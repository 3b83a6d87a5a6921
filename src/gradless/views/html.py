"""What does a notebook show of a result? A small table, and the curve of its loss as inline SVG.

Both are text of a few kilobytes and need no picture library. Colours of text are the notebook's
own, so that dark themes work.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core import words

if TYPE_CHECKING:
    from gradless.training.history import History

_WIDTH, _HEIGHT = 460, 170  # pixels
_RIGHT, _TOP, _BOTTOM = 10, 8, 22  # room beside the curve
_POINTS = 300  # of a curve: more than it has pixels to show them
_LOG_SPAN = 20.0  # a loss that spans more than this factor is drawn on a logarithmic axis
_BEST, _EACH = "#2A8CCB", "#9AA5B1"  # seen on white and on black

Array = npt.NDArray[Any]


def table(facts: Sequence[tuple[str, str]]) -> str:
    """Names and values in two columns."""
    cell = 'style="text-align:left;vertical-align:top;padding:1px 12px 1px 0"'
    rows = (
        f"<tr><th {cell}>{html.escape(name)}</th><td {cell}>{html.escape(value)}</td></tr>"
        for name, value in facts
    )
    return f'<table style="border-collapse:collapse">{"".join(rows)}</table>'


def of_history(history: History) -> str:
    """A history: its extent and its curve."""
    if not history:
        return table([("history", "empty")])
    last = history.last
    facts = [
        ("rows", f"{len(history):,} of {last.generation:,} generations"),
        ("evaluations", f"{last.evaluations:,} in {words.seconds(last.seconds)}"),
        ("best loss", words.loss(last.best_loss)),
    ]
    facts += [(name, words.measure(name, of)) for name, of in last.best_measures.items()]
    return table(facts) + curve(history)


def curve(history: History) -> str:
    """The best loss and that of each generation over evaluations, as SVG; empty if none is finite.

    What is above the first best loss is cut off, so that a single spike does not flatten all else.
    """
    x = history.column("evaluations").astype(np.float64)
    best, each = (history.column(name).astype(np.float64) for name in ("best_loss", "loss"))
    axis = _Axis.of(best[np.isfinite(best)])
    if axis is None:
        return ""
    ends = [words.loss(end) for end in (axis.high, axis.low)]
    if ends[0] == ends[1] or abs(axis.high) > 1000 * (axis.high - axis.low):
        ends = [words.among(end, axis.high - axis.low) for end in (axis.high, axis.low)]
    left = 12 + 7 * max(map(len, ends))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    across = left + (right - left) * (x - x[0]) / max(float(x[-1] - x[0]), 1.0)
    unit = "loss (log scale)" if axis.log else "loss"
    return "".join(
        [
            f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            'style="max-width:100%" xmlns="http://www.w3.org/2000/svg">',
            "<title>Loss over evaluations</title>",
            f'<path d="M{left},{_TOP}V{bottom}H{right}" fill="none" stroke="currentColor" '
            'stroke-opacity="0.4"/>',
            f'<polyline points="{_points(across, axis.down(each))}" fill="none" '
            f'stroke="{_EACH}" stroke-opacity="0.7"/>',
            f'<polyline points="{_points(across, axis.down(best), steps=True)}" fill="none" '
            f'stroke="{_BEST}" stroke-width="2"/>',
            _label(left - 5, _TOP + 9, ends[0], "end"),
            _label(left - 5, bottom, ends[1], "end"),
            _label(left, _HEIGHT - 6, f"{x[0]:,.0f}", "start"),
            _label(right, _HEIGHT - 6, f"{x[-1]:,.0f} evaluations", "end"),
            _label(right, _TOP + 9, unit, "end"),
            "</svg>",
        ]
    )


class _Axis(NamedTuple):
    """What of the losses is shown, from the bottom up."""

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, losses: Array) -> _Axis | None:
        """For these, which are finite; None for none."""
        if not losses.size:
            return None
        low, high = float(losses.min()), float(losses.max())
        if low == high:
            room = abs(low) * 1e-3 or 1.0
            return cls(low - room, high + room, False)
        least = float(losses.min(where=losses > 0, initial=high))
        if low >= 0 and high > _LOG_SPAN * least:
            return cls(least, high, True)  # of zeros, the line runs along the bottom
        return cls(low, high, False)

    def down(self, losses: Array) -> Array:
        """Pixels from the top."""
        low, high = (np.log(self[:2])) if self.log else self[:2]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = ((np.log(losses) if self.log else losses) - low) / (high - low)
        share = np.where(np.isposinf(share) | np.isnan(share), np.nan, share.clip(0, 1))
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)


def _points(across: Array, down: Array, *, steps: bool = False) -> str:
    """Of a line, or of steps: the best loss stays until there is a better one."""
    keep = np.flatnonzero(np.isfinite(down))
    keep = keep[np.linspace(0, keep.size - 1, min(keep.size, _POINTS)).astype(int)]
    across, down = across[keep], down[keep]
    if steps:
        across, down = np.repeat(across, 2)[1:], np.repeat(down, 2)[:-1]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="11" '
        f'fill="currentColor">{html.escape(text)}</text>'
    )
