"""How does a classifier that a person already has decide for what counts?

>>> from sklearn.datasets import make_classification
>>> from sklearn.linear_model import LogisticRegression
>>> X, y = make_classification(1000, weights=[0.9], random_state=0)
>>> tuned = MetricTunedClassifier(LogisticRegression(), objective="profit", value=100, cost=10)
>>> bool(tuned.fit(X, y).promise_.better)
True
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state, get_tags, indexable
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
    assert_all_finite,
    check_is_fitted,
    column_or_1d,
    has_fit_parameter,
)

from gradless._core.errors import InputError
from gradless.training.decisions import (
    Decision,
    Promise,
    Value,
    check_capacity,
    check_groups,
    metric_of,
    positive_index,
    tune,
)

_PREFIT = "prefit"


class MetricTunedClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Another classifier, with decisions tuned for a metric: F1, costs, profit, balanced accuracy.

    The classifier is cross-fitted, so that each row has probabilities of a model that had not seen
    it. From these a rule of decision is chosen, for any number of classes: the largest probability,
    the rule that is best if the corrected probabilities are true (for costs, Bayes' rule), or
    searched offsets of the classes, these only where nested folds say that they help. Then the
    classifier is fitted on all rows.

    Parameters
    ----------
    estimator
        Any classifier of scikit-learn's kind with ``predict_proba``: of LightGBM, a pipeline, a
        wrapped network. It is cloned.
    objective
        What decisions are for:

        - a name: ``"f1"``, ``"f1_macro"``, ``"balanced_accuracy"``, ``"matthews"``,
          ``"cohen_kappa"``, ``"quadratic_kappa"``, ``"fbeta:2"``, ``"accuracy"``, ``"precision"``,
          ``"recall"``, ``"jaccard"``; ``"profit"``, with ``value`` and ``cost``; ``"cost"``, with
          ``costs``;
        - the name of another scorer of scikit-learn, or a scorer of ``make_scorer``, of predicted
          labels;
        - a function (y_true, y_predicted), with ``greater_is_better``.

        None: ``"cost"`` where ``costs`` are given, ``"profit"`` where ``value`` or ``cost`` is,
        else ``"f1"``. F1 of more than two classes is the mean over the classes.
    positive
        Of two classes, the label that F1 and profit are of; by default the second one.
    costs
        Of ``"cost"``: a matrix (true, decided) in the order of the sorted labels, or
        {(true, decided): cost}.
    value
        Of ``"profit"``: what a positive that is found brings.
    cost
        Of ``"profit"``: what each row costs that is decided positive, whether it is or not.
    capacity
        Of two classes, the largest share of the rows that the rule may decide positive, above 0 and
        up to 1; None for no limit. It is a threshold: of new rows it is about this share.
    greater_is_better
        Direction of a function given as objective.
    cv
        Folds, a splitter or splits for the cross-fitted probabilities; or ``"prefit"`` for an
        estimator that is fitted already, which ``fit`` then leaves as it is: the rows given to
        ``fit`` must be others than it was fitted on.
    n_jobs
        Processes for the cross-fits, as in joblib.
    random_state
        None, an integer, or a ``RandomState``: of folds and resamples.

    Attributes
    ----------
    classes_ : ndarray
        Labels.
    estimator_ : object
        The classifier, fitted on all rows.
    decision_ : gradless.training.decisions.Decision
        The rule: ``kind``, ``offsets``, ``temperature``, for two classes ``threshold``; with
        ``save`` and ``load``.
    promise_ : gradless.training.decisions.Promise
        What it brings on rows that did not choose it, with 95 % intervals: ``value``, beside
        ``argmax`` and ``expected``.
    improvement_ : gradless.training.decisions.Value
        Of the metric over the largest probability, above 0 where it is better: ``value``, ``low``
        and ``high``.
    n_features_in_, feature_names_in_
        As the classifier has them.

    Notes
    -----
    Sample weights count for the metric, and for the classifier if its ``fit`` takes them, also as
    the last step of a pipeline.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> wrong = {(1, 2): 10, (2, 1): 1, (0, 1): 1, (0, 2): 1, (1, 0): 1, (2, 0): 1}
    >>> model = MetricTunedClassifier(HistGradientBoostingClassifier(), costs=wrong).fit(X, y)
    >>> model.decision_.kind
    'expected'
    """

    def __init__(
        self,
        estimator: Any,
        objective: Any = None,
        *,
        positive: Any = None,
        costs: Any = None,
        value: float | None = None,
        cost: float | None = None,
        capacity: float | None = None,
        greater_is_better: bool | None = None,
        cv: Any = 5,
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        """Keep the parameters as they are; ``fit`` checks them."""
        self.estimator = estimator
        self.objective = objective
        self.positive = positive
        self.costs = costs
        self.value = value
        self.cost = cost
        self.capacity = capacity
        self.greater_is_better = greater_is_better
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **fit_params: Any
    ) -> Self:
        """Cross-fit the classifier, choose the rule, and fit the classifier on all rows.

        Parameters
        ----------
        X : array-like or data frame (samples, features)
            Whatever the classifier takes.
        y : array-like (samples,)
            Labels of any kind.
        sample_weight : array-like (samples,)
            How much each sample counts, 0 or more.
        groups : array-like (samples,)
            Samples of one group are never on both sides of a fold.
        **fit_params
            For the classifier's ``fit``; those with a value for each sample are divided like X.

        Returns
        -------
        MetricTunedClassifier
            Itself.

        Raises
        ------
        InputError
            Or another ``ValueError``, for whatever cannot be tuned.
        """
        _check_estimator(self.estimator)
        seed = _seed(self.random_state)
        prefit = isinstance(self.cv, str)
        if prefit and self.cv != _PREFIT:
            raise InputError(f"cv must be folds, a splitter or 'prefit', got {self.cv!r}")
        X, y, groups = indexable(X, y, groups)
        labels = _labels(y)
        if groups is not None:
            check_groups(groups)
        weight = None
        if sample_weight is not None:
            weight = np.asarray(_check_sample_weight(sample_weight, labels), np.float64)
        if prefit:
            check_is_fitted(self.estimator)
            self.classes_ = np.asarray(self.estimator.classes_)
        else:
            self.classes_ = np.unique(labels)
        self._check_present(labels, weight)
        classes = self.classes_.tolist()
        check_capacity(self.capacity, len(classes))
        positive = positive_index(self.positive, classes)
        metric = metric_of(
            self.objective,
            classes,
            positive=self.positive,
            costs=self.costs,
            value=self.value,
            cost=self.cost,
            greater_is_better=self.greater_is_better,
        )
        if prefit:
            self.estimator_ = self.estimator
            likely, rows = self.estimator.predict_proba(X), np.arange(len(labels))
        else:
            given = fit_params | _weights_for(self.estimator, weight)
            likely, rows = self._cross_fitted(X, labels, groups, given, seed)
            self.estimator_ = clone(self.estimator).fit(X, labels, **given)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        found = tune(
            likely,
            np.searchsorted(self.classes_, labels)[rows],
            metric,
            weight=None if weight is None else weight[rows],
            groups=None if groups is None else np.asarray(groups)[rows],
            classes=classes,
            seed=seed,
            most=self.capacity,
            positive=positive,
        )
        self.decision_: Decision = found.decision
        self.promise_: Promise = found.promise
        self.improvement_: Value = found.promise.improvement
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Labels decided for by the rule, (samples,)."""
        check_is_fitted(self)
        return self.classes_[self.decision_.decide(self._likely(X))]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Corrected probabilities (samples, classes); decisions are not their largest ones."""
        check_is_fitted(self)
        return self.decision_.probabilities(self._likely(X))

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """What decides, (samples, classes); for two classes the second one's lead, (samples,)."""
        check_is_fitted(self)
        scores = self.decision_.scores(self._likely(X))
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def _likely(self, X: Any) -> npt.NDArray[np.float64]:
        return np.asarray(self.estimator_.predict_proba(X), np.float64)

    def _check_present(self, labels: npt.NDArray[Any], weight: Any) -> None:
        """Refuse labels that no rule can be chosen by."""
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise InputError(
                f"y must be of the classes {self.classes_.tolist()} of the fitted estimator, got "
                f"{unknown.tolist()[:5]} as well"
            )
        counted = labels if weight is None else labels[weight > 0]
        if len(np.unique(counted)) < 2:
            raise InputError(
                "y must have two classes or more with a weight above 0, got samples of 1 class"
            )

    def _cross_fitted(
        self, X: Any, labels: npt.NDArray[Any], groups: Any, given: dict[str, Any], seed: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
        """Probabilities of the rows that a split holds out, and these rows.

        Of a row that several splits hold out, the mean.
        """
        splits = list(_splits(self.cv, X, labels, groups, seed))
        parts = Parallel(n_jobs=self.n_jobs)(
            delayed(_fitted_apart)(self.estimator, X, labels, train, test, given, self.classes_)
            for train, test in splits
        )
        sums = np.zeros((len(labels), len(self.classes_)))
        times = np.zeros(len(labels))
        for (_, test), likely in zip(splits, parts, strict=True):
            np.add.at(sums, test, likely)
            np.add.at(times, test, 1)
        rows = np.flatnonzero(times)
        return sums[rows] / times[rows, None], rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        return tags


def _check_estimator(estimator: Any) -> None:
    if isinstance(estimator, type) or not hasattr(estimator, "predict_proba"):
        name = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        hint = (
            "give an object, not a class"
            if isinstance(estimator, type)
            else ("wrap it: CalibratedClassifierCV(estimator)")
        )
        raise InputError(f"estimator must have predict_proba, got {name}; {hint}")


def _seed(given: Any) -> int:
    """The seed of a ``random_state``: a whole number is one itself."""
    generator = check_random_state(given)
    whole = isinstance(given, int | np.integer)
    return int(given) if whole else int(generator.randint(2**31 - 1))


def _labels(y: Any) -> npt.NDArray[Any]:
    labels = column_or_1d(y, warn=True)
    if np.asarray(labels).dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    kind = type_of_target(labels, input_name="y", raise_unknown=True)
    if kind not in ("binary", "multiclass"):
        raise InputError(f"y must be one label for each sample, got {kind}")
    return np.asarray(labels)


def _weights_for(estimator: Any, weight: Any) -> dict[str, Any]:
    """Weights as the classifier's ``fit`` takes them, or its last step's; none if it does not."""
    if weight is None:
        return {}
    if has_fit_parameter(estimator, "sample_weight"):
        return {"sample_weight": weight}
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return {f"{name}__{key}": value for key, value in _weights_for(last, weight).items()}
    return {}


def _splits(cv: Any, X: Any, labels: Any, groups: Any, seed: int) -> Iterable[tuple[Any, Any]]:
    """Rows to fit and rows held out."""
    if isinstance(cv, int | np.integer) and not isinstance(cv, bool):
        if cv < 2:
            raise InputError(f"cv must be 2 folds or more, got {cv}")
        classes, members = np.unique(labels, return_counts=True)
        if members.min() < 2:
            raise InputError(
                "y must have two samples or more of each class for folds, got 1 of "
                f"{classes.tolist()[members.argmin()]!r}; leave it out or give cv='prefit'"
            )
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        folds = int(min(cv, members.min()))
        if groups is not None:
            folds = min(folds, check_groups(groups))
        return kind(folds, shuffle=True, random_state=seed).split(X, labels, groups)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The groups parameter is ignored")  # not by the rule
        return list(check_cv(cv, labels, classifier=True).split(X, labels, groups))


def _fitted_apart(
    estimator: Any,
    X: Any,
    labels: npt.NDArray[Any],
    train: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    given: dict[str, Any],
    classes: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Probabilities of rows held out, of a classifier fitted on the others."""
    of_rows = {
        name: _safe_indexing(value, train) if _is_of_samples(value, len(labels)) else value
        for name, value in given.items()
    }
    model = clone(estimator).fit(_safe_indexing(X, train), labels[train], **of_rows)
    made = np.asarray(model.predict_proba(_safe_indexing(X, test)), np.float64)
    likely = np.zeros((len(test), len(classes)))
    likely[:, np.searchsorted(classes, model.classes_)] = made
    return likely


def _is_of_samples(value: Any, samples: int) -> bool:
    try:
        return bool(_num_samples(value) == samples) and not isinstance(value, str)
    except TypeError:
        return False
