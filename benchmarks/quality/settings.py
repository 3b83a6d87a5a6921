"""Which defaults suit tables? Neurons, rows held out and limits, on data sets of scikit-learn.

    python -m benchmarks.quality.settings [--seeds 3]     writes the table of docs/defaults.md

Each seed is a split of its own, a quarter of the rows for the test, and the seed of the estimator.
Shown are means of the log loss on the test rows, for diabetes of the squared error as a share of
that of the mean, and the seconds of training, without compilation.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from gradless import GradientFreeClassifier, GradientFreeRegressor

PAGE = Path(__file__).parents[2] / "docs" / "defaults.md"
_BEGIN, _END = "<!-- python -m benchmarks.quality.settings -->\n", "<!-- end -->\n"


class Setting(NamedTuple):
    """What is compared."""

    neurons: int
    held_out: float | None
    evaluations: int | None
    seconds: float | None = None

    @property
    def limit(self) -> str:
        """In words."""
        if self.seconds is not None:
            return f"{self.seconds:g} seconds"
        return f"{self.evaluations:,} evaluations"

    @property
    def parameters(self) -> dict[str, Any]:
        """Of an estimator."""
        held_out = {"early_stopping": True, "validation_fraction": self.held_out}
        return {
            "hidden_layer_sizes": (self.neurons,),
            "max_evaluations": self.evaluations,
            "max_time": self.seconds,
            **({"early_stopping": False} if self.held_out is None else held_out),
        }


SETTINGS = (
    *(Setting(neurons, 0.2, 20_000) for neurons in (16, 64)),
    *(Setting(neurons, 0.2, None, 15.0) for neurons in (16, 64)),
    *(Setting(neurons, None, 20_000) for neurons in (16, 64)),
    *(Setting(neurons, None, 100_000) for neurons in (16, 64)),
)
TABLES = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}
Found = dict[str, tuple[float, float]]  # by table: loss on test rows, seconds of training


def one(table: str, setting: Setting, seed: int) -> tuple[float, float]:
    """Loss on the test rows of a split, and seconds of training."""
    X, y = TABLES[table](return_X_y=True)
    numbers = table == "diabetes"
    shares = None if numbers else y
    X, X_test, y, y_test = train_test_split(X, y, random_state=seed, stratify=shares)
    made = GradientFreeRegressor if numbers else GradientFreeClassifier
    model = made(random_state=seed, **setting.parameters).fit(X, y)
    seconds = float(model.history_.last.seconds)
    if numbers:
        errors = np.mean((y_test - model.predict(X_test)) ** 2)
        return float(errors / np.mean((y_test - y.mean()) ** 2)), seconds
    return float(log_loss(y_test, model.predict_proba(X_test))), seconds


def measure(setting: Setting, seeds: int) -> Found:
    """Means over the seeds, table by table."""
    runs = {name: [one(name, setting, seed) for seed in range(seeds)] for name in TABLES}
    return {
        name: (statistics.mean(loss for loss, _ in of), statistics.mean(time for _, time in of))
        for name, of in runs.items()
    }


def row(setting: Setting, found: Found) -> str:
    """A row of the table."""
    held_out = "none" if setting.held_out is None else f"{setting.held_out:g}"
    losses = [f"{loss:.3f}" for loss, _ in found.values()]
    total = sum(seconds for _, seconds in found.values())
    cells = [str(setting.neurons), held_out, setting.limit, *losses, f"{total:.1f}"]
    return f"| {' | '.join(cells)} |"


def head() -> str:
    """The first two lines of the table."""
    names = ["neurons", "held out", "limit", *TABLES, "seconds, all five"]
    return f"| {' | '.join(names)} |\n|---:|---:|---{'|---:' * (len(TABLES) + 1)}|"


def written(page: str, table: str) -> str:
    """The page with this table in place of its own."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{table}\n{_END}{after}"


def main() -> None:
    """Measure all, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    lines = [head()]
    print(lines[0], flush=True)
    for setting in SETTINGS:
        lines.append(row(setting, measure(setting, seeds)))
        print(lines[-1], flush=True)
    PAGE.write_text(written(PAGE.read_text("utf-8"), "\n".join(lines)), "utf-8")


if __name__ == "__main__":
    main()
