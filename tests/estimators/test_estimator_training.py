"""How a fit begins, goes on and ends."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import (
    jaccard_score,
    make_scorer,
)

import gradless
from gradless import GradientFreeRegressor, InputError
from gradless._core import defaults
from gradless.training.observers import Observer
from helpers.fits import classifier, regressor


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
