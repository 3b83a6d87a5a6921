"""How was the strength of a penalty chosen? Its losses in cross-validation, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from gradless.views import style
from gradless.views.style import GRID, INK, PALETTE


def strengths(
    tried: Sequence[float],
    losses: Sequence[float],
    errors: Sequence[float],
    fitted: Sequence[float],
    chosen: float,
    path: Path | str | None = None,
    *,
    quantity: str,
    title: str,
) -> Figure:
    """Draw the loss in cross-validation over the strength of a penalty.

    Parameters
    ----------
    tried
        Strengths above 0, ascending, shape (n,).
    losses, errors
        The mean loss of each in cross-validation and its standard error, shape (n,).
    fitted
        The mean loss of the same networks on the rows that they were fitted to, shape (n,).
    chosen
        One of them, to be marked.
    path
        File to write; None only makes the figure.
    quantity
        What the losses are, for the axis.
    title
        Of the picture.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.
    """
    x, y, spread = (np.asarray(values, np.float64) for values in (tried, losses, errors))
    figure, axes = style.canvas(8.0, 4.4)
    axes.errorbar(
        x, y, spread, color=PALETTE[0], linewidth=2.0, marker="o", markersize=5, capsize=3,
        elinewidth=1.2, label="on rows not seen, with standard errors",
    )  # fmt: skip
    axes.plot(
        x, np.asarray(fitted, np.float64), color=style.FAINT, linewidth=1.8, marker="o",
        markersize=4, label="on the rows that were fitted",
    )  # fmt: skip
    best = int(np.argmin(np.abs(x - chosen)))
    axes.plot(
        x[best], y[best], "o", markersize=13, markerfacecolor="none", markeredgewidth=2.0,
        color=PALETTE[1], label="chosen",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(x, [f"{each:g}" for each in x])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(style.number))
    axes.set_xlabel("strength of the penalty on the weights (alpha)")
    axes.set_ylabel(f"{quantity} in cross-validation")
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.legend(loc="best", frameon=False, fontsize=style.SMALL, labelcolor=INK)
    style.titled(axes, title, 7.0, "weak: learns by heart; strong: learns too little")
    if path is not None:
        style.save(figure, path)
    return figure
