"""How good are a network's answers? Confusion matrix, ROC curve, predictions beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

from gradless._core import words
from gradless.views import style
from gradless.views.decisions import class_indices
from gradless.views.style import INK, PALETTE

Array = npt.NDArray[Any]

_DRAWN = 20_000  # points at most
_POOR = 0.1  # of R², below which predictions are hardly better than one answer for all


def confusion(
    targets: npt.ArrayLike,
    predictions: npt.ArrayLike,
    class_names: Sequence[str],
    path: Path | str | None,
    title: str,
) -> Figure:
    """Draw how often each true class was predicted as which class.

    The cells hold counts; their colour is the share of the true class, so each row adds up to one.

    Parameters
    ----------
    targets, predictions
        Class indices, shape (n,).
    class_names
        One name per class; up to about 30 classes stay readable.
    path
        File to write; None only makes the figure.
    title
        What the picture shows; the accuracy is written below it.

    Returns
    -------
    matplotlib.figure.Figure
        The picture; it grows with the number of classes.

    Raises
    ------
    ValueError
        If the shapes differ, there are no samples, or an index has no class name.
    OSError
        If the file cannot be written.
    """
    true = class_indices(targets, class_names)
    predicted = class_indices(predictions, class_names)
    if true.shape != predicted.shape:
        raise ValueError(f"{len(true)} targets but {len(predicted)} predictions, expected as many")
    classes = len(class_names)
    counts = np.bincount(classes * true + predicted, minlength=classes**2)
    counts = counts.reshape(classes, classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    names = [style.plain(style.cut(name)) for name in class_names]
    longest = max(map(len, names))
    grid = max(3.2, 0.42 * classes)
    cell = grid / classes
    steep = 0.09 * longest > cell
    figure, axes = style.canvas(
        grid + 1.9 + 0.085 * longest, grid + 1.4 + (0.06 * longest if steep else 0.1)
    )
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # The widest count fills most of its cell: a digit is 0.6 as wide as its size in points.
    font = min(12.0, 0.75 * 72 * cell / (0.6 * len(f"{counts.max():,}")))
    for row, column in np.ndindex(classes, classes):
        color = "white" if shares[row, column] > 0.5 else INK
        count = axes.text(
            column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=font,
            color=color if counts[row, column] else "#B8C0C8",
        )  # fmt: skip
        count.set_in_layout(False)  # it lies inside the axes; measuring 900 of them takes long
    axes.set_xticks(
        range(classes), names, rotation=45 if steep else 0, ha="right" if steep else "center",
        rotation_mode="anchor",
    )  # fmt: skip
    axes.set_yticks(range(classes), names)
    axes.tick_params(length=0, labelsize=10)
    axes.set_xticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    bar = figure.colorbar(
        image, ax=axes, shrink=0.8, pad=0.03, aspect=5 * grid, format=style.percent
    )
    bar.set_label("share of the true class", color=INK, fontsize=10)
    bar.outline.set_visible(False)
    right = int(np.trace(counts))
    style.titled(
        axes,
        title,
        grid + 1.2,
        f"accuracy {right / len(true):.1%} ({right:,} of {len(true):,})",
    )
    return _written(figure, path)


def roc(
    targets: npt.ArrayLike,
    scores: npt.ArrayLike,
    path: Path | str | None,
    title: str,
    *,
    name: str = "the second class",
) -> Figure:
    """Draw the receiver operating characteristic of a classification into two classes.

    Parameters
    ----------
    targets
        1 for samples of the class to be found and 0 for the others, shape (n,).
    scores
        Higher for samples that rather are of that class, shape (n,).
    path
        File to write; None only makes the figure.
    title
        What the picture shows; the area under the curve is written below it.
    name
        The class to be found, for the axes.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 900 x 930 pixels.

    Raises
    ------
    ValueError
        If the shapes differ, a target is neither 0 nor 1, one of them does not occur, or a score is
        not finite.
    OSError
        If the file cannot be written.
    """
    true, ranked = class_indices(targets, ("others", name)), np.asarray(scores, np.float64)
    if true.shape != ranked.shape or not np.isfinite(ranked).all() or len(set(true.tolist())) < 2:
        raise ValueError(
            f"{len(true)} targets and {len(ranked)} scores, expected as many finite scores as "
            "targets, and targets of both classes"
        )
    order = np.argsort(-ranked, kind="stable")
    # Samples of one score are found together.
    steps = np.flatnonzero(np.diff(ranked[order], append=-np.inf))
    found = np.concatenate([[0], np.cumsum(true[order])[steps]]) / true.sum()
    wrong = np.concatenate([[0], np.cumsum(1 - true[order])[steps]]) / (1 - true).sum()
    area = float(np.trapezoid(found, wrong))

    figure, axes = style.square(0, 1, "guessing: 0.5", room=0.01)
    axes.plot(wrong, found, color=PALETTE[0], linewidth=2.2, label=f"the network: {area:.3f}")
    axes.fill_between(wrong, found, color=PALETTE[0], alpha=0.08, linewidth=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(style.percent))
    name = style.plain(repr(style.cut(name)))
    axes.set_xlabel(f"false positive rate: others taken for {name}")
    axes.set_ylabel(f"true positive rate: {name} found")
    axes.legend(
        loc="lower right", frameon=False, fontsize=10, title="area under the curve",
        title_fontsize=10, alignment="left",
    )  # fmt: skip
    counts = f"{int(true.sum()):,} of {name}, {int((1 - true).sum()):,} others"
    style.titled(axes, title, 5.2, f"ROC AUC {area:.3f}, {counts}")
    return _written(figure, path)


def residuals(
    targets: npt.ArrayLike,
    predictions: npt.ArrayLike,
    path: Path | str | None,
    title: str,
    *,
    name: str = "value",
) -> Figure:
    """Draw the predictions of a regression against the true values.

    Parameters
    ----------
    targets, predictions
        Numbers, shape (n,) or (n, 1). Pairs with NaN or inf are left out and counted.
    path
        File to write; None only makes the figure.
    title
        What the picture shows; R² and the root mean square error are written below it, and what
        they mean where R² is next to nothing.
    name
        What is predicted, for the axes.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 900 x 930 pixels.

    Raises
    ------
    ValueError
        If the shapes differ or there is more than one output.
    OSError
        If the file cannot be written.
    """
    true, predicted = np.asarray(targets, np.float64), np.asarray(predictions, np.float64)
    if true.size != len(true) or predicted.size != len(predicted) or true.size != predicted.size:
        raise ValueError(
            f"targets have shape {true.shape} and predictions {predicted.shape}, expected (n,) or "
            "(n, 1) for both; draw one output at a time"
        )
    samples = true.size
    finite = np.isfinite(true.ravel()) & np.isfinite(predicted.ravel())
    true, predicted = true.ravel()[finite], predicted.ravel()[finite]
    # More points are a blot, and take long to draw.
    drawn = slice(None, None, max(1, -(-true.size // _DRAWN)))

    both = np.concatenate([true, predicted]) if true.size else np.array([0.0, 1.0])
    margin = 0.05 * (np.ptp(both) or 1.0)
    figure, axes = style.square(both.min() - margin, both.max() + margin, "perfect")
    size = float(np.clip(9000 / max(true.size, 1), 6, 36))
    axes.scatter(
        true[drawn], predicted[drawn], s=size, color=PALETTE[0], alpha=0.65, edgecolors="white",
        linewidths=0.4, label="sample",
    )  # fmt: skip
    # Where six digits do not tell numbers apart, what they have in common stands behind the names.
    alike = np.ptp(both) < 1e-4 * np.abs(both).max()
    for axis, of in ((axes.xaxis, "true"), (axes.yaxis, "predicted")):
        formatter = ScalarFormatter() if alike else FuncFormatter(style.number)
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(formatter)
        formatter.set_locs(list(axis.get_majorticklocs()))
        axis.get_offset_text().set_visible(False)
        common = f" ({formatter.get_offset()})" if formatter.get_offset() else ""
        axis.set_label_text(f"{of} {style.plain(name)}{common}")

    facts, warning = [], ""
    if true.size:
        error, variance = np.mean((true - predicted) ** 2), np.var(true)
        if variance:  # R² compares with the mean of the true values, so they must differ
            facts.append(f"R² {1 - error / variance:.3f}")
            warning = _warning(float(1 - error / variance))
            mean = float(true.mean())
            axes.axhline(
                mean,
                color=style.NOTE,
                linewidth=1.2,
                linestyle=":",
                label="mean of the true values",
            )
        facts.append(f"RMSE {words.loss(float(np.sqrt(error)))}")
    axes.legend(loc="upper left", frameon=False, fontsize=style.TICK)
    facts.append(f"{true.size:,} sample{'' if true.size == 1 else 's'}")
    if true.size < samples:
        facts.append(f"{samples - true.size:,} left out: not finite")
    style.titled(axes, title, 5.2, ", ".join(facts), warning=warning)
    return _written(figure, path)


def _warning(r2: float) -> str:
    """What an R² says that a person might overlook."""
    if r2 < 0:
        return "Worse than answering the mean of the true values every time"
    return "Hardly better than answering the mean every time" if r2 < _POOR else ""


def _written(figure: Figure, path: Path | str | None) -> Figure:
    if path is not None:
        style.save(figure, path)
    return figure
