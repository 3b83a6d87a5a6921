"""How does a classifier that a person already has decide for what counts?

>>> from sklearn.datasets import make_classification
>>> from sklearn.linear_model import LogisticRegression
>>> X, y = make_classification(1000, weights=[0.9], random_state=0)
>>> tuned = MetricTunedClassifier(LogisticRegression(), objective="profit", value=100, cost=10)
>>> bool(tuned.fit(X, y).promise_.better)
True
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import check_random_state, get_tags, indexable
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    check_is_fitted,
    column_or_1d,
)

from gradless._core.errors import InputError
from gradless.estimators.cross_fitting import cross_fitted, weights_for
from gradless.training.decisions import (
    Decision,
    Promise,
    Value,
    capacity_of,
    check_groups,
    metric_of,
    positive_index,
    tune,
    tune_by_group,
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
        Of two classes, how many rows the rule may decide positive. A share above 0 and up to 1 is a
        threshold: of new rows it is about this share. A whole number above 1, such as 200 calls, is
        of each call of ``predict``: of the rows given to it, at most the 200 that are furthest
        above the rule's threshold; what is promised is of as many among the rows of ``fit``, and of
        their share in each fold. None for no limit.
    gap
        With ``sample_group``, how far apart the groups' shares of positive rows that are found may
        be, from 0 to below 1.
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
        gap: float = 0.02,
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
        self.gap = gap
        self.greater_is_better = greater_is_better
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        sample_value: Any = None,
        sample_group: Any = None,
        **fit_params: Any,
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
        sample_value : array-like (samples,)
            What each sample brings if it is positive and found, for ``"profit"``; ``value`` is left
            out then, and ``predict`` has to be told the values of its samples.
        sample_group : array-like (samples,)
            Groups that get thresholds of their own, so that the same share of positive samples is
            found in each, up to ``gap``; ``predict`` has to be told the groups of its samples.
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
        X, y, groups, sample_value, sample_group = indexable(
            X, y, groups, sample_value, sample_group
        )
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
        most, limit = capacity_of(self.capacity, len(classes))
        self._check_together(sample_value, sample_group)
        positive = positive_index(self.positive, classes)
        by_row = sample_value is not None
        metric = metric_of(
            "profit" if by_row else self.objective,
            classes,
            positive=self.positive,
            costs=self.costs,
            value=1.0 if by_row else self.value,
            cost=self.cost,
            greater_is_better=self.greater_is_better,
        )
        if prefit:
            self.estimator_ = self.estimator
            likely, rows = self.estimator.predict_proba(X), np.arange(len(labels))
        else:
            given = fit_params | weights_for(self.estimator, weight)
            likely, rows = cross_fitted(
                self.estimator, X, labels, self.classes_, groups, given, cv=self.cv, seed=seed,
                n_jobs=self.n_jobs,
            )  # fmt: skip
            self.estimator_ = clone(self.estimator).fit(X, labels, **given)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        given_rows: dict[str, Any] = {
            "weight": None if weight is None else weight[rows],
            "groups": None if groups is None else np.asarray(groups)[rows],
            "classes": classes,
            "seed": seed,
            "positive": positive,
        }
        true = np.searchsorted(self.classes_, labels)[rows]
        if sample_group is not None:
            of = np.asarray(sample_group)[rows]
            found = tune_by_group(likely, true, metric, of, gap=self.gap, **given_rows)
        else:
            if by_row:
                given_rows |= {"value": np.asarray(sample_value)[rows], "price": self.cost}
            found = tune(likely, true, metric, most=most, rows=limit, **given_rows)
        self.decision_: Decision = found.decision
        self.promise_: Promise = found.promise
        self.improvement_: Value = found.promise.improvement
        return self

    def predict(
        self, X: Any, *, sample_value: Any = None, sample_group: Any = None
    ) -> npt.NDArray[Any]:
        """Labels decided for by the rule, (samples,).

        Parameters
        ----------
        X : array-like or data frame (samples, features)
            Whatever the classifier takes.
        sample_value, sample_group : array-like (samples,)
            Of each sample, if ``fit`` was given them.

        Raises
        ------
        InputError
            If they do not fit the rule.
        """
        check_is_fitted(self)
        likely = self._likely(X)
        return self.classes_[self.decision_.decide(likely, value=sample_value, group=sample_group)]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Corrected probabilities (samples, classes); decisions are not their largest ones."""
        check_is_fitted(self)
        return self.decision_.probabilities(self._likely(X))

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """What decides, (samples, classes); for two classes the second one's lead, (samples,).

        Values, groups and a number of rows are not in it.
        """
        check_is_fitted(self)
        scores = self.decision_.scores(self._likely(X))
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def _likely(self, X: Any) -> npt.NDArray[np.float64]:
        return np.asarray(self.estimator_.predict_proba(X), np.float64)

    def _check_together(self, sample_value: Any, sample_group: Any) -> None:
        """Refuse what does not go with values or groups of samples."""
        if sample_value is not None:
            if self.value is not None or self.costs is not None:
                raise InputError("value and costs must be left out with sample_value")
            if self.objective not in (None, "profit"):
                raise InputError(
                    f"objective must be 'profit' with sample_value, got {self.objective!r}"
                )
            if not self.cost:
                raise InputError(
                    "cost must be above 0 with sample_value, since every sample is worth a call "
                    "otherwise, got none. For example: cost=5"
                )
        if sample_group is not None and (sample_value is not None or self.capacity is not None):
            raise InputError("sample_value and capacity must be left out with sample_group")

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
