"""Recipes of networks that are computed in bfloat16, or have weights in eight bits."""

import pytest

from gradless._core.errors import InputError
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe


def test_a_precision_that_the_machine_lacks_is_refused_before_the_data_are_read(monkeypatch):
    monkeypatch.setattr("gradless.models.facts.has_bfloat16", lambda: False)
    with pytest.raises(InputError, match="bfloat16 needs a GPU"):
        prepare(Recipe("none.csv", precision="bfloat16"))


def test_in_bfloat16_a_loss_goes_in_steps(monkeypatch):
    monkeypatch.setattr("gradless.models.facts.has_bfloat16", lambda: True)
    prepared = prepare(Recipe("vertical", hidden=(3,), precision="bfloat16"))
    assert prepared.problem.precision == "bfloat16"
    assert prepare(Recipe("vertical", hidden=(3,))).strategy.name == "fd_lbfgs"
    assert prepared.strategy.name == "openai_es"
    assert "Non-differentiable loss" in prepared.recipe.why


def test_with_weights_of_eight_bits_a_loss_goes_in_steps():
    prepared = prepare(Recipe("vertical", hidden=(3,), weights="int8"))
    assert prepared.model.weights == "int8"
    assert prepared.strategy.name == "openai_es"
    assert "Non-differentiable loss" in prepared.recipe.why


def test_weights_of_eight_bits_need_float32_and_that_is_said_before_the_data_are_read():
    with pytest.raises(InputError, match=r"with int8 weights, got bfloat16\. Use --precision"):
        prepare(Recipe("none.csv", precision="bfloat16", weights="int8"))
