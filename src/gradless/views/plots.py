"""What does a run look like? Pictures that a person understands at once, as image files.

Every function draws one picture, writes it to `path` (missing folders are made, the suffix chooses
the format, PNG by default) and returns the `matplotlib.figure.Figure`. Nothing here touches pyplot
or any other state that is shared.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    ScalarFormatter,
)

from gradless._core import storage
from gradless.objectives import Measure
from gradless.training.history import History

Array = npt.NDArray[Any]

DPI = 150
# Okabe and Ito (2008): eight colours that colour-blind readers tell apart, strongest first.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
_INK, _FAINT = "#222222", "#9AA5B1"

# A loss that spans more than this factor is easier to read on a logarithmic axis.
_LOG_SPAN = 20.0
# More rows than the picture has columns by far; beyond that only time and ink are spent.
_DRAWN_ROWS = 20_000
_NAME_WIDTH = 24


def curve(
    evaluations: npt.ArrayLike,
    values: npt.ArrayLike,
    best: npt.ArrayLike | None,
    path: Path | str,
    *,
    quantity: str = "loss",
    title: str,
    target: float | None = None,
    x_label: str = "evaluations",
    rises: bool = False,
    log: bool | None = None,
    validation: Sequence[tuple[int, float]] = (),
    best_label: str = "best network so far",
) -> Figure:
    """Draw how a loss or an accuracy developed: every value, their moving average, the best.

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
        File to write.
    quantity
        What `values` are, for the axis. ``"accuracy"`` is shown in percent.
    title
        What the picture shows, for example ``"spiral, hill climbing: loss 0.12"``.
    target
        A value to mark with a dashed line.
    x_label
        What is counted along the horizontal axis.
    rises
        Whether more is better, and 1 the best, as of an accuracy and of f1.
    log
        Whether the vertical axis is logarithmic. By default it is for positive values that do not
        rise, the largest of which is more than 20 times the smallest.
    validation
        Positions and values of networks that were judged on validation rows; the best of them, the
        first of equal ones, is marked as the one that is kept.
    best_label
        What `best` is, for the legend.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 1200 x 750 pixels.

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
    x_best, y_best = _finite(x, y_best)
    x, y = _finite(x, y)

    figure, axes = _canvas(8.0, 5.0)
    window = len(y) // 50 | 1
    marker = "o" if len(y) == 1 else ""
    alpha = 0.8 if len(y) < 2000 else 0.5
    each = "each iteration" if x_label == "iteration" else "each generation"
    axes.plot(x, y, color=_FAINT, linewidth=0.7, alpha=alpha, marker=marker, label=each)
    if window >= 3:
        smooth = _moving_average(y, window)
        axes.plot(x, smooth, color=PALETTE[1], linewidth=1.8, label="moving average")
    if len(y_best):
        marker = "o" if len(y_best) == 1 else ""
        axes.plot(
            x_best, y_best, color=PALETTE[0], linewidth=2.2, drawstyle="steps-post", marker=marker,
            label=best_label,
        )  # fmt: skip
        # With validation rows, the network kept is another one.
        axes.annotate(
            "" if len(validation) else _short(y_best[-1], quantity),
            (x_best[-1], y_best[-1]),
            xytext=(7, 0),
            textcoords="offset points",
            color=PALETTE[0],
            fontweight="bold",
            va="center",
        )
    judged = np.array([pair for pair in validation if np.isfinite(pair[1])]).reshape(-1, 2)
    if len(judged):
        _draw_validation(axes, judged[:, 0], judged[:, 1], quantity, rises)
    if target is not None:
        label = f"target {_short(target, quantity)}"
        axes.axhline(target, color=PALETTE[2], linewidth=1.4, linestyle=(0, (4, 2.5)), label=label)
    if not len(y) and not len(y_best):
        axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center")
        axes.tick_params(labelbottom=False, labelleft=False)

    drawn = np.concatenate([y, y_best, judged[:, 1]])
    if log is None:
        log = not rises and bool(
            drawn.size and drawn.min() > 0 and drawn.max() > _LOG_SPAN * drawn.min()
        )
    drawn = drawn if target is None else np.append(drawn, target)
    _value_axis(axes, quantity, drawn, log, rises)
    _count_axis(axes, x_label, np.concatenate([x, x_best]))
    axes.grid(axis="y", color="#E5E8EB", linewidth=0.8)
    legend = axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, borderaxespad=0.2,
        handlelength=2.0, columnspacing=1.4, fontsize=10,
    )  # fmt: skip
    for handle in legend.get_lines():
        handle.set(alpha=1, linewidth=max(1.2, handle.get_linewidth()))
    _title(axes, title, 7.0, pad=8 + 20 * -(-len(legend.get_lines()) // 4))
    return _save(figure, path)


def _draw_validation(axes: Axes, where: Array, values: Array, quantity: str, rises: bool) -> None:
    """The values on validation rows, and which network they keep."""
    kept = int(np.argmax(values) if rises else np.argmin(values))
    axes.plot(where, values, color=PALETTE[5], linewidth=1.6, label="on validation rows")
    axes.plot(
        where[kept], values[kept], "o", markersize=8, markeredgecolor="white",
        markerfacecolor=PALETTE[5], linestyle="none", label="network kept",
    )  # fmt: skip
    axes.annotate(
        _short(values[kept], quantity),
        (where[kept], values[kept]),
        xytext=(0, 9),
        textcoords="offset points",
        color=PALETTE[5],
        fontweight="bold",
        ha="center",
    )


def curves(
    history: History,
    folder: Path | str,
    *,
    title: str,
    objective: Measure | None = None,
    target_loss: float | None = None,
    target_accuracy: float | None = None,
    validation: Sequence[tuple[int, float]] = (),
    on_batches: bool = False,
) -> list[Path]:
    """Draw ``loss.png`` and, where there is an accuracy, ``accuracy.png``.

    An objective of which more is better is drawn as it is, rising, and names its file: ``f1.png``.

    Parameters
    ----------
    history
        The run. Nothing is drawn of an empty one.
    folder
        Folder for the pictures.
    title
        What the run was.
    objective
        What the losses are of; None for losses without a name.
    target_loss, target_accuracy
        Values to mark with a dashed line.
    validation
        Evaluations after which networks were judged on validation rows, and their losses.
    on_batches
        Whether each generation saw its own minibatch. The best value is that of a lucky batch then,
        not of all data, and is called so.

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
    best_label = "best so far, each on its own batch" if on_batches else "best network so far"
    if len(validation) and not on_batches:
        best_label = "best on training rows"

    def draw(name: str, label: str, values: Array, best: Array, **options: Any) -> None:
        paths.append(Path(folder, f"{name}.png"))
        curve(
            evaluations, values, best, paths[-1],
            quantity=label, title=title, best_label=best_label, **options,
        )  # fmt: skip

    losses, accuracies = (
        [history.column(name), history.column(f"best_{name}")] for name in ("loss", "accuracy")
    )
    name = label = "loss"
    target, rises, judged = target_loss, False, list(validation)
    if objective is not None:
        name, rises = objective.quantity, objective.greater_is_better
        label = (name if rises else f"loss, {objective.name}").replace("_", " ")
        losses = [objective.value(values) for values in losses]
        target = None if target is None else objective.value(target)
        judged = [(where, objective.value(loss)) for where, loss in validation]
    if name == "accuracy":
        target_accuracy = target if target_accuracy is None else target_accuracy
    else:
        # Not every system allows the colon of fbeta:2.
        file = name.replace(":", "-")
        draw(file, label, *losses, target=target, rises=rises, validation=judged)
        judged = []
    if not np.isnan(accuracies).all():
        draw("accuracy", "accuracy", *accuracies, target=target_accuracy, validation=judged)
    return paths


def decision_boundary(
    predict_probabilities: Callable[[npt.NDArray[np.float32]], npt.ArrayLike],
    features: npt.ArrayLike,
    targets: npt.ArrayLike,
    class_names: Sequence[str],
    feature_names: Sequence[str],
    path: Path | str,
    title: str,
    *,
    test_features: npt.ArrayLike | None = None,
    test_targets: npt.ArrayLike | None = None,
) -> Figure:
    """Draw which class a network predicts where, for data with exactly two features.

    The colour of a region is the predicted class, its strength the confidence.

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
        File to write.
    title
        What the picture shows.
    test_features, test_targets
        Points to draw with another marker, shapes (k, 2) and (k,).

    Returns
    -------
    matplotlib.figure.Figure
        The picture, 1200 x 900 pixels.

    Raises
    ------
    ValueError
        If there are not two features, a target is not a class index, or the probabilities have
        another shape.
    OSError
        If the file cannot be written.
    """
    groups = [("training points", "o", *_points(features, targets, class_names))]
    if test_features is not None and test_targets is not None:
        groups.append(("test points", "D", *_points(test_features, test_targets, class_names)))

    everything = np.concatenate([points for _, _, points, _ in groups])
    low, high = everything.min(axis=0), everything.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    low, high = low - 0.06 * span, high + 0.06 * span

    side = 300
    grid_x, grid_y = np.meshgrid(*np.linspace(low, high, side).T)
    grid = np.stack([grid_x.ravel(), grid_y.ravel()], axis=1).astype(np.float32)
    probabilities = np.asarray(predict_probabilities(grid), np.float64)
    classes = len(class_names)
    if probabilities.shape != (len(grid), classes):
        raise ValueError(
            f"predict_probabilities returned shape {probabilities.shape}, expected "
            f"{(len(grid), classes)}: one row per point, one column per class name"
        )
    # No colour where the network gives no number, or is no surer than chance.
    probabilities = np.nan_to_num(probabilities)
    sure = (probabilities.max(axis=1) - 1 / classes) / max(1 - 1 / classes, 1e-9)
    strength = np.where(sure > 0, 0.12 + 0.48 * np.clip(sure, 0, 1), 0)[:, None]
    colors = _class_colors(classes)
    shades = 1 - strength * (1 - colors[probabilities.argmax(axis=1)])

    figure, axes = _canvas(8.0, 6.0)
    extent = (low[0], high[0], low[1], high[1])
    axes.imshow(
        shades.reshape(side, side, 3), extent=extent, origin="lower", interpolation="bilinear",
        aspect="equal" if 0.5 <= span[0] / span[1] <= 2 else "auto",
    )  # fmt: skip
    handles: list[Any] = [
        Patch(facecolor=color, label=_plain(_cut(name)))
        for color, name in zip(colors, class_names, strict=True)
    ]
    for label, marker, points, classes_of in groups:
        size = float(np.clip(9000 / len(points), 6, 36))
        axes.scatter(
            points[:, 0], points[:, 1], s=size, c=colors[classes_of], marker=marker,
            edgecolors="white" if marker == "o" else _INK, linewidths=0.6, label=label,
        )  # fmt: skip
        if len(groups) > 1:
            edge = "white" if marker == "o" else _INK
            handles.append(
                axes.scatter([], [], s=36, c="#777777", marker=marker, edgecolors=edge, label=label)
            )
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_xlabel(_plain(feature_names[0]))
    axes.set_ylabel(_plain(feature_names[1]))
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=10,
        borderaxespad=0,
    )  # fmt: skip
    _title(axes, title, 7.0)
    return _save(figure, path)


def confusion(
    targets: npt.ArrayLike,
    predictions: npt.ArrayLike,
    class_names: Sequence[str],
    path: Path | str,
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
        File to write.
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
    true = _class_indices(targets, class_names)
    predicted = _class_indices(predictions, class_names)
    if true.shape != predicted.shape:
        raise ValueError(f"{len(true)} targets but {len(predicted)} predictions, expected as many")
    classes = len(class_names)
    counts = np.bincount(classes * true + predicted, minlength=classes**2)
    counts = counts.reshape(classes, classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    names = [_plain(_cut(name)) for name in class_names]
    longest = max(map(len, names))
    grid = max(3.2, 0.42 * classes)
    cell = grid / classes
    steep = 0.09 * longest > cell
    figure, axes = _canvas(
        grid + 1.9 + 0.085 * longest, grid + 1.4 + (0.06 * longest if steep else 0.1)
    )
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # The widest count fills most of its cell: a digit is 0.6 as wide as its size in points.
    font = min(12.0, 0.75 * 72 * cell / (0.6 * len(f"{counts.max():,}")))
    for row, column in np.ndindex(classes, classes):
        color = "white" if shares[row, column] > 0.5 else _INK
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
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.03, aspect=5 * grid, format=_percent)
    bar.set_label("share of the true class", color=_INK, fontsize=10)
    bar.outline.set_visible(False)
    right = int(np.trace(counts))
    _title(
        axes,
        title,
        grid + 1.2,
        f"accuracy {_percent(right / len(true))} ({right:,} of {len(true):,})",
    )
    return _save(figure, path)


def roc(
    targets: npt.ArrayLike,
    scores: npt.ArrayLike,
    path: Path | str,
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
        File to write.
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
    true, ranked = _class_indices(targets, ("others", name)), np.asarray(scores, np.float64)
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

    figure, axes = _square(0, 1, "guessing: 0.5", room=0.01)
    axes.plot(wrong, found, color=PALETTE[0], linewidth=2.2, label=f"the network: {area:.3f}")
    axes.fill_between(wrong, found, color=PALETTE[0], alpha=0.08, linewidth=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: _percent(share)))
    name = _plain(repr(_cut(name)))
    axes.set_xlabel(f"share of the others that are taken for {name}")
    axes.set_ylabel(f"share of {name} that is found")
    axes.legend(
        loc="lower right", frameon=False, fontsize=10, title="area under the curve",
        title_fontsize=10, alignment="left",
    )  # fmt: skip
    counts = f"{int(true.sum()):,} of {name}, {int((1 - true).sum()):,} others"
    _title(axes, title, 5.2, f"ROC AUC {area:.3f}, {counts}")
    return _save(figure, path)


def residuals(
    targets: npt.ArrayLike,
    predictions: npt.ArrayLike,
    path: Path | str,
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
        File to write.
    title
        What the picture shows; R² and the root mean square error are written below it.
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
    true, predicted = _finite(true.ravel(), predicted.ravel())

    both = np.concatenate([true, predicted]) if true.size else np.array([0.0, 1.0])
    margin = 0.05 * (np.ptp(both) or 1.0)
    figure, axes = _square(both.min() - margin, both.max() + margin, "perfect")
    size = float(np.clip(9000 / max(true.size, 1), 6, 36))
    axes.scatter(
        true, predicted, s=size, color=PALETTE[0], alpha=0.65, edgecolors="white", linewidths=0.4,
        label="sample",
    )  # fmt: skip
    # Where six digits do not tell numbers apart, what they have in common stands behind the names.
    alike = np.ptp(both) < 1e-4 * np.abs(both).max()
    for axis, of in ((axes.xaxis, "true"), (axes.yaxis, "predicted")):
        formatter = ScalarFormatter() if alike else FuncFormatter(_with_commas)
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(formatter)
        formatter.set_locs(list(axis.get_majorticklocs()))
        axis.get_offset_text().set_visible(False)
        common = f" ({formatter.get_offset()})" if formatter.get_offset() else ""
        axis.set_label_text(f"{of} {_plain(name)}{common}")
    axes.legend(loc="upper left", frameon=False, fontsize=10)

    facts = []
    if true.size:
        error, variance = np.mean((true - predicted) ** 2), np.var(true)
        # R² compares with the mean of the true values, so they must differ.
        facts += [f"R² {1 - error / variance:.3f}"] if variance else []
        facts.append(f"RMSE {_with_commas(float(f'{np.sqrt(error):.3g}'))}")
    facts.append(f"{true.size:,} sample{'' if true.size == 1 else 's'}")
    if true.size < samples:
        facts.append(f"{samples - true.size:,} left out: not finite")
    _title(axes, title, 5.2, ", ".join(facts))
    return _save(figure, path)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Figure of one panel in the shared style; sizes in inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="compressed", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # type: ignore[union-attr,call-arg]
    axes = figure.add_subplot(facecolor="white")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_FAINT)
    axes.tick_params(colors=_INK, labelsize=10)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=_INK, fontsize=11)
    axes.set_axisbelow(True)
    return figure, axes


def _square(low: float, high: float, diagonal: str, *, room: float = 0.0) -> tuple[Figure, Axes]:
    """Figure of one square panel, both axes of the same range, with a dashed line of that name."""
    figure, axes = _canvas(6.0, 6.2)
    ends = (low, high)
    axes.plot(ends, ends, color=_INK, linewidth=1.2, linestyle=(0, (6, 4)), label=diagonal)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(low - room, high + room)
    axes.set_aspect("equal")
    axes.grid(color="#E5E8EB", linewidth=0.8)
    return figure, axes


def _title(axes: Axes, title: str, width: float, subtitle: str = "", pad: float = 8) -> None:
    """Title at the left above the axes, `width` inches at most; the subtitle is smaller."""
    lines = _plain(textwrap.fill(title, int(9 * width)))
    if subtitle:
        axes.annotate(
            _plain(subtitle), (0, 1), xycoords="axes fraction", xytext=(0, 8), fontsize=10.5,
            textcoords="offset points", color="#555555", va="bottom",
        )  # fmt: skip
        pad += 20
    axes.set_title(lines, loc="left", pad=pad, fontsize=13, fontweight="bold", color=_INK)


def _save(figure: Figure, path: Path | str) -> Figure:
    path = Path(path)
    if not path.suffix:
        path = path.with_name(f"{path.name}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=DPI, format=path.suffix[1:])
    storage.write_bytes(path, picture.getvalue())
    return figure


def _count_axis(axes: Axes, label: str, x: Array) -> None:
    """Horizontal axis of counts: 50,000 with its comma, then millions and billions."""
    unit, word = 1.0, ""
    for size, name in ((1e6, " (millions)"), (1e9, " (billions)")):
        if x.size and x.max() >= 2 * size:
            unit, word = size, name
    axes.set_xlabel(label + word)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10], integer=unit == 1))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda count, _: f"{count:,.0f}" if unit == 1 else f"{count / unit:,.4g}")
    )
    if x.size:
        alone = x.min() == x.max()
        axes.set_xlim(x.min() - alone, x.max() + alone)


def _value_axis(axes: Axes, quantity: str, values: Array, log: bool, rises: bool = False) -> None:
    """Vertical axis: percent for an accuracy, plain numbers (never powers) otherwise."""
    axes.set_ylabel(f"{quantity} (log scale)" if log else quantity)
    if quantity == "accuracy":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _percent(value)))
    if rises and values.size:
        low, high = float(values.min()), float(values.max())
        # R² may begin far below 0, which would squeeze what comes after.
        low = max(low, -1.0) if high > 0 else low
        # At least ten points of percent, or noise would look like progress.
        room = max(0.1 - (high - low), 0) / 2 + 0.02 * max(1.0, high - low)
        axes.set_ylim(max(low - room, -0.02) if low >= 0 else low - room, min(high + room, 1.02))
    elif log:
        axes.set_yscale("log", nonpositive="mask")
        decades = np.log10(values.max() / values.min()) if values.min() > 0 else 3.0
        subs = (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axes.yaxis.set_major_formatter(FuncFormatter(_with_commas))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _finite(x: Array, y: Array) -> tuple[Array, Array]:
    """Pairs that can be drawn; of very many every k-th, and always the last."""
    keep = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    step = max(1, -(-keep.size // _DRAWN_ROWS))
    keep = keep[::-1][::step][::-1]
    return x[keep], y[keep]


def _moving_average(values: Array, window: int) -> Array:
    """Centred mean over `window` (odd) rows, over those there are near the ends."""
    ones = np.ones(window)
    # A direct sum: running sums would carry one huge loss into all that follow.
    counts = np.convolve(np.ones_like(values), ones, "same")
    averages: Array = np.convolve(values, ones, "same") / counts
    return averages


def _points(
    features: npt.ArrayLike, targets: npt.ArrayLike, class_names: Sequence[str]
) -> tuple[Array, npt.NDArray[np.int64]]:
    points = np.asarray(features, np.float64)
    indices = _class_indices(targets, class_names)
    if points.shape != (len(indices), 2):
        raise ValueError(
            f"features have shape {points.shape}, expected {(len(indices), 2)}: a decision "
            "boundary is drawn for two features and one target per row"
        )
    return points, indices


def _class_indices(indices: npt.ArrayLike, class_names: Sequence[str]) -> npt.NDArray[np.int64]:
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


def _class_colors(classes: int) -> Array:
    """Colours of shape (classes, 3); beyond the palette they are taken from a rainbow."""
    if classes <= len(PALETTE):
        return np.array([mpl.colors.to_rgb(color) for color in PALETTE[:classes]])
    rainbow: Array = mpl.colormaps["turbo"](np.linspace(0.05, 0.95, classes))
    return rainbow[:, :3]


def _short(value: float, quantity: str) -> str:
    return _percent(value) if quantity == "accuracy" else f"{value:,.4g}"


def _with_commas(value: float, _position: object = None) -> str:
    return f"{value:,.6g}"


def _percent(share: float, _position: object = None) -> str:
    return f"{100 * share:.3g} %"


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1].rstrip() + "…"


def _plain(text: str) -> str:
    """Text in which matplotlib sees no formulas."""
    return text.replace("$", r"\$")
