"""What do decisions tuned for a metric bring, on rows that nobody has seen?

    python -m benchmarks.quality.decisions [--splits 10] [--first 2] [--tables OJ] [--short]

Two classifiers, gradient boosting and logistic regression, on ten real tables of two classes and
eight of more. Each split holds out half of the rows; the other half is cross-fitted in 5 folds,
the same ones for all methods. Two classes: F1, balanced accuracy and a profit (a positive that is
found brings 10, each row decided positive costs 1) against ``TunedThresholdClassifierCV``. More
classes: the mean F1, balanced accuracy and a matrix of costs against the largest probability.

Differences are means over the splits; intervals are of Student's t with the variance corrected for
splits that share rows (Nadeau and Bengio, 2003). ``--short`` takes the tables of scikit-learn and
two splits.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.pages.intervals import Interval
from benchmarks.quality import decision_tables
from gradless.training.decisions import Metric, metric_of, tune

VALUE, COST = 10.0, 1.0
FOLDS = 5


def boosting(categories: list[int]) -> Any:
    return HistGradientBoostingClassifier(categorical_features=categories, random_state=0)


def linear(categories: list[int]) -> Any:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    of_categories = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("c", of_categories, categories)], remainder=numbers)
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


CLASSIFIERS = {"boosting": boosting, "linear": linear}


class Remembered(ClassifierMixin, BaseEstimator):
    """A classifier of rows by their number, fitted once on the same rows for all methods."""

    fits: ClassVar[dict[bytes, np.ndarray]] = {}
    data: ClassVar[tuple[Any, np.ndarray, np.ndarray]]

    def fit(self, X: np.ndarray, y: np.ndarray) -> Remembered:
        self.classes_ = np.unique(self.data[2])
        rows = X[:, 0].astype(int)
        self.key = np.sort(rows).tobytes()
        if self.key not in self.fits:
            make, features, classes = self.data
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = make.fit(features[rows], classes[rows])
            likely = np.zeros((len(features), len(self.classes_)))
            likely[:, model.classes_] = model.predict_proba(features)
            self.fits[self.key] = likely
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.fits[self.key][X[:, 0].astype(int)]

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.predict_proba(X).argmax(1)


def metrics(y: np.ndarray) -> dict[str, Metric]:
    classes = list(range(int(y.max()) + 1))
    if len(classes) == 2:
        return {
            "f1": metric_of("f1", classes),
            "balanced_accuracy": metric_of("balanced_accuracy", classes),
            "profit": metric_of("profit", classes, value=VALUE, cost=COST),
        }
    costs = np.random.default_rng(len(classes)).uniform(1, 10, (len(classes),) * 2)
    costs *= (1 / np.bincount(y))[:, None] * len(y) / len(classes)  # rare classes cost more
    np.fill_diagonal(costs, 0)
    return {
        "f1_macro": metric_of("f1_macro", classes),
        "balanced_accuracy": metric_of("balanced_accuracy", classes),
        "cost": metric_of("cost", classes, costs=costs),
    }


def value(metric: Metric, true: np.ndarray, decided: np.ndarray) -> float:
    count = int(max(true.max(), decided.max())) + 1
    if metric.benefits is not None:
        count = len(metric.benefits)
    cells = np.bincount(true * count + decided, minlength=count**2).astype(float)
    return float(metric.of(cells.reshape(1, count, count))[0])


def one(name: str, classifier: str, split: int) -> list[dict[str, Any]]:
    """Values of all methods on one split of a table."""
    X, y, categories = decision_tables.load(name)
    Remembered.fits = {}
    Remembered.data = (CLASSIFIERS[classifier](categories), X, y)
    train, test = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=split)
    at, folds = train[:, None], StratifiedKFold(FOLDS, shuffle=True, random_state=split)
    likely = np.zeros((len(train), int(y.max()) + 1))
    for fit, held in folds.split(at, y[train]):
        likely[held] = Remembered().fit(at[fit], y[train[fit]]).predict_proba(at[held])
    model = Remembered().fit(at, y[train])
    tested = model.predict_proba(test[:, None])
    found = []
    for metric_name, metric in metrics(y).items():
        begun = time.process_time()
        decision, promise = tune(likely, y[train], metric, seed=split)
        seconds = time.process_time() - begun
        values = {
            "ours": value(metric, y[test], decision.decide(tested)),
            "argmax": value(metric, y[test], tested.argmax(1)),
        }
        if likely.shape[1] == 2:
            scorer = make_scorer(lambda true, decided, m=metric: value(m, true, decided))
            begun = time.process_time()
            tuned = TunedThresholdClassifierCV(Remembered(), scoring=scorer, cv=folds)
            tuned.fit(at, y[train])
            values["scikit-learn"] = value(metric, y[test], tuned.predict(test[:, None]))
            values["their seconds"] = time.process_time() - begun
        sign = 1 if metric.greater_is_better else -1
        promised = {
            "value": promise.value.value,
            "gain": promise.improvement.value,
            "low": promise.improvement.low,
            "high": promise.improvement.high,
        }
        found.append(
            {
                "table": name,
                "classifier": classifier,
                "split": split,
                "rows": len(train),
                "metric": metric_name,
                "positives": float(y[test].mean()) if y.max() == 1 else None,
                "sign": sign,
                "kind": decision.kind,
                "values": values,
                "promised": promised,
                "seconds": seconds,
            }
        )
    return found


def difference(runs: list[dict[str, Any]], other: str) -> tuple[float, float]:
    """Mean of ours minus another's, more being better, and half of its 95 % interval."""
    gaps = np.array([run["sign"] * (run["values"]["ours"] - run["values"][other]) for run in runs])
    if len(gaps) < 2:
        return float(gaps.mean()), float("nan")
    return Interval.of_splits(gaps, test=0.5)


def report(found: list[dict[str, Any]]) -> None:
    """A line for each table, classifier and metric, and the sums of them."""
    others = {"two": "scikit-learn", "many": "argmax"}
    for which, other in others.items():
        print(f"\n{which} classes, ours - {other}")
        keys = sorted(
            {
                (run["metric"], run["classifier"], run["table"])
                for run in found
                if ("scikit-learn" in run["values"]) == (which == "two")
            }
        )
        sums: dict[str, list[tuple[float, float]]] = {}
        for metric, classifier, table in keys:
            runs = [
                run
                for run in found
                if (run["metric"], run["classifier"], run["table"]) == (metric, classifier, table)
            ]
            gap, half = difference(runs, other)
            saved, saved_half = difference(runs, "argmax")
            ours = np.mean([run["values"]["ours"] for run in runs])
            argmax = np.mean([run["values"]["argmax"] for run in runs])
            kinds = [run["kind"] for run in runs]
            told = ", ".join(f"{kind} {kinds.count(kind)}" for kind in dict.fromkeys(kinds))
            print(
                f"{metric:18} {classifier:9} {table:16} {runs[0]['rows']:5,} rows  ours {ours:8.4f}"
                f"  argmax {argmax:8.4f}  difference {gap:+.4f} +- {half:.4f}  {told}"
            )
            sums.setdefault(metric, []).append((gap, half))
            if metric in ("cost", "profit"):
                # A profit is what all positives would bring, minus what errors cost.
                most = np.mean([(VALUE - COST) * (run["positives"] or 0) for run in runs])
                cost = argmax if metric == "cost" else most - argmax
                share = saved / cost, saved_half / cost
                sums.setdefault("costs of errors saved, share", []).append(share)
        for metric, pairs in sums.items():
            gaps = [gap for gap, _ in pairs]
            below = sum(gap + half < 0 for gap, half in pairs)
            above = sum(gap - half > 0 for gap, half in pairs)
            half = 1.96 * np.std(gaps, ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.nan
            print(
                f"{metric}: mean {np.mean(gaps):+.4f} +- {half:.4f} over tables, worst "
                f"{min(gaps):+.4f}; of {len(gaps)}, {above} above and {below} below beyond the "
                "interval"
            )
    inside = [
        run["promised"]["low"]
        <= run["sign"] * (run["values"]["ours"] - run["values"]["argmax"])
        <= run["promised"]["high"]
        for run in found
        if run["kind"] != "argmax"
    ]
    bias = {
        metric: np.mean(
            [
                run["promised"]["gain"]
                - run["sign"] * (run["values"]["ours"] - run["values"]["argmax"])
                for run in found
                if run["metric"] == metric
            ]
        )
        for metric in dict.fromkeys(run["metric"] for run in found)
    }
    print(f"\npromised gains whose interval held the test rows' gain: {np.mean(inside):.0%}")
    print("promised minus found: " + ", ".join(f"{m} {b:+.4f}" for m, b in bias.items()))
    print(f"seconds of processor for a rule: median {np.median([r['seconds'] for r in found]):.2f}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="first split")
    parser.add_argument("--tables", nargs="*", default=None)
    parser.add_argument("--classifiers", nargs="*", default=list(CLASSIFIERS))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args(arguments)
    names = list(decision_tables.TWO | decision_tables.MANY)
    names = given.tables or (list(decision_tables.SHORT) if given.short else names)
    splits = 2 if given.short else given.splits
    found: list[dict[str, Any]] = []
    for name in names:
        for classifier in ("linear",) if given.short else given.classifiers:
            for split in range(given.first, given.first + splits):
                try:
                    found += one(name, classifier, split)
                except ModuleNotFoundError as error:
                    print(f"left out: {name} needs {error.name or error}", file=sys.stderr)
                    break
        if given.out is not None:
            given.out.write_text(json.dumps(found))
    report(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
