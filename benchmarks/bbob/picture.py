"""How does it look? The share of targets reached over evaluations, a panel a dimension."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.bbob.algorithms import algorithm
from benchmarks.bbob.summary import POINTS
from benchmarks.pages.charts import LIBRARIES
from gradless.views import style

_COLORS = {name: look.color for name, look in LIBRARIES.items()} | {
    "SciPy": "#222222",
    "random": style.FAINT,
}
_DASHES = ("solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
_PANEL, _HEIGHT, _KEY = 3.9, 3.3, 2.7  # inches
_LEFT, _RIGHT, _TOP, _BOTTOM, _BETWEEN, _ABOVE = 0.9, 0.2, 0.95, 0.6, 0.45, 0.6
_SUITES = {"bbob": "BBOB", "bbob-noisy": "BBOB with noise", "bbob-mixint": "BBOB, whole numbers"}


def draw(found: dict[int, dict[str, Any]], suite: str, path: Path) -> None:
    """An empirical cumulative distribution for each algorithm, in a panel for each dimension."""
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    width = _LEFT + columns * _PANEL + (columns - 1) * _BETWEEN + _KEY
    height = _TOP + rows * _HEIGHT + (rows - 1) * _ABOVE + _BOTTOM
    figure = style.blank(width, height)
    title = f"{_SUITES[suite]}: targets reached, of 100 to 1e-8 above the optimum"
    style.headed(
        figure,
        title,
        "all functions; the key is in the order of the ends, dimensions together",
        _LEFT,
    )
    looks = _looks(found)
    for place, (dimension, of_dimension) in enumerate(found.items()):
        row, column = divmod(place, columns)
        left = _LEFT + column * (_PANEL + _BETWEEN)
        bottom = height - _TOP - (row + 1) * _HEIGHT - row * _ABOVE
        axes = figure.add_axes(
            (left / width, bottom / height, _PANEL / width, _HEIGHT / height), facecolor="white"
        )
        # Ours is drawn last, on top of the others.
        for name in sorted(of_dimension, key=lambda name: name == "gradless"):
            color, dashes = looks[name]
            axes.plot(
                POINTS, of_dimension[name]["curve"], color=color, linestyle=dashes,
                linewidth=2.8 if name == "gradless" else 1.6,
            )  # fmt: skip
        style.plain_axes(axes, grid="both")
        axes.set_xscale("log")
        axes.set_xlim(POINTS[0], POINTS[-1])
        axes.set_ylim(0, 1)
        axes.xaxis.set_major_locator(LogLocator(10))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(style.percent))
        axes.annotate(
            f"{dimension}-D", (0, 1), xytext=(8, -8), xycoords="axes fraction", va="top",
            textcoords="offset points", fontsize=style.LABEL, fontweight="bold", color=style.INK,
        )  # fmt: skip
        if column:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("targets reached")
        if place + columns >= len(found):
            axes.set_xlabel("evaluations for each variable (log scale)")
    handles = [
        axes.plot(
            [], [], color=color, linestyle=dashes, linewidth=2.8 if name == "gradless" else 1.6
        )[0]
        for name, (color, dashes) in looks.items()
    ]
    figure.legend(
        handles, list(looks), loc="upper left", frameon=False, fontsize=style.TICK,
        bbox_to_anchor=((width - _KEY + _RIGHT) / width, 1 - _TOP / height),
    )  # fmt: skip
    style.save(figure, path)


def _looks(found: dict[int, dict[str, Any]]) -> dict[str, tuple[str, Any]]:
    """Colours of libraries, dashes of their methods, the highest end first."""
    ends: dict[str, list[float]] = {}
    for rows in found.values():
        for name, row in rows.items():
            ends.setdefault(name, []).append(row["share"])
    order = sorted(ends, key=lambda name: -sum(ends[name]) / len(ends[name]))
    looks: dict[str, tuple[str, Any]] = {}
    of_family: dict[str, int] = {}
    for name in sorted(order):
        family = algorithm(name).family
        variant = of_family[family] = of_family.get(family, -1) + 1
        looks[name] = (_COLORS[family], _DASHES[variant % len(_DASHES)])
    return {name: looks[name] for name in order}
