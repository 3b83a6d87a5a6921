"""The choice of a strategy: by size, budget, objective and minibatches, with its reason."""

import dataclasses
import json

import pytest

from gradless import strategies
from gradless._core.errors import InputError
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.strategies import FDLBFGS, STRATEGIES
from gradless.training import auto
from gradless.training.loop import Stop

SPIRAL = {
    "dimension": 387,
    "evaluations": None,
    "seconds": 15.0,
    "operations": 125_000.0,
    "smooth": True,
    "minibatches": False,
}


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ({}, "fd_lbfgs", "differences along every weight"),
        ({"seconds": None}, "fd_lbfgs", "without end"),
        ({"seconds": None, "evaluations": 1000}, "sep_cma_es", "Short run"),
        ({"evaluations": 1000}, "sep_cma_es", "about 1,000 evaluations"),
        ({"minibatches": True}, "openai_es", "Minibatches: averaging"),
        ({"minibatches": True, "evaluations": 1000}, "openai_es", "Minibatches: averaging"),
        ({"smooth": False}, "openai_es", "Non-differentiable loss"),
        ({"smooth": False, "is_count": True}, "openai_es", "Piecewise constant metric"),
        ({"dimension": 1_000_000}, "openai_es", "random directions"),
        ({"dimension": 10**9, "seconds": None}, "openai_es", "random directions"),
    ],
)
def test_choice(changes, name, reason) -> None:
    choice = auto.choose(**{**SPIRAL, **changes})
    assert choice.strategy.name == name
    assert reason in choice.why
    assert f"{changes.get('dimension', 387):,} parameters" in choice.why


def test_the_population_of_the_chosen_one_fits_the_dimension() -> None:
    assert auto.choose(**SPIRAL).strategy == FDLBFGS.for_dimension(387)


def test_a_budget_is_enough_for_25_iterations_or_another_method_is_chosen() -> None:
    iteration = FDLBFGS.for_dimension(387).evaluations_of_iteration(387)
    named = {
        budget: auto.choose(**{**SPIRAL, "seconds": None, "evaluations": budget}).strategy.name
        for budget in (25 * iteration - 1, 25 * iteration)
    }
    assert list(named.values()) == ["openai_es", "fd_lbfgs"]


def test_noise_is_wide_where_samples_are_counted() -> None:
    counted = prepare(Recipe("iris", objective="f1_macro")).strategy
    assert counted.sigma > strategies.get("openai_es").sigma
    assert prepare(Recipe("iris", activation="step")).strategy == strategies.get("openai_es")


def test_a_recipe_keeps_what_was_chosen_and_why() -> None:
    prepared = prepare(Recipe("vertical", hidden=(3,)), Stop(seconds=5))
    assert prepared.strategy.name == prepared.recipe.strategy == "fd_lbfgs"
    assert "21 parameters" in (prepared.recipe.why or "")
    kept = json.loads(json.dumps(dataclasses.asdict(prepared.recipe)))
    again = prepare(Recipe.from_json(kept))
    assert again.strategy == prepared.strategy
    assert again.recipe == prepared.recipe


@pytest.mark.parametrize(
    "changes",
    [{"objective": "zero_one"}, {"objective": "accuracy"}, {"activation": "sign"}],
)
def test_steps_are_not_descended_by_differences(changes) -> None:
    prepared = prepare(Recipe("vertical", hidden=(3,), **changes), Stop(seconds=5))
    assert prepared.strategy.name == "openai_es"


def test_a_named_strategy_has_no_reason() -> None:
    assert prepare(Recipe("vertical", strategy="snes")).recipe.why is None


def test_hyperparameters_need_a_named_strategy() -> None:
    with pytest.raises(InputError, match=r"left out for the strategy 'auto'.*got sigma"):
        prepare(Recipe("vertical", hyperparameters={"sigma": 1.0}))


def test_auto_is_no_strategy_itself() -> None:
    assert auto.AUTO not in STRATEGIES
