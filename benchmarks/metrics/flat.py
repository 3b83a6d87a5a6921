"""How should a metric that goes in steps be trained? Log loss first, and how wide a search?

``python -m benchmarks.metrics.flat`` trains classifiers on unbalanced tables for F1 and accuracy,
with several shares of the budget for log loss and widths of the noise, and prints means over
tables and seeds, on training and test samples.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split

from gradless import GradientFreeClassifier, strategies
from gradless._core import defaults
from gradless.training import auto

SETTINGS = [  # share of log loss, width of the noise
    *((share, 0.4) for share in (0.0, 0.25, 0.5, 0.75)),
    *((0.5, sigma) for sigma in (0.1, 0.2, 0.8)),
]
METRICS = {"f1": f1_score, "accuracy": accuracy_score}


def table(number: int) -> tuple[np.ndarray, ...]:
    """Training and test samples of one of the tables: 3 to 20 % positives, some labels wrong."""
    share = (0.03, 0.1, 0.2)[number % 3]
    X, y = make_classification(
        1500, 12, n_informative=6, n_clusters_per_class=3, weights=[1 - share], flip_y=0.02,
        class_sep=1.0, random_state=number,
    )  # fmt: skip
    return train_test_split(X, y, stratify=y, random_state=number)


def main() -> None:
    """Print a line for each objective, budget and share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=6)
    parser.add_argument("--budgets", type=int, nargs="+", default=[20_000])
    arguments = parser.parse_args()
    print("objective evaluations share sigma | train test")
    for name, budget in itertools.product(METRICS, arguments.budgets):
        for share, sigma in SETTINGS:
            defaults.LOG_LOSS_SHARE = share
            auto.WIDE_SEARCH = strategies.get("openai_es", sigma=sigma)
            values = []
            for number in range(arguments.tables):
                X, X_test, y, y_test = table(number)
                model = GradientFreeClassifier(
                    objective=name,
                    max_evaluations=budget,
                    random_state=number,
                    early_stopping=False,
                ).fit(X, y)
                metric = METRICS[name]
                values.append([metric(y, model.predict(X)), metric(y_test, model.predict(X_test))])
            train, test = np.mean(values, 0)
            print(f"{name} {budget} {share} {sigma} | {train:.4f} {test:.4f}", flush=True)


if __name__ == "__main__":
    main()
