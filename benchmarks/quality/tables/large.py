"""Are large, wide and many-class tables learned in reasonable time?

python -m benchmarks.quality.tables.large [--rows 200000] [--columns 30] [--classes 2]

Drawn classes that depend on sines, products and absolute values of five columns, with noise; the
others say nothing. Prints accuracy on 20,000 other rows and the processor time with compilation,
the same for MLPClassifier with early stopping, LogisticRegression's accuracy, and the best there
is.
"""

from __future__ import annotations

import argparse
import sys
import time

import jax
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from gradless import objectives
from gradless.models.mlp import MLP
from gradless.training.regularized import Fit
from gradless.training.samples import Samples

_TEST = 20_000
_NOISE = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Measure one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=30, help="5 or more")
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help="without what others reach")
    given = parser.parse_args(arguments)
    draw = np.random.default_rng(0)
    X = draw.standard_normal((given.rows + _TEST, given.columns), np.float32)
    scores = np.stack([_score(X, k) for k in range(given.classes)], axis=1)
    y = (scores + _NOISE * draw.gumbel(size=scores.shape)).argmax(1)
    (X, X_test), (y, y_test) = ((part[: given.rows], part[given.rows :]) for part in (X, y))

    begun = time.process_time()
    fit = Fit(
        "classification",
        Samples(X, y, np.ones(len(y))),
        MLP((given.columns, 16, given.classes)),
        objectives.get("cross_entropy"),
        seed=0,
    )
    for _ in fit:
        pass
    found = fit.settle()
    seconds = time.process_time() - begun
    outputs = np.asarray(found.model.apply(found.params, jax.numpy.asarray(X_test)))
    print(f"gradless {np.mean(outputs.argmax(1) == y_test):.4f}, {seconds:.1f} s")
    print(f"best possible {np.mean(scores[given.rows :].argmax(1) == y_test):.4f}")
    if not given.alone:
        begun = time.process_time()
        network = MLPClassifier(early_stopping=True, random_state=0).fit(X, y)
        seconds = time.process_time() - begun
        print(f"MLP, early stopping {network.score(X_test, y_test):.4f}, {seconds:.1f} s")
        linear = LogisticRegression(max_iter=200).fit(X, y)
        print(f"logistic regression {linear.score(X_test, y_test):.4f}")
    return 0


def _score(X: np.ndarray, k: int) -> np.ndarray:
    column = X[:, 3 + k % (X.shape[1] - 3)]
    product = X[:, 1] * X[:, 2] * np.cos(k)
    found: np.ndarray = np.sin(2 * X[:, 0] + k) + product + column + 0.5 * np.abs(X[:, 4])
    return found


if __name__ == "__main__":
    sys.exit(main())
