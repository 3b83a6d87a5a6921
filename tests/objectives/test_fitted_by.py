"""An objective says itself by which loss of rows a network is fitted for it."""

import dataclasses
import pickle

import numpy as np
import pytest

from gradless import InputError, objectives
from gradless.objectives import Objective, get
from gradless.objectives.objective import ITSELF
from gradless.training.regularization import decides, fitted_samples, metric_for, surrogate
from gradless.training.samples import Samples

RANKED = {"roc_auc", "average_precision", "precision_at_recall:0.9", "precision_at_k:0.1"}
DECIDED = {
    "accuracy", "zero_one", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "fbeta:2",
    "matthews", "cohen_kappa", "profit:5", "cost_matrix:[[0,1],[5,0]]",
    "cost_matrix:[[0,1,2],[5,0,1],[2,2,0]]",
}  # fmt: skip
NUMBERS = {
    "squared_error": "squared_error", "r2": "squared_error", "absolute_error": "absolute_error",
    "quantile:0.9": "quantile:0.9",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted({*objectives.NAMES, *RANKED, *DECIDED, *NUMBERS}))
def test_what_stands_in_for_an_objective(name):
    objective = get(name)
    classes = surrogate(objective, "classification")
    fitted = name == "cross_entropy" or name in RANKED | DECIDED
    assert classes is (get("cross_entropy") if fitted or name.startswith("fbeta") else None)
    assert decides(objective, "classification") == (name in DECIDED)
    numbers = surrogate(objective, "regression")
    family = "quantile:0.5" if name == "quantile:0.5" else NUMBERS.get(name)
    assert numbers is (None if family is None else get(family))
    assert surrogate(objective, "multilabel") is None


def test_an_objective_is_a_key_with_these_fields():
    one = get("f1")
    assert get("f1") is one
    assert pickle.loads(pickle.dumps(one)) == one
    assert hash(pickle.loads(pickle.dumps(one))) == hash(one)
    assert dataclasses.replace(one, decided=False) != one


def test_an_objective_of_a_persons_own_says_what_stands_in():
    wrong = get("zero_one").of_samples
    own = Objective("mine", "share of wrong ones", wrong, smooth=False)
    assert surrogate(own, "classification") is None
    told = dataclasses.replace(own, fitted_by="cross_entropy", decided=True)
    assert surrogate(told, "classification") is get("cross_entropy")
    assert decides(told, "classification")
    with pytest.raises(InputError, match="unknown objective 'log'"):
        surrogate(dataclasses.replace(own, fitted_by="log"), "classification")
    of_numbers = Objective("mine", "of numbers", wrong, tasks=("regression",), fitted_by=ITSELF)
    assert surrogate(of_numbers, "regression") is None  # in which unit, it does not say
    known = dataclasses.replace(of_numbers, degree=1)
    assert surrogate(known, "regression") is known


def test_a_profit_of_rows_is_accuracy_of_what_is_at_stake():
    rng = np.random.default_rng(1)
    targets, value, weight = rng.integers(0, 2, 50), rng.uniform(0, 9, 50), rng.uniform(1, 2, 50)
    samples = Samples(np.zeros((50, 1)), targets, weight, extras={"value": value})
    objective = get("profit:3")
    fitted = fitted_samples(objective, samples)
    metric = metric_for(objective, "classification", samples, 2)
    acted = rng.integers(0, 2, 50)
    cells = np.bincount(fitted.targets * 2 + acted, fitted.weight, 4).reshape(1, 2, 2)
    outputs = np.stack([1 - acted, acted], 1)
    expected = objective(outputs, targets, weight, extras={"value": value})
    assert metric.of(cells)[0] == pytest.approx(expected, rel=1e-5)
    free = Samples(np.zeros((50, 1)), np.zeros(50, int), weight, extras={"value": value})
    assert fitted_samples(get("profit:0"), free) is free  # nothing is at stake
