"""Is the default better for a metric of a rare class than models whose threshold is tuned for it?

python -m benchmarks.quality.imbalanced             # the reported half, then docs/imbalanced.md
python -m benchmarks.quality.imbalanced --render    # the page only, from benchmarks/results
python -m benchmarks.quality.imbalanced --short     # does everything still work? nothing is kept
python -m benchmarks.quality.imbalanced --only gradless   # beside earlier results of the others
python -m benchmarks.quality.imbalanced --half tuned --splits 3 --tables Default loanapp

All see the inputs of benchmarks.quality.tables, and the same splits. Tables of the half that
settings were tried on are printed and not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other are counted, too

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    make_scorer,
)
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.neural_network import MLPClassifier

from benchmarks.pages import machine
from benchmarks.quality import imbalanced_page as page
from benchmarks.quality.decisions import Remembered
from benchmarks.quality.imbalanced_page import BOOSTED, GRADLESS, LINEAR, NAMES, NETWORK, RANKED
from benchmarks.quality.imbalanced_tables import TABLES, load
from benchmarks.quality.tables.chosen import REPORTED, TUNED
from benchmarks.quality.tables.contestants import Split, split_of
from gradless import GradientFreeClassifier, objectives
from gradless.training.regularized import Fit, Progress
from gradless.training.regularized_session import RegularizedSession

RESULTS = Path(__file__).parents[1] / "results" / "imbalanced.json"
PAGE = Path(__file__).parents[2] / "docs" / "imbalanced.md"
SPLITS = 5
SHORT = ("voteincome", "affairs")
_FITS = 6  # of a model whose threshold is tuned: one for each fold, and one for all rows
VALUE, COST = 10.0, 1.0  # of a positive that is found, and of each row decided positive

Found = dict[str, tuple[float, float]]  # by metric: its value, and processor seconds of the fit


def _profit(true: np.ndarray, decided: np.ndarray) -> float:
    return float(np.mean((VALUE * true - COST) * decided))


def _f1(true: np.ndarray, decided: np.ndarray) -> float:
    return float(f1_score(true, decided, zero_division=0))


DECIDED: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "f1": _f1,
    "balanced_accuracy": balanced_accuracy_score,
    "profit": _profit,
}
OBJECTIVES: dict[str, Any] = {
    "f1": "f1",
    "balanced_accuracy": "balanced_accuracy",
    "profit": objectives.cost_matrix([[0, COST], [0, COST - VALUE]]),
    RANKED: RANKED,
}


class _Again:
    """A fit that has ended, with the face of one that trains."""

    def __init__(self, fit: Fit) -> None:
        self.found, self.judged = fit.settle(), fit.judged
        self.compile_seconds, self.out_of_time = 0.0, False

    def __iter__(self) -> Iterator[Progress]:
        yield Progress("refit", 1.0, self.found.evaluations, float("nan"))

    def so_far(self) -> Any:
        return self.found.params


def gradless(split: Split, seed: int) -> Found:
    """The default for each metric.

    Log loss is what is fitted for all of them, from the same seed: it is done once.
    """
    found, fits, seconds = {}, list[Fit](), 0.0
    begun_by = RegularizedSession._fit

    def fit(session: RegularizedSession) -> Any:
        if fits:
            return _Again(fits[0])
        fits.append(begun_by(session))
        return fits[0]

    with mock.patch.object(RegularizedSession, "_fit", fit):
        for metric, objective in OBJECTIVES.items():
            begun = time.process_time()
            model = GradientFreeClassifier(objective=objective, random_state=seed)
            model.fit(split.X, split.y)
            seconds = seconds or time.process_time() - begun
            if metric == RANKED:
                likely = model.predict_proba(split.X_test)[:, 1]
                value = average_precision_score(split.y_test, likely)
            else:
                value = DECIDED[metric](split.y_test, model.predict(split.X_test))
            found[metric] = float(value), seconds
    return found


def _tuned(make: Callable[[int], Any]) -> Callable[[Split, int], Found]:
    """A model, its threshold tuned for each metric that has one; its fits are shared by them."""

    def learn(split: Split, seed: int) -> Found:
        X, y = np.concatenate([split.X, split.X_test]), np.concatenate([split.y, split.y_test])
        train, test = np.split(np.arange(len(y))[:, None], [len(split.y)])
        Remembered.fits, Remembered.data = {}, (make(seed), X, y)
        found, shared = {}, 0.0
        for metric, value in DECIDED.items():
            begun = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of thresholds at which nobody is decided positive
                model = TunedThresholdClassifierCV(
                    Remembered(), scoring=make_scorer(value), cv=_FITS - 1
                )
                model.fit(train, split.y)
            shared = shared or time.process_time() - begun  # the first one fits for all of them
            found[metric] = float(value(split.y_test, model.predict(test))), shared
        likely = Remembered().fit(train, split.y).predict_proba(test)[:, 1]
        found[RANKED] = float(average_precision_score(split.y_test, likely)), shared / _FITS
        return found

    return learn


LEARNERS: dict[str, Callable[[Split, int], Found]] = {
    GRADLESS: gradless,
    LINEAR: _tuned(lambda _: LogisticRegression(max_iter=1000)),
    NETWORK: _tuned(lambda seed: MLPClassifier(random_state=seed)),
    BOOSTED: _tuned(lambda seed: HistGradientBoostingClassifier(random_state=seed)),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("reported", "tuned"), default="reported")
    parser.add_argument("--splits", type=int, default=SPLITS, help="2 or more")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME")
    parser.add_argument("--tables", nargs="+", metavar="TABLE", help="only these anew")
    parser.add_argument("--short", action="store_true", help="two tables, two splits, no page")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    given = parser.parse_args(arguments)
    if given.splits < 2:
        parser.error(f"--splits must be 2 or more, for an interval, got {given.splits}")
    if given.render:
        page.render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE)
        return 0
    half = TUNED if given.short or given.half == "tuned" else REPORTED
    wanted = SHORT if given.short else given.tables
    splits = 2 if given.short else given.splits
    results: page.Results = {}
    for table in TABLES:
        if table.half == half and (wanted is None or table.name in wanted):
            results[table.name] = _measured(table, splits, given.only)
            print(page.line(table.name, results[table.name]), flush=True)
            if half == REPORTED:
                _keep(table.name, results[table.name], splits)
    if half == REPORTED:
        page.render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE)
    elif GRADLESS in given.only and len(given.only) > 1:
        print("\n".join(page.counts(results)))
    return 0


def _measured(table: Any, splits: int, names: list[str]) -> page.Measured:
    X, y = load(table)
    measured: page.Measured = {
        "rows": len(X),
        "columns": X.shape[1],
        "rare": float(y.mean()),
        "values": {metric: {name: [] for name in names} for metric in OBJECTIVES},
        "seconds": {name: [] for name in names},
    }
    for seed in range(splits):
        split = split_of(X, y, True, seed)
        for name in names:
            found = LEARNERS[name](split, seed)
            for metric, (value, _) in found.items():
                measured["values"][metric][name].append(value)
            measured["seconds"][name].append(float(np.mean([s for _, s in found.values()])))
    return measured


def _keep(name: str, measured: page.Measured, splits: int) -> None:
    """Put what was measured beside what was before, of other tables and contestants."""
    document: dict[str, Any] = {"splits": splits, "results": {}}
    if RESULTS.exists():
        document = json.loads(RESULTS.read_text(encoding="utf-8"))
    if document["splits"] != splits:
        raise SystemExit(f"the others have {document['splits']} splits; give --splits that")
    before = document["results"].get(name, {"values": {}, "seconds": {}})
    values = {
        metric: before["values"].get(metric, {}) | of for metric, of in measured["values"].items()
    }
    seconds = before["seconds"] | measured["seconds"]
    found = document["results"] | {name: measured | {"values": values, "seconds": seconds}}
    document |= {
        "command": "python -m benchmarks.quality.imbalanced",
        "machine": machine.machine(),
        "results": {table.name: found[table.name] for table in TABLES if table.name in found},
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
