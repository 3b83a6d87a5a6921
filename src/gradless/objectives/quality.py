"""How good are predictions on data with answers, and how much is that to be trusted?

Values are those of scikit-learn. Their intervals are percentiles over resamples of the rows with
replacement (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13), computed
for many resamples at once. A resample that lacks one of the classes is left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core import words
from gradless.data.cells import short

Array = npt.NDArray[Any]

LEVEL = 0.95
CLIP = 1e-7
"""Probabilities are clipped to [1e-7, 1 - 1e-7] before the logarithm, as in the chapter."""
COVERAGE = "coverage"
# In float32, as the chapter computes it: 1 - 1e-7 is the nearest float32 below 1.
MOST_LIKELY = float(np.float32(1 - CLIP))
# Of fewer rows, and above all of those without any error, intervals are too narrow.
FEW = 50
_RESAMPLES, _FEWEST = 1000, 100
# Rows drawn in all, and at a time; of very many rows fewer resamples are enough.
_DRAWN, _AT_ONCE = 20_000_000, 2_000_000


class Metric(NamedTuple):
    """A value and its 95 % interval; what the data do not define is None."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    meaning: str = ""
    of: str = ""

    @property
    def label(self) -> str:
        """The name, with what it is of."""
        return self.name + self.of

    @property
    def text(self) -> str:
        """The value in words."""
        return "not defined" if self.value is None else self._words(self.value)

    @property
    def interval(self) -> str:
        """The interval in words."""
        if self.low is None or self.high is None:
            return ""
        return f"{self._words(self.low)} to {self._words(self.high)}"

    def _words(self, value: float) -> str:
        is_share = self.name.endswith("accuracy") or self.name == COVERAGE
        return words.percent(value) if is_share else words.loss(value)

    def as_json(self) -> dict[str, float | None]:
        """Value and interval."""
        return {"value": self.value, "low": self.low, "high": self.high}


def of_classes(
    targets: Array, probabilities: Array, class_names: Sequence[str], *, intervals: bool = True
) -> list[Metric]:
    """Metrics of a classification.

    Parameters
    ----------
    targets
        Class indices, shape (n,).
    probabilities
        Of each class, shape (n, classes).
    class_names
        One name per class. Of two, the second one is the class to be found.
    intervals
        Whether to compute them, which takes most of the time.

    Returns
    -------
    list of Metric
        Accuracy, balanced accuracy, F1, log loss (the objective cross_entropy), Brier score, ROC
        AUC and, for two classes, average precision.
    """
    from sklearn import metrics  # noqa: PLC0415 - loads in seconds

    probabilities = np.asarray(probabilities, np.float64)
    classes, binary = len(class_names), len(class_names) == 2
    if not np.isfinite(probabilities).all():
        return [Metric("accuracy", None, meaning="the network's outputs are not finite")]
    predicted, present = probabilities.argmax(1), np.unique(targets)
    whole = len(present) == classes
    labels = [1] if binary else np.union1d(present, predicted)
    scores = probabilities[:, 1] if binary else probabilities
    found: list[Metric] = []

    def add(name: str, value: float | None, meaning: str, *, one: bool = False) -> None:
        of = f" of {short(class_names[1])}" if binary else ", mean of classes"
        found.append(Metric(name, value, meaning=meaning, of=of if one else ""))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class is predicted that the data do not have
        add("accuracy", metrics.accuracy_score(targets, predicted), "share of right answers")
        balanced = metrics.balanced_accuracy_score(targets, predicted)
        add("balanced accuracy", balanced, "its mean over the classes")
        f1 = metrics.f1_score(targets, predicted, labels=labels, average="macro", zero_division=0)
        add("F1", f1, "1 is perfect, 0 finds none", one=True)
        add("log loss", log_losses(targets, probabilities).mean(), "0 is perfect, lower is better")
        brier = squared_distances(targets, probabilities).mean()
        add("Brier score", brier, "0 is perfect, 1 sure and wrong")
        area = metrics.roc_auc_score(targets, scores, multi_class="ovr") if whole else None
        add("ROC AUC", area, "1 is perfect, 0.5 guessing", one=True)
        if binary:
            share = float(np.mean(targets == 1))
            precision = metrics.average_precision_score(targets, scores) if whole else None
            meaning = f"1 is perfect, {share:.2g} guessing"
            add("average precision", precision, meaning, one=True)
    if not intervals:
        return _with_intervals(found, np.empty((0, len(found))))
    samples = _classification_resamples(targets, probabilities, present, labels)
    return _with_intervals(found, samples)


def log_losses(targets: Array, probabilities: Array) -> npt.NDArray[np.float64]:
    """Log loss of each row, as the objective cross_entropy has it: one number for one quantity."""
    likely = probabilities[np.arange(len(targets)), targets]
    return -np.log(np.clip(likely, CLIP, MOST_LIKELY))


def squared_distances(targets: Array, probabilities: Array) -> npt.NDArray[np.float64]:
    """Brier score of each row: half the squared distance of the probabilities from the truth.

    Of two classes, that of either one (Brier, "Verification of Forecasts Expressed in Terms of
    Probability", 1950, has twice as much).
    """
    truth = targets[:, None] == np.arange(probabilities.shape[1])
    found: npt.NDArray[np.float64] = ((probabilities - truth) ** 2).sum(1) / 2
    return found


def of_numbers(
    targets: Array, predictions: Array, *, quantile: float | None = None, intervals: bool = True
) -> list[Metric]:
    """Metrics of a regression: mean squared error, mean absolute error and R².

    Parameters
    ----------
    targets, predictions
        Numbers, shape (n,).
    quantile
        If this one is predicted, its share of rows: pinball loss and coverage come first.
    intervals
        Whether to compute them.
    """
    from sklearn import metrics  # noqa: PLC0415

    true, predicted = np.asarray(targets, np.float64), np.asarray(predictions, np.float64)
    if not np.isfinite(predicted).all():
        return [Metric("MSE", None, meaning="the network's outputs are not finite")]
    defined = bool(np.ptp(true))
    r2_found = metrics.r2_score(true, predicted) if defined else None
    squared = metrics.mean_squared_error(true, predicted)
    absolute = metrics.mean_absolute_error(true, predicted)
    found = [
        Metric("MSE", squared, meaning="mean of the squared errors"),
        Metric("MAE", absolute, meaning="mean size of an error"),
        Metric("R²", r2_found, meaning="1 is perfect, 0 always the mean"),
    ]
    of_rows: list[Array] = []
    if quantile is not None:
        short_of = true - predicted
        of_rows = [np.maximum(quantile * short_of, (quantile - 1) * short_of), predicted >= true]
        right = f"share of rows not above, {words.percent(quantile)} is right"
        found = [
            Metric("pinball loss", of_rows[0].mean(), meaning=f"of quantile {quantile:g}"),
            Metric(COVERAGE, of_rows[1].mean(), meaning=right),
            *found,
        ]
    if not intervals:
        return _with_intervals(found, np.empty((0, len(found))))
    errors = predicted - true
    parts = []
    for rows in _resamples(len(true)):
        squares, answers = (errors**2)[rows].mean(1), true[rows]
        variance = answers.var(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(variance > 0, 1 - squares / variance, np.nan)
        means = [each[rows].mean(1) for each in of_rows]
        parts.append(np.stack([*means, squares, np.abs(errors)[rows].mean(1), r2], axis=1))
    return _with_intervals(found, np.concatenate(parts))


def confusion_matrix(targets: Array, probabilities: Array) -> Array:
    """How often each true class (rows) was predicted as which (columns)."""
    from sklearn import metrics  # noqa: PLC0415

    labels = range(probabilities.shape[1])
    found: Array = metrics.confusion_matrix(targets, probabilities.argmax(1), labels=labels)
    return found


# --- Resamples ------------------------------------------------------------------------------------


def _with_intervals(found: Sequence[Metric], samples: npt.NDArray[np.float64]) -> list[Metric]:
    """Metrics with percentiles of their values over resamples, (resamples, metrics)."""
    tail = (1 - LEVEL) / 2
    whole = []
    for metric, column in zip(found, samples.T, strict=True):
        if metric.value is not None:
            metric = metric._replace(value=float(metric.value))
            known = column[np.isfinite(column)]
            if len(known) >= _FEWEST / 2:
                low, high = np.quantile(known, [tail, 1 - tail]).tolist()
                metric = metric._replace(low=low, high=high)
        whole.append(metric)
    return whole


def _resamples(rows: int, classes: int = 1) -> Iterator[npt.NDArray[np.intp]]:
    """Indices of the rows of resamples, (some resamples, rows)."""
    generator = np.random.default_rng(0)
    left = int(np.clip(_DRAWN // (rows * classes), _FEWEST, _RESAMPLES))
    while left:
        count = min(left, max(1, _AT_ONCE // max(rows, classes**2)))
        yield generator.integers(0, rows, (count, rows))
        left -= count


def _classification_resamples(
    targets: Array, probabilities: Array, present: Array, labels: Sequence[int] | Array
) -> npt.NDArray[np.float64]:
    """The metrics of `of_classes` of each resample."""
    rows, classes = probabilities.shape
    cells = classes * targets.astype(np.intp) + probabilities.argmax(1)
    losses = log_losses(targets, probabilities)
    distances = squared_distances(targets, probabilities)
    whole, parts = len(present) == classes, []
    for drawn in _resamples(rows, classes):
        confusion = _counted(cells[drawn], classes**2).reshape(-1, classes, classes)
        true, predicted = confusion.sum(2), confusion.sum(1)
        kept = (true[:, present] > 0).all(1)
        drawn, confusion = drawn[kept], confusion[kept]
        true, predicted = true[kept], predicted[kept]
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        f1 = 2 * hits / np.maximum(true + predicted, 1)
        values = [
            hits.sum(1) / rows,
            (hits[:, present] / true[:, present]).mean(1),
            f1[:, labels].mean(1),
            losses[drawn].mean(1),
            distances[drawn].mean(1),
        ]
        weights = _counted(drawn, rows)
        ranked = [1] if classes == 2 else range(classes)
        unknown = np.full(len(drawn), np.nan)
        areas = (
            [_ranking(targets == k, probabilities[:, k], weights) for k in ranked] if whole else []
        )
        values.append(np.mean([auc for auc, _ in areas], axis=0) if areas else unknown)
        if classes == 2:
            values.append(areas[0][1] if areas else unknown)
        parts.append(np.stack(values, axis=1))
    return np.concatenate(parts)


def _counted(values: npt.NDArray[np.intp], among: int) -> npt.NDArray[np.intp]:
    """How often each of so many values is in each row."""
    apart = values + among * np.arange(len(values))[:, None]
    return np.bincount(apart.ravel(), minlength=among * len(values)).reshape(-1, among)


def _ranking(positive: Array, scores: Array, weights: Array) -> tuple[Array, Array]:
    """Area under the ROC curve and average precision, for each row of weights of the samples."""
    order = np.argsort(-scores, kind="stable")
    # Samples of one score are one step of both curves.
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    weights = weights[:, order]
    hits = np.add.reduceat(weights * positive[order], starts, axis=1)
    misses = np.add.reduceat(weights, starts, axis=1) - hits
    all_hits, all_misses = np.cumsum(hits, axis=1), np.cumsum(misses, axis=1)
    of_hits, of_misses = all_hits[:, -1], all_misses[:, -1]
    area = (misses * (all_hits - hits / 2)).sum(1) / (of_hits * of_misses)
    precision = all_hits / np.maximum(all_hits + all_misses, 1)
    return area, (hits * precision).sum(1) / of_hits
