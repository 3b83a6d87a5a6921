"""A model that cannot be searched is refused before any work, with what to do."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradless
from gradless import InputError
from helpers.errors import message_of

W = np.ones((3, 2), np.float32)


def refusal(loss: Any, params: Any, **more: Any) -> str:
    with pytest.raises(InputError) as error:
        gradless.minimize(loss, params, **more)
    return message_of(error)


def nothing(params: Any) -> Any:
    assert "w" in params, "called although the parameters are none"
    return params["w"].sum()


LEAVES: dict[str, tuple[Any, str]] = {
    "whole numbers": (
        {"w": W, "steps": {"n": np.arange(3)}},
        "params['steps']['n'] must be floating-point numbers, got int32; write 1.0 for 1 to search "
        'it, or give integers for whole numbers; layers={"steps/n": 0} leaves it as it is',
    ),
    "truth": ({"on": np.array(True)}, "params['on'] must be floating-point numbers, got bool"),
    "one whole number": (3, "params must be floating-point numbers, got int32; write 1.0 for 1"),
    "complex": (
        {"f": W.astype(np.complex64)},
        "got complex64; search its real and its imaginary part, as two arrays",
    ),
    "a key": ({"key": jax.random.key(0)}, "must be floating-point numbers, got key<fry>"),
    "text": ({"name": "a"}, "got str; keep what is no array of numbers inside loss_fn"),
    "nothing": ({}, "params must hold floating-point numbers, got none"),
    "functions alone": ([jnp.tanh], "params must hold floating-point numbers, got none"),
    "no numbers": (np.zeros((0, 3)), "params must hold floating-point numbers, got none"),
    "infinite": (
        {"w": np.full(3, np.inf, np.float32)},
        "params['w'] must be finite, got NaN or infinity in float32",
    ),
}


@pytest.mark.parametrize("name", LEAVES)
def test_leaves_that_cannot_be_searched(name: str) -> None:
    params, expected = LEAVES[name]
    assert expected in refusal(nothing, params)


def test_whole_numbers_stay_as_they_are_if_told() -> None:
    params = {"w": W, "steps": {"n": np.arange(3)}}
    found = gradless.minimize(
        lambda p: jnp.sum((p["w"] - p["steps"]["n"].sum()) ** 2), params, "random_search",
        layers={"steps/n": 0}, evaluations=1_024, verbose=False,
    )  # fmt: skip
    np.testing.assert_array_equal(found.best["steps"]["n"], np.arange(3))
    assert found.best["steps"]["n"].dtype == np.int32


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (lambda p: p["w"], "one number, of shape (), got an array of shape (3, 2)"),
        (lambda p: (p["w"].sum(), p["w"]), "a dict of measures"),
        (lambda p: (p["w"].sum(), {"a": p["w"]}), "as its measure 'a' one number, of shape ()"),
        (lambda p: None, "loss_fn must return one number, got NoneType"),
        (lambda p: jnp.fft.fft(p["w"]).sum(), "a real number, got complex64"),
    ],
)
def test_what_a_loss_must_return(returned: Any, expected: str) -> None:
    assert expected in refusal(returned, {"w": W})


class Counts:
    """Adds up what it has seen."""

    def __init__(self) -> None:
        self.seen: Any = 0.0

    def __call__(self, params: Any) -> Any:
        self.seen = self.seen + params["w"].sum()
        return self.seen


def test_what_keeps_something_is_refused() -> None:
    message = refusal(Counts(), {"w": W})
    assert "loss_fn must not change what it finds outside of it" in message
    assert "Put the state into what it gets" in message


@pytest.mark.slow
def test_a_module_of_flax_in_training_mode_is_refused() -> None:
    nnx = pytest.importorskip("flax.nnx")
    norm = nnx.BatchNorm(3, rngs=nnx.Rngs(0))

    def loss(params: Any) -> Any:
        return norm(params["w"].T).sum()

    assert "model.eval() in Flax NNX" in refusal(loss, {"w": W})
    norm.eval()
    gradless.minimize(loss, {"w": W}, "random_search", evaluations=1_024, verbose=False)


def test_copies_of_an_array_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def loss(params: Any) -> Any:
        return jnp.mean(jnp.tanh(jnp.ones((4, 3000)) @ params["w"])) + (params["w"] ** 2).sum()

    params = {"w": np.zeros((3000, 2000), np.float32)}
    monkeypatch.setattr("gradless._core.free_memory.free", lambda: 50_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message = refusal(loss, params, strategy="openai_es", rank=1, evaluations=1_000)
    assert message.startswith("params['w'] must fit into memory ")
    assert "in the loss cannot be computed from factors" in message
    assert "got 47.7 MiB free" in message


def test_a_pattern_that_fits_nothing_names_the_closest_paths() -> None:
    params = {"encoder": {f"layer{i}": {"w": W} for i in range(9)}, "head": {"w": W}}
    message = refusal(nothing, params, layers={"encodr/*": 0})
    assert message.startswith(
        "layers must have patterns that fit arrays, got 'encodr/*', which fits none of 10. The "
        "closest are encoder/layer"
    )
    assert message.count("layer") < 6


def test_a_loss_that_is_no_number_is_named() -> None:
    assert refusal(lambda p: "low", W, strategy="openai_es") == (
        "loss_fn must return one number, got str"
    )


def test_a_setting_of_other_strategies_names_them() -> None:
    assert refusal(lambda p: p.sum(), W, strategy="cma_es", rank=1) == (
        "rank must go with a strategy that has it, openai_es, spsa, fzoo or ars, got cma_es"
    )
