"""How does a comparison look? The best so far over evaluations and time, a line a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gradless.objectives import Measure
from gradless.runs.compare import Axis, Outcome, quartiles
from gradless.training.gradient_descent import EVALUATIONS_PER_STEP, NAME
from gradless.views import plots

Array = npt.NDArray[np.float64]

_YARDSTICK_COLOR = "#6B7480"
# Without the palette's yellow, in which no one can read a label; some darker ones instead.
_COLORS = (*plots.PALETTE[:6], "#7A5195", "#8C564B", "#7F7F00", "#000000")
_STYLES: tuple[Any, ...] = ("solid", (0, (1, 1.2)))  # for more strategies than colours
_POINTS = 400
_WIDTH, _HEIGHT, _MARGIN = 13.0, 5.6, 0.8  # inches
_PANEL_POINTS = 72 * 4.3  # height of a panel, about
_LOG_SPAN = 20.0


class _Line(NamedTuple):
    """Quartiles (3, n) of one strategy's seeds at positions x, (n,)."""

    name: str
    x: Array
    y: Array
    color: str
    style: Any


def comparison(
    outcomes: Sequence[Outcome],
    names: Sequence[str],
    path: Path | str,
    *,
    title: str,
    subtitle: str = "",
    loss_name: str = "loss",
    objective: Measure | None = None,
    target: float | None = None,
) -> Figure:
    """Draw the median over seeds of each strategy's best loss, and the band of its quartiles.

    The left panel counts evaluations, the right one seconds, both logarithmic. A line ends where
    the first of its seeds did. Gradient descent is a dashed grey line.

    Parameters
    ----------
    outcomes
        Finished runs.
    names
        Strategies in the order in which they get their colours.
    path
        File to write.
    title, subtitle
        What was compared.
    loss_name
        Label of the vertical axes.
    objective
        What the losses are of, to draw its values; None to draw losses.
    target
        A loss to mark with a thin dotted line.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 1950 x 840 pixels.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=plots.DPI, facecolor="white")
    FigureCanvasAgg(figure)
    # Room at the right of each panel for the labels of its lines; a bold letter of 10 points is
    # 0.09 inches wide on average.
    room = 0.3 + 0.09 * max((len(run.name) for run in outcomes), default=0)
    panel = (_WIDTH - 2 * (_MARGIN + room)) / 2
    figure.subplots_adjust(
        left=_MARGIN / _WIDTH, right=1 - room / _WIDTH, bottom=0.11, top=0.84,
        wspace=(_MARGIN + room) / panel,
    )  # fmt: skip
    left, right = figure.subplots(1, 2, sharey=True)
    panels: tuple[tuple[Axes, Axis, str], ...] = (
        (left, "evaluations", "evaluations (log scale)"),
        (right, "seconds", "seconds, compilation not counted (log scale)"),
    )
    drawn = [
        (axes, label, _lines(outcomes, names, axis, objective)) for axes, axis, label in panels
    ]
    rises = objective is not None and objective.greater_is_better
    log = _vertical(left, [line.y for _, _, lines in drawn for line in lines], loss_name, rises)
    if target is not None and objective is not None:
        target = objective.value(target)
    for axes, label, lines in drawn:
        _style(axes)
        axes.tick_params(labelleft=True)
        axes.set_ylabel(left.get_ylabel())
        axes.set_xlabel(label)
        _horizontal(axes, lines)
        if target is not None:
            axes.axhline(target, color=plots._FAINT, linewidth=1.0, linestyle=":", zorder=1)
            if axes is left:
                axes.annotate(
                    f" target {target:.4g}", (0, target), xycoords=("axes fraction", "data"),
                    xytext=(0, 2), textcoords="offset points", fontsize=8.5, color="#6B7480",
                )  # fmt: skip
        for line in lines:
            _draw(axes, line)
        _label_ends(axes, lines, log)
        if not lines:
            axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center")
    figure.text(
        _MARGIN / _WIDTH, 0.945, plots._plain(title), fontsize=13, fontweight="bold",
        color=plots._INK, va="center",
    )  # fmt: skip
    figure.text(
        _MARGIN / _WIDTH, 0.888, plots._plain(subtitle), fontsize=10.5, color="#555555",
        va="center",
    )  # fmt: skip
    return plots._save(figure, path)


def note(outcomes: Sequence[Outcome], seeds: int) -> str:
    """What the lines are, for the subtitle."""
    text = f"line: median of {seeds} seeds, band: from first to third quartile"
    if seeds == 1:
        text = "one seed"
    if any(run.name == NAME for run in outcomes):
        text += f"; dashed: gradient descent, one step drawn as {EVALUATIONS_PER_STEP} evaluations"
    return text


def _lines(
    outcomes: Sequence[Outcome],
    names: Sequence[str],
    axis: Axis,
    objective: Measure | None = None,
) -> list[_Line]:
    lines = []
    searches = [name for name in names if name != NAME]
    for name in names:
        runs = [run for run in outcomes if run.name == name and len(run.curve.loss)]
        if not runs:
            continue
        begin = min(float(getattr(run.curve, axis)[0]) for run in runs)
        ends = [float(getattr(run, axis)) for run in runs]
        end = min(ends)
        if end < max(float(getattr(run.curve, axis)[0]) for run in runs):
            end = max(ends)  # one ended before another had a loss; its last one counts on
        x = np.geomspace(max(begin, 1e-6), max(end, begin, 1e-6), _POINTS)
        x[-1] = max(end, begin)  # to the last evaluation, whatever the logarithm rounds to
        y = quartiles(np.stack([run.curve.at(axis, x) for run in runs]))
        if objective is not None:
            y = np.sort(objective.value(y), axis=0)
        # Before most seeds have a loss there is no band; where some never have one, no top of it.
        there = np.isfinite(y).all(axis=0)
        if not there.any():
            there = np.isfinite(y[1])
        if not there.any():
            continue
        color, style = _YARDSTICK_COLOR, (0, (5, 2.5))
        if name != NAME:
            turn, place = divmod(searches.index(name), len(_COLORS))
            color, style = _COLORS[place], _STYLES[turn % len(_STYLES)]
        lines.append(_Line(name, x[there], y[:, there], color, style))
    return lines


def _style(axes: Axes) -> None:
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(plots._FAINT)
    axes.tick_params(colors=plots._INK, labelsize=10)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=plots._INK, fontsize=11)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#E5E8EB", linewidth=0.8)


def _vertical(axes: Axes, bands: list[Array], name: str, rises: bool = False) -> bool:
    """Set the vertical axis of both panels; whether it is logarithmic."""
    values = np.concatenate([band.ravel() for band in bands] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not values.size:
        return False
    low, high = float(values.min()), float(values.max())
    log = not rises and low > 0 and high > _LOG_SPAN * low
    plots._value_axis(axes, "loss", values, log)
    axes.set_ylabel(f"{name} (log scale)" if log else name)
    if log:
        axes.set_ylim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
    else:
        room = 0.04 * ((high - low) or 1.0)
        axes.set_ylim(low - room, high + room)
    return log


def _horizontal(axes: Axes, lines: list[_Line]) -> None:
    axes.set_xscale("log")
    if lines:
        low, high = min(line.x[0] for line in lines), max(line.x[-1] for line in lines)
        axes.set_xlim(low, high if high > low else 2 * low)
    axes.xaxis.set_major_locator(LogLocator(numticks=9))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _count(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _count(value: float) -> str:
    for size, unit in ((1e9, " B"), (1e6, " M")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _draw(axes: Axes, line: _Line) -> None:
    low, median, high = line.y
    dashed = line.name == NAME
    if np.any(high > low):
        bottom, top = axes.get_ylim()
        axes.fill_between(
            line.x, np.where(np.isfinite(low), low, bottom), np.where(np.isfinite(high), high, top),
            color=line.color, alpha=0.10 if dashed else 0.16, linewidth=0, zorder=2,
        )  # fmt: skip
    axes.plot(
        line.x, median, color=line.color, linewidth=1.6 if dashed else 2.0, linestyle=line.style,
        label=line.name, zorder=3,
    )  # fmt: skip


def _label_ends(axes: Axes, lines: list[_Line], log: bool) -> None:
    """Name every line at its end, moved apart where ends lie close together."""
    if not lines:
        return
    size = min(10.0, 0.95 * _PANEL_POINTS / (1.35 * len(lines)))
    low, high = axes.get_ylim()
    ends = np.array([line.y[1, -1] for line in lines])
    heights = np.log(ends / low) / np.log(high / low) if log else (ends - low) / (high - low)
    places = spread(heights, 1.35 * size / _PANEL_POINTS)
    for line, end, place in zip(lines, ends, places, strict=True):
        # A hair from the end of the line to its label, because lines end at different places.
        axes.annotate(
            "", (line.x[-1], end), xycoords="data", xytext=(1.035, place),
            textcoords="axes fraction", annotation_clip=False, zorder=1,
            arrowprops={
                "arrowstyle": "-", "color": line.color, "linewidth": 0.7, "alpha": 0.6,
                "shrinkA": 0, "shrinkB": 0,
            },
        )  # fmt: skip
        axes.text(
            1.045, place, line.name, transform=axes.transAxes, color=line.color,
            fontsize=size, fontweight="bold", va="center",
        )  # fmt: skip


def spread(positions: npt.ArrayLike, gap: float) -> Array:
    """Positions (n,) moved as little as needed to be ``gap`` apart and from 0 to 1.

    Least squares under the order, by pooling neighbours that are too close; where all together do
    not fit, they are spread evenly.
    """
    wanted = np.asarray(positions, np.float64)
    order = np.argsort(wanted, kind="stable")
    count = len(wanted)
    if count * gap > 1:
        gap = 1 / max(count - 1, 1)
    # Without the gaps, the places only have to be in order: isotonic regression.
    pools: list[list[float]] = []  # mean, members
    for index, position in enumerate(wanted[order]):
        pools.append([position - index * gap, 1])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [[(m * a + n * b) / (m + n), m + n]]
    shifted = np.concatenate([np.full(int(members), mean) for mean, members in pools])
    shifted = np.clip(shifted, 0, max(0.0, 1 - (count - 1) * gap))
    places = np.empty(count)
    places[order] = shifted + np.arange(count) * gap
    return places
