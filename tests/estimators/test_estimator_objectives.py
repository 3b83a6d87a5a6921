"""Any objective can be trained for: of this library, of scikit-learn, and of one's own."""

import numpy as np
import pandas
import polars
import pytest
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    jaccard_score,
    make_scorer,
    mean_absolute_percentage_error,
    roc_auc_score,
)

from gradless import InputError
from gradless.strategies import CMAES
from helpers.fits import classifier, regressor


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
