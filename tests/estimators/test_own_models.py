"""Networks of other packages, in the face of scikit-learn."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris

from gradless import GradientFreeClassifier, GradientFreeRegressor, InputError, strategies

X, Y = load_iris(return_X_y=True)
SHORT: dict[str, Any] = {"max_evaluations": 3_000, "random_state": 0}


class Plain:
    """A model of one's own: two layers and a product of features."""

    def __init__(self, outputs: int = 3, features: int = 4) -> None:
        self.outputs, self.features = outputs, features

    def init(self, key: jax.Array) -> Any:
        first, last = jax.random.split(key)
        return {
            "first": jax.random.normal(first, (self.features, 12)) / 2,
            "last": jax.random.normal(last, (12, self.outputs)) / 4,
        }

    def apply(self, params: Any, x: jax.Array) -> jax.Array:
        return jnp.tanh(x @ params["first"]) @ params["last"]


def test_a_model_of_ones_own_is_trained_and_predicts() -> None:
    fitted = clone(GradientFreeClassifier(model=Plain(), **SHORT)).fit(X, Y)
    assert fitted.score(X, Y) > 0.9
    assert fitted.predict_proba(X[:5]).shape == (5, 3)
    assert fitted.params_["first"].shape == (4, 12)
    assert not hasattr(fitted, "coefs_")
    again = GradientFreeClassifier(model=Plain(), **SHORT).fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_a_regressor_has_its_units() -> None:
    y = 1000 + 50 * X[:, 0]
    found = GradientFreeRegressor(model=Plain(1), **SHORT).fit(X, y)
    assert found.score(X, y) > 0.9


@pytest.mark.slow
def test_a_module_of_equinox_comes_back_trained() -> None:
    eqx = pytest.importorskip("equinox")
    module = eqx.nn.MLP(4, 3, 16, 1, key=jax.random.key(0))
    strategy = strategies.OpenAIES(rank=1, learning_rate=0.2)
    fitted = GradientFreeClassifier(model=module, strategy=strategy, **SHORT).fit(X, Y)
    inputs = (X - fitted.feature_mean_) / fitted.feature_scale_
    answers = jax.vmap(fitted.model_)(jnp.asarray(inputs, jnp.float32)).argmax(1)
    np.testing.assert_array_equal(answers, fitted.predict(X))


@pytest.mark.slow
def test_modules_of_flax() -> None:
    flax = pytest.importorskip("flax")

    class Network(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, x: Any) -> Any:
            return flax.linen.Dense(3)(flax.linen.relu(flax.linen.Dense(12)(x)))

    fitted = GradientFreeClassifier(model=Network(), **SHORT).fit(X, Y)
    assert fitted.score(X, Y) > 0.9
    assert set(fitted.params_) == {"Dense_0", "Dense_1"}


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (3, "model must be a module of Flax, Equinox or PyTorch, or an object with"),
        (Plain, "got the class Plain; make one of it"),
        (Plain(features=5), r"model must take samples of 4 features, \(samples, 4\), and says"),
        (Plain(outputs=2), r"model must return 3 outputs for each sample, \(samples, 3\), got"),
        ("mlp", "got str"),
    ],
)
def test_what_is_no_model_is_refused(model: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        GradientFreeClassifier(model=model).fit(X, Y)


def test_what_does_not_go_with_it_is_refused(tmp_path: Any) -> None:
    with pytest.raises(InputError, match="a model of your own must be fitted anew"):
        GradientFreeClassifier(model=Plain(), warm_start=True).fit(X, Y)
    with pytest.raises(InputError, match="a model of your own must be fitted anew"):
        GradientFreeClassifier(model=Plain()).partial_fit(X, Y, classes=[0, 1, 2])
    fitted = GradientFreeClassifier(model=Plain(), max_evaluations=200).fit(X, Y)
    with pytest.raises(InputError, match="must be kept by that model's package"):
        fitted.save(tmp_path / "model.safetensors")
