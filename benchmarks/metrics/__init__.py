"""Is a network better for a metric that it was trained for? Tables, metrics and ways to train.

Generated tables are drawn anew for every split; of those that ship with scikit-learn, every split
is another quarter held out. Settings are the defaults of everybody, but for what a table asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
    make_moons,
)

Results = dict[str, Any]
ACCURACY, F1, PRECISION = "accuracy", "f1", "average_precision"
WORDS = {ACCURACY: "accuracy", F1: "F1", PRECISION: "average precision"}


class Table(NamedTuple):
    """Where samples come from, what is measured, and settings of the search."""

    description: str
    load: Callable[[int], Any]  # of the number of the split
    metrics: tuple[str, ...] = (ACCURACY,)
    settings: Mapping[str, Any] = MappingProxyType({})  # of GradientFreeClassifier


# The search of the estimators was tuned on make_classification with random_state 0 to 3.
_FIRST_SEED = 100


def _rare(share: float) -> Table:
    def load(split: int) -> Any:
        return make_classification(3000, weights=[1 - share], random_state=_FIRST_SEED + split)

    return Table(f"make_classification, {share:.0%} positives", load, (F1, PRECISION))


def _shipped(load: Callable[..., Any]) -> Callable[[int], Any]:
    return lambda split: load(return_X_y=True)


TABLES = {
    "rare-5": _rare(0.05),
    "rare-2": _rare(0.02),
    "rare-1": _rare(0.01),
    "breast-cancer": Table("breast cancer", _shipped(load_breast_cancer)),
    "wine": Table("wine", _shipped(load_wine)),
    "digits": Table(
        "digits",
        _shipped(load_digits),
        settings={"hidden_layer_sizes": (64,), "max_evaluations": 60_000},
    ),
    "moons": Table(
        "make_moons",
        lambda split: make_moons(1000, noise=0.3, random_state=_FIRST_SEED + split),
    ),
}

DEFAULT = "gradless, default"  # a penalty by cross-validation, then a decision
DIRECT, LOG_LOSS = "gradless, searched for it", "gradless, searched for log loss"
MLP, MLP_TUNED = "MLPClassifier", "MLPClassifier, threshold tuned"
LINEAR, LINEAR_TUNED = "LogisticRegression", "LogisticRegression, threshold tuned"
OURS = (DEFAULT, DIRECT, LOG_LOSS)
WAYS = (*OURS, MLP, MLP_TUNED, LINEAR, LINEAR_TUNED)
TUNED = {MLP_TUNED: MLP, LINEAR_TUNED: LINEAR}
WITH_THRESHOLD = (F1,)  # metrics for which one is tuned: the others of rare classes have none


class Options(NamedTuple):
    """How much is measured."""

    tables: tuple[str, ...] = tuple(TABLES)
    splits: int = 20
    samples: int | None = None  # at most
    ways: tuple[str, ...] = WAYS
    # More of them, for all tables and searches. All rows train, as they do for the ways compared
    # with.
    settings: Mapping[str, Any] = MappingProxyType({"early_stopping": False})


_QUICK = {
    "hidden_layer_sizes": (4,), "max_evaluations": 500, "strategy": "hill_climbing",
    "early_stopping": False,
}  # fmt: skip
TOY = Options(("rare-5", "wine"), 2, 300, settings=_QUICK)
