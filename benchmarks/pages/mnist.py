"""How are the results of ``mnist`` shown? A chart, a table, and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchmarks.pages.charts import LIBRARIES, two_panels
from gradless.views import line_labels, style

US = "gradless"
_ROOM = 2.6  # inches for names
_MARKS = (30, 150, 270, 600)  # seconds, in the table

Results = dict[str, Any]


def section(results: Results, folder: Path) -> str:
    """Everything about MNIST, in Markdown; the chart goes into ``folder``."""
    draw(results, folder / "mnist.png")
    yardstick = results["gradients"]
    gradients = _median([run["accuracy"] for run in yardstick["runs"]])
    runs = _by_name(results)
    lines = [
        f"A network {results['network']} without gradients, on {results['train']:,} rows of "
        f"{results['data']}, judged on {results['test']:,} others. Pixels from 0 to 1, minus their "
        "mean; every generation sees another minibatch. gradless's `openai_es` has settings tuned "
        "for this problem, on a part of the training rows, and changes layers by products of thin "
        "matrices (`rank`), which evosax has not; evosax's `Open_ES` runs with settings known to "
        "be good, and once more with those of gradless.",
        "![Share of held-out digits right, over evaluations and over time](mnist.png)",
        _verdict(runs, gradients),
        _table(results, runs, gradients),
    ]
    settings = {name: found[0]["settings"] for name, found in runs.items()}
    lines += [
        f"{name}: {', '.join(f'{key} {value:g}' for key, value in values.items())}."
        for name, values in settings.items()
    ]
    return "\n\n".join(lines)


def _by_name(results: Results) -> dict[str, list[Results]]:
    found: dict[str, list[Results]] = {}
    for run in results["runs"]:
        found.setdefault(run["name"], []).append(run)
    return found


def _median(values: list[float]) -> float:
    return float(np.median(values))


def _final(runs: list[Results]) -> float:
    return _median([run["accuracy"][-1] for run in runs])


def _verdict(runs: dict[str, list[Results]], gradients: float) -> str:
    others = {name: _final(found) for name, found in runs.items() if name != US}
    if US not in runs or not others:
        return ""
    ours = _final(runs[US])
    best = max(others, key=lambda name: others[name])
    relation = "beats" if ours > others[best] else "**loses** to"
    return (
        f"gradless ends at {ours:.1%} and {relation} the better run of evosax, {others[best]:.1%}; "
        f"with gradients it is {gradients:.1%}."
    )


def _table(results: Results, runs: dict[str, list[Results]], gradients: float) -> str:
    marks = [mark for mark in _MARKS if mark < results["seconds"]] + [results["seconds"]]
    head = ["", *(f"after {mark:g} s" for mark in marks), "evaluations", "evaluations/s"]
    lines = [[*head, "ready after"], ["---", *["---:"] * (len(head))]]
    for name, found in sorted(runs.items(), key=lambda item: -_final(item[1])):
        cells = [f"{_median([_at(run, mark) for run in found]):.1%}" for mark in marks]
        evaluations = _median([run["evaluations"][-1] for run in found])
        rate = _median([run["evaluations"][-1] / run["seconds"][-1] for run in found])
        ready = _median([run["ready_seconds"] for run in found])
        label = f"**{name}**" if name == US else name
        lines.append([label, *cells, f"{evaluations:,.0f}", f"{rate:,.0f}", f"{ready:.1f} s"])
    seconds = _median([run["seconds"] for run in results["gradients"]["runs"]])
    name = results["gradients"]["name"]
    last = ["-"] * (len(marks) - 1) + [f"{gradients:.1%} ({seconds:.0f} s)", "-", "-", "-"]
    lines.append([f"*{name}*", *last])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _at(run: Results, seconds: float) -> float:
    # A search looks at the clock between chunks.
    position = int(np.searchsorted(run["seconds"], seconds * 1.02, side="right")) - 1
    return float(run["accuracy"][max(position, 0)])


def draw(results: Results, path: Path) -> None:
    """Accuracy over evaluations, and over time: a line a run, named at its end."""
    title = f"MNIST: network {results['network']}, {results['train']:,} rows, without gradients"
    seeds = len({run["seed"] for run in results["runs"]})
    note = f"a line a run, {seeds} seed{'s' * (seeds > 1)}; dashed: reached with gradients"
    figure, both = two_panels(title, note, _ROOM)
    gradients = _median([run["accuracy"] for run in results["gradients"]["runs"]])
    runs = _by_name(results)
    # The interesting part is near the top; what the first moments look like is not.
    low = min(_at(run, results["seconds"] / 20) for found in runs.values() for run in found)
    high = max(gradients, *(max(run["accuracy"]) for found in runs.values() for run in found))
    for axes, axis in zip(both, ("evaluations", "seconds"), strict=True):
        style.plain_axes(axes, grid="y")
        axes.set_xlabel(axis)
        axes.set_ylabel("held-out digits right")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(_count))
        for name, found in runs.items():
            for run in found:
                axes.plot(run[axis], run["accuracy"], color=LIBRARIES[name].color, linewidth=2.0)
        axes.axhline(gradients, color=style.GRADIENTS, linewidth=1.6, linestyle=(0, (5, 2.5)))
        axes.set_xlim(0, max(run[axis][-1] for found in runs.values() for run in found))
        axes.set_ylim(max(0.0, low - 0.01), min(1.0, high + 0.01))
        _label(axes, runs, axis, gradients)
    style.save(figure, path)


def _count(value: float, _: int) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value:,g}"


def _label(axes: Axes, runs: dict[str, list[Results]], axis: str, gradients: float) -> None:
    """Names at the ends of the lines, moved apart."""
    low, high = axes.get_ylim()
    names = {name: (_final(found), LIBRARIES[name].color) for name, found in runs.items()}
    names["gradients"] = (gradients, style.GRADIENTS)
    heights = [min(1.0, max(0.0, (end - low) / (high - low))) for end, _ in names.values()]
    stop = axes.get_xlim()[1]
    across = [
        max(run[axis][-1] for run in runs[name]) / stop if name in runs else 1.0 for name in names
    ]
    labels = [(f"{name} {end:.1%}", color) for name, (end, color) in names.items()]
    line_labels.name_ends(axes, labels, across, heights)
