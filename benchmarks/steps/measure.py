"""What does each kind of network reach on samples held out, how fast, and in how small a file?"""

from __future__ import annotations

import collections
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.steps import DATA, GRADIENTS, KINDS, ROUNDED, SEARCHED, Kind, Options, Results
from gradless import GradientFreeClassifier, objectives
from gradless._core import storage
from gradless.data.datasets import Dataset
from gradless.models import numpy_forward
from gradless.models.mlp import MLP, Dense
from gradless.problems.supervised import SupervisedProblem
from gradless.training.gradient_descent import Adam, descend
from gradless.training.loop import Stop


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
    """An estimator with its defaults, but that all rows train, as they do for the gradients."""
    X, X_test, y, y_test = split
    begun = time.perf_counter()
    model = GradientFreeClassifier(
        options.hidden, kind.activation, weights=kind.weights, strategy=options.strategy,
        max_evaluations=options.evaluations, random_state=seed, early_stopping=False,
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
    outputs = numpy_forward.outputs(
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
