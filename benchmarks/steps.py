"""Networks without derivatives: what do they reach beside ordinary ones? Writes docs/steps.md.

    python -m benchmarks.steps              # some minutes, then page and picture
    python -m benchmarks.steps --render     # both again, from benchmarks/results/steps.json
    python -m benchmarks.steps --toy        # does everything still work? nothing is kept

Networks of hard thresholds and of weights in eight bits, trained by the default search of the
estimators, on data of scikit-learn. Each seed has a quarter of the samples of its own held out,
stratified, and first weights and noise of its own. Yardsticks that use gradients stand beside them.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import machine
from gradless import GradientFreeClassifier, forward, objectives, plots, storage
from gradless.data import Dataset
from gradless.evaluate import SupervisedProblem
from gradless.models import MLP, Dense
from gradless.train import Stop
from gradless.yardstick import Adam, descend

RESULTS = Path(__file__).parent / "results" / "steps.json"
PAGE = Path(__file__).parents[1] / "docs" / "steps.md"
LEVEL = 0.95

DATA: dict[str, tuple[str, Callable[..., Any]]] = {
    "digits": ("handwritten digits, 8 x 8 pixels", load_digits),
    "breast-cancer": ("breast cancer, 30 measurements", load_breast_cancer),
}


class Kind(NamedTuple):
    """A network, and how it is trained."""

    name: str
    activation: str
    weights: str
    how: str  # in the table


SEARCHED = (
    Kind("ordinary", "relu", "float32", "search"),
    Kind("ordinary, int8 weights", "relu", "int8", "search"),
    Kind("sign", "sign", "float32", "search"),
    Kind("step", "step", "float32", "search"),
    Kind("step, int8 weights", "step", "int8", "search"),
)
ROUNDED = Kind("ordinary, rounded to int8 afterwards", "relu", "int8", "search, then rounded")
GRADIENTS = (
    Kind("step, by a gradient", "step", "float32", "Adam"),
    Kind("ordinary, by a gradient", "relu", "float32", "Adam (scikit-learn)"),
)
KINDS = (*SEARCHED[:2], ROUNDED, *SEARCHED[2:], *GRADIENTS)


class Options(NamedTuple):
    """How much is measured."""

    data: tuple[str, ...] = tuple(DATA)
    seeds: int = 8
    hidden: int = 32
    evaluations: int = 20_000


TOY = Options(("breast-cancer",), 2, 16, 600)

Results = dict[str, Any]


# --- Measured -------------------------------------------------------------------------------------


class Run(NamedTuple):
    """What one network came to."""

    accuracy: float  # on the samples held out
    seconds: float
    bytes: int  # of a file with weights and biases alone
    note: str  # what trained it


def measure(options: Options) -> Results:
    """Every kind of network on every data set, seed by seed."""
    found: Results = {name: {kind.name: [] for kind in KINDS} for name in options.data}
    for name in options.data:
        X, y = DATA[name][1](return_X_y=True)
        for seed in range(options.seeds):
            split = train_test_split(X, y, stratify=y, random_state=seed)
            for kind in SEARCHED:
                model, run = searched(kind, split, options, seed)
                found[name][kind.name].append(run._asdict())
                if kind is SEARCHED[0]:
                    found[name][ROUNDED.name].append(rounded(model, split, run)._asdict())
            for kind, train in zip(GRADIENTS, (descended, by_scikit_learn), strict=True):
                found[name][kind.name].append(train(kind, split, options, seed)._asdict())
            shown = (f"{kind.name} {found[name][kind.name][-1]['accuracy']:.3f}" for kind in KINDS)
            print(f"{name}, seed {seed}: {'; '.join(shown)}", flush=True)
    return found


def searched(
    kind: Kind, split: Sequence[np.ndarray], options: Options, seed: int
) -> tuple[GradientFreeClassifier, Run]:
    """An estimator with its defaults."""
    X, X_test, y, y_test = split
    begun = time.perf_counter()
    model = GradientFreeClassifier(
        options.hidden, kind.activation, weights=kind.weights,
        max_evaluations=options.evaluations, random_state=seed,
    ).fit(X, y)  # fmt: skip
    seconds = time.perf_counter() - begun
    network = MLP(
        (X.shape[1], options.hidden, model.n_outputs_), kind.activation, weights=kind.weights
    )
    size = stored_bytes(network, tuple(map(Dense, model.coefs_, model.intercepts_)))
    accuracy = accuracy_score(y_test, model.predict(X_test))
    return model, Run(accuracy, seconds, size, model.strategy_.name)


def rounded(model: GradientFreeClassifier, split: Sequence[np.ndarray], run: Run) -> Run:
    """The same network with its weights rounded now that it is trained."""
    _, X_test, _, y_test = split
    layers = tuple(map(Dense, model.coefs_, model.intercepts_))
    network = MLP((X_test.shape[1], *map(len, model.intercepts_)), weights="int8")
    used = network.used(layers)
    inputs = (X_test - model.feature_mean_) / model.feature_scale_
    outputs = forward.outputs(
        inputs, [np.asarray(w) for w, _ in used], model.intercepts_, network.activation
    )
    accuracy = accuracy_score(y_test, outputs.argmax(1))
    return run._replace(accuracy=accuracy, bytes=stored_bytes(network, layers))


def descended(kind: Kind, split: Sequence[np.ndarray], options: Options, seed: int) -> Run:
    """Adam by jax.grad: the gradient of a hidden layer of steps is zero, the last layer learns."""
    X, X_test, y, y_test = split
    scaler = StandardScaler().fit(X)
    names = tuple(map(str, np.unique(y)))
    features = tuple(map(str, range(X.shape[1])))
    data = Dataset("table", scaler.transform(X).astype(np.float32), np.int32(y), features, names)
    network = MLP((X.shape[1], options.hidden, len(names)), kind.activation)
    problem = SupervisedProblem.of(data, network, objectives.get("cross_entropy"))
    first = network.init(jax.random.key(seed))
    begun = time.perf_counter()
    records = descend(
        problem, Adam(), Adam().begin(first, seed), Stop(evaluations=options.evaluations)
    )
    (last,) = collections.deque(records, maxlen=1)
    seconds = time.perf_counter() - begun
    params = last.run.state.params
    outputs = network.apply(params, scaler.transform(X_test).astype(np.float32))
    moved = [not np.array_equal(a, b) for a, b in zip(first[0], params[0], strict=True)]
    note = "the hidden layer moved" if any(moved) else "the hidden layer stayed as it was drawn"
    accuracy = accuracy_score(y_test, np.asarray(outputs).argmax(1))
    return Run(accuracy, seconds, stored_bytes(network, params), note)


def by_scikit_learn(kind: Kind, split: Sequence[np.ndarray], options: Options, seed: int) -> Run:
    """The same network by scikit-learn, with its defaults and time enough to converge."""
    X, X_test, y, y_test = split
    begun = time.perf_counter()
    classifier = MLPClassifier((options.hidden,), kind.activation, max_iter=1000, random_state=seed)
    model = make_pipeline(StandardScaler(), classifier).fit(X, y)
    seconds = time.perf_counter() - begun
    layers = zip(classifier.coefs_, classifier.intercepts_, strict=True)
    params = tuple(Dense(np.float32(w), np.float32(b)) for w, b in layers)
    size = stored_bytes(MLP((2, 2)), params)
    return Run(accuracy_score(y_test, model.predict(X_test)), seconds, size, "MLPClassifier")


def stored_bytes(network: MLP, params: tuple[Dense, ...]) -> int:
    """Size of the file that a run folder keeps of a network."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        storage.save_tree(path, {"layers": network.stored(params)})
        return path.stat().st_size


# --- Shown ----------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A kind of network over the seeds."""

    mean: float
    half: float  # of the interval
    seconds: float  # median: the first seed compiles
    bytes: int


def summary(runs: list[Results]) -> Row:
    """Mean test accuracy with its interval by Student's t over the seeds, and the rest."""
    values = np.array([run["accuracy"] for run in runs])
    quantile = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)
    half = float(quantile * values.std(ddof=1) / np.sqrt(len(values)))
    seconds = float(np.median([run["seconds"] for run in runs]))
    return Row(float(values.mean()), half, seconds, int(runs[0]["bytes"]))


def render(document: Results, page: Path) -> None:
    """Write the page and its picture."""
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
        "the same case: the derivative of rounding is zero. The usual way out, a made-up "
        "derivative (a straight-through estimator), is not needed here: a search compares whole "
        "networks and asks for no derivative."
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
    figure = Figure(figsize=(12.0, 5.2), dpi=plots.DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        "Networks without derivatives, trained by a search (blue) and by a gradient (orange)",
        x=0.01, ha="left", fontsize=13, fontweight="bold",
    )  # fmt: skip
    panels = figure.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    for panel, (name, of_kind) in zip(panels, rows.items(), strict=True):
        for place, kind in enumerate(KINDS):
            row, color = of_kind[kind.name], _color(kind)
            panel.errorbar(
                100 * row.mean, -place, xerr=100 * row.half, fmt="o", color=color, capsize=4,
                markersize=8, linewidth=2,
            )  # fmt: skip
            panel.annotate(
                f"{row.mean:.1%}", (100 * row.mean, -place), xytext=(0, 9),
                textcoords="offset points", ha="center", color=color, fontsize=9.5,
            )  # fmt: skip
        panel.set_title(DATA[name][0], loc="left", fontsize=11)
        panel.set_xlabel(f"test accuracy, %: mean of {options.seeds} seeds, {LEVEL:.0%} interval")
        panel.set_yticks([-place for place in range(len(KINDS))], [kind.name for kind in KINDS])
        panel.set_ylim(0.5 - len(KINDS), 0.7)
        panel.margins(x=0.1)
        panel.grid(axis="x", alpha=0.3)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
    figure.savefig(path)


def _color(kind: Kind) -> str:
    return plots.PALETTE[1] if kind in GRADIENTS else plots.PALETTE[0]


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the page; with --toy a little of everything, and nothing kept."""
    parser = argparse.ArgumentParser(description="Networks without derivatives")
    parser.add_argument("--toy", action="store_true", help="seconds instead of minutes, no page")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--seeds", type=int, default=Options().seeds, help="2 or more")
    parser.add_argument("--evaluations", type=int, default=Options().evaluations)
    given = parser.parse_args(arguments)
    if given.seeds < 2:
        parser.error(f"--seeds {given.seeds} was given, expected 2 or more, for an interval")
    if given.render:
        render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE)
        return 0
    options = TOY if given.toy else Options(seeds=given.seeds, evaluations=given.evaluations)
    begun = time.perf_counter()
    results = measure(options)
    document = {
        "command": "python -m benchmarks.steps",
        "options": options._asdict(),
        "seconds": round(time.perf_counter() - begun),
        "machine": machine.machine(),
        "results": results,
    }
    if given.toy:
        with tempfile.TemporaryDirectory() as folder:
            render(document, Path(folder) / PAGE.name)
        return 0
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    render(document, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
