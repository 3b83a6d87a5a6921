"""Which columns does a network need, and what does it make of them? Two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gradless.runs.importance import Dependence, Importance
from gradless.views import style
from gradless.views.style import PALETTE

_BARS, _LINES = 15, 6  # columns, and classes


def importance(
    found: Sequence[Importance], path: Path | str | None, title: str, *, quantity: str, rows: str
) -> Figure:
    """Draw how much worse a network is without each column.

    Parameters
    ----------
    found
        The columns, the most important one first; the first 15 are drawn.
    path
        File to write; None only makes the figure.
    title
        What the picture shows.
    quantity
        What is lost, for the axis.
    rows
        Which were shuffled, in words.

    Returns
    -------
    matplotlib.figure.Figure
        The picture; it grows with the number of columns.
    """
    shown = list(found[:_BARS])
    names = [style.plain(style.cut(one.name, 28)) for one in shown]
    places = np.arange(len(shown))[::-1]
    figure, axes = style.canvas(8.0, 1.6 + 0.34 * len(shown))
    style.plain_axes(axes, grid="x")
    values, low, high = (np.array([one[k] for one in shown]) for k in (2, 3, 4))
    axes.barh(places, values, height=0.62, color=PALETTE[0], alpha=0.85)
    axes.errorbar(
        values, places, xerr=[(values - low).clip(0), (high - values).clip(0)], fmt="none",
        ecolor=style.INK, elinewidth=1.2, capsize=3,
    )  # fmt: skip
    axes.axvline(0, color=style.FAINT, linewidth=1.0)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(_number))
    axes.set_xlabel(quantity)
    more = f"; {len(shown)} of {len(found):,} columns" if len(found) > len(shown) else ""
    style.titled(axes, title, 6.0, f"shuffled among {rows}, with 95 % intervals{more}")
    if path is not None:
        style.save(figure, path)
    return figure


def dependence(
    found: Sequence[Dependence],
    class_names: Sequence[str] | None,
    path: Path | str | None,
    title: str,
    *,
    name: str = "value",
) -> Figure:
    """Draw the mean answer of a network over the values of some columns.

    Parameters
    ----------
    found
        A panel for each.
    class_names
        One name per class; of two, the second one is drawn, of many the first six. None for
        numbers.
    path
        File to write; None only makes the figure.
    title
        What the picture shows.
    name
        What is predicted.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.
    """
    panels = len(found)
    figure = style.blank(max(6.0, 1.2 + 3.3 * panels), 4.4)
    grid = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    drawn = [0] if class_names is None else list(range(len(class_names)))[:_LINES]
    if class_names is not None and len(class_names) == 2:
        drawn = [1]
    for axes, one in zip(grid, found, strict=True):
        style.plain_axes(axes, grid="y")
        words = isinstance(one.values, tuple)
        x = np.arange(len(one.values)) if words else np.asarray(one.values)
        for turn, k in enumerate(drawn):
            color = PALETTE[turn % len(PALETTE)]
            label = None if class_names is None else style.plain(style.cut(class_names[k], 16))
            axes.plot(
                x, one.answers[:, k], color=color, linewidth=0 if words else 2.2,
                marker="o" if words or len(x) < 12 else "", markersize=7, label=label,
            )  # fmt: skip
        if len(one.seen):
            axes.plot(
                one.seen, np.zeros(len(one.seen)), "|", color=style.NOTE, markersize=7,
                transform=axes.get_xaxis_transform(), clip_on=False,
            )  # fmt: skip
        axes.set_xlabel(style.plain(style.cut(one.name, 30)))
        if words:
            names = [style.plain(style.cut(value, 14)) for value in one.values]
            steep = sum(map(len, names)) > 26
            axes.set_xticks(
                x, names, rotation=40 if steep else 0, ha="right" if steep else "center",
                rotation_mode="anchor",
            )  # fmt: skip
            axes.set_xlim(-0.6, len(x) - 0.4)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(2 if np.abs(x).max() >= 1e6 else 4))
            axes.xaxis.set_major_formatter(FuncFormatter(_number))
    first = grid[0]
    if class_names is None:
        first.yaxis.set_major_formatter(FuncFormatter(_number))
        first.set_ylabel(f"predicted {style.plain(style.cut(name, 24))}")
    else:
        first.yaxis.set_major_formatter(FuncFormatter(style.percent))
        of = f" of {class_names[drawn[0]]!r}" if len(drawn) == 1 else ""
        first.set_ylabel(f"probability{style.plain(style.cut(of, 26))}")
        if len(drawn) > 1:
            grid[-1].legend(
                frameon=False, fontsize=style.SMALL, loc="center left", bbox_to_anchor=(1.0, 0.5)
            )
    style.headed(figure, title, "mean answer if all rows had this value", 0.25)
    figure.set_layout_engine("constrained", rect=(0.01, 0.0, 0.98, 0.8))
    if path is not None:
        style.save(figure, path)
    return figure


def _number(value: float, _position: object = None) -> str:
    """A number at an axis, with all digits of a large one."""
    return f"{value:,.0f}" if abs(value) >= 1e6 else style.number(value)
