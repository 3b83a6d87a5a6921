"""What do the charts of the pages have in common? Colours of libraries, panels, intervals."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradless.views import comparison_picture, style
from gradless.views.style import GRADIENTS, Look

LEFT = 0.95  # inches before the first panel
# A library has the same colour in every chart; what uses gradients is grey.
_COLORS = {
    "gradless": "#0072B2",
    "evosax": "#E69F00",
    "evosax, our settings": "#8C564B",
    "EvoTorch": "#009E73",
    "nevergrad": "#CC79A7",
    "pycma": "#56B4E9",
    "cmaes": "#D55E00",
    "PyGAD": "#7A5195",
    "mlrose-ky": "#7F7F00",
}
LIBRARIES = {name: Look(color, "solid") for name, color in _COLORS.items()}
OURS, THEIRS = _COLORS["gradless"], GRADIENTS


def two_panels(title: str, note: str, room: float) -> tuple[Figure, list[Axes]]:
    """A figure with title and note, and its two axes with ``room`` inches to their right."""
    figure, panels = comparison_picture.panels_of(2, room, share_y=False)
    style.headed(figure, title, note, LEFT)
    return figure, panels


def interval(panel: Axes, mean: float, half: float, place: int, text: str, color: str) -> None:
    """A mean with its interval, a row of a panel, and its value above it."""
    panel.errorbar(
        mean, -place, xerr=half, fmt="o", color=color, capsize=4, markersize=7, linewidth=2
    )
    panel.annotate(
        text, (mean, -place), xytext=(0, 8), textcoords="offset points", ha="center", color=color,
        fontsize=style.SMALL,
    )  # fmt: skip


def rows_of(panel: Axes, names: Any) -> None:
    """A panel of intervals: a name a row, lines along the values."""
    style.plain_axes(panel, grid="x")
    panel.set_yticks([-place for place in range(len(names))], list(names))
    panel.set_ylim(0.5 - len(names), 0.7)
    panel.margins(x=0.12)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
