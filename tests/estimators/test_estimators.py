"""They keep scikit-learn's contract: data of any kind, and weights."""

import io
import itertools

import joblib
import numpy as np
import pandas
import polars
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import (
    f1_score,
    jaccard_score,
    make_scorer,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from gradless import GradientFreeClassifier, GradientFreeRegressor, InputError
from gradless.strategies import HillClimbing
from gradless.training import generation
from helpers.fits import classifier, regressor

# --- scikit-learn's contract ----------------------------------------------------------------------


# They depend on how well is learned, so the defaults have to pass them.
LEARNED = {
    "check_classifiers_train",
    "check_classifiers_classes",
    "check_class_weight_classifiers",
    "check_regressors_train",
    "check_regressors_int",
    "check_regressor_multioutput",
}


def checks():
    """All of an estimator; those of its form, which need not learn, soon end and compile."""
    for cls in (GradientFreeClassifier, GradientFreeRegressor):
        both = cls(), cls((8,), strategy="hill_climbing", max_evaluations=1000)
        for estimator, check in itertools.chain(*map(estimator_checks_generator, both)):
            name = check.func.__name__
            if (name in LEARNED) == (estimator.strategy == "auto"):
                yield pytest.param(estimator, check, id=f"{cls.__name__}-{name}")


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_checks(estimator, check):
    check(estimator)


def test_grid_search_in_a_pipeline(two):
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), classifier()),
        {"gradientfreeclassifier__max_evaluations": [3, 2000]},
        cv=3,
        scoring="roc_auc",
    ).fit(*two)
    assert grid.best_params_ == {"gradientfreeclassifier__max_evaluations": 2000}
    assert grid.predict(two[0]).shape == (100,)


@pytest.mark.slow
def test_cross_validation_in_two_processes_is_that_of_one(two):
    model = classifier(max_evaluations=100)
    alone = cross_val_score(model, *two, cv=2)
    np.testing.assert_array_equal(alone, cross_val_score(model, *two, cv=2, n_jobs=2))


def test_clone_and_dump(two):
    model = classifier(strategy=HillClimbing(), class_weight={1: 2.0, 2: 1.0}).fit(*two)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "coefs_")
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    loaded = joblib.load(file)
    np.testing.assert_array_equal(loaded.predict_proba(two[0]), model.predict_proba(two[0]))
    assert loaded.loss_curve_ == model.loss_curve_


def test_repeated_fits_of_one_shape_do_not_recompile(two, monkeypatch):
    monkeypatch.setattr("gradless._core.programs.KEPT", 10**6)  # none goes, whatever ran before
    X, y = two
    classifier().fit(X, y)
    compiled = generation.advance._cache_size()
    classifier(random_state=1).fit(X[::-1] * 3, y)
    classifier(class_weight="balanced").fit(X[:-1], y[:-1])  # nearly the same shape
    assert generation.advance._cache_size() == compiled
    classifier(hidden_layer_sizes=(2,)).fit(X, y)
    assert generation.advance._cache_size() == compiled + 1


def test_html_names_the_parameters(two):
    html = classifier(objective="f1").fit(*two)._repr_html_()
    assert "GradientFreeClassifier" in html
    assert "objective" in html


# --- Data -----------------------------------------------------------------------------------------


def test_frames_of_pandas_and_polars(two):
    X, y = two
    expected = classifier().fit(X, y).predict_proba(X)
    names = ["length", "width"]
    for frame in (
        pandas.DataFrame(X, columns=names),
        polars.DataFrame(dict(zip(names, X.T, strict=True))),
    ):
        labels = frame["length"].__class__(y)
        model = classifier().fit(frame, labels)
        assert model.feature_names_in_.tolist() == names
        np.testing.assert_array_equal(model.predict_proba(frame), expected)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(pandas.DataFrame(X, columns=names[::-1]))


def test_labels_are_those_given(two):
    X, y = two
    words = np.array(["", "no", "yes"], object)[y]
    model = classifier().fit(X, words)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(X)) == {"no", "yes"}
    assert model.score(X, words) == classifier().fit(X, y).score(X, y) > 0.65


def test_sparse_data_are_refused(two):
    X, y = two
    with pytest.raises(TypeError, match=r"Sparse data was passed.*toarray"):
        classifier().fit(sparse.csr_array(X), y)
    labels = sparse.csr_array(np.eye(2, dtype=int)[y - 1])
    with pytest.raises(InputError, match="y must be a dense array, got a sparse one"):
        classifier().fit(X, labels)


@pytest.mark.slow
def test_several_labels():
    X, y = make_multilabel_classification(100, 5, n_classes=3, random_state=0)
    model = classifier(max_evaluations=6000).fit(X, y)
    predicted, proba = model.predict(X), model.predict_proba(X)
    assert predicted.shape == proba.shape == y.shape
    np.testing.assert_array_equal(predicted, proba > 0.5)
    np.testing.assert_array_equal(predicted, model.decision_function(X) > 0)
    assert (predicted == y).mean() > 0.75
    assert model.best_loss_ == pytest.approx(
        -np.mean(np.log(np.where(y, proba, 1 - proba))), rel=1e-4
    )
    with pytest.raises(InputError, match="for several labels"):
        classifier(class_weight="balanced").fit(X, y)
    with pytest.raises(InputError, match="one classifier a column"):
        classifier().fit(X, y + np.arange(100)[:, None] % 3)


@pytest.mark.slow
def test_several_labels_of_a_metric_in_python():
    X, y = make_multilabel_classification(60, 3, n_classes=2, random_state=0)
    model = classifier(max_evaluations=300, objective=make_scorer(jaccard_score, average="macro"))
    model.fit(X, y)
    expected = jaccard_score(y, model.predict(X), average="macro")
    assert model.best_loss_ == pytest.approx(-expected)
    model.set_params(objective="roc_auc_ovr").fit(X, y)
    assert model.best_loss_ == pytest.approx(-roc_auc_score(y, model.predict_proba(X)), abs=1e-6)


@pytest.mark.slow
def test_large_targets_and_several_outputs(line):
    X, y = line
    model = regressor(strategy="cma_es", max_evaluations=10_000)
    assert model.fit(X, y).score(X, y) > 0.98
    assert model.best_loss_ == pytest.approx(np.mean((y - model.predict(X)) ** 2), rel=1e-3)
    both = np.column_stack([y, -y / 1e6])
    model.fit(X, both)
    assert model.predict(X).shape == (60, 2)
    assert model.score(X, both) > 0.98
    with pytest.warns(DataConversionWarning):
        assert model.fit(X, y[:, None]).predict(X).shape == (60,)


def test_tables_that_are_not_scaled(two):
    X, y = two
    far = X * [1e6, 1e-6] + [1e9, -5]
    expected = classifier().fit(X, y).score(X, y)
    assert classifier().fit(far, y).score(far, y) == pytest.approx(expected, abs=0.05)
    assert classifier(standardize=False).fit(far, y).score(far, y) < expected
    constant = np.column_stack([X[:, 0], np.full(len(X), 0.1)])
    assert classifier().fit(constant, y).feature_scale_[1] == 1


@pytest.mark.parametrize("unit", [1e-300, 1e-20, 1e16, 1e300])
def test_targets_and_features_in_any_unit(line, unit):
    X, y = line
    y = (y - y.mean()) / y.std()
    parameters = {"objective": "r2", "max_evaluations": 300}
    plain = regressor(**parameters).fit(X, y)
    for other in (regressor(**parameters).fit(X, y * unit), regressor().fit(X, y * unit)):
        assert r2_score(y, other.predict(X) / unit) > 0.5
    other = regressor(**parameters).fit(X, y * unit)
    np.testing.assert_allclose(other.predict(X) / unit, plain.predict(X), rtol=1e-3, atol=1e-3)
    assert other.best_loss_ == pytest.approx(plain.best_loss_, rel=1e-3)
    other = regressor(**parameters).fit(X / X.std(0) * unit, y)
    np.testing.assert_allclose(
        other.predict(X / X.std(0) * unit), plain.predict(X), rtol=1e-3, atol=1e-3
    )
    for arrays in ((X, y * unit), (X * unit, y)):
        with pytest.raises(InputError, match=r"standard deviation from .* float32 can hold"):
            regressor(standardize=False).fit(*arrays)


def test_losses_are_in_the_units_of_the_targets(line):
    X, y = line
    seen = []
    y = y * 1e-7
    model = regressor(early_stopping=True, callback=lambda r: seen.extend(r.best_loss)).fit(X, y)
    whole = np.mean((y - model.predict(X)) ** 2)
    curves = (seen, model.loss_curve_, model.validation_losses_)
    for loss in (model.best_loss_, *map(min, curves)):
        assert whole / 1000 < loss < whole * 1000  # and not about 1


@pytest.mark.parametrize("standardize", [True, False])
def test_outputs_each_by_its_own_spread_and_a_constant_one_exactly(line, standardize):
    X, y = line
    y = (y - y.mean()) / y.std()
    apart = (1e-22, 1e3) if standardize else (1e-9, 1e3)
    many = np.column_stack([y * apart[0], -y * apart[1], np.full(60, 5.1)])
    model = regressor(standardize=standardize, max_evaluations=6000)
    predicted = model.fit(X / X.std(0), many).predict(X / X.std(0))
    assert (predicted[:, 2] == 5.1).all()
    if standardize:
        scores = [r2_score(y, predicted[:, k] / size) for k, size in enumerate((1e-22, -1e3))]
        assert min(scores) > 0.5
    assert (regressor(max_evaluations=30).fit(X, np.full(60, 0.1)).predict(X) == 0.1).all()


# --- Weights --------------------------------------------------------------------------------------


def test_a_weight_is_a_repetition(two):
    X, y = two
    weight = np.where(np.arange(len(y)) < 4, 0, 1 + np.arange(len(y)) % 3)
    weighted = classifier(max_evaluations=500).fit(X, y, weight).decision_function(X)
    repeated = classifier(max_evaluations=500).fit(X.repeat(weight, 0), y.repeat(weight))
    np.testing.assert_array_equal(weighted, repeated.decision_function(X))
    assert (weighted != classifier(max_evaluations=500).fit(X, y).decision_function(X)).any()


@pytest.mark.slow
def test_a_weight_is_a_repetition_for_metrics_in_python(two):
    X, y = two
    weight = 1 + np.arange(len(y)) % 2
    model = classifier(max_evaluations=200, objective="f1_micro")
    model.fit(X, y, weight)
    expected = f1_score(y, model.predict(X), average="micro", sample_weight=weight)
    assert model.best_loss_ == pytest.approx(-expected)

    def unweighted(y_true, y_predicted):
        return np.mean(y_true == y_predicted)

    with pytest.raises(InputError, match="takes no sample_weight"):
        classifier(objective=unweighted, greater_is_better=True).fit(X, y, weight)


def test_weights_of_classes(two):
    X, y = two
    shares = {
        name: np.mean(classifier(class_weight=weight).fit(X, y).predict(X) == 1)
        for name, weight in {"first": {1: 20.0}, "none": None, "second": {2: 20.0}}.items()
    }
    assert shares["first"] > shares["none"] + 0.1 > shares["second"] + 0.2
    keep = np.r_[0:50, 50:60]
    balanced = classifier(class_weight="balanced").fit(X[keep], y[keep])
    given = classifier(class_weight={1: 0.6, 2: 3.0}).fit(X[keep], y[keep])
    np.testing.assert_allclose(balanced.predict_proba(X), given.predict_proba(X))
    for wrong in ("even", {7: 1.0}, {1: -1.0}):
        with pytest.raises(InputError, match="class_weight"):
            classifier(class_weight=wrong).fit(X, y)
