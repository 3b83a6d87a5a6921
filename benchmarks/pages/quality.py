"""How are the results of ``quality`` shown? From their JSON alone: tables, charts, and who wins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages.charts import LIBRARIES, two_panels
from benchmarks.peers.task import LATE
from gradless.runs.comparison.outcomes import Curve, Outcome, quartiles
from gradless.training.gradient_descent import EVALUATIONS_PER_STEP
from gradless.training.gradient_descent import NAME as DASHED
from gradless.views import comparison_picture, style

US = "gradless"
BUDGETS = {"seconds": "time", "evaluations": "evaluations"}
"""Which runs are shown on which axis."""

_ROOM = 2.25  # inches for names
_ABOVE_GUESSING = 1.3  # times the loss of equal probabilities
_SHARE_SHOWN = 500  # of the budget; before its 500th part nothing is decided

Results = dict[str, Any]


def at(curve: Results, axis: str, budget: float, column: str = "loss") -> float:
    """What a curve has reached within a budget."""
    limit = budget * LATE if axis == "seconds" else budget
    position = int(np.searchsorted(curve[axis], limit, side="right")) - 1
    value = curve[column][max(position, 0)]
    return float("nan") if value is None else float(value)


def section(results: Results, folder: Path) -> str:
    """Everything about quality, in Markdown; charts go into ``folder``."""
    parts = [_INTRODUCTION.format(steps=EVALUATIONS_PER_STEP)]
    for name, problem in results["problems"].items():
        chart = f"quality-{name}.png"
        draw(name, problem, results["yardstick"], folder / chart)
        parts.append(f"### {_title(name, problem)}")
        parts.append(f"![Loss over evaluations and over time]({chart})")
        for axis in BUDGETS:
            table, verdict = ranking(problem, results["yardstick"], axis)
            parts += [f"**{_budget(problem, axis)}.** {verdict}", table]
        parts.append(_selection(problem))
    return "\n\n".join(parts)


_INTRODUCTION = """Everyone minimises the same cross-entropy of the same network on the same data
from the same first weights, for the same time or with as many evaluations, on all cores that it can
use, and without gradients. Imports and compilation are not counted ("ready after"). For each
problem and each budget, the best of several methods and settings of each library was selected under
a seed of its own. The loss is the lowest of any network so far: median over seeds, and quartiles in
brackets. As a yardstick and out of competition: scikit-learn's Adam, which does use gradients; an
epoch counts as {steps} evaluations."""


def ranking(problem: Results, yardstick: str, axis: str) -> tuple[str, str]:
    """A table, the lowest loss first, and what it says in one sentence."""
    rows = {name: _summary(runs, problem, axis) for name, runs in _by_name(problem, axis).items()}
    order = sorted(rows, key=lambda name: rows[name]["loss"][1])
    with_test = problem["held_out"] > 0
    head = ["", "method", "loss", "right in training", *(["right held out"] if with_test else [])]
    head += [problem["aim"], "evaluations/s", "ready after"]
    lines = [head, ["---", "---", *["---:"] * (len(head) - 2)]]
    for name in order:
        row = rows[name]
        low, middle, high = (_number(value) for value in row["loss"])
        label = f"**{name}**" if name == US else f"*{name}*" if name == yardstick else name
        cells = [label, row["method"], f"{middle} ({low} to {high})", f"{row['accuracy']:.1%}"]
        cells += [f"{row['test_accuracy']:.1%}"] if with_test else []
        cells += [f"{row['reached']} of {row['runs']}", f"{row['rate']:,.0f}"]
        lines.append([*cells, f"{row['ready']:.1f} s"])
    failed = sorted({run["name"] for run in problem["runs"] if "error" in run} - rows.keys())
    verdict = _verdict([name for name in order if name != yardstick], rows)
    if failed:
        verdict += f" {', '.join(failed)} failed."
    return "\n".join(f"| {' | '.join(line)} |" for line in lines), verdict


def _by_name(problem: Results, axis: str) -> dict[str, list[Results]]:
    """Finished runs of a budget, by contestant."""
    found: dict[str, list[Results]] = {}
    for run in problem["runs"]:
        if run["budget"] == BUDGETS[axis] and "error" not in run:
            found.setdefault(run["name"], []).append(run)
    return found


def _summary(runs: Sequence[Results], problem: Results, axis: str) -> Results:
    budget, quantity = problem[axis], problem["quantity"]

    def reached(run: Results) -> bool:
        value = at(run["curve"], axis, budget, quantity)
        return bool(
            value <= problem["target"] if quantity == "loss" else value >= problem["target"]
        )

    def median(column: str) -> float:
        return float(np.median([at(run["curve"], axis, budget, column) for run in runs]))

    losses = np.array([[at(run["curve"], axis, budget)] for run in runs])
    return {
        "method": runs[0]["method"],
        "loss": quartiles(losses)[:, 0],
        "accuracy": median("accuracy"),
        "test_accuracy": median("test_accuracy"),
        "reached": sum(reached(run) for run in runs),
        "runs": len(runs),
        "rate": float(np.median([run["evaluations"] / run["seconds"] for run in runs])),
        "ready": float(np.median([run["ready_seconds"] for run in runs])),
    }


def _verdict(order: list[str], rows: dict[str, Results]) -> str:
    """Where gradless comes, losses included."""
    if US not in order or len(order) < 2:
        return ""
    place = order.index(US)
    if place == 0:
        ratio = rows[order[1]]["loss"][1] / rows[US]["loss"][1]
        margin = f"{ratio:.1f} times" if ratio >= 1.1 else f"{ratio:.3f} times"
        return f"gradless has the lowest loss; that of {order[1]}, the next, is {margin} as high."
    better = order[:place]
    names = better[0] if place == 1 else f"{', '.join(better[:-1])} and {better[-1]}"
    return f"gradless **loses** to {names}, and is number {place + 1} of {len(order)}."


def _title(name: str, problem: Results) -> str:
    return f"{name.capitalize()}: network {problem['network']}, {problem['samples']:,} samples"


def _budget(problem: Results, axis: str) -> str:
    if axis == "seconds":
        return f"In {problem['seconds']:g} seconds"
    return f"With {problem['evaluations']:,} evaluations"


def _selection(problem: Results) -> str:
    """What was tried, folded away."""
    selection = problem["selection"]
    lines = [
        f"| library | method | loss after {selection['seconds']:g} s | loss after "
        f"{problem['evaluations']:,} evaluations, or as many as fit |",
        "| --- | --- | ---: | ---: |",
    ]
    for name, rows in problem["tried"].items():
        for row in rows:
            settings = " ".join(f"{key}={value}" for key, value in row["settings"].items())
            method = f"{row['method']} {settings}".strip()
            if row["error"]:
                lines.append(f"| {name} | {method} | failed | failed |")
                continue
            numbers = (_number(row[key]) for key in ("loss_at_time", "loss_at_evaluations"))
            lines.append(f"| {name} | {method} | {' | '.join(numbers)} |")
    summary = (
        f"<summary>All that was tried, under seed {selection['seed']}, each for "
        f"{selection['seconds']:g} seconds on one core</summary>"
    )
    return "\n".join(["<details>", summary, "", *lines, "", "</details>"])


def _number(value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return "-"
    return f"{value:.4f}" if value >= 0.001 else f"{value:.1e}"


def draw(name: str, problem: Results, yardstick: str, path: Path) -> None:
    """The loss over evaluations, and over time: a line a library, the band of its quartiles."""
    seeds = len({run["seed"] for run in problem["runs"] if "seed" in run})
    note = f"line: median of {seeds} seeds, band: quartiles; " if seeds > 1 else "one seed; "
    figure, both = two_panels(_title(name, problem), note + "dashed: uses gradients", _ROOM)
    panels = list(zip(both, reversed(BUDGETS), strict=True))
    drawn = [(axes, axis, _lines(problem, yardstick, axis)) for axes, axis in panels]
    for axes, axis, lines in drawn:
        ceiling = _ceiling(problem, lines)
        shown = [np.minimum(line.y, ceiling) for line in lines]
        log = comparison_picture.vertical(axes, shown, "best loss so far")
        style.plain_axes(axes, grid="y")
        comparison_picture.horizontal(axes, lines)
        axes.set_xlim(left=problem[axis] / _SHARE_SHOWN)
        axes.set_xlabel(f"{axis} (log scale)")
        if problem["quantity"] == "loss":
            axes.axhline(problem["target"], color=style.FAINT, linewidth=1.0, linestyle=":")
        for line in lines:
            # Last, so that it lies on top.
            comparison_picture.draw_line(axes, line)
        comparison_picture.label_ends(axes, lines, log)
    style.save(figure, path)


def _ceiling(problem: Results, lines: list[Any]) -> float:
    """How much of the vertical axis is worth its place: the ends, and not far above guessing."""
    guessing = float(np.log(int(problem["network"].split("-")[-1])))
    ends = [line.y[1, -1] for line in lines] or [guessing]
    return min(_ABOVE_GUESSING * guessing, max(2.5 * np.median(ends), 1.05 * max(ends)))


def _lines(problem: Results, yardstick: str, axis: str) -> list[Any]:
    """Lines of the package's own comparison chart, each up to its budget."""
    runs = [run for runs in _by_name(problem, axis).values() for run in runs]
    outcomes = []
    for run in runs:
        columns = [np.array(run["curve"][key], float) for key in Curve._fields]
        # From the first generation on: a logarithm has no zero.
        shown = (columns[0] > 0) & (columns[1] > 0)
        curve = Curve(*(column[shown] for column in columns))
        name = DASHED if run["name"] == yardstick else run["name"]
        spent = run["evaluations"], run["seconds"], 0.0
        outcomes.append(Outcome(name, run["seed"], curve, *spent, np.nan, np.nan, ""))
    names = [DASHED if name == yardstick else name for name in problem["tried"]]
    # gradless is drawn last, on top of the others.
    lines = comparison_picture.lines_of(outcomes, names, axis, looks=LIBRARIES)
    return sorted(lines, key=lambda line: line.name == US)
