"""How did a run get better? Its loss, accuracy or another measure over evaluations, as a picture.

Every function draws one picture, writes it to `path` (missing folders are made, the suffix chooses
the format: PNG, PDF or SVG) and returns the `matplotlib.figure.Figure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradless.objectives import Measure
from gradless.training.history import History
from gradless.views import style
from gradless.views.scales import count_axis, finite, jumps, value_axis
from gradless.views.style import FAINT, NOTE, PALETTE

Array = npt.NDArray[Any]


class Kept(NamedTuple):
    """The network that a run has saved: evaluations, its value, and what it is for the legend."""

    evaluations: float
    value: float
    label: str = "network saved, on all training rows"


def curve(
    evaluations: npt.ArrayLike,
    values: npt.ArrayLike,
    best: npt.ArrayLike | None,
    path: Path | str | None = None,
    *,
    quantity: str = "loss",
    title: str,
    subtitle: str = "",
    target: float | None = None,
    x_label: str = "evaluations",
    rises: bool = False,
    log: bool | None = None,
    average: bool = False,
    restarts: Sequence[float] = (),
    validation: Sequence[tuple[int, float]] = (),
    kept: Kept | None = None,
    best_label: str = "best network so far",
    before: str = "",
) -> Figure:
    """Draw how a loss or an accuracy developed: every value, and the best so far.

    Parameters
    ----------
    evaluations
        Horizontal positions in increasing order, shape (n,).
    values
        The loss, the accuracy (0 to 1) or another measure at each position, shape (n,). NaN and inf
        are left out.
    best
        The same of the best network so far, shape (n,), or None to leave that line out.
    path
        File to write; None only makes the figure.
    quantity
        What `values` are, for the axis. ``"accuracy"`` is shown in percent.
    title, subtitle
        What the picture shows, for example ``"spiral: hill_climbing"`` and ``"loss 0.12"``.
    target
        A value to mark with a dashed line.
    x_label
        What is counted along the horizontal axis.
    rises
        Whether more is better, and 1 the best, as of an accuracy and of f1.
    log
        Whether the vertical axis is logarithmic. By default it is for positive values that do not
        rise, the largest of which is more than 20 times the smallest.
    average
        Whether to draw the moving average of `values` too, which shows the trend of noisy ones, as
        those of minibatches are.
    restarts
        Positions to mark at which the search began elsewhere, see :func:`.scales.jumps`.
    validation
        Positions and values of networks that were judged on validation rows; the best of them, the
        first of equal ones, is marked as the one that is kept.
    kept
        The network that was saved in the end, to be marked.
    best_label
        What `best` is, for the legend.
    before
        What went on before the first position, for example ``"log loss first"``; that part of the
        axis is shown then, grey.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 1200 x 750 pixels. A few values that would squeeze all others are left out of
        it, which it then says.

    Raises
    ------
    ValueError
        If the shapes differ.
    OSError
        If the file cannot be written.
    """
    x = np.asarray(evaluations, np.float64)
    y = np.asarray(values, np.float64)
    y_best = np.full_like(x, np.nan) if best is None else np.asarray(best, np.float64)
    if x.ndim != 1 or not x.shape == y.shape == y_best.shape:
        raise ValueError(
            f"expected evaluations, values and best of one shape (n,), got {x.shape}, {y.shape} "
            f"and {y_best.shape}"
        )
    rises = rises or quantity == "accuracy"
    x_best, y_best = finite(x, y_best)
    x, y = finite(x, y)

    figure, axes = style.canvas(8.0, 5.0)
    each = "each iteration" if x_label == "iteration" else "each generation"
    _line(axes, x, y, each, FAINT, 0.7, alpha=0.8 if len(y) < 2000 else 0.5)
    if average and (window := len(y) // 50 | 1) >= 3:
        main = not len(y_best)
        color, width = (PALETTE[0], 2.2) if main else (PALETTE[1], 1.8)
        _line(axes, x, moving_average(y, window), "moving average", color, width)
    judged = np.array([pair for pair in validation if np.isfinite(pair[1])]).reshape(-1, 2)
    if len(y_best):
        _line(axes, x_best, y_best, best_label, PALETTE[0], 2.2, drawstyle="steps-post")
        if not len(judged) and kept is None:  # of which the network kept is another one
            _end(axes, x_best[-1], y_best[-1], quantity, PALETTE[0])
    if len(judged):
        _validated(axes, judged[:, 0], judged[:, 1], quantity, rises)
    if kept is not None and np.isfinite(kept.value):
        _dot(axes, kept.evaluations, kept.value, PALETTE[0], kept.label)
        _end(axes, kept.evaluations, kept.value, quantity, PALETTE[0])
    if target is not None:
        label = f"target {style.given(target, quantity)}"
        axes.axhline(target, color=PALETTE[2], linewidth=1.4, linestyle=(0, (4, 2.5)), label=label)
    if not len(y) and not len(y_best):
        axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center")
        axes.tick_params(labelbottom=False, labelleft=False)

    shown = np.concatenate([y, y_best, judged[:, 1]])
    if kept is not None and np.isfinite(kept.value):
        shown = np.append(shown, kept.value)
    marks = np.array([] if target is None else [target])
    value_axis(axes, quantity, shown, marks, rises=rises, log=log)
    everywhere = np.concatenate([x, x_best])
    count_axis(axes, x_label, everywhere, from_zero=bool(before))
    if before and everywhere.size:
        _before(axes, float(everywhere.min()), before)
    if len(restarts):
        _mark_restarts(axes, restarts)
    axes.grid(axis="y", color=style.GRID, linewidth=0.8)
    style.titled(axes, title, 7.0, subtitle, pad=4 + 20 * _legend(axes))
    if path is not None:
        style.save(figure, path)
    return figure


def curves(
    history: History,
    folder: Path | str,
    *,
    title: str,
    subtitle: str = "",
    objective: Measure | None = None,
    target_loss: float | None = None,
    target_accuracy: float | None = None,
    validation: Sequence[tuple[int, float]] = (),
    on_batches: bool = False,
    restarts: bool = False,
    before: str = "",
    final_loss: float | None = None,
    final_accuracy: float | None = None,
    suffix: str = "png",
) -> list[Path]:
    """Draw ``loss.png`` and, where there is an accuracy, ``accuracy.png``.

    An objective of which more is better is drawn as it is, rising, and names its file: ``f1.png``.

    Parameters
    ----------
    history
        The run. Nothing is drawn of an empty one.
    folder
        Folder for the pictures.
    title, subtitle
        What the run was, and what came of it.
    objective
        What the losses are of; None for losses without a name.
    target_loss, target_accuracy
        Values to mark with a dashed line.
    validation
        Evaluations after which networks were judged on validation rows, and their losses.
    on_batches
        Whether each generation saw its own minibatch. The best loss is that of a lucky batch then,
        and is not drawn, but the moving average is.
    restarts
        Whether the search begins elsewhere now and then, which is marked.
    before
        What went on before the first generation of the history, if anything did.
    final_loss, final_accuracy
        Of the network saved, on all training rows; marked where they are no point of a line, as
        with minibatches.
    suffix
        Format of the pictures.

    Returns
    -------
    list of pathlib.Path
        The files written.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    if not len(history):
        return []
    evaluations, paths = history.column("evaluations"), []
    elsewhere = jumps(evaluations, history.column("loss")) if restarts else []

    def draw(
        name: str, label: str, values: Array, best: Array, *, final: float | None, **options: Any
    ) -> None:
        paths.append(Path(folder, f"{name}.{suffix}"))
        kept = None
        if on_batches and final is not None and not len(validation):
            kept = Kept(float(evaluations[-1]), final)
        curve(
            evaluations, values, None if on_batches else best, paths[-1], quantity=label,
            title=title, subtitle=subtitle, average=on_batches, restarts=elsewhere, kept=kept,
            before=before,
            **options,
        )  # fmt: skip

    losses = [history.column("loss"), history.column("best_loss")]
    name = label = "loss"
    target, rises, judged = target_loss, False, list(validation)
    if objective is not None:
        name, rises = objective.quantity, objective.greater_is_better
        label = (name if rises else f"loss, {objective.name}").replace("_", " ")
        losses = [objective.value(values) for values in losses]
        target = None if target is None else objective.value(target)
        judged = [(where, objective.value(loss)) for where, loss in validation]
        final_loss = None if final_loss is None else objective.value(final_loss)
    best_label = "best on training rows" if len(validation) else "best network so far"
    if name == "accuracy":
        target_accuracy = target if target_accuracy is None else target_accuracy
    else:
        # Not every system allows the colon of fbeta:2.
        draw(
            name.replace(":", "-"), label, *losses, final=final_loss, target=target, rises=rises,
            validation=judged, best_label=best_label,
        )  # fmt: skip
        judged = []
        # It may fall: what is kept is the network of the best loss.
        best_label = f"network with the {'best' if rises else 'lowest'} {name} so far"
    if "accuracy" not in history.measures:
        return paths
    accuracies = [history.column(name) for name in ("accuracy", "best_accuracy")]
    if not np.isnan(accuracies).all():
        draw(
            "accuracy", "accuracy", *accuracies, final=final_accuracy, target=target_accuracy,
            validation=judged, best_label=best_label,
        )  # fmt: skip
    return paths


# --- Lines ----------------------------------------------------------------------------------------


def _line(
    axes: Axes, x: Array, y: Array, label: str, color: str, width: float, **options: Any
) -> None:
    marker = "o" if len(y) == 1 else ""
    axes.plot(x, y, color=color, linewidth=width, marker=marker, label=label, **options)


def _dot(axes: Axes, x: float, y: float, color: str, label: str) -> None:
    axes.plot(
        x, y, "o", markersize=8, markeredgecolor="white", markerfacecolor=color, linestyle="none",
        label=label, clip_on=False, zorder=4,
    )  # fmt: skip


def _end(axes: Axes, x: float, y: float, quantity: str, color: str) -> None:
    """The value at the end of a line, beside it, and a point where that is."""
    axes.plot(x, y, "o", markersize=5, color=color, clip_on=False, label="_end", zorder=3)
    axes.annotate(
        style.short(y, quantity), (x, y), xytext=(8, 0), textcoords="offset points", color=color,
        fontweight="bold", va="center", annotation_clip=False,
    )  # fmt: skip


def _validated(axes: Axes, where: Array, values: Array, quantity: str, rises: bool) -> None:
    """The values on validation rows, and which network they keep."""
    kept = int(np.argmax(values) if rises else np.argmin(values))
    axes.plot(where, values, color=PALETTE[5], linewidth=1.6, label="on validation rows")
    _dot(axes, where[kept], values[kept], PALETTE[5], "network kept")
    # Below a minimum and above a maximum there is no line; at the end, at its side.
    late = where[kept] > 0.9 * where[-1]
    axes.annotate(
        style.short(values[kept], quantity), (where[kept], values[kept]),
        xytext=(-2 if late else 0, 10), textcoords="offset points", color=PALETTE[5],
        fontweight="bold", ha="right" if late else "center",
    )  # fmt: skip


def _before(axes: Axes, end: float, what: str) -> None:
    """Say what the part of the axis before the first value is."""
    axes.axvspan(0, end, color=style.GRID, alpha=0.6, linewidth=0, zorder=0)
    axes.text(
        end / 2, 0.5, what, transform=axes.get_xaxis_transform(), color=NOTE, ha="center",
        va="center", rotation=0 if end > 0.25 * axes.get_xlim()[1] else 90, fontsize=style.SMALL,
    )  # fmt: skip


def _mark_restarts(axes: Axes, where: Sequence[float]) -> None:
    """A mark at the upper edge for each."""
    many = f"{len(where)} times" if len(where) > 1 else "once"
    axes.plot(
        where, np.full(len(where), 0.985), marker="v", linestyle="none", color=NOTE, markersize=6,
        transform=axes.get_xaxis_transform(), clip_on=False,
        label=f"new start ({many})",
    )  # fmt: skip


def _legend(axes: Axes) -> int:
    """The names above the axes, in as many rows as they need; returns how many."""
    handles, labels = axes.get_legend_handles_labels()
    # A letter is 0.077 inches wide at this size on average, a line and the gaps half an inch.
    widths = [0.58 + 0.077 * len(label) for label in labels]
    columns = len(labels)
    while columns > 1 and sum(sorted(widths)[-columns:]) > 7.2:
        columns -= 1
    rows = -(-len(labels) // columns)
    order = [row * columns + column for column in range(columns) for row in range(rows)]
    order = [place for place in order if place < len(labels)]
    legend = axes.legend(
        [handles[place] for place in order], [labels[place] for place in order], loc="lower left",
        bbox_to_anchor=(0, 1), ncols=columns, frameon=False, borderaxespad=0.2, handlelength=2.0,
        columnspacing=1.4, fontsize=style.TICK,
    )  # fmt: skip
    for handle in legend.get_lines():
        handle.set(alpha=1, linewidth=max(1.2, handle.get_linewidth()))
    return rows


# --- Rows -----------------------------------------------------------------------------------------


def moving_average(values: Array, window: int) -> Array:
    """Centred mean over `window` (odd) rows, over those there are near the ends."""
    ones = np.ones(window)
    # A direct sum: running sums would carry one huge loss into all that follow.
    counts = np.convolve(np.ones_like(values), ones, "same")
    averages: Array = np.convolve(values, ones, "same") / counts
    return averages
