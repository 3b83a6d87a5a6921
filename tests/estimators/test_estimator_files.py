"""Estimators in files, with weights of eight bits too, and without JAX."""

import warnings

import numpy as np
import pandas
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import (
    jaccard_score,
    log_loss,
)

import gradless
from gradless import GradientFreeClassifier, GradientFreeRegressor, InputError
from gradless._core import storage
from gradless.models import numpy_forward
from gradless.models.mlp import ACTIVATIONS
from gradless.strategies import HillClimbing
from gradless.strategies.wrappers import Restarts
from helpers.fits import classifier, regressor


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


def test_a_search_that_begins_again_is_kept(two, tmp_path):
    model = classifier(strategy="snes", restarts=True, max_evaluations=300).fit(*two)
    assert isinstance(model.strategy_, Restarts)
    model.save(tmp_path / "model.safetensors")
    loaded = gradless.load_estimator(tmp_path / "model.safetensors")
    assert loaded.strategy_ == model.strategy_
    assert loaded.get_params() == model.get_params()
    with pytest.raises(InputError, match="restarts must be yes or none for snes"):
        classifier(strategy="snes", restarts="bipop").fit(*two)
    with pytest.raises(InputError, match="restarts must be True or 'yes'"):
        classifier(restarts="often").fit(*two)


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
