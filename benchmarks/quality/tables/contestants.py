"""Who learns the tables? gradless' penalised network and what people would use instead.

All see the same inputs: medians and an indicator for gaps, one input for each category, standard
scores; numbers to predict are standardised as well. Each is used with its defaults.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gradless import objectives
from gradless.models.mlp import MLP
from gradless.objectives import Task
from gradless.training.regularized import Fit, Settings
from gradless.training.samples import Samples

TEST = 0.25  # of the rows
UNITS = 16

GRADLESS, LINEAR, NETWORK, STOPPED, BOOSTED, CONSTANT = (
    "gradless",
    "linear, CV",
    "MLP",
    "MLP, early stopping",
    "gradient boosting",
    "constant",
)
NAMES = (GRADLESS, LINEAR, NETWORK, STOPPED, BOOSTED, CONSTANT)


class Split(NamedTuple):
    """A table as contestants see it."""

    classes: bool
    X: np.ndarray  # (rows, inputs), float64
    y: np.ndarray  # class indices, or standardised numbers, (rows,)
    X_test: np.ndarray
    y_test: np.ndarray  # class indices, or numbers in the same units as y
    n_classes: int


class Outcome(NamedTuple):
    """What one contestant came to on one split."""

    loss: float  # log loss, or 1 - R2, on the test rows
    seconds: float  # of the processor


def split_of(X: pd.DataFrame, y: pd.Series, classes: bool, seed: int) -> Split:
    """Training and test rows, with inputs that were learned from the training rows."""
    names = list(np.unique(y)) if classes else []
    wanted = np.searchsorted(names, y) if classes else np.asarray(y, np.float64)
    X_train, X_test, y_train, y_test = train_test_split(
        X, wanted, test_size=TEST, random_state=seed, stratify=wanted if classes else None
    )
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    kinds = make_column_selector(dtype_include=np.number)
    others = make_column_selector(dtype_exclude=np.number)
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing", missing_values=np.nan),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    inputs = ColumnTransformer([("n", numbers, kinds), ("c", categories, others)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns that are empty in the training rows
        X_train = np.asarray(inputs.fit_transform(X_train), np.float64)
        X_test = np.asarray(inputs.transform(X_test), np.float64)
    if not classes:
        mean, scale = y_train.mean(), y_train.std()
        y_train, y_test = (y_train - mean) / scale, (y_test - mean) / scale
    return Split(classes, X_train, y_train, X_test, y_test, len(names))


def _by_scikit_learn(model: Any, split: Split) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        model.fit(split.X, split.y)
    found = model.predict_proba(split.X_test) if split.classes else model.predict(split.X_test)
    return np.asarray(found, np.float64)


def _either(classifier: Callable[[int], Any], regressor: Callable[[int], Any]) -> Any:
    def learn(split: Split, seed: int) -> np.ndarray:
        return _by_scikit_learn((classifier if split.classes else regressor)(seed), split)

    return learn


def gradless(split: Split, seed: int, settings: Settings | None = None, units: int = UNITS) -> Any:
    """Predictions of the penalised network."""
    settings = Settings() if settings is None else settings
    task: Task = "classification" if split.classes else "regression"
    objective = objectives.get("cross_entropy" if split.classes else "squared_error")
    y = split.y.astype(np.int64) if split.classes else split.y[:, None]
    samples = Samples(split.X.astype(np.float32), y, np.ones(len(y)))
    model = MLP((split.X.shape[1], units, split.n_classes or 1))
    fit = Fit(task, samples, model, objective, seed=seed, settings=settings)
    for _ in fit:
        pass
    found = fit.settle()
    (first, last) = ([np.asarray(part, np.float64) for part in layer] for layer in found.params)
    outputs = np.maximum(split.X_test @ first[0] + first[1], 0) @ last[0] + last[1]
    if not split.classes:
        return outputs[:, 0]
    odds = np.exp(outputs - outputs.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


LEARNERS: dict[str, Callable[[Split, int], np.ndarray]] = {
    GRADLESS: gradless,
    LINEAR: _either(
        lambda _: LogisticRegressionCV(scoring="neg_log_loss", max_iter=1000),
        lambda _: RidgeCV(np.logspace(-3, 4, 15)),
    ),
    NETWORK: _either(
        lambda seed: MLPClassifier(random_state=seed), lambda seed: MLPRegressor(random_state=seed)
    ),
    STOPPED: _either(
        lambda seed: MLPClassifier(early_stopping=True, random_state=seed),
        lambda seed: MLPRegressor(early_stopping=True, random_state=seed),
    ),
    BOOSTED: _either(
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        lambda seed: HistGradientBoostingRegressor(random_state=seed),
    ),
    CONSTANT: _either(lambda _: DummyClassifier(strategy="prior"), lambda _: DummyRegressor()),
}


def judged(name: str, split: Split, seed: int) -> Outcome:
    """A contestant's loss on the test rows, and its processor time without compilation."""
    learn = LEARNERS[name]
    if name == GRADLESS:
        gradless(split, seed, Settings(iterations=1))  # compiles the same programs
    begun = time.process_time()
    found = learn(split, seed)
    seconds = time.process_time() - begun
    return Outcome(loss_of(split, found), seconds)


def loss_of(split: Split, found: np.ndarray) -> float:
    """Log loss of probabilities, or 1 - R2."""
    if split.classes:
        return float(log_loss(split.y_test, found, labels=list(range(split.n_classes))))
    error = np.mean((split.y_test - found) ** 2)
    return float(error / np.mean((split.y_test - split.y_test.mean()) ** 2))
