"""How good is a linear model of the same rows? What a network has to be better than.

Logistic regression for classes, ridge regression for numbers, by scikit-learn, on the inputs that
the network sees. Cross-validation on the training rows chooses the strength of its penalty. Where
the objective judges decisions, the linear model gets a decision for it as well.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core.probabilities import softmax
from gradless.objectives import families
from gradless.runs.prepared import Judged, Prepared
from gradless.runs.scoring import Scoring
from gradless.training import decisions
from gradless.training.regularization import decides

Array = npt.NDArray[np.float64]

_ROWS = 5_000  # to fit it on, at most
_FEWEST = 10
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # C of scikit-learn
_PENALTIES = np.logspace(-2, 4, 13)
# Rows x inputs x outputs: up to here three folds choose, beyond it one part of the rows.
_FOLDS, _MOST = 100_000, 1_000_000
_NEWTON = 150  # inputs x outputs whose square is quickly solved for
_WIDEST = 20_000  # inputs x outputs
_RIDGE = 5e8  # multiplications of a decomposition


class Linear(NamedTuple):
    """A linear model and how good it is.

    Attributes
    ----------
    model
        What it is.
    rows
        It was fitted on.
    judged
        By the objective, on the rows that were asked for.
    outputs : float64, shape (rows, outputs)
        Logits, or numbers, for these.
    decided
        Whether the largest logit is a decision that was chosen for the objective.
    """

    model: str
    rows: int
    judged: Judged
    outputs: Array
    decided: bool

    @property
    def answers(self) -> Array:
        """Probabilities (rows, classes), or numbers (rows,), of the same rows."""
        if self.outputs.shape[1] == 1:
            return self.outputs[:, 0]
        return softmax(self.outputs)


def linear(prepared: Prepared, scoring: Scoring) -> Linear | None:
    """A linear model of the training rows; None where none can be had in a moment.

    Parameters
    ----------
    prepared
        The run.
    scoring
        The objective on the rows to be judged on: the test rows, or the training rows if there are
        none.
    """
    features = np.asarray(prepared.train.features, np.float64)
    targets, names = prepared.train.targets, prepared.train.class_names
    outputs = 1 if names is None else len(names)
    chosen = _some(features.shape[1], len(features), outputs)
    # What is judged beside other columns, or is no mean, takes another model.
    quantile = families.share_of_quantile(prepared.problem.objective.name)
    if chosen is None or prepared.train.extras or quantile is not None:
        return None
    decided = False
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # not converged, or a class that is too rare for folds
        try:
            if names is None:
                fitted = _ridge(features[chosen], targets[chosen])
            else:
                fitted, decided = _logistic(features[chosen], targets[chosen], outputs, prepared)
            found = fitted(np.float64(scoring.features))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return None  # a comparison that is not possible ends no run
    if not np.isfinite(found).all():
        return None
    model = "ridge regression" if names is None else "logistic regression"
    return Linear(model, len(chosen), scoring.judged(found), found, decided)


def _some(inputs: int, rows: int, outputs: int) -> npt.NDArray[np.intp] | None:
    """Rows to fit it on: all, or so many that it takes no second; None for too few."""
    if inputs * outputs > _WIDEST:
        return None
    most = min(rows, _ROWS, max(200, _MOST // (inputs * outputs)))
    if outputs == 1:
        most = min(rows, _ROWS, int(max(_RIDGE / inputs**2, math.sqrt(_RIDGE / inputs))))
    if most < _FEWEST:
        return None
    if most == rows:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def _ridge(features: Array, targets: Any) -> Any:
    from sklearn.linear_model import RidgeCV  # noqa: PLC0415 - loads in seconds

    numbers = np.asarray(targets, np.float64)
    # In deviations from the mean: squares of large numbers have no digits left.
    shift, scale = numbers.mean(), numbers.std() or 1.0
    model = RidgeCV(_PENALTIES).fit(features, (numbers - shift) / scale)

    def outputs(inputs: Array) -> Array:
        found: Array = model.predict(inputs)[:, None] * scale + shift
        return found

    return outputs


def _logistic(features: Array, targets: Any, classes: int, prepared: Prepared) -> tuple[Any, bool]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import (  # noqa: PLC0415
        GridSearchCV,
        StratifiedKFold,
        StratifiedShuffleSplit,
        cross_val_predict,
    )

    of_classes = 1 if classes == 2 else classes
    work = features.size * of_classes
    newton = features.shape[1] * of_classes <= _NEWTON
    model = LogisticRegression(solver="newton-cholesky" if newton else "lbfgs", max_iter=100)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    one = StratifiedShuffleSplit(1, test_size=0.33, random_state=0)
    rarest = np.bincount(targets, minlength=classes).min()
    if rarest >= 3:
        search = GridSearchCV(
            model,
            {"C": _STRENGTHS},
            scoring="neg_log_loss",
            cv=folds if work <= _FOLDS else one,
        ).fit(features, targets)
        model = search.best_estimator_
    else:
        model.fit(features, targets)
    moved = None
    objective = prepared.problem.objective
    if decides(objective, "classification") and not objective.needs and rarest >= 3:
        cross_fitted = cross_val_predict(model, features, targets, cv=folds, method="predict_proba")
        metric = decisions.metric_of(objective, range(classes))
        rule = decisions.tune(cross_fitted, targets, metric).decision
        moved = None if rule.kind == "argmax" else rule

    def outputs(inputs: Array) -> Array:
        found = np.full((len(inputs), classes), 1e-12)
        found[:, model.classes_] = np.maximum(model.predict_proba(inputs), 1e-12)
        return np.log(found) if moved is None else moved.scores(found / found.sum(1)[:, None])

    return outputs, moved is not None
