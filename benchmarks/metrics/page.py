"""docs/metrics.md: what was reached, metric by metric, with intervals, and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.metrics import (
    ACCURACY,
    DEFAULT,
    DIRECT,
    F1,
    LINEAR_TUNED,
    LOG_LOSS,
    MLP,
    MLP_TUNED,
    TABLES,
    WAYS,
    WORDS,
    Results,
    beyond,
)
from benchmarks.pages.charts import OURS, THEIRS, interval, rows_of
from benchmarks.pages.intervals import LEVEL, Interval
from gradless.views import style

_WITHIN = 0.01  # of accuracy
_TIMES = 20


def _column(runs: list[Results], name: str) -> np.ndarray:
    return np.array([run[name] for run in runs])


def _difference(ways: Results, one: str, other: str) -> Interval:
    """Of test metrics on the same splits."""
    return Interval.of(_column(ways[one], "test") - _column(ways[other], "test"))


def render(document: Results, page: Path) -> None:
    """Write the page and its picture."""
    found, where, splits = document["results"], document["machine"], document["splits"]
    picture = page.with_suffix(".png")
    draw(found, splits, picture)
    lines = [
        "# Trained for the metric that counts",
        "",
        _WHY,
        "",
        f"![Test metrics of each way to train]({picture.name})",
        "",
        f"Written by `{document['command']}`. {_how(splits)}",
        "",
        "## Rare classes: F1",
        "",
        *_f1(found),
        "",
        "## Balanced classes: accuracy and time",
        "",
        *_accuracy(found),
        "",
        *beyond.kept(),
        "## Everything",
        "",
    ]
    for name, metrics in found.items():
        for metric, ways in metrics.items():
            lines += [
                f"### {TABLES[name].description}: {WORDS[metric]}",
                "",
                *_table(ways),
                "",
            ]
    lines += [
        f"<sub>{document['seconds'] / 60:.0f} minutes on {where['cpu']}, {where['cores']} cores, "
        f"{where['os']}, Python {where['python']}</sub>",
        "",
    ]
    page.write_text("\n".join(lines), encoding="utf-8")
    print(page)


def _how(splits: int) -> str:
    asked = "; ".join(
        f"{table.description} {dict(table.settings)}" for table in TABLES.values() if table.settings
    )
    return (
        f"The mean test metric of {splits} stratified splits, a quarter held out, with its "
        f"{LEVEL:.0%} interval by Student's t. Generated tables are drawn anew for every split: "
        "`make_classification` with 3,000 samples and `make_moons` with 1,000 and a noise of 0.3, "
        "everything else as scikit-learn has it. Everybody has default settings "
        f"(searches of `GradientFreeClassifier`: but for {asked}, and all rows train, "
        "`early_stopping=False`), inputs are standardised, and thresholds are "
        "tuned by `TunedThresholdClassifierCV` for the metric in question. Seconds are the median "
        "of a fit, with what it compiles or tunes. Differences are between the same splits."
    )


def _f1(found: Results) -> list[str]:
    lines = [
        "| table | default, for F1 | minus the search for F1 | minus MLPClassifier | "
        "minus MLPClassifier, threshold tuned | minus LogisticRegression, threshold tuned |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    rare = {name: metrics[F1] for name, metrics in found.items() if F1 in metrics}
    for name, ways in rare.items():
        test = Interval.of(_column(ways[DEFAULT], "test"))
        others = (DIRECT, MLP, MLP_TUNED, LINEAR_TUNED)
        over = [_signed(_difference(ways, DEFAULT, other)) for other in others]
        lines.append(f"| {TABLES[name].description} | {test.mean:.3f} | {' | '.join(over)} |")

    def ahead(other: str) -> int:
        return sum(_difference(ways, DEFAULT, other).mean >= 0 for ways in rare.values())

    return [
        *lines,
        "",
        "The mean test F1 of the default, which fits log loss with a penalty and then chooses a "
        f"decision for F1, is at least that of a search for F1 on {ahead(DIRECT)} of {len(rare)} "
        f"tables, of the gradient's network at its default threshold on {ahead(MLP)}, at a tuned "
        f"one on {ahead(MLP_TUNED)}, and of logistic regression with a tuned threshold, a simpler "
        f"model, on {ahead(LINEAR_TUNED)}.",
    ]


def _accuracy(found: Results) -> list[str]:
    lines = [
        "| table | default, minus MLPClassifier | searched for accuracy, minus MLPClassifier | "
        "searched for log loss, minus MLPClassifier | time of each, times MLPClassifier's |",
        "|---|---:|---:|---:|---:|",
    ]
    within, fast, tables = 0, 0, 0
    for name, metrics in found.items():
        if ACCURACY not in metrics:
            continue
        ways = metrics[ACCURACY]
        ours = (DEFAULT, DIRECT, LOG_LOSS)
        over = [_difference(ways, way, MLP) for way in ours]
        times = [
            float(np.median(_column(ways[way], "seconds") / _column(ways[MLP], "seconds")))
            for way in ours
        ]
        lines.append(
            f"| {TABLES[name].description} | {' | '.join(_signed(each, 100) for each in over)} | "
            f"{'; '.join(f'{each:.1f}' for each in times)} |"
        )
        tables += 1
        within += over[0].mean >= -_WITHIN
        fast += times[0] <= _TIMES
    return [
        *lines,
        "",
        "In points of accuracy. The mean of the default is within a point of the "
        f"gradient's on {within} of {tables} tables, in at most {_TIMES} times its time on {fast}.",
    ]


def _signed(value: Interval, factor: float = 1) -> str:
    digits = 1 if factor == 100 else 3
    return f"{factor * value.mean:+.{digits}f} ± {factor * value.half:.{digits}f}"


def _table(ways: Results) -> list[str]:
    lines = ["| way | test | train | seconds |", "|---|---:|---:|---:|"]
    for way in WAYS:
        if way not in ways:
            continue
        test = Interval.of(_column(ways[way], "test"))
        train = _column(ways[way], "train").mean()
        seconds = np.median(_column(ways[way], "seconds"))
        lines.append(f"| {way} | {test.mean:.3f} ± {test.half:.3f} | {train:.3f} | {seconds:.2f} |")
    return lines


_WHY = """\
A gradient needs a loss that is smooth, such as log loss, and one hopes that a network which is good
for that is good for F1. A search can be for F1 itself, and a decision can be chosen for F1
afterwards, which `GradientFreeClassifier(objective="f1")` does by default. Which is better for it,
on samples that were not seen?"""


def draw(found: Results, splits: int, path: Path) -> None:
    """Test F1 of tables with a rare class, accuracy of the others: a panel for each table."""
    shown = [
        (name, metric, metrics[metric])
        for name, metrics in found.items()
        for metric in (F1, ACCURACY)
        if metric in metrics
    ]
    rows = [[each for each in shown if each[1] == metric] for metric in (F1, ACCURACY)]
    rows = [row for row in rows if row]
    figure = style.blank(13.0, 3.7 * len(rows) + 0.4)
    parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        panels = part.subplots(1, len(row), sharey=True, squeeze=False)[0]
        names = [way for way in WAYS if any(way in ways for _, _, ways in row)]
        for panel, (name, metric, ways) in zip(panels, row, strict=True):
            rows_of(panel, names)
            for place, way in enumerate(names):
                value = Interval.of(_column(ways[way], "test"))
                color = OURS if way in (DEFAULT, DIRECT, LOG_LOSS) else THEIRS
                interval(panel, value.mean, value.half, place, f"{value.mean:.3f}", color)
            panel.set_title(
                f"{TABLES[name].description}: {WORDS[metric]}", loc="left", fontsize=style.TICK,
                color=style.INK,
            )  # fmt: skip
        part.subplots_adjust(left=0.21, right=0.985, top=0.76, bottom=0.12, wspace=0.12)
    style.headed(
        figure,
        "Test metrics of networks trained without gradients (blue) and of scikit-learn (grey)",
        f"mean of {splits} splits, {LEVEL:.0%} interval",
        0.2,
    )
    style.save(figure, path)
