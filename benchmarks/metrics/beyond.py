"""Where no threshold helps: is training for a metric better than what people do instead?

Ordered classes, a list of fixed length, costs, values, quantiles, censored times, groups: for each
an objective here, and the usual surrogates, on one real table that ships with scikit-learn: the
progression of diabetes in 442 patients, by ten measurements.

python -m benchmarks.metrics.beyond            # a quarter of an hour, for the section of the page
python -m benchmarks.metrics.beyond --short    # does everything still work? nothing is kept
"""

from __future__ import annotations

import argparse
import functools
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.pages import machine
from benchmarks.pages.intervals import LEVEL, Interval
from gradless import GradientFreeClassifier, GradientFreeRegressor, objectives

RESULTS = Path(__file__).parent.parent / "results" / "metrics_beyond.json"
SHORT = {"hidden_layer_sizes": (3,), "max_evaluations": 200, "strategy": "hill_climbing"}
_SEX = 1  # the column
_PRICE = 50.0
_NETWORK, _LINEAR = "gradless, trained for it", "gradless, linear, trained for it"
_HIDDEN: dict[str, dict[str, Any]] = {_NETWORK: {}, _LINEAR: {"hidden_layer_sizes": ()}}

Array = Any


class Rows(NamedTuple):
    """Some rows of the table: features, answers, and what the objective looks at besides."""

    X: Array
    y: Array
    extras: dict[str, Array]

    def at(self, chosen: Array) -> Rows:
        """Some of them."""
        extras = {role: values[chosen] for role, values in self.extras.items()}
        return Rows(self.X[chosen], self.y[chosen], extras)


class Question(NamedTuple):
    """An objective, what it is asked of, and what people do instead."""

    objective: str
    of: str
    rows: Callable[[], Rows]
    ways: dict[str, Callable[[Rows, Array], Array]]  # of training rows and features: outputs
    besides: str | None = None  # a measure that is shown, too


def _table() -> tuple[Array, Array]:
    return load_diabetes(return_X_y=True)


def _classes(shares: tuple[float, ...]) -> Rows:
    X, y = _table()
    return Rows(X, np.searchsorted(np.quantile(y, np.cumsum(shares)[:-1]), y), {})


def _high(share: float) -> Rows:
    X, y = _table()
    return Rows(X, (y > np.quantile(y, 1 - share)).astype(int), {})


def _worth() -> Rows:
    """Those above the median bring how far they are above the lowest quarter."""
    X, y = _table()
    above = np.maximum(y - np.quantile(y, 0.25), 0)
    return Rows(X, (y > np.median(y)).astype(int), {"value": above})


def _censored() -> Rows:
    """Times of which a third was not seen to the end."""
    X, y = _table()
    until = np.random.default_rng(0).uniform(40, 450, len(y))
    return Rows(X, np.minimum(y, until), {"event": (y <= until).astype(int)})


def _queries() -> Rows:
    """Graded relevances, in groups of 17 drawn at random."""
    rows = _classes((0.2,) * 5)
    group = np.random.default_rng(0).permutation(len(rows.y)) // 17
    return Rows(rows.X, rows.y.astype(float), {"group": group})


def _by_sex() -> Rows:
    X, y = _table()
    return Rows(X, (y > np.median(y)).astype(int), {"group": (X[:, _SEX] > 0).astype(int)})


def _logistic(**settings: Any) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(**settings))


def _ridge() -> Any:
    return make_pipeline(StandardScaler(), Ridge())


def _by_logistic(train: Rows, X: Array) -> Array:
    return _logistic().fit(train.X, train.y).predict_log_proba(X)


def _balanced(train: Rows, X: Array) -> Array:
    return _logistic(class_weight="balanced").fit(train.X, train.y).predict_log_proba(X)


def _rounded(train: Rows, X: Array) -> Array:
    """Numbers, and then the nearest class."""
    classes = int(train.y.max()) + 1
    nearest = np.clip(np.round(_ridge().fit(train.X, train.y).predict(X)), 0, classes - 1)
    return np.eye(classes)[nearest.astype(int)]


COSTS = [
    [3 * max(true - given, 0) + max(given - true, 0) for given in range(5)] for true in range(5)
]


def _bayes(train: Rows, X: Array) -> Array:
    """The class of the lowest expected cost by the probabilities."""
    likely = _logistic().fit(train.X, train.y).predict_proba(X)
    return -likely @ np.asarray(COSTS)


def _two(chosen: Array) -> Array:
    return np.stack([0 * chosen, chosen], 1).astype(float)


def _at_stake(train: Rows, X: Array) -> Array:
    """Each row with the weight of what a wrong decision costs."""
    stake = np.where(train.y == 1, np.abs(train.extras["value"] - _PRICE), _PRICE)
    return (
        _logistic()
        .fit(train.X, train.y, logisticregression__sample_weight=stake)
        .predict_log_proba(X)
    )


def _expected(train: Rows, X: Array) -> Array:
    """What a row brings, estimated, and taken if that is above the price."""
    brings = train.y * train.extras["value"]
    return _two(_ridge().fit(train.X, brings).predict(X) - _PRICE)


def _linear_quantile(train: Rows, X: Array) -> Array:
    model = make_pipeline(StandardScaler(), QuantileRegressor(quantile=0.9, alpha=0))
    return model.fit(train.X, train.y).predict(X)[:, None]


def _boosted_quantile(train: Rows, X: Array) -> Array:
    model = GradientBoostingRegressor(loss="quantile", alpha=0.9, random_state=0)
    return model.fit(train.X, train.y).predict(X)[:, None]


def _cox(train: Rows, X: Array) -> Array:
    """Cox's partial likelihood (1972), with Breslow's ties and a small ridge."""
    scaler = StandardScaler().fit(train.X)
    features, (time_, event) = scaler.transform(train.X), (train.y, train.extras["event"])
    at_risk = time_[None] >= time_[:, None]

    def loss(weights: Array) -> float:
        risk = features @ weights
        together = np.log((at_risk * np.exp(risk)).sum(1))
        return float((event * (together - risk)).sum() + (weights**2).sum() / 2)

    weights = optimize.minimize(loss, np.zeros(features.shape[1])).x
    return -(scaler.transform(X) @ weights)[:, None]  # the lower the risk, the later


def _times(train: Rows, X: Array) -> Array:
    return _ridge().fit(train.X, train.y).predict(X)[:, None]


def _thresholds_by_group(train: Rows, X: Array) -> Array:
    """Of each group, the threshold at which it finds as many of its positives as the others do."""
    model = _logistic().fit(train.X, train.y)
    score = model.decision_function(train.X)
    found = np.mean(score[train.y == 1] > 0)
    lead = model.decision_function(X)
    for each in (0, 1):
        positive = score[((train.X[:, _SEX] > 0) == each) & (train.y == 1)]
        lead = np.where((X[:, _SEX] > 0) == each, lead - np.quantile(positive, 1 - found), lead)
    return _two(lead)


FIFTHS = (0.2,) * 5
LOGISTIC, LOG_LOSS = "LogisticRegression", "gradless, for log loss"
QUESTIONS = [
    Question(
        "quadratic_kappa", "five ordered classes", lambda: _classes(FIFTHS),
        {LOGISTIC: _by_logistic, "Ridge, rounded": _rounded},
    ),
    Question(
        "f1_macro", "four classes of 50, 30, 15 and 5%", lambda: _classes((0.5, 0.3, 0.15, 0.05)),
        {LOGISTIC: _by_logistic, f"{LOGISTIC}, balanced": _balanced},
    ),
    Question(
        "balanced_accuracy", "the same", lambda: _classes((0.5, 0.3, 0.15, 0.05)),
        {LOGISTIC: _by_logistic, f"{LOGISTIC}, balanced": _balanced},
    ),
    Question(
        "precision_at_k:0.1", "the highest quarter, a tenth on the list", lambda: _high(0.25),
        {LOGISTIC: _by_logistic},
    ),
    Question(
        f"cost_matrix:{json.dumps(COSTS)}", "five classes, too low costing 3 a step, too high 1",
        lambda: _classes(FIFTHS),
        {LOGISTIC: _by_logistic, f"{LOGISTIC}, lowest expected cost": _bayes},
    ),
    Question(
        f"profit:{_PRICE:g}", "the higher half, what each brings differing", _worth,
        {LOGISTIC: _by_logistic, f"{LOGISTIC}, weighted": _at_stake, "Ridge of values": _expected},
    ),
    Question(
        "quantile:0.9", "the progression itself", lambda: Rows(*_table(), {}),
        {"QuantileRegressor": _linear_quantile, "GradientBoosting, quantile": _boosted_quantile},
        "coverage",
    ),
    Question(
        "concordance", "the progression as a time, a third censored", _censored,
        {"Ridge of times": _times, "Cox": _cox},
    ),
    Question(
        "ndcg_at_k:5", "fifths as relevance, in groups of 17", _queries, {"Ridge": _times},
    ),
    Question(
        "equal_opportunity:0.02", "the higher half, by sex", _by_sex,
        {LOGISTIC: _by_logistic, f"{LOGISTIC}, thresholds by group": _thresholds_by_group},
        "rate gap",
    ),
]  # fmt: skip


def _trained(question: Question, train: Rows, X: Array, settings: dict[str, Any]) -> Array:
    objective = objectives.get(question.objective)
    columns = {f"sample_{role}": values for role, values in train.extras.items()}
    if "classification" in objective.tasks:
        model = GradientFreeClassifier(objective=question.objective, **settings)
        model.fit(train.X, train.y, **columns)
        return _outputs(model, X)
    model = GradientFreeRegressor(objective=question.objective, **settings)
    return model.fit(train.X, train.y, **columns).predict(X)[:, None]


def _outputs(model: Any, X: Array) -> Array:
    """Two columns of decisions, or one for each class."""
    found = model.decision_function(X)
    return _two(found) if found.ndim == 1 else found


def measure(splits: int, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Every way on the same splits, a quarter of the rows held out."""
    found = []
    for question in QUESTIONS:
        rows, objective = question.rows(), objectives.get(question.objective)
        task = objective.tasks[0]
        of_ways: dict[str, list[Any]] = {}
        for split in range(splits):
            classes = rows.y if task == "classification" else None
            if question.besides == "rate gap":
                classes = 2 * rows.y + rows.extras["group"]
            parts = train_test_split(
                np.arange(len(rows.y)), test_size=0.25, random_state=split, stratify=classes
            )
            train, test = (rows.at(part) for part in parts)
            ours = {
                way: functools.partial(
                    _trained, question, settings={"random_state": split, **settings, **hidden}
                )
                for way, hidden in _HIDDEN.items()
            }
            ways: dict[str, Callable[[Rows, Array], Array]] = {**ours, **question.ways}
            for way, outputs_of in ways.items():
                begun = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    outputs = outputs_of(train, test.X)
                seconds = time.perf_counter() - begun
                run = {
                    "test": objective(outputs, test.y, task=task, extras=test.extras),
                    "seconds": round(seconds, 3),
                }
                run |= _besides(question, outputs, test)
                of_ways.setdefault(way, []).append(run)
        found.append({"objective": question.objective, "of": question.of, "ways": of_ways})
        means = (f"{w} {np.mean([r['test'] for r in runs]):.4f}" for w, runs in of_ways.items())
        print(f"{question.objective[:40]}: {'; '.join(means)}", flush=True)
    return found


def _besides(question: Question, outputs: Array, test: Rows) -> dict[str, float]:
    if question.besides == "coverage":
        return {"coverage": float(np.mean(test.y <= outputs[:, 0]))}
    if question.besides == "rate gap":
        chosen, group = outputs.argmax(1), test.extras["group"]
        rates = [np.mean(chosen[(group == each) & (test.y == 1)]) for each in (0, 1)]
        accuracy = float(np.mean(chosen == test.y))
        return {"accuracy": accuracy, "rate gap": float(abs(rates[0] - rates[1]))}
    return {}


def section(document: dict[str, Any]) -> list[str]:
    """The lines of the page."""
    splits, where = document["splits"], document["machine"]
    lines = [
        "## Where no threshold helps",
        "",
        f"Written by `{document['command']}`, on the table `load_diabetes` of scikit-learn: the "
        f"mean of {splits} splits, a quarter of the 442 rows held out, and by how much training "
        "for the objective is better than each other way on the same splits, with its "
        f"{LEVEL:.0%} interval by Student's t. Above 0 is better, also where lower values are. "
        "Everybody has default settings; the linear network is without a hidden layer. By default, "
        "the network for `quantile` is fitted with a penalty, and so it is by log loss for "
        "`f1_macro`, `balanced_accuracy` and `precision_at_k`, the decision of the first two "
        "chosen afterwards; all others are searches.",
        "",
        "| objective | way | test | network better by | linear better by | seconds |",
        "|---|---|---:|---:|---:|---:|",
    ]
    told = {way: [0, 0] for way in _HIDDEN}
    compared = 0
    for found in document["results"]:
        objective = objectives.get(found["objective"])
        sign = 1 if objective.greater_is_better else -1
        values = {
            way: sign * np.array([run["test"] for run in runs])
            for way, runs in found["ways"].items()
        }
        name = f"`{found['objective'].partition(':[')[0]}`, {found['of']}"
        for way, runs in found["ways"].items():
            over = ["", ""]
            if way not in _HIDDEN:
                compared += 1
                for place, ours in enumerate(_HIDDEN):
                    by = Interval.of(values[ours] - values[way])
                    over[place] = f"{by.mean:+.3f} ± {by.half:.3f}"
                    told[ours][0] += by.mean - by.half > 0
                    told[ours][1] += by.mean + by.half < 0
            more = [name for name in runs[0] if name not in ("test", "seconds")]
            also = "".join(f", {name} {np.mean([run[name] for run in runs]):.3f}" for name in more)
            seconds = np.median([run["seconds"] for run in runs])
            test = f"{sign * values[way].mean():.3f}{also}"
            lines.append(f"| {name} | {way} | {test} | {' | '.join(over)} | {seconds:.2f} |")
            name = ""
    (better, worse), (linear_better, linear_worse) = told.values()
    return [
        *lines,
        "",
        f"Of {compared} comparisons, a network trained for the objective is better beyond the "
        f"interval in {better} and worse in {worse}; a linear one in {linear_better} and "
        f"{linear_worse}. In the others, these splits don't tell them apart.",
        "",
        f"<sub>{document['seconds'] / 60:.0f} minutes on {where['cpu']}, {where['cores']} cores, "
        f"{where['os']}, Python {where['python']}</sub>",
        "",
    ]


def kept() -> list[str]:
    """The lines of the last measurement; none if there is none."""
    if not RESULTS.exists():
        return []
    return section(json.loads(RESULTS.read_text(encoding="utf-8")))


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="seconds, and nothing is kept")
    parser.add_argument("--splits", type=int, default=5, help="2 or more")
    given = parser.parse_args()
    if given.splits < 2:
        parser.error(f"--splits {given.splits} was given, expected 2 or more, for an interval")
    begun = time.perf_counter()
    results = measure(2 if given.short else given.splits, SHORT if given.short else {})
    document = {
        "command": "python -m benchmarks.metrics.beyond",
        "splits": 2 if given.short else given.splits,
        "seconds": round(time.perf_counter() - begun),
        "machine": machine.machine(),
        "results": results,
    }
    section(document)
    if not given.short:
        RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print("python -m benchmarks.metrics --render writes the page")


if __name__ == "__main__":
    main()
