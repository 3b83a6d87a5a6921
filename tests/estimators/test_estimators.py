import io
import itertools
import warnings

import joblib
import numpy as np
import pandas
import polars
import pytest
from safetensors.numpy import load_file
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    jaccard_score,
    log_loss,
    make_scorer,
    mean_absolute_percentage_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import gradless
from gradless import GradientFreeClassifier, GradientFreeRegressor, InputError
from gradless._core import defaults, storage
from gradless.models import numpy_forward
from gradless.models.mlp import ACTIVATIONS
from gradless.strategies import CMAES, HillClimbing
from gradless.training import generation
from gradless.training.observers import Observer

# Which compile in half of the time of others.
QUICK = {
    "hidden_layer_sizes": (3,),
    "strategy": "hill_climbing",
    "random_state": 0,
    "early_stopping": False,
}


def classifier(**parameters):
    return GradientFreeClassifier(**{**QUICK, "max_evaluations": 2000, **parameters})


def regressor(**parameters):
    return GradientFreeRegressor(**{**QUICK, "max_evaluations": 2000, **parameters})


@pytest.fixture(scope="module")
def two():
    """Two classes of the iris that overlap, and two of their features."""
    X, y = load_iris(return_X_y=True)
    return X[50:, :2], y[50:]


@pytest.fixture(scope="module")
def line():
    """Targets of size 1e5 around 1e6, a line and a little noise, of two features."""
    rng = np.random.default_rng(0)
    X = rng.normal(3, 100, (60, 2))
    return X, 1e6 + 500 * X[:, 0] - 900 * X[:, 1] + rng.normal(0, 1000, 60)


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


# --- Objectives -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uneven():
    # As many different rows as the two classes of the iris have, so that programs are shared.
    return make_classification(
        88, 2, n_informative=2, n_redundant=0, weights=[0.8], flip_y=0.05, random_state=1
    )


@pytest.fixture(scope="module")
def unbalanced():
    X, y = make_classification(
        120, 2, n_informative=2, n_redundant=0, weights=[0.85], flip_y=0.05, random_state=1
    )
    return X, y


@pytest.mark.slow
def test_f1_is_what_scikit_learn_says_and_better_than_of_log_loss(unbalanced):
    X, y = unbalanced
    model = classifier(objective="f1", max_evaluations=4000).fit(X, y)
    reached = f1_score(y, model.predict(X))
    assert model.best_loss_ == pytest.approx(-reached)
    assert reached > f1_score(y, classifier(max_evaluations=4000).fit(X, y).predict(X))


@pytest.mark.slow
def test_a_metric_that_counts_has_the_center_of_a_wide_search(unbalanced):
    X, y = unbalanced
    last = []
    model = classifier(
        strategy="auto",
        objective="f1",
        max_evaluations=4000,
        callback=lambda record: last.append(record.run),
    ).fit(X, y)
    center = model.strategy_.center(last[-1].state)
    assert model.strategy_.sigma > type(model.strategy_)().sigma
    for layer, weights in zip(center, model.coefs_, strict=True):
        np.testing.assert_array_equal(layer.weights, weights)
    assert model.best_loss_ > float(last[-1].best_loss)  # not the best single one


@pytest.mark.slow
def test_scorers_by_name_and_of_make_scorer(unbalanced):
    X, y = unbalanced
    small = {"max_evaluations": 300}
    by_name = classifier(objective="jaccard", **small).fit(X, y)
    made = classifier(objective=make_scorer(jaccard_score), **small).fit(X, y)
    bare = classifier(objective=jaccard_score, greater_is_better=True, **small).fit(X, y)
    assert by_name.best_loss_ == pytest.approx(-jaccard_score(y, by_name.predict(X)))
    for other in (made, bare):
        np.testing.assert_array_equal(other.predict_proba(X), by_name.predict_proba(X))

    probable = make_scorer(
        brier_score_loss, greater_is_better=False, response_method="predict_proba"
    )
    model = classifier(objective=probable, **small).fit(X, y)
    expected = brier_score_loss(y, model.predict_proba(X)[:, 1])
    assert model.best_loss_ == pytest.approx(expected, abs=1e-6)

    scores = make_scorer(roc_auc_score, response_method="decision_function")
    model.set_params(objective=scores).fit(X, y)
    assert model.best_loss_ == pytest.approx(-roc_auc_score(y, model.decision_function(X)))


def test_a_scorer_of_one_class_is_of_the_second_label(uneven):
    X, y = uneven
    names = np.array(["no", "yes"])[y]
    parameters = {"objective": "jaccard", "log_loss_first": False, "max_evaluations": 60}
    model = classifier(**parameters).fit(X, names)
    expected = jaccard_score(names, model.predict(X), pos_label="yes")
    assert model.best_loss_ == pytest.approx(-expected)


@pytest.mark.slow
def test_a_metric_in_python_and_on_the_device_find_the_same(unbalanced):
    X, y = unbalanced
    parameters = {"log_loss_first": False, "max_evaluations": 400}
    device = classifier(objective="balanced_accuracy", **parameters).fit(X, y)
    scorer = make_scorer(gradless_balanced)
    host = classifier(objective=scorer, **parameters).fit(X, y)
    assert host.best_loss_ == pytest.approx(device.best_loss_, abs=0.03)


def gradless_balanced(y_true, y_predicted):
    return np.mean([np.mean(y_predicted[y_true == k] == k) for k in (0, 1)])


def test_labels_of_a_metric_in_python_are_those_given(uneven):
    X, y = uneven
    words = np.array(["no", "yes"])[y]
    seen = set()

    def profit(y_true, y_predicted):
        seen.update(y_true, y_predicted)
        buys, offered = y_true == "yes", y_predicted == "yes"
        return 10 * np.sum(offered & buys) - 3 * np.sum(offered & ~buys)

    model = classifier(objective=profit, greater_is_better=True, max_evaluations=600)
    model.fit(X, words)
    assert seen == {"no", "yes"}
    assert -model.best_loss_ == profit(words, model.predict(X)) > 0


class ByLength:
    """A scorer that reads a column of the features."""

    def __call__(self, estimator, X, y, sample_weight=None):
        assert isinstance(X, pandas.DataFrame)
        predicted = estimator.predict(X)
        np.testing.assert_array_equal(predicted, estimator.predict(X.iloc[::-1])[::-1])
        assert estimator.predict_proba(X).shape == (len(X), 2)
        return np.average(predicted == y, weights=X["length"])


def by_length(estimator, X, y):
    return ByLength()(estimator, X, y)


@pytest.mark.slow
def test_a_scorer_gets_the_features_as_they_were_given(two):
    X, y = two
    frame = pandas.DataFrame(X, columns=["length", "width"])
    parameters = {"max_evaluations": 60, "log_loss_first": False}
    for scorer in (ByLength(), by_length):
        model = classifier(objective=scorer, **parameters).fit(frame, y)
        assert model.best_loss_ == pytest.approx(-scorer(model, frame, y))
    batches = classifier(objective=by_length, batch_size=30, **parameters).fit(frame, y)
    assert batches.best_loss_ == pytest.approx(-by_length(batches, frame, y))
    parts = classifier(objective=by_length, **parameters)
    for part in (slice(0, 100, 2), slice(1, 100, 2)):
        parts.partial_fit(frame[part], y[part], classes=[1, 2])
    assert parts.best_loss_ == pytest.approx(-by_length(parts, frame, y), abs=0.02)

    def of_four(estimator, X, y, more):
        return 1.0

    with pytest.raises(InputError, match=r"scorer \(estimator, X, y\), got of_four"):
        classifier(objective=of_four).fit(frame, y)
    with pytest.raises(InputError, match="greater_is_better must be left out"):
        classifier(objective=by_length, greater_is_better=True).fit(frame, y)


def test_a_scorer_of_numbers_in_a_frame_of_polars(line):
    X, y = line
    frame = polars.DataFrame({"a": X[:, 0], "b": X[:, 1]})

    def near(estimator, X, y):
        assert isinstance(X, polars.DataFrame)
        weights = 1 / (1 + X["a"].to_numpy() ** 2)
        return -np.average(np.abs(estimator.predict(X) - y), weights=weights)

    model = regressor(objective=near, max_evaluations=60).fit(frame, y)
    assert model.best_loss_ == pytest.approx(-near(model, frame, y), rel=1e-5)


@pytest.mark.slow
def test_metrics_of_numbers_are_in_their_units(line):
    X, y = line
    model = regressor(objective="neg_mean_absolute_percentage_error").fit(X, y)
    expected = mean_absolute_percentage_error(y, model.predict(X))
    assert model.best_loss_ == pytest.approx(expected, rel=1e-3)
    assert expected < mean_absolute_percentage_error(y, np.full(60, y.mean()))


@pytest.mark.slow
def test_slow_metrics_in_two_processes(unbalanced):
    X, y = unbalanced
    both = [
        classifier(objective="jaccard", n_jobs=n_jobs, max_evaluations=20).fit(X, y)
        for n_jobs in (None, 2)
    ]
    np.testing.assert_array_equal(*(model.predict_proba(X) for model in both))


def test_a_metric_that_fails(uneven):
    X, y = uneven
    calls = []

    def fails_sometimes(y_true, y_predicted):
        calls.append(1)
        if len(calls) % 3 == 0:
            raise RuntimeError("no")
        return np.mean(y_true == y_predicted)

    parameters = {"greater_is_better": True, "log_loss_first": False, "max_evaluations": 300}
    model = classifier(objective=fails_sometimes, **parameters).fit(X, y)
    assert len(calls) > 250
    assert np.mean(y == model.predict(X)) == pytest.approx(-model.best_loss_)
    assert model.best_loss_ < -0.8

    def fails(y_true, y_predicted):
        raise RuntimeError("as it is")

    with pytest.raises(RuntimeError, match="as it is"):
        classifier(objective=fails, **parameters).fit(X, y)
    with pytest.raises(InputError, match="must return one number, got ndarray"):
        classifier(
            objective=make_scorer(lambda y_true, y_predicted: y_true), log_loss_first=False
        ).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"objective": "f2"}, "unknown objective 'f2'.*fbeta"),
        ({"objective": jaccard_score}, "True or False for the function jaccard_score"),
        ({"objective": "f1", "greater_is_better": True}, "greater_is_better must be left out"),
        ({"objective": 3}, "objective must be None, a name.*got 3"),
        ({"objective": "absolute_error"}, "got classification"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"activation": "rule"}, "activation"),
        ({"strategy": "cma"}, "strategy 'cma'"),
        ({"strategy": CMAES}, "strategy must be .*, got CMAES"),
        ({"max_evaluations": 0}, "max_evaluations must be .*, got 0"),
        ({"max_evaluations": 1, "strategy": "spsa"}, "max_evaluations must be at least the 3"),
        ({"max_time": -1}, "max_time must be .*, got -1"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"validation_fraction": 1.5}, "validation_fraction"),
        ({"patience": 1}, "patience must be above 1, got 1"),
        ({"early_stopping": "yes"}, "early_stopping must be .*, got 'yes'"),
        ({"log_loss_first": "hinge"}, "log_loss_first"),
        ({"callback": 1}, "callback"),
        ({"n_jobs": 0}, "n_jobs must be .*, got 0"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(two, parameters, message):
    with pytest.raises(InputError, match=message) as caught:
        classifier(**parameters).fit(*two)
    assert "\n" not in str(caught.value)


# --- Training -------------------------------------------------------------------------------------


def test_budget_seed_and_curve(two):
    model = classifier(max_evaluations=1000).fit(*two)
    assert 900 < model.n_evaluations_ <= 1000
    assert model.history_.last.evaluations == model.n_evaluations_
    assert len(model.loss_curve_) == len(model.history_)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    again = classifier(max_evaluations=1000).fit(*two)
    np.testing.assert_array_equal(again.coefs_[0], model.coefs_[0])
    other = classifier(max_evaluations=1000, random_state=1).fit(*two)
    assert (other.coefs_[0] != model.coefs_[0]).any()
    timed = classifier(max_evaluations=None, max_time=0.1).fit(*two)
    assert timed.stopped_because_ == "time used up"


def test_a_first_phase_on_log_loss_shares_the_budget(uneven):
    X, y = uneven
    model = classifier(objective="f1", max_evaluations=1000).fit(X, y)
    assert 900 < model.n_evaluations_ <= 1000
    first = model.history_.column("evaluations")[0]
    assert first == pytest.approx(1000 * defaults.LOG_LOSS_SHARE, abs=2)
    alone = classifier(objective="f1", max_evaluations=1000, log_loss_first=False).fit(X, y)
    assert alone.history_.column("evaluations")[0] < 10


@pytest.mark.slow
def test_a_flat_metric_profits_from_log_loss(unbalanced):
    X, y = unbalanced

    def reached(first):
        model = classifier(objective="f1", log_loss_first=first, strategy="snes")
        return np.mean([
            -model.set_params(random_state=seed).fit(X, y).best_loss_ for seed in range(5)
        ])  # fmt: skip

    assert reached("auto") > reached(False)


@pytest.mark.slow
def test_early_stopping_keeps_the_best_that_was_seen():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.integers(0, 2, 60)  # nothing to learn but noise
    parameters = {"max_evaluations": 20_000, "hidden_layer_sizes": (8,), "strategy": "cma_es"}
    model = classifier(early_stopping=True, validation_fraction=0.3, **parameters).fit(X, y)
    looks = model.validation_losses_
    assert model.stopped_because_ == "no improvement on the samples held out"
    assert model.n_evaluations_ < 15_000
    assert looks.argmin() < len(looks) - 1
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.validation_losses_, looks)
    np.testing.assert_array_equal(again.coefs_[0], model.coefs_[0])
    # The one kept had that loss: found again by one that looks longer.
    longer = clone(model).set_params(patience=1000).fit(X, y)
    np.testing.assert_array_equal(longer.validation_losses_[: len(looks)], looks)
    assert len(longer.validation_losses_) > len(looks)


@pytest.mark.slow
def test_early_stopping_sees_rare_classes():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), np.zeros(200, int)
    y[:2] = 1
    X[:2] += 4
    model = classifier(early_stopping=True).fit(X, y)
    assert len(set(model.validation_losses_)) > 3
    y[1] = 0  # a single sample, which can only be learnt from
    assert len(set(model.fit(X, y).validation_losses_)) > 3
    with pytest.warns(UserWarning, match="early_stopping=True was left out: no sample can be"):
        classifier(early_stopping=True).fit(X[:2], [0, 1])
    with pytest.warns(UserWarning, match="early_stopping=True was left out"):
        regressor(early_stopping=True).fit(X[:1], X[:1, 0])


def test_a_fifth_is_held_out_where_that_is_enough(two):
    X, y = two
    model = classifier(early_stopping="auto", max_evaluations=600).fit(X, y)
    assert len(model.validation_losses_) == 3
    few = slice(0, 100, 3)
    assert len(clone(model).fit(X[few], y[few]).validation_losses_) == 0
    assert len(model.partial_fit(X, y).validation_losses_) == 0


@pytest.mark.slow
def test_checkpoints_hold_what_was_seen_of_samples_held_out(two, tmp_path):
    given = {"early_stopping": True, "max_evaluations": 8000}
    whole = classifier(**given).fit(*two)
    model = classifier(checkpoint_dir=tmp_path, callback=lambda record: True, **given).fit(*two)
    assert model.n_evaluations_ < whole.n_evaluations_
    model.set_params(callback=None).fit(*two)
    np.testing.assert_array_equal(model.validation_losses_, whole.validation_losses_)
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])


@pytest.mark.slow
def test_minibatches(two):
    X, y = two
    model = classifier(batch_size=20, strategy="spsa", max_evaluations=6000).fit(X, y)
    assert model.score(X, y) > 0.65
    proba = model.predict_proba(X)[np.arange(len(y)), y - 1]
    assert model.best_loss_ == pytest.approx(-np.log(proba).mean(), rel=1e-4)
    host = classifier(batch_size=20, objective="jaccard_macro", max_evaluations=100).fit(X, y)
    expected = jaccard_score(y, host.predict(X), average="macro")
    assert host.best_loss_ == pytest.approx(-expected)


def test_partial_fit_goes_on(two):
    X, y = two
    model = classifier().partial_fit(X[:60], y[:60], classes=[1, 2])
    assert 180 < model.n_evaluations_ <= 200
    before, mean = model.best_loss_, model.feature_mean_
    first = model.partial_fit(X[:60], y[:60]).best_loss_
    assert first <= before
    np.testing.assert_array_equal(model.feature_mean_, mean)
    with pytest.raises(InputError, match="got \\[0\\] as well"):
        model.partial_fit(X[:2], [0, 1])
    numbers = regressor().partial_fit(X[:60], y[:60]).partial_fit(X[:60], y[:60])
    assert numbers.predict(X).shape == (100,)


def test_partial_fit_learns_a_line_bit_by_bit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    y = 3 * X[:, 0] + 1
    model = regressor(max_evaluations=3000)
    for first in range(0, 60, 5):
        model.partial_fit(X[first : first + 5], y[first : first + 5])
        assert max(np.abs(weights).max() for weights in model.coefs_) < 50
    assert model.score(X, y) > 0.99
    np.testing.assert_allclose(model.feature_mean_, X.mean(0))
    np.testing.assert_allclose(model.output_scale_, y.std())


@pytest.mark.slow
@pytest.mark.parametrize(("size", "rows"), [(1, 60), (5, 120)])
def test_partial_fit_of_the_defaults_learns_as_much_as_ten_passes_of_adam(size, rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 1))
    y = 3 * X[:, 0] + 1
    model = GradientFreeRegressor(random_state=0)
    for first in range(0, rows, size):
        model.partial_fit(X[first : first + size], y[first : first + size])
        assert max(np.abs(weights).max() for weights in model.coefs_) < 1000
    assert model.score(X, y) > 0.999


@pytest.mark.slow
def test_partial_fit_does_not_forget(two, tmp_path):
    X, y = two
    before = classifier().fit(X, y)
    before.save(tmp_path / "model")
    loaded = gradless.load_estimator(tmp_path / "model")
    for model in (before, loaded):
        first = model.predict_proba(X)
        for _ in range(3):
            model.partial_fit(X[:2], y[:2])
        assert np.abs(model.predict_proba(X) - first).mean() < 0.1
    # Sorted by class: what came first is known at the end.
    model = classifier(max_evaluations=3000)
    for first in range(0, 100, 10):
        model.partial_fit(X[first : first + 10], y[first : first + 10], classes=[1, 2])
    assert model.score(X, y) > 0.65
    line = X[:, 0] * 2 + 1
    numbers = regressor(standardize=False).fit(X, line)
    score = numbers.score(X, line)
    assert numbers.partial_fit(X[:3], line[:3]).score(X, line) > score - 0.05


def test_warm_start_goes_on(two):
    model = classifier(warm_start=True, max_evaluations=200).fit(*two)
    losses = [model.best_loss_]
    for _ in range(5):
        losses.append(model.fit(*two).best_loss_)
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) > 3  # each tries what those before have not
    again = classifier(warm_start=True, max_evaluations=200)
    assert [again.fit(*two).best_loss_ for _ in range(6)] == losses
    with pytest.raises(InputError, match="warm_start=False"):
        model.set_params(hidden_layer_sizes=(4,)).fit(*two)


def test_callback_and_verbose(two, capsys):
    records = []
    model = classifier(callback=records.append, verbose=True).fit(*two)
    assert records[-1].evaluations[-1] == model.n_evaluations_
    assert "evaluations" in capsys.readouterr().out
    stopped = classifier(callback=lambda record: True).fit(*two)
    assert stopped.stopped_because_ == "stopped by the callback"
    assert stopped.n_evaluations_ < model.n_evaluations_


class Watch(Observer):
    """Remembers what it is told."""

    def __init__(self):
        self.infos, self.evaluations, self.ends = [], [], []

    def begin(self, info):
        self.infos.append(info)

    def record(self, record):
        self.evaluations.extend(record.evaluations)

    def end(self, reason):
        self.ends.append(reason)


def test_observers_of_a_fit_hear_of_it(two):
    watch = Watch()
    model = classifier().fit(*two, observers=[watch])
    assert watch.evaluations[-1] == model.n_evaluations_
    assert watch.ends == [model.stopped_because_]
    told = watch.infos[0].hyperparameters
    assert told["estimator"] == "GradientFreeClassifier"
    assert told["strategy"] == model.strategy_.name
    np.testing.assert_array_equal(model.coefs_[0], classifier().fit(*two).coefs_[0])
    with pytest.raises(InputError, match="observers must be a list"):
        classifier().fit(*two, observers=watch)


def cost(y_true, y_predicted):
    return 10.0 + np.mean(y_true != y_predicted)


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        ({}, "best loss: "),
        ({"objective": "f1"}, "best f1: 0."),
        ({"objective": cost, "greater_is_better": False}, "best loss: 10."),
        ({"objective": make_scorer(cost, greater_is_better=False)}, "best loss: 10."),
        ({"objective": "jaccard"}, "best jaccard: 0."),
    ],
)
def test_lines_show_the_objective_as_people_know_it(two, capsys, arguments, begins):
    given = {"max_evaluations": 300, "strategy": "hill_climbing", "log_loss_first": False}
    classifier(verbose=True, **{**given, **arguments}).fit(*two)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split("  ")[2].startswith(begins)


@pytest.mark.slow
def test_checkpoints_are_gone_on_from(two, tmp_path):
    whole = classifier().fit(*two)

    model = classifier(checkpoint_dir=tmp_path, callback=lambda record: True).fit(*two)
    assert model.n_evaluations_ < whole.n_evaluations_
    model.set_params(callback=None).fit(*two)
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])
    assert model.loss_curve_ == whole.loss_curve_
    assert len(list(tmp_path.iterdir())) == 1
    classifier(checkpoint_dir=tmp_path, random_state=1).fit(*two)
    assert len(list(tmp_path.iterdir())) == 2
    for parameters in ({}, {"objective": "f1"}):  # a shorter one is not the longer one
        given = {"checkpoint_dir": tmp_path, **parameters}
        classifier(max_evaluations=2000, **given).fit(*two)
        short = classifier(max_evaluations=1000, **given).fit(*two)
        assert short.n_evaluations_ <= 1000
        np.testing.assert_array_equal(
            short.coefs_[0], classifier(max_evaluations=1000, **parameters).fit(*two).coefs_[0]
        )


# --- Files and NumPy ------------------------------------------------------------------------------


def test_save_and_load(two, line, tmp_path):
    X, y = two
    frame = pandas.DataFrame(X, columns=["a", "b"])
    model = classifier(
        strategy=HillClimbing(), class_weight={"v": 2}, objective="f1", hidden_layer_sizes=[3]
    ).fit(frame, np.array(["", "v", "w"])[y])
    model.save(tmp_path / "model.safetensors")
    loaded = gradless.load_estimator(tmp_path / "model.safetensors")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
    assert loaded.loss_curve_ == model.loss_curve_
    assert {name for name in vars(loaded) if name.endswith("_")} == {
        name for name in vars(model) if name.endswith("_")
    }
    numbers = regressor().fit(*line)
    numbers.save(str(tmp_path / "numbers.safetensors"))
    again = GradientFreeRegressor.load(tmp_path / "numbers.safetensors")
    np.testing.assert_array_equal(again.predict(line[0]), numbers.predict(line[0]))
    with pytest.raises(InputError, match="must hold a GradientFreeClassifier"):
        GradientFreeClassifier.load(tmp_path / "numbers.safetensors")


@pytest.mark.parametrize("activation", ["relu", "step"])
def test_weights_in_eight_bits(two, tmp_path, activation):
    X, y = two
    model = classifier(weights="int8", activation=activation).fit(X, y)
    for weights in model.coefs_:
        steps = np.float64(weights) / np.abs(weights).max() * 127
        np.testing.assert_allclose(steps, steps.round(), atol=1e-4)
    # What was trained is what predicts: the loss of training is that of the probabilities.
    assert model.best_loss_ == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-5)
    model.save(tmp_path / "model")
    loaded = gradless.load_estimator(tmp_path / "model")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    for one, other in zip(loaded.coefs_, model.coefs_, strict=True):
        assert one.tobytes() == other.tobytes()
    stored = load_file(tmp_path / "model")
    assert stored["coefs.0.values"].dtype == np.int8
    stored["coefs.0.values"][:] = 3
    storage.save_tree(tmp_path / "model", stored, storage.load_about(tmp_path / "model"))
    with pytest.raises(InputError, match="model must hold 8-bit weights"):
        gradless.load_estimator(tmp_path / "model")


@pytest.mark.slow
def test_weights_in_eight_bits_of_numbers_and_of_metrics_in_python(line, unbalanced, tmp_path):
    X, y = line
    numbers = regressor(weights="int8").fit(X, y)
    assert numbers.best_loss_ == pytest.approx(np.mean((y - numbers.predict(X)) ** 2), rel=1e-4)
    numbers.save(tmp_path / "numbers")
    loaded = gradless.load_estimator(tmp_path / "numbers")
    np.testing.assert_array_equal(loaded.predict(X), numbers.predict(X))
    X, y = unbalanced
    model = classifier(weights="int8", objective="jaccard", max_evaluations=300).fit(X, y)
    assert model.best_loss_ == pytest.approx(-jaccard_score(y, model.predict(X)), rel=1e-6)


def test_a_network_is_trained_in_float32_first_and_then_in_eight_bits(two):
    X, y = two
    model = classifier().fit(X, y)
    before = model.best_loss_
    model.set_params(weights="int8", warm_start=True, max_evaluations=200).fit(X, y)
    assert model.best_loss_ < before + 0.05
    assert len(np.unique(model.coefs_[0] / np.abs(model.coefs_[0]).max())) <= 255
    again = model.best_loss_
    assert model.fit(X, y).best_loss_ <= again  # it goes on from the rounded network


def test_a_file_that_claims_a_huge_network_costs_no_memory(two, tmp_path):
    model = classifier(weights="int8", max_evaluations=30).fit(*two)
    model.save(tmp_path / "model")
    about = storage.load_about(tmp_path / "model") | {"sizes": [2, 2**17, 2**17, 2]}
    storage.save_tree(tmp_path / "model", load_file(tmp_path / "model"), about)
    with pytest.raises(InputError, match="model must hold the arrays of this run"):
        gradless.load_estimator(tmp_path / "model")


def test_files_of_before_weights_of_eight_bits(two, tmp_path):
    model = classifier().fit(*two)
    model.save(tmp_path / "model")
    about = storage.load_about(tmp_path / "model")
    del about["weights"], about["parameters"]["weights"]
    storage.save_tree(tmp_path / "model", load_file(tmp_path / "model"), about)
    loaded = gradless.load_estimator(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(two[0]), model.predict_proba(two[0]))


def test_what_no_file_can_hold(two, tmp_path):
    model = classifier(callback=print, max_evaluations=30).fit(*two)
    with pytest.raises(InputError, match=r"callback must be .* to be saved.*set_params"):
        model.save(tmp_path / "model")
    model.set_params(callback=None).save(tmp_path / "model")
    data = bytearray((tmp_path / "model").read_bytes())
    data[-3] ^= 1
    (tmp_path / "model").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        gradless.load_estimator(tmp_path / "model")
    with pytest.raises(InputError, match="does not exist, expected a file that save has written"):
        gradless.load_estimator(tmp_path / "none")
    with pytest.raises(InputError, match=r"model cannot be written .* make its folder first"):
        model.save(tmp_path / "none" / "model")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (None, "got one without an estimator"),
        ({"estimator": "GradientFreeRegressor", "format": 2}, "must have format 1, got 2"),
        ({"estimator": "GradientFreeRegressor", "format": 1}, "does not describe an estimator"),
        (
            {
                "estimator": "GradientFreeRegressor",
                "format": 1,
                "parameters": {"strategy": {"strategy": "x", "hyperparameters": {}}},
            },
            "unknown strategy 'x'",
        ),
    ],
)
def test_files_that_hold_something_else(about, message, tmp_path):
    storage.save_tree(tmp_path / "file", {"a": np.zeros(1)}, about)
    with pytest.raises(InputError, match=message):
        gradless.load_estimator(tmp_path / "file")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_in_numpy_are_those_of_the_library(name):
    x = np.linspace(-5, 5, 101)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = numpy_forward.ACTIVATIONS[name](x)
    np.testing.assert_allclose(found, ACTIVATIONS[name](x.astype(np.float32)), atol=2e-6)
    assert numpy_forward.ACTIVATIONS.keys() == ACTIVATIONS.keys()
