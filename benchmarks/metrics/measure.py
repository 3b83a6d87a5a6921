"""What does each way to train reach on samples held out, and how long does it take?"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.metrics import (
    DEFAULT,
    DIRECT,
    LINEAR,
    LOG_LOSS,
    MLP,
    TABLES,
    TUNED,
    WITH_THRESHOLD,
    Options,
    Results,
)
from gradless import GradientFreeClassifier


def measure(options: Options) -> Results:
    """Every way on every table and split: {table: {metric: {way: [{test, train, seconds}]}}}."""
    found: Results = {}
    for name in options.tables:
        table = TABLES[name]
        found[name] = {metric: {} for metric in table.metrics}
        for split in range(options.splits):
            X, y = (array[: options.samples] for array in table.load(split))
            parts = train_test_split(X, y, stratify=y, random_state=split)
            settings = {**table.settings, **options.settings}
            for way in options.ways:
                for metric, run in _runs(way, table.metrics, parts, settings, split).items():
                    found[name][metric].setdefault(way, []).append(run)
        for metric, ways in found[name].items():
            shown = (f"{w} {np.mean([run['test'] for run in ways[w]]):.3f}" for w in ways)
            print(f"{name}, {metric}: {'; '.join(shown)}", flush=True)
    return found


def _runs(
    way: str, metrics: tuple[str, ...], parts: Any, settings: Mapping[str, Any], split: int
) -> Results:
    """Of one way on one split, by metric; what does not depend on the metric is fitted once."""
    if way in (DEFAULT, DIRECT):
        of_way = settings if way == DIRECT else {}
        made = {
            metric: GradientFreeClassifier(objective=metric, random_state=split, **of_way)
            for metric in metrics
        }
    elif way in TUNED:
        made = {
            metric: TunedThresholdClassifierCV(_plain(TUNED[way], settings, split), scoring=metric)
            for metric in metrics
            if metric in WITH_THRESHOLD
        }
    else:
        made = dict.fromkeys(metrics, _plain(way, settings, split))
    X, X_test, y, y_test = parts
    seconds: dict[int, float] = {}
    runs = {}
    for metric, model in made.items():
        if id(model) not in seconds:
            begun = time.perf_counter()
            with warnings.catch_warnings():
                # 200 passes, its default, are what everybody gets.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, y)
            seconds[id(model)] = time.perf_counter() - begun
        score = get_scorer(metric)
        runs[metric] = {
            "test": float(score(model, X_test, y_test)),
            "train": float(score(model, X, y)),
            "seconds": seconds[id(model)],
        }
    return runs


def _plain(way: str, settings: Mapping[str, Any], split: int) -> Any:
    if way == LOG_LOSS:
        return GradientFreeClassifier(random_state=split, **settings)
    plain = {MLP: MLPClassifier(random_state=split), LINEAR: LogisticRegression()}[way]
    return make_pipeline(StandardScaler(), plain)
