"""docs/steps.md: a table for each data set, a picture of both, and how to use such networks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter

from benchmarks.pages.charts import OURS, THEIRS, interval, rows_of
from benchmarks.pages.intervals import LEVEL, Interval
from benchmarks.steps import DATA, GRADIENTS, KINDS, SEARCHED, Options, Results, tasks_page
from gradless.views import style


class Row(NamedTuple):
    """A kind of network over the seeds."""

    mean: float
    half: float  # of the interval
    seconds: float  # median: the first seed compiles
    bytes: int


def summary(runs: list[Results]) -> Row:
    """Mean test accuracy with its interval by Student's t over the seeds, and the rest."""
    accuracy = Interval.of([run["accuracy"] for run in runs])
    seconds = float(np.median([run["seconds"] for run in runs]))
    return Row(*accuracy, seconds, int(runs[0]["bytes"]))


def render(document: Results, page: Path, others: Results | None = None) -> None:
    """Write the page and its picture; ``others`` are the five tasks, if they were measured."""
    options, where = Options(**document["options"]), document["machine"]
    found = document["results"]
    rows = {name: {kind.name: summary(found[name][kind.name]) for kind in KINDS} for name in found}
    picture = page.with_suffix(".png")
    draw(rows, options, picture)
    lines = [
        "# Networks without derivatives",
        "",
        _WHY,
        "",
        f"![Test accuracy of networks with and without derivatives]({picture.name})",
        "",
        f"Written by `python -m benchmarks.steps`. {_how(options, found)}",
        "",
    ]
    for name, of_kind in rows.items():
        lines += [f"## {DATA[name][0]}", "", *_table(of_kind), ""]
    lines += [
        "## What a gradient gives",
        "",
        _gradient(rows, found),
        "",
        *([*tasks_page.section(others), ""] if others else []),
        _USE,
        "",
        f"<sub>{document['seconds'] / 60:.0f} minutes on {where['cpu']}, {where['cores']} cores, "
        f"{where['os']}, Python {where['python']}</sub>",
        "",
    ]
    page.write_text("\n".join(lines), encoding="utf-8")
    print(page)


def _how(options: Options, found: Results) -> str:
    used = {run["note"] for of_kind in found.values() for k in SEARCHED for run in of_kind[k.name]}
    return (
        f"Networks have one hidden layer of {options.hidden} neurons: rectifiers where they are "
        "ordinary, hard thresholds where they are called sign or step. Each search evaluates "
        f"{options.evaluations:,} of them, by the strategy that `auto` chooses "
        f"({', '.join(sorted(used))}). Accuracy is on a quarter of the samples that is held out: "
        f"the mean of {options.seeds} seeds, each with a split, first weights and noise of its "
        f"own, and the {LEVEL:.0%} interval of that mean by Student's t. Files hold weights and "
        "biases; seconds are medians of a whole fit. *Rounded afterwards* is the ordinary network "
        "of the same search, with its weights rounded when it is done."
    )


def _table(rows: dict[str, Row]) -> list[str]:
    lines = [
        "| network | trained by | test accuracy | file, bytes | seconds |",
        "|---|---|---:|---:|---:|",
    ]
    for kind in KINDS:
        row = rows[kind.name]
        accuracy = f"{row.mean:.1%} ± {100 * row.half:.1f}"
        lines.append(
            f"| {kind.name} | {kind.how} | {accuracy} | {row.bytes:,} | {row.seconds:.1f} |"
        )
    return lines


def _gradient(rows: dict[str, dict[str, Row]], found: Results) -> str:
    step, searched_step = GRADIENTS[0].name, "step"
    stayed = all(
        run["note"].endswith("as it was drawn")
        for of_kind in found.values()
        for run in of_kind[step]
    )
    if not stayed:
        raise ValueError("a hidden layer of steps was moved by a gradient, expected none to be")
    reached = "; ".join(
        f"{DATA[name][0].partition(',')[0]} {of_kind[step].mean:.1%}, searched "
        f"{of_kind[searched_step].mean:.1%}"
        for name, of_kind in rows.items()
    )
    return (
        "The derivative of a step is zero wherever it exists, so a gradient says nothing about the "
        "layers before it. Adam with `jax.grad` left every hidden layer bit for bit as it was "
        "drawn, in every run, and trained the last layer on random features alone (test accuracy: "
        f"{reached}). scikit-learn's `MLPClassifier` has no such activation. Rounded weights are "
        "the same case: the derivative of rounding is zero. The usual way out is a made-up "
        "derivative, a straight-through estimator. A search needs none: it compares whole networks."
    )


_WHY = """\
A neuron that is on or off, or a weight that is a whole number of eight bits, has no derivative that
would say where to go. A search asks for none, and trains the network as it will be used."""

_USE = """\
## Use

`activation="step"` (0 or 1), `activation="sign"` (-1 or 1) and `weights="int8"` go with everything
else, in Python and on the command line:

```python
from sklearn.datasets import load_breast_cancer
from gradless import GradientFreeClassifier

X, y = load_breast_cancer(return_X_y=True)
model = GradientFreeClassifier(8, "step", weights="int8", max_evaluations=5000, random_state=0)
print(f"{model.fit(X, y).score(X, y):.3f}")
```

```bash
gradless train breast-cancer --hidden 16 --activation step --weights int8 --evaluations 5000
```

With `weights="int8"`, the weights of a layer are whole numbers from -127 to 127 times one scale
(Jacob et al. 2018; Nagel et al. 2021), and biases are float32. The search moves parameters in
float32 and every network is evaluated with rounded weights, in training, in `predict` and from a
file alike. `coefs_` are the rounded weights. `model.safetensors` holds the whole numbers and the
scale, a quarter of the size for a large network; arithmetic here is that of float32 and no faster
for it. To go on from a network of float32: `model.set_params(weights="int8", warm_start=True)` and
`fit` again."""


def draw(rows: dict[str, dict[str, Row]], options: Options, path: Path) -> None:
    """Test accuracy of each kind, with its interval, a panel for each data set."""
    figure = style.blank(12.0, 5.6)
    figure.subplots_adjust(left=0.24, right=0.985, top=0.8, bottom=0.1, wspace=0.12)
    style.headed(
        figure,
        "Networks without derivatives, trained by a search (blue) and by a gradient (grey)",
        f"test accuracy: mean of {options.seeds} seeds, {LEVEL:.0%} interval",
        0.2,
    )
    panels = figure.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    for panel, (name, of_kind) in zip(panels, rows.items(), strict=True):
        rows_of(panel, [kind.name for kind in KINDS])
        for place, kind in enumerate(KINDS):
            row = of_kind[kind.name]
            color = THEIRS if kind in GRADIENTS else OURS
            interval(panel, row.mean, row.half, place, f"{row.mean:.1%}", color)
        panel.set_title(DATA[name][0], loc="left", fontsize=style.LABEL, color=style.INK)
        panel.xaxis.set_major_formatter(FuncFormatter(style.percent))
    style.save(figure, path)
