"""How does a comparison look? The best so far over evaluations and time, a line a strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gradless import objectives
from gradless.objectives import Measure
from gradless.runs.comparison.contest import Contest
from gradless.runs.comparison.files import Kept
from gradless.runs.comparison.outcomes import Axis, Outcome, Target, quartiles
from gradless.runs.comparison.summary import Summary
from gradless.runs.comparison.tasks import PlainLoss
from gradless.training.gradient_descent import EVALUATIONS_PER_STEP, NAME
from gradless.views import style
from gradless.views.line_labels import label_of, name_ends
from gradless.views.style import GRADIENTS, Look

Array = npt.NDArray[np.float64]

AXES: dict[Axis, str] = {
    "evaluations": "evaluations (log scale)",
    "seconds": "seconds, compilation not counted (log scale)",
}
_POINTS = 400
_PANEL, _HEIGHT, _LEFT, _BETWEEN = 4.6, 5.4, 0.95, 0.6  # inches
_BOTTOM, _TOP = 0.62, 0.95  # inches below and above the panels
_LETTER = 0.084  # inches of a bold letter of a label, on average
_LOG_SPAN = 3.0  # factor between losses from which the smaller ones need a logarithmic scale
_DECADES = 1e3  # of a budget; what was reached before its thousandth decides nothing
_MOMENT = 0.5  # seconds; about runs that were shorter, time says nothing


class Line(NamedTuple):
    """Quartiles (3, n) of one strategy's seeds at positions x, (n,)."""

    name: str
    x: Array
    y: Array
    look: Look


def comparison(
    outcomes: Sequence[Outcome],
    names: Sequence[str],
    path: Path | str | None = None,
    *,
    title: str,
    subtitle: str = "",
    loss_name: str = "best loss so far",
    objective: Measure | None = None,
    target: float | None = None,
    target_name: str = "target",
    families: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the median over seeds of each strategy's best loss, and the band of its quartiles.

    The left panel counts evaluations, the right one seconds, both logarithmic and over the last
    three decades; there is no right one if no run took half a second. A line ends where the first
    of its seeds did. Gradient descent is a dashed grey line.

    Parameters
    ----------
    outcomes
        Finished runs.
    names
        Strategies in their order, which decides only the colours of names that are none.
    path
        File to write; None only makes the figure.
    title, subtitle
        What was compared.
    loss_name
        Label of the vertical axis.
    objective
        What the losses are of, to draw its values; None to draw losses.
    target, target_name
        A loss to mark with a thin dotted line, and what it is.
    families
        Strategies of names that are not those of strategies, see :func:`.style.looks`.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, about 1950 x 810 pixels.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    labels = [line for run in outcomes for line in label_of(run.name).split("\n")]
    longest = max(map(len, labels), default=0)
    shown: list[Axis] = ["evaluations"]
    if any(run.seconds >= _MOMENT for run in outcomes):
        shown.append("seconds")
    figure, panels = panels_of(len(shown), 0.35 + _LETTER * longest)
    style.headed(figure, title, subtitle, _LEFT)
    drawn = [
        (axes, axis, lines_of(outcomes, names, axis, objective, families))
        for axes, axis in zip(panels, shown, strict=True)
    ]
    rises = objective is not None and objective.greater_is_better
    everything = [line.y for _, _, lines in drawn for line in lines]
    log = vertical(panels[0], everything, loss_name, rises)
    if target is not None and objective is not None:
        target = objective.value(target)
    for axes, axis, lines in drawn:
        style.plain_axes(axes, grid="y")
        axes.tick_params(labelleft=True)
        axes.set_xlabel(AXES[axis])
        horizontal(axes, lines)
        if target is not None:
            axes.axhline(target, color=style.FAINT, linewidth=1.0, linestyle=":", zorder=1)
            if axes is panels[0]:
                axes.annotate(
                    f" {target_name} {style.given(target, 'loss')}", (0, target),
                    xycoords=("axes fraction", "data"), xytext=(0, 2), textcoords="offset points",
                    fontsize=style.SMALL, color=GRADIENTS,
                )  # fmt: skip
        for line in lines:
            draw_line(axes, line)
        label_ends(axes, lines, log)
        if not lines:
            axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center")
    if path is not None:
        style.save(figure, path)
    return figure


def panels_of(count: int, room: float, *, share_y: bool = True) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels side by side, with ``room`` inches at their right for labels."""
    between = _BETWEEN if share_y else _LEFT
    width = _LEFT + count * (_PANEL + room) + (count - 1) * between
    figure = style.blank(width, _HEIGHT)
    figure.subplots_adjust(
        left=_LEFT / width, right=1 - room / width, bottom=_BOTTOM / _HEIGHT,
        top=1 - _TOP / _HEIGHT, wspace=(between + room) / _PANEL,
    )  # fmt: skip
    return figure, list(figure.subplots(1, count, sharey=share_y, squeeze=False)[0])


def note(outcomes: Sequence[Outcome], seeds: int) -> str:
    """What the lines are, for the subtitle."""
    text = f"line: median of {seeds} seeds, band: from first to third quartile"
    if seeds == 1:
        text = "one seed"
    if any(run.name == NAME for run in outcomes):
        text += f"; dashed: gradient descent, one step drawn as {EVALUATIONS_PER_STEP} evaluations"
    return text


def lines_of(
    outcomes: Sequence[Outcome],
    names: Sequence[str],
    axis: Axis,
    objective: Measure | None = None,
    families: Mapping[str, str] | None = None,
    looks: Mapping[str, Look] | None = None,
) -> list[Line]:
    """Medians and quartiles of each name's runs along an axis; ``looks`` replace the usual ones."""
    lines = []
    searches = [name for name in names if name != NAME]
    looks = {
        NAME: Look(GRADIENTS, (0, (5, 2.5))),
        **style.looks(searches, families),
        **(looks or {}),
    }
    runs_of = {
        name: [run for run in outcomes if run.name == name and len(run.curve.loss)]
        for name in names
    }
    latest = max(
        (float(getattr(run, axis)) for runs in runs_of.values() for run in runs), default=0
    )
    for name, runs in runs_of.items():
        if not runs:
            continue
        begin = min(float(getattr(run.curve, axis)[0]) for run in runs)
        ends = [float(getattr(run, axis)) for run in runs]
        end = min(ends)
        if end < max(float(getattr(run.curve, axis)[0]) for run in runs):
            end = max(ends)  # one ended before another had a loss; its last one counts on
        begin = max(begin, min(latest / _DECADES, end))
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
        lines.append(Line(name, x[there], y[:, there], looks[name]))
    return lines


def vertical(axes: Axes, bands: Sequence[Array], name: str, rises: bool = False) -> bool:
    """Set the vertical axis; whether it is logarithmic."""
    values = np.concatenate([band.ravel() for band in bands] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not values.size:
        return False
    low, high = float(values.min()), float(values.max())
    log = not rises and low > 0 and high > _LOG_SPAN * low
    axes.set_ylabel(f"{name} (log scale)" if log else name)
    if log:
        axes.set_yscale("log", nonpositive="mask")
        subs: tuple[float, ...] = (1.0, 2.0, 5.0) if high < 1e3 * low else (1.0,)
        if high < 10 * low:
            subs = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axes.yaxis.set_major_formatter(FuncFormatter(style.number))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
    else:
        room = 0.04 * ((high - low) or 1.0)
        axes.set_ylim(low - room, high + room)
    return log


def horizontal(axes: Axes, lines: Sequence[Line]) -> None:
    """Set the horizontal axis, logarithmic."""
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


def draw_line(axes: Axes, line: Line) -> None:
    """A median with its band."""
    low, median, high = line.y
    pale = line.name == NAME
    if np.any(high > low):
        bottom, top = axes.get_ylim()
        axes.fill_between(
            line.x, np.where(np.isfinite(low), low, bottom), np.where(np.isfinite(high), high, top),
            color=line.look.color, alpha=0.10 if pale else 0.16, linewidth=0, zorder=2,
        )  # fmt: skip
    axes.plot(
        line.x, median, color=line.look.color, linewidth=1.6 if pale else 2.0,
        linestyle=line.look.dashes, label=line.name, zorder=3,
    )  # fmt: skip


def label_ends(axes: Axes, lines: Sequence[Line], log: bool) -> None:
    """Name every line at its end, moved apart where ends lie close together."""
    if not lines:
        return
    low, high = axes.get_ylim()
    ends = np.array([line.y[1, -1] for line in lines])
    heights = np.log(ends / low) / np.log(high / low) if log else (ends - low) / (high - low)
    across = [_across(axes, line.x[-1]) for line in lines]
    name_ends(axes, [(line.name, line.look.color) for line in lines], across, heights)


def _across(axes: Axes, x: float) -> float:
    """Where a position is, as a share of the panel's width."""
    low, high = axes.get_xlim()
    share = np.log(x / low) / np.log(high / low) if axes.get_xscale() == "log" else x / high
    return float(share)


def pictured(contest: Contest, summary: Summary, path: Path | str | None = None) -> Figure:
    """Draw a comparison that has ended, with what it was about as its title."""
    plan, outcomes = contest.plan, contest.outcomes
    task, objective = plan.task, plan.task.objective
    return comparison(
        outcomes,
        [*plan.names, NAME],
        path,
        title=title_of(task.name, task.sizes, objective),
        subtitle=note(outcomes, max(row.runs for row in summary.rows)),
        loss_name=_axis(objective),
        objective=objective,
        target=summary.target.value if summary.target.quantity == "loss" else None,
        target_name=_name_of(summary.target),
        families={name: each.name for name, each in contest.strategies.items()},
    )


def redrawn(kept: Kept, path: Path | str | None = None) -> Figure:
    """Draw a comparison from its folder."""
    objective: Measure = PlainLoss()
    if kept.about["objective"] != objective.name:
        objective = objectives.get(kept.about["objective"])
    target = kept.target
    seeds = len({run.seed for run in kept.outcomes})
    return comparison(
        kept.outcomes,
        [*kept.names, NAME],
        path,
        title=title_of(kept.about["data"], kept.about["network"], objective),
        subtitle=note(kept.outcomes, seeds),
        loss_name=_axis(objective),
        objective=objective,
        target=target.value if target.quantity == "loss" else None,
        target_name=_name_of(target),
        families=kept.families,
    )


def _name_of(target: Target) -> str:
    return "target" if target.given else "median of all runs"


def title_of(name: str, sizes: Sequence[int] | None, objective: Measure) -> str:
    """What a comparison is about, as a question."""
    network = "" if sizes is None else f", {'-'.join(map(str, sizes))} network"
    moves = "the loss fall"
    if objective.greater_is_better:
        moves = f"{objective.name.replace('_', ' ')} rise"
    return f"{name}{network}: how fast does {moves}?"


def _axis(objective: Measure) -> str:
    name = objective.name.replace("_", " ")
    if objective.greater_is_better:
        return f"best {name} so far"
    return "best loss so far" if name == "loss" else f"best loss so far, {name}"
