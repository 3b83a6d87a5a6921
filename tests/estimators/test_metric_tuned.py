"""MetricTunedClassifier: scikit-learn's rules, labels of any kind, and decisions that pay."""

import pickle
import subprocess
import sys

import numpy as np
import pandas
import polars
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import estimator_checks_generator

import gradless
from gradless import InputError, MetricTunedClassifier

X, Y = make_classification(800, 6, weights=[0.85], flip_y=0.05, random_state=0)
LABELS = np.where(Y == 1, "yes", "no")


def tuned(objective=None, **parameters):
    return MetricTunedClassifier(LogisticRegression(), objective, cv=3, **parameters)


@pytest.mark.slow
def test_scikit_learns_checks_pass():
    model = MetricTunedClassifier(LogisticRegression())
    for each, check in estimator_checks_generator(model):
        if "array_api" not in check.func.__name__:
            check(each)


def test_a_profit_is_higher_on_rows_that_nobody_saw():
    model = tuned(value=50, cost=5).fit(X[:400], LABELS[:400])

    def profit(decided):
        called = decided == "yes"
        return (50 * (called & (LABELS[400:] == "yes")) - 5 * called).mean()

    assert model.promise_.better
    before = profit(model.estimator_.predict(X[400:]))
    assert profit(model.predict(X[400:])) > before
    assert model.decision_.objective == "profit"
    assert model.decision_.threshold < 0.3
    assert model.improvement_ == model.promise_.improvement


def test_the_positive_class_can_be_the_first():
    model = tuned(value=50, cost=5, positive="no").fit(X, LABELS)
    assert (model.predict(X) == "no").mean() > 0.8
    assert model.promise_.value.value == pytest.approx(50 * (Y == 0).mean() - 5, abs=1)


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        (pandas.DataFrame(X, columns=list("abcdef")), pandas.Series(LABELS)),
        (pandas.DataFrame(X, columns=list("abcdef")), pandas.Series(LABELS, dtype="category")),
        (polars.DataFrame(X, schema=list("abcdef")), polars.Series(LABELS)),
        (X, Y.astype(bool)),
        (X, LABELS.tolist()),
    ],
    ids=["pandas", "categories", "polars", "booleans", "a list"],
)
def test_frames_and_labels_of_any_kind(features, labels):
    model = tuned().fit(features, labels)
    plain = tuned().fit(X, LABELS)
    names = dict(zip(model.classes_.tolist(), plain.classes_.tolist(), strict=True))
    assert [names[label] for label in model.predict(features).tolist()] == plain.predict(X).tolist()
    assert model.n_features_in_ == 6
    if not isinstance(features, np.ndarray):
        assert model.feature_names_in_.tolist() == list("abcdef")


def test_several_classes_and_their_costs():
    features, classes = make_classification(
        600, 6, n_informative=4, n_classes=3, flip_y=0.2, random_state=1
    )
    names = np.array(["a", "b", "c"])[classes]
    model = tuned(costs={("c", "a"): 20, ("c", "b"): 20, ("a", "b"): 1, ("b", "a"): 1})
    model.fit(features, names)
    assert model.promise_.value.value < model.promise_.argmax.value
    assert (model.predict(features) == "c").mean() > (names == "c").mean()
    likely = model.predict_proba(features)
    assert likely.shape == (600, 3)
    assert likely.sum(1) == pytest.approx(1)
    assert model.decision_function(features).shape == (600, 3)


@pytest.mark.slow
def test_it_goes_into_a_search_and_around_one():
    inside = GridSearchCV(
        tuned("f1_macro"), {"estimator__C": [0.01, 1.0]}, cv=2, scoring="f1_macro"
    )
    assert inside.fit(X, LABELS).best_params_["estimator__C"] in (0.01, 1.0)
    search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=2)
    around = MetricTunedClassifier(search, cv=2).fit(X, LABELS)
    assert set(around.predict(X)) == {"no", "yes"}


def test_it_is_cloned_copied_and_the_same_for_a_seed():
    model = tuned("f1", capacity=0.3, random_state=3)
    same = clone(model).fit(X, LABELS)
    model.fit(X, LABELS)
    assert same.decision_.as_json() == model.decision_.as_json()
    assert (pickle.loads(pickle.dumps(model)).predict(X) == model.predict(X)).all()
    assert (model.predict(X) == "yes").mean() < 0.35
    assert model.get_params()["estimator__C"] == 1.0


def test_a_fitted_classifier_is_left_as_it_is():
    inner = LogisticRegression().fit(X[:400], LABELS[:400])
    before = inner.coef_.copy()
    model = MetricTunedClassifier(inner, "f1", cv="prefit").fit(X[400:], LABELS[400:])
    assert model.estimator_ is inner
    assert (inner.coef_ == before).all()
    assert f1_score(LABELS[400:], model.predict(X[400:]), pos_label="yes") > 0.5


@pytest.mark.parametrize(
    "cv",
    [
        GroupKFold(3),
        RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0),
        ShuffleSplit(2, test_size=0.4, random_state=0),
        4,
    ],
    ids=["groups", "repeated", "shuffled", "number"],
)
def test_folds_of_any_kind(cv):
    model = MetricTunedClassifier(LogisticRegression(), cv=cv)
    model.fit(X, LABELS, groups=np.arange(800) // 8)
    assert 400 < model.promise_.rows <= 800


def test_there_are_no_more_folds_than_groups():
    model = MetricTunedClassifier(LogisticRegression())
    assert model.fit(X, LABELS, groups=np.arange(800) % 4).promise_.rows == 800
    with pytest.raises(InputError, match="groups must be three or more, got 1"):
        model.fit(X, LABELS, groups=np.zeros(800))


def test_weights_count_for_the_metric_and_for_the_last_step_of_a_pipeline():
    weight = np.where(Y == 1, 5.0, 1.0)
    steps = make_pipeline(StandardScaler(), LogisticRegression())
    model = MetricTunedClassifier(steps, "accuracy", cv=3).fit(X, LABELS, weight)
    by_hand = clone(steps).fit(X, LABELS, logisticregression__sample_weight=weight)
    assert model.estimator_[-1].coef_ == pytest.approx(by_hand[-1].coef_)
    assert (model.predict(X) == "yes").mean() > (tuned("accuracy").fit(X, Y).predict(X) == 1).mean()


class Unweighted(ClassifierMixin, BaseEstimator):
    """Has no sample_weight."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.inner_ = LogisticRegression().fit(X, y)
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


def test_any_classifier_with_probabilities_will_do():
    for inner in (Unweighted(), RandomForestClassifier(10, random_state=0)):
        model = MetricTunedClassifier(inner, cv=2).fit(X, LABELS, np.ones(800))
        assert f1_score(LABELS, model.predict(X), pos_label="yes") > 0.5


def test_a_function_and_a_scorer_are_objectives():
    model = tuned(lambda a, b: np.mean(a == b) ** 2, greater_is_better=True)
    assert model.fit(X[:200], LABELS[:200]).promise_.value.value > 0.7
    model = tuned(lambda a, b: np.mean(a == b), greater_is_better=True).fit(X, LABELS)
    assert model.promise_.value.value > 0.85


@pytest.mark.parametrize(
    ("model", "labels", "said"),
    [
        (MetricTunedClassifier(LinearSVC()), Y, "must have predict_proba, got LinearSVC; wrap it"),
        (MetricTunedClassifier(LogisticRegression), Y, "give an object, not a class"),
        (tuned("rocauc"), Y, "unknown metric of decisions 'rocauc'"),
        (MetricTunedClassifier(LogisticRegression(), cv="fit"), Y, "cv must be folds"),
        (MetricTunedClassifier(LogisticRegression(), cv=1), Y, "2 folds or more, got 1"),
        (tuned(), np.zeros(800), "two classes or more"),
        (tuned(), np.arange(800) == 3, "two samples or more of each class"),
        (tuned(), np.where(np.arange(800) == 3, 2, 0), "got 1 of 2; leave it out"),
        (tuned(capacity=0), Y, "capacity must be a share above 0"),
        (tuned(positive="maybe"), LABELS, "must be one of no, yes, got 'maybe'"),
        (tuned(costs=np.ones((3, 3)) - np.eye(3)), Y, r"of shape \(2, 2\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_tuned_is_refused(model, labels, said):
    with pytest.raises(InputError, match=said):
        model.fit(X, labels)


@pytest.mark.parametrize(
    "wrong",
    [{"capacity": 2.5}, {"costs": 1 - np.eye(2), "positive": "maybe"}, {"objective": "r2"}],
    ids=["capacity", "positive", "objective"],
)
def test_what_cannot_be_tuned_is_refused_before_anything_is_fitted(wrong):
    class Slow(LogisticRegression):
        def fit(self, X, y):
            raise AssertionError("it was fitted")

    with pytest.raises(InputError):
        MetricTunedClassifier(Slow(), **wrong).fit(X, LABELS)


def test_labels_that_a_fitted_classifier_does_not_know_are_refused():
    inner = LogisticRegression().fit(X, Y)
    with pytest.raises(InputError, match=r"of the classes \[0, 1\] of the fitted estimator"):
        MetricTunedClassifier(inner, cv="prefit").fit(X, Y + 1)


def test_a_number_of_calls_is_of_each_prediction():
    model = tuned(value=50, cost=1, capacity=30).fit(X, LABELS)
    assert (model.predict(X) == "yes").sum() == 30
    assert (model.predict(X[:20]) == "yes").sum() <= 20
    with pytest.raises(InputError, match="a whole number of rows above 1"):
        tuned(value=50, cost=1, capacity=30.5).fit(X, LABELS)


def test_values_of_samples_are_weighed():
    value = np.random.default_rng(0).lognormal(2, 1, 800)
    model = tuned(cost=5).fit(X, LABELS, sample_value=value)
    decided = model.predict(X, sample_value=value) == "yes"
    assert (value[decided] > 5).all()
    assert model.decision_.price == 5
    assert model.promise_.value.value > model.promise_.argmax.value
    with pytest.raises(InputError, match="must have a value for each row"):
        model.predict(X)
    for more, said in (
        ({"value": 3, "cost": 5}, "value and costs must be left out with sample_value"),
        ({"objective": "f1", "cost": 5}, "objective must be 'profit' with sample_value"),
        ({}, "cost must be above 0 with sample_value"),
    ):
        with pytest.raises(InputError, match=said):
            tuned(**more).fit(X, LABELS, sample_value=value)


def test_groups_of_samples_have_thresholds_and_are_routed():
    group = np.where(X[:, 0] > 0, "high", "low")
    model = tuned("accuracy", gap=0.1).fit(X, LABELS, sample_group=group)
    assert model.decision_.by_group.keys() == {"high", "low"}
    decided = model.predict(X, sample_group=group)
    assert decided.shape == (800,)
    with pytest.raises(InputError, match="must be left out with sample_group"):
        tuned("f1", capacity=5).fit(X, LABELS, sample_group=group)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = tuned("accuracy", gap=0.1).set_fit_request(sample_group=True)
        routed.set_predict_request(sample_group=True)
        pipe = make_pipeline(StandardScaler(), routed).fit(X, LABELS, sample_group=group)
        assert (pipe.predict(X, sample_group=group) == decided).mean() > 0.95


def test_it_is_a_public_name():
    assert gradless.MetricTunedClassifier is MetricTunedClassifier


def test_it_loads_no_jax_for_another_classifier():
    code = (
        "import sys\nfrom sklearn.dummy import DummyClassifier\n"
        "from gradless import MetricTunedClassifier\n"
        "MetricTunedClassifier(DummyClassifier(), 'f1').fit([[0]] * 60, [0, 1, 1] * 20)\n"
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
