"""How are lines named at their ends? Beside the panel, in their colours, moved apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from gradless.views import style

Array = npt.NDArray[np.float64]

_SIZE = 9.5  # points


def label_of(name: str) -> str:
    """A name beside its line; the settings of a variant are below the strategy."""
    family, colon, settings = name.partition(":")
    if not colon or "=" not in settings.partition(":")[0]:
        return style.cut(name, 28)
    return "\n".join([family, *map(style.cut, settings.split(":"))])


def name_ends(
    axes: Axes,
    names: Sequence[tuple[str, str]],
    across: Sequence[float],
    heights: npt.ArrayLike,
) -> None:
    """Names in their colours at the right of a panel, each with a hair to where its line ends.

    ``across`` and ``heights`` are where, as shares of the panel.
    """
    points = 72 * height_of(axes)
    labels = [label_of(name) for name, _ in names]
    lines = 0.15 + 1.2 * max(label.count("\n") + 1 for label in labels)
    size = min(_SIZE, 0.95 * points / (lines * len(names)))
    places = spread(heights, lines * size / points)
    ends = zip(names, labels, across, np.asarray(heights), places, strict=True)
    for (_, color), label, x, height, place in ends:
        axes.annotate(
            "", (x, height), xycoords="axes fraction", xytext=(1.035, place),
            textcoords="axes fraction", annotation_clip=False, zorder=1,
            arrowprops={
                "arrowstyle": "-", "color": color, "linewidth": 0.7, "alpha": 0.6, "shrinkA": 0,
                "shrinkB": 0,
            },
        )  # fmt: skip
        axes.text(
            1.045, place, style.plain(label), transform=axes.transAxes, color=color, fontsize=size,
            fontweight="bold", va="center", linespacing=1.1,
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


def height_of(axes: Axes) -> float:
    """Height of a panel in inches."""
    return float(axes.get_position().height * axes.get_figure().get_figheight())  # type: ignore[union-attr]
