"""Are a network's probabilities to be believed? What it said beside what happened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gradless._core import words
from gradless.objectives.quality import log_losses, squared_distances
from gradless.objectives.reliability import bins, judged
from gradless.views import style
from gradless.views.style import PALETTE

_BARS = 20


def reliability(
    targets: npt.NDArray[Any],
    probabilities: npt.NDArray[np.float64],
    class_names: Sequence[str],
    path: Path | str | None,
    title: str,
) -> Figure:
    """Draw shares of rows over probabilities, in bins of equal counts with 95 % intervals.

    Parameters
    ----------
    targets
        Class indices, shape (n,).
    probabilities
        Of the classes, shape (n, classes). Of two, those of the second class are drawn; of more,
        those of the most likely one.
    class_names
        One name per class.
    path
        File to write; None only makes the figure.
    title
        What the picture shows; log loss and Brier score are written below it.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 900 x 930 pixels.
    """
    happened, said = judged(targets, probabilities)
    found = bins(happened, said)
    if len(class_names) == 2:
        name = style.plain(repr(style.cut(class_names[1])))
        what, share = f"probability of {name}", f"share of rows that are {name}"
    else:
        what, share = "probability of the most likely class", "share of rows where it is right"
    figure, axes = style.square(0, 1, "perfectly reliable", room=0.02)
    counts, edges = np.histogram(said, np.linspace(0, 1, _BARS + 1))
    axes.bar(
        edges[:-1], 0.15 * counts / counts.max(), width=1 / _BARS, align="edge", zorder=1,
        color=style.GRID, edgecolor="white", linewidth=0.6, label="rows by probability",
    )  # fmt: skip
    axes.errorbar(
        found.said, found.happened,
        [(found.happened - found.low).clip(0), (found.high - found.happened).clip(0)],
        color=PALETTE[0], linewidth=2.0, marker="o", markersize=5, capsize=3, elinewidth=1.2,
        label="the network, with 95 % intervals",
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(style.percent))
    axes.set_xlabel(what)
    axes.set_ylabel(share)
    axes.legend(loc="upper left", frameon=False, fontsize=style.TICK)
    facts = (
        f"log loss {words.loss(float(log_losses(targets, probabilities).mean()))}",
        f"Brier score {words.loss(float(squared_distances(targets, probabilities).mean()))}",
        words.plural(len(targets), "row"),
    )
    style.titled(axes, title, 5.2, ", ".join(facts))
    if path is not None:
        style.save(figure, path)
    return figure
