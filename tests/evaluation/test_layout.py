"""What evaluation asks of problems and strategies: their costs, and what candidates share."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradless import objectives
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset
from gradless.evaluation.layout import layout_for
from gradless.evaluation.population import evaluate
from gradless.models.mlp import MLP
from gradless.problems.contract import Layout, Score
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import HillClimbing, OpenAIES
from gradless.strategies.base import Perturbation, perturbation
from gradless.strategies.wrappers import BestSoFar, Restarts, Scheduled

RANK = OpenAIES(population=4, rank=1)
WRAPPED = {
    "BestSoFar": BestSoFar(RANK),
    "Restarts": Restarts(RANK),
    "Scheduled": Scheduled(RANK, "sigma", optax.constant_schedule(0.1)),
    "two": BestSoFar(Scheduled(RANK, "sigma", optax.constant_schedule(0.1))),
}
NETWORK = MLP((30, 32, 3))
TARGETS = np.arange(16) % 3


def data(features: int) -> Dataset:
    made = np.random.default_rng(0).normal(size=(16, features))
    names = tuple(f"x{i}" for i in range(features))
    return Dataset("made", np.float32(made), np.int32(TARGETS), names, ("a", "b", "c"))


@pytest.fixture(scope="module")
def wide() -> SupervisedProblem:
    return SupervisedProblem.of(data(30), NETWORK, objectives.get("cross_entropy"))


# --- Wrappers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRAPPED)
def test_a_wrapper_is_evaluated_in_the_way_of_what_it_wraps(wide, name):
    assert perturbation(WRAPPED[name]) == perturbation(RANK) == Perturbation(True, 1)
    assert layout_for(wide, WRAPPED[name]) == layout_for(wide, RANK)
    assert layout_for(wide, RANK).pairs


@pytest.mark.parametrize("name", ["Restarts", "two"])
def test_pairs_of_a_wrapper_are_pairs_around_the_middle_of_what_it_wraps(wide, name):
    """And not around its own answer, which may be the best of all candidates."""
    strategy, key = WRAPPED[name], jax.random.key(0)

    @jax.jit
    def scores(params: Any) -> list[Score]:
        state = strategy.init(key, params)
        told = strategy.tell(key, state, strategy.ask(key, state), jnp.arange(4.0))
        candidates, batch = strategy.ask(key, told), wide.batch(key)
        return [
            evaluate(wide, strategy, told, candidates, batch, Layout(False, 1, 1, pairs))
            for pairs in (False, True)
        ]

    alone, paired = scores(NETWORK.init(key))
    np.testing.assert_allclose(paired.loss, alone.loss, rtol=1e-5)
    assert len(np.unique(paired.loss)) == 4


def test_a_strategy_that_says_nothing_is_evaluated_member_by_member(wide):
    assert perturbation(HillClimbing()) == perturbation(BestSoFar(HillClimbing())) == Perturbation()
    assert not layout_for(wide, HillClimbing()).pairs


# --- Problems and models of one's own -------------------------------------------------------------


class Sum:
    """Sums of the features, as many as there are outputs."""

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs

    def init(self, key: jax.Array) -> jax.Array:
        return jnp.ones(self.outputs)

    def apply(self, params: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.outer(x @ jnp.arange(30.0), params)


def test_operations_of_any_model_are_counted():
    one = SupervisedProblem.of(data(30), Sum(3), objectives.get("cross_entropy")).cost
    # The product with each sample, the outer product, and what judges three outputs.
    assert 16 * (30 + 3) <= one.operations <= 16 * (30 + 3 + 10 * 3) + 100
    assert not one.written_out
    assert one.shares_center


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Sum(2), r"Sum.apply must return 3 outputs for each sample, \(samples, 3\), got the shape"),
        (MLP((30, 4, 2)), "30 features and 3 outputs, got 30 and 2"),
        (MLP((29, 4, 3)), "30 features and 3 outputs, got 29 and 3"),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_refused(model, says):
    with pytest.raises(InputError, match=says):
        SupervisedProblem.of(data(30), model, objectives.get("cross_entropy"))


def test_a_model_for_other_samples_is_refused():
    with pytest.raises(InputError, match=r"Sum.apply must take samples of shape \(29,\)"):
        SupervisedProblem.of(data(29), Sum(3), objectives.get("cross_entropy"))


def test_the_network_shares_its_first_layer_unless_that_is_all_or_rounds(wide):
    assert wide.cost.shares_center
    assert not SupervisedProblem.of(
        data(30), MLP((30, 3)), objectives.get("cross_entropy")
    ).cost.shares_center
    rounded = MLP((30, 32, 3), weights="int8")
    assert not SupervisedProblem.of(
        data(30), rounded, objectives.get("cross_entropy")
    ).cost.shares_center
