"""What do the suite's charts have in common? Two panels with a title, and room for names."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gradless.views import plots

_WIDTH, _HEIGHT, _MARGIN = 13.0, 5.6, 0.95  # inches


def two_panels(title: str, note: str, room: float) -> tuple[Figure, Any]:
    """A figure with title and note, and its two axes with ``room`` inches to their right."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=plots.DPI, facecolor="white")
    FigureCanvasAgg(figure)
    panel = (_WIDTH - 2 * (_MARGIN + room)) / 2
    figure.subplots_adjust(
        left=_MARGIN / _WIDTH, right=1 - room / _WIDTH, bottom=0.11, top=0.84,
        wspace=(_MARGIN + room) / panel,
    )  # fmt: skip
    for y, text, size, color, weight in (
        (0.945, title, 13, plots._INK, "bold"),
        (0.888, note, 10.5, "#555555", "normal"),
    ):
        figure.text(
            _MARGIN / _WIDTH, y, text, fontsize=size, color=color, fontweight=weight, va="center"
        )
    return figure, figure.subplots(1, 2)
