"""What do the results on tables with a rare class say? A page in Markdown, of the numbers alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from benchmarks.pages.intervals import Interval
from benchmarks.quality.imbalanced_tables import MOST, TABLES
from benchmarks.quality.tables.chosen import REPORTED, TUNED
from benchmarks.quality.tables.contestants import TEST

GRADLESS, LINEAR, NETWORK, BOOSTED = "gradless", "linear", "MLP", "boosting"
NAMES = (GRADLESS, LINEAR, NETWORK, BOOSTED)
RANKED = "average_precision"
_TITLES = {
    "f1": "F1",
    "balanced_accuracy": "Balanced accuracy",
    RANKED: "Average precision",
    "profit": "Profit",
}
WORDS = {
    LINEAR: "LogisticRegression",
    NETWORK: "MLPClassifier",
    BOOSTED: "HistGradientBoostingClassifier",
}


class Measured(TypedDict):
    """Results on one table, split by split."""

    rows: int
    columns: int
    rare: float  # share of the rare class
    values: dict[str, dict[str, list[float]]]  # by metric and contestant; more is better
    seconds: dict[str, list[float]]  # of the processor, of the fit for one metric


Results = dict[str, Measured]


def line(name: str, measured: Measured) -> str:
    """One table for the screen, a line for each metric."""
    lines = [f"{name} {measured['rows']:,} rows, {measured['rare']:.1%} rare"]
    for metric, values in measured["values"].items():
        cells = [f"{who} {np.mean(of):.4f}" for who, of in values.items()]
        if GRADLESS in values:
            gaps = {who: difference(measured, metric, who) for who in values if who != GRADLESS}
            cells += [f"- {who} {gap.mean:+.4f} ± {gap.half:.4f}" for who, gap in gaps.items()]
        lines.append(f"  {metric:18} {'  '.join(cells)}")
    seconds = ", ".join(f"{who} {np.median(of):.2f}" for who, of in measured["seconds"].items())
    return "\n".join([*lines, f"  seconds {seconds}"])


def difference(measured: Measured, metric: str, other: str) -> Interval:
    """gradless minus the other on the same splits, above 0 where gradless is better."""
    mine, theirs = (np.array(measured["values"][metric][who]) for who in (GRADLESS, other))
    return Interval.of_splits(mine - theirs, TEST)


def counts(results: Results) -> list[str]:
    """How many tables are above, level and below, by metric and contestant."""
    rows = [
        "| metric | compared with | better | above | level | below | mean difference |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for metric, title in _TITLES.items():
        for other in [who for who in NAMES if who != GRADLESS]:
            gaps = [difference(measured, metric, other) for measured in results.values()]
            above = sum(gap.mean > gap.half for gap in gaps)
            below = sum(gap.mean < -gap.half for gap in gaps)
            better = sum(gap.mean > 0 for gap in gaps)
            mean = np.mean([gap.mean for gap in gaps])
            rows.append(
                f"| {title} | {_named(metric, other)} | {better} | {above} | "
                f"{len(gaps) - above - below} | {below} | {mean:+.4f} |"
            )
    return rows


def render(document: dict[str, Any], path: Path) -> None:
    """Write the page, of the tables on which everybody was measured."""
    results = {n: m for n, m in document["results"].items() if set(NAMES) == set(m["seconds"])}
    path.write_text("\n".join(_page(document, results)) + "\n", encoding="utf-8")


def _named(metric: str, other: str) -> str:
    return WORDS[other] + ("" if metric == RANKED else ", threshold tuned")


def _page(document: dict[str, Any], results: Results) -> list[str]:
    tuned, chosen = (
        [table.name for table in TABLES if table.half == half] for half in (TUNED, REPORTED)
    )
    missing = [name for name in chosen if name not in results]
    return [
        "# Rare classes",
        "",
        "Is the default better for F1, balanced accuracy, average precision or a profit than what",
        "people would use instead, with a threshold that is tuned for the metric?",
        "",
        f"Written by `{document['command']}`. {len(results)} real tables with a rare class from",
        f"packages that ship data, of at most {MOST:,} rows, each split {document['splits']}",
        f"times, {TEST:.0%} of its rows for the test. All see the same inputs, as in",
        "[real-tables.md](real-tables.md). Ours is",
        "`GradientFreeClassifier(objective=...)` with its defaults; the others are scikit-learn's",
        "with theirs (`max_iter=1000` for the linear model) in `TunedThresholdClassifierCV`, and",
        "for average precision, which no threshold changes, without. A positive that is found",
        "brings 10, and each row decided positive costs 1.",
        f"The tables are from a list of {len(chosen)}, made before anything was measured on them;",
        f"not measured yet: {_listed(missing)}. {len(tuned)} others are for trying settings",
        f"({', '.join(tuned)}).",
        "jtrain3 was measured once with columns that are its target times another, which the list",
        "had missed; these results, 0.00 to 0.006 apart, were taken out. At first at most 5,000",
        "rows were taken, then 3,000, to save time, before gradless had been measured.",
        "",
        "## How often",
        "",
        "Better: the mean is. Above and below: beyond the 95% interval; level: within.",
        "",
        *counts(results),
        "",
        *_sentences(results),
        "",
        "## Differences",
        "",
        "gradless, and by how much it is better than each other on the same splits, with the 95%",
        "interval of Nadeau and Bengio (2003), who take into account that splits share rows.",
        "",
        *[line for metric in _TITLES for line in _table(results, metric)],
        *_seconds(results),
        f"<sub>{_machine(document['machine'])}</sub>",
    ]


def _table(results: Results, metric: str) -> list[str]:
    others = [who for who in NAMES if who != GRADLESS]
    rows = [
        f"### {_TITLES[metric]}",
        "",
        f"| table | rows | rare | gradless | {' | '.join(f'minus {WORDS[o]}' for o in others)} |",
        "|---|---:|---:|---:|" + "---:|" * len(others),
    ]
    for name, measured in results.items():
        gaps = [difference(measured, metric, other) for other in others]
        cells = [f"{gap.mean:+.3f} ± {gap.half:.3f}" for gap in gaps]
        value = np.mean(measured["values"][metric][GRADLESS])
        rows.append(
            f"| {name} | {measured['rows']:,} | {measured['rare']:.1%} | {value:.3f} | "
            f"{' | '.join(cells)} |"
        )
    return [*rows, ""]


def _sentences(results: Results) -> list[str]:
    """Against logistic regression with a tuned threshold, said plainly."""
    rows = []
    for metric, title in _TITLES.items():
        gaps = {name: difference(found, metric, LINEAR) for name, found in results.items()}
        above = [name for name, gap in gaps.items() if gap.mean > gap.half]
        below = [name for name, gap in gaps.items() if gap.mean < -gap.half]
        better = sum(gap.mean > 0 for gap in gaps.values())
        rows += [
            f"- {title}: better than {_named(metric, LINEAR)},",
            f"  on {better} of {len(gaps)} tables; above it beyond the interval on "
            f"{_listed(above)}, below on {_listed(below)}.",
        ]
        if 2 * len(above) < len(gaps):
            rows.append(
                "  On most tables no lead is certain: logistic regression is simpler, take it."
            )
    return rows


def _listed(tables: list[str]) -> str:
    return f"{len(tables)} ({', '.join(tables)})" if tables else "none"


def _seconds(results: Results) -> list[str]:
    medians = {
        who: np.median([np.median(measured["seconds"][who]) for measured in results.values()])
        for who in NAMES
    }
    told = ", ".join(f"{who} {value:.1f}" for who, value in medians.items())
    return [f"Processor seconds of a fit for one metric, median over tables: {told}.", ""]


def _machine(found: dict[str, Any]) -> str:
    cores = {2: "two"}.get(found["cores"], str(found["cores"]))
    return f"{cores} cores, {found['cpu']}, Python {found['python']}"
