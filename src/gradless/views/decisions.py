"""What does a network decide where? The plane, coloured by its answers, with the points in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import ndimage

from gradless.views import style
from gradless.views.style import INK

Array = npt.NDArray[Any]
Predict = Callable[[npt.NDArray[np.float32]], npt.ArrayLike]
"""Probabilities (m, classes) of points, float32 (m, 2)."""

MARKERS = "os^DvPX*"  # of the classes
_SIDE = 300  # points of the grid that the network is asked about
_FINER = 4  # pixels for each, between which probabilities are interpolated
_LEAST = 1e-30  # probability that is told from none
_RINGED = 0.1  # share of wrong points up to which each has a ring
_ROOM = 0.06  # beside the outermost points, as a share of what they span


class Points(NamedTuple):
    """Some points with their classes, and what they are for the legend."""

    label: str
    features: npt.NDArray[np.float64]  # (n, 2)
    targets: npt.NDArray[np.int64]  # (n,)


def decision_boundary(
    predict_probabilities: Predict,
    features: npt.ArrayLike,
    targets: npt.ArrayLike,
    class_names: Sequence[str],
    feature_names: Sequence[str],
    path: Path | str | None,
    title: str,
    *,
    test_features: npt.ArrayLike | None = None,
    test_targets: npt.ArrayLike | None = None,
    legend_title: str = "class",
) -> Figure:
    """Draw which class a network predicts where, for data with exactly two features.

    The colour of a region is the predicted class, its strength the confidence. Each class has a
    marker, and points that are predicted wrongly have a ring while they are few. The share of
    points that are right is written below the title.

    Parameters
    ----------
    predict_probabilities
        Function from features, float32 of shape (m, 2), to probabilities of shape (m, classes).
    features
        Training points, shape (n, 2).
    targets
        Their class indices, shape (n,).
    class_names
        One name per class.
    feature_names
        Two names, for the axes.
    path
        File to write; None only makes the figure.
    title
        What the picture shows.
    test_features, test_targets
        Points to draw with a dark edge, shapes (k, 2) and (k,).
    legend_title
        What the classes are.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 1050 x 900 pixels, or lower for a plane that is wide.

    Raises
    ------
    ValueError
        If there are not two features, a target is not a class index, or the probabilities have
        another shape.
    OSError
        If the file cannot be written.
    """
    groups = [_points("training points", features, targets, class_names)]
    if test_features is not None and test_targets is not None:
        groups.append(_points("test points", test_features, test_targets, class_names))
    low, high = window(np.concatenate([group.features for group in groups]))

    ratio = float((high[0] - low[0]) / (high[1] - low[1]))
    alike = 0.5 <= ratio <= 2
    # A wide plane has no empty space above and below.
    figure, axes = style.canvas(7.0, min(6.0, 1.3 + 4.9 / ratio) if alike else 6.0)
    draw_regions(axes, predict_probabilities, low, high, len(class_names))
    axes.set_aspect("equal" if alike else "auto")
    shares, wrong = [], 0
    for group in groups:
        right = is_right(predict_probabilities, group, len(class_names))
        draw_points(axes, group, len(class_names), dark=group is not groups[0])
        if right.mean() >= 1 - _RINGED:  # more rings would hide the points
            _ring(axes, group.features[~right])
            wrong += int((~right).sum())
        shares.append(f"{right.mean():.1%} of {len(right):,} {group.label}")
    axes.set_xlabel(style.plain(feature_names[0]))
    axes.set_ylabel(style.plain(feature_names[1]))
    _legends(axes, class_names, legend_title, groups, wrong)
    style.titled(axes, title, 6.0, f"accuracy {' and '.join(shares)}")
    if path is not None:
        style.save(figure, path)
    return figure


def window(points: npt.NDArray[np.float64]) -> tuple[Array, Array]:
    """Lower left and upper right corner, each (2,), of what is shown around points (n, 2)."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    return low - _ROOM * span, high + _ROOM * span


def draw_regions(
    axes: Axes, predict: Predict, low: Array, high: Array, classes: int, *, side: int = _SIDE
) -> None:
    """Colour the axes from corner to corner, by the class that is predicted and how surely.

    Raises
    ------
    ValueError
        If the probabilities have another shape than (points, classes).
    """
    grid_x, grid_y = np.meshgrid(*np.linspace(low, high, side).T)
    grid = np.stack([grid_x.ravel(), grid_y.ravel()], axis=1).astype(np.float32)
    probabilities = np.asarray(predict(grid), np.float64)
    if probabilities.shape != (len(grid), classes):
        raise ValueError(
            f"predict_probabilities returned shape {probabilities.shape}, expected "
            f"{(len(grid), classes)}: one row per point, one column per class name"
        )
    # No colour where the network gives no number, or is no surer than chance.
    chance = 1 / classes
    coarse = np.nan_to_num(probabilities, nan=chance, posinf=chance, neginf=chance)
    coarse = np.log(np.maximum(coarse, _LEAST)).reshape(side, side, classes)
    # Colours of the grid would make a staircase of every border. Between its points, logarithms of
    # probabilities are about linear, as the outputs of many networks are.
    finer = _FINER if classes <= len(MARKERS) else 2  # which takes memory
    fine = ndimage.zoom(coarse, (finer, finer, 1), order=1, grid_mode=True, mode="nearest")
    surest = 1 / np.exp(fine - fine.max(axis=2, keepdims=True)).sum(axis=2)
    sure = (surest - chance) / max(1 - chance, 1e-9)
    strength = np.where(sure > 1e-6, 0.12 + 0.48 * np.clip(sure, 0, 1), 0)[..., None]
    shades = 1 - strength * (1 - style.class_colors(classes)[fine.argmax(axis=2)])
    # Two pixels by two become one, which smooths what is left.
    half = len(shades) // 2
    shades = shades.reshape(half, 2, half, 2, 3).mean(axis=(1, 3))
    axes.imshow(
        shades, extent=(low[0], high[0], low[1], high[1]), origin="lower", aspect="auto",
        interpolation="antialiased",
    )  # fmt: skip
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])


def draw_points(
    axes: Axes, points: Points, classes: int, *, dark: bool = False, size: float | None = None
) -> None:
    """Points in the colour and with the marker of their class; ``dark`` is their edge."""
    colors = style.class_colors(classes)
    if size is None:
        size = float(np.clip(9000 / len(points.features), 6, 36))
    for index in np.unique(points.targets):
        of_class = points.features[points.targets == index]
        axes.scatter(
            of_class[:, 0], of_class[:, 1], s=size, color=colors[index],
            marker=MARKERS[index % len(MARKERS)], edgecolors=INK if dark else "white",
            linewidths=0.8 if dark else 0.6,
            label=f"{points.label}, class {index}", zorder=2,
        )  # fmt: skip


def is_right(predict: Predict, points: Points, classes: int) -> npt.NDArray[np.bool_]:
    """Whether each point is predicted to be what it is, (n,); where there is no number, it is not.

    Raises
    ------
    ValueError
        If the probabilities have another shape than (points, classes).
    """
    probabilities = np.asarray(predict(points.features.astype(np.float32)), np.float64)
    if probabilities.shape != (len(points.features), classes):
        raise ValueError(
            f"predict_probabilities returned shape {probabilities.shape}, expected "
            f"{(len(points.features), classes)}: one row per point, one column per class name"
        )
    there = np.isfinite(probabilities).all(axis=1)
    right: npt.NDArray[np.bool_] = there & (probabilities.argmax(axis=1) == points.targets)
    return right


def _ring(axes: Axes, wrong: Array) -> None:
    """A ring around points that are predicted wrongly."""
    if len(wrong):
        axes.scatter(
            wrong[:, 0], wrong[:, 1], s=110, facecolors="none", edgecolors=INK, linewidths=1.1,
            label="wrong", zorder=3,
        )  # fmt: skip


def _legends(
    axes: Axes, class_names: Sequence[str], title: str, groups: Sequence[Points], wrong: int
) -> None:
    """Classes with their title, and below it what edges and rings mean."""

    def mark(label: str, marker: str, face: Any, edge: str, size: float = 7) -> Line2D:
        return Line2D(
            [], [], linestyle="none", marker=marker, markersize=size, markerfacecolor=face,
            markeredgecolor=edge, label=label,
        )  # fmt: skip

    colors = style.class_colors(len(class_names))
    classes: list[Any] = [
        mark(style.plain(style.cut(name)), MARKERS[index % len(MARKERS)], colors[index], "white", 8)
        for index, name in enumerate(class_names)
    ]
    meanings = []
    if len(groups) > 1:
        meanings += [
            mark(group.label, "o", "#999999", "white" if group is groups[0] else INK)
            for group in groups
        ]
    if wrong:
        meanings.append(mark(f"wrong ({wrong:,})", "o", "none", INK, 9))
    options: dict[str, Any] = {
        "frameon": False, "fontsize": style.TICK, "borderaxespad": 0, "alignment": "left",
        "handletextpad": 0.3,
    }  # fmt: skip
    if meanings:
        below = axes.legend(handles=meanings, loc="lower left", bbox_to_anchor=(1.02, 0), **options)
        axes.add_artist(below)
        below.set_clip_on(False)  # or the layout would not know of it
    axes.legend(
        handles=classes, loc="upper left", bbox_to_anchor=(1.02, 1), title=style.plain(title),
        title_fontsize=style.TICK, **options,
    )  # fmt: skip


def _points(
    label: str, features: npt.ArrayLike, targets: npt.ArrayLike, class_names: Sequence[str]
) -> Points:
    points = np.asarray(features, np.float64)
    indices = class_indices(targets, class_names)
    if points.shape != (len(indices), 2):
        raise ValueError(
            f"features have shape {points.shape}, expected {(len(indices), 2)}: a decision "
            "boundary is drawn for two features and one target per row"
        )
    return Points(label, points, indices)


def class_indices(indices: npt.ArrayLike, class_names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Indices of classes, (n,), checked.

    Raises
    ------
    ValueError
        If they are none.
    """
    array = np.asarray(indices)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise ValueError(
            f"class indices have shape {array.shape} and dtype {array.dtype}, expected integers "
            "of shape (n,), n at least 1"
        )
    if array.min() < 0 or array.max() >= len(class_names):
        raise ValueError(
            f"class indices run from {array.min()} to {array.max()}, expected 0 to "
            f"{len(class_names) - 1}: one class name per class"
        )
    return array.astype(np.int64)
