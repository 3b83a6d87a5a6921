"""A population whose networks are computed in bfloat16, or have weights in eight bits."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import objectives, strategies
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset
from gradless.evaluation.layout import choose_layout
from gradless.models.mlp import MLP
from gradless.problems.contract import Layout
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies.base import Perturbation
from helpers.scored import Linear, asked, given_scores, numpy_scores, random_network, scores, small

PAIRS = Perturbation(opposite_pairs=True)


@pytest.fixture(scope="module")
def few(vertical: Dataset) -> Dataset:
    return small(vertical, 30)


# --- Precision ------------------------------------------------------------------------------------


@pytest.fixture
def has_bfloat16(monkeypatch):
    """Where the processor has none, the compiler imitates it."""
    monkeypatch.setattr("gradless.models.facts.has_bfloat16", lambda: True)


@pytest.mark.usefixtures("has_bfloat16")
@pytest.mark.parametrize("rows", [False, True])
def test_bfloat16_losses_are_close_to_those_of_float32_and_float32(few, model, rows):
    networks = random_network((2, 3, 3), 13)
    expected = numpy_scores(few, networks)
    problem = SupervisedProblem.of(
        few, model, objectives.get("cross_entropy"), precision="bfloat16"
    )
    score = given_scores(problem, networks, Layout(rows, 1, 1))
    assert score.loss.dtype == score.measures["accuracy"].dtype == jnp.float32
    # Numbers of 8 bits are off by up to 2^-9, and there are two layers of sums of them.
    np.testing.assert_allclose(score.loss, expected.loss, rtol=0.02)
    assert not np.allclose(score.loss, expected.loss, rtol=1e-5)  # it is another arithmetic
    of_each, exact = (each.measures["accuracy"] for each in (score, expected))
    assert np.abs(of_each - exact).max() <= 2 / 30  # samples at the border


@pytest.mark.usefixtures("has_bfloat16")
def test_the_network_alone_is_in_bfloat16(few, model):
    seen = []

    class Watched(Linear):
        def apply(self, params: dict, x: jax.Array) -> jax.Array:
            seen.append((params["w"].dtype, x.dtype))
            return super().apply(params, x)

    objective = objectives.get("cross_entropy")
    problem = SupervisedProblem.of(few, Watched(), objective, precision="bfloat16")
    seen.clear()  # what only looked at shapes
    params = {"w": np.zeros((2, 3), np.float32)}
    score = jax.jit(lambda: problem.score(params, problem.batch(jax.random.key(0))))()
    assert seen == [(jnp.bfloat16, jnp.bfloat16)]
    assert score.loss.dtype == problem.inputs.dtype == params["w"].dtype == jnp.float32
    assert float(score.loss) == pytest.approx(np.log(3), rel=1e-6)


@pytest.mark.usefixtures("has_bfloat16")
def test_bfloat16_is_neither_written_out_as_rows_nor_evaluated_in_pairs(few, model):
    objective = objectives.get("cross_entropy")
    problem = SupervisedProblem.of(few, model, objective, precision="bfloat16")
    layout = choose_layout(problem, 64, PAIRS)
    assert not layout.written_out
    assert not layout.pairs


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        ("bfloat16", "bfloat16 needs a GPU.*Use --precision float32"),
        ("bfloat15", "unknown precision 'bfloat15'; did you mean 'bfloat16'"),
    ],
)
def test_a_precision_that_the_machine_lacks_is_refused(few, model, monkeypatch, precision, message):
    monkeypatch.setattr("gradless.models.facts.has_bfloat16", lambda: False)
    with pytest.raises(InputError, match=message):
        SupervisedProblem.of(few, model, objectives.get("cross_entropy"), precision=precision)


# --- Weights in eight bits ------------------------------------------------------------------------


def test_rounded_weights_are_not_evaluated_in_pairs_and_need_float32(few, monkeypatch):
    monkeypatch.setattr("gradless.models.facts.has_bfloat16", lambda: True)
    objective = objectives.get("cross_entropy")
    sizes = (2, 64, 64, 3)
    whole, rounded = (MLP(sizes, weights=weights) for weights in ("float32", "int8"))
    pairs = [
        choose_layout(SupervisedProblem.of(few, m, objective), 64, PAIRS).pairs
        for m in (whole, rounded)
    ]
    assert pairs == [True, False]  # half of the sum of two rounded layers is not a rounded layer
    with pytest.raises(InputError, match="must be float32 with int8 weights, got bfloat16"):
        SupervisedProblem.of(few, rounded, objective, precision="bfloat16")


@pytest.mark.parametrize("layout", [Layout(True, 4, 1), Layout(False, 1, 2)], ids=["rows", "two"])
def test_members_are_scored_as_the_networks_of_their_rounded_weights(layout, few):
    model = MLP((2, 3, 3), weights="int8")
    networks = random_network(model.sizes, 13)
    problem = SupervisedProblem.of(few, model, objectives.get("cross_entropy"))
    found = given_scores(problem, networks, layout)
    rounded = jax.jit(jax.vmap(model.used))(networks)
    np.testing.assert_allclose(found.loss, numpy_scores(few, rounded).loss, rtol=1e-5)
    assert not np.allclose(found.loss, numpy_scores(few, networks).loss, rtol=1e-5)


@pytest.mark.slow
def test_low_rank_changes_are_rounded_with_what_they_change(few):
    model = MLP((2, 12, 3), weights="int8")
    problem = SupervisedProblem.of(few, model, objectives.get("cross_entropy"))
    strategy = strategies.get("openai_es", population=6, rank=1, sigma=0.3)
    layout = choose_layout(problem, 6, Perturbation(True, rank=1))
    layout = dataclasses.replace(layout, written_out=False)
    assert not layout.pairs
    state, candidates, networks = asked(strategy, random_network(model.sizes))
    found = scores(problem, strategy, state, candidates, layout)
    rounded = jax.jit(jax.vmap(model.used))(networks)
    np.testing.assert_allclose(found.loss, numpy_scores(few, rounded).loss, rtol=1e-5)
