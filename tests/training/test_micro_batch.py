"""A batch in pieces has the loss of the whole one, in the memory of a piece."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.helpers.walked_models import mlp

import gradless
from gradless import InputError, strategies
from gradless.problems.function import FunctionProblem
from gradless.training import memory
from gradless.training.factors import fitted

PARAMS, LOSS, (X, Y) = mlp()
DATA = np.tile(X, (20, 1)), np.tile(Y, 20)  # 120 samples


def told(params, batch):
    return LOSS(params, batch), {"first": batch[0][:, 0].mean()}


def test_loss_and_measures_are_those_of_the_whole_batch():
    whole, pieces = (
        FunctionProblem.of(told, PARAMS, DATA, micro_batch=size).score_all(PARAMS)
        for size in (None, 8)
    )
    np.testing.assert_allclose(pieces.loss, whole.loss, rtol=1e-6)
    np.testing.assert_allclose(pieces.measures["first"], whole.measures["first"], rtol=1e-5)


@pytest.mark.parametrize("rank", [0, 1])
def test_it_takes_the_memory_of_a_piece(rank):
    params = {"w": jnp.ones((8, 64)), "v": jnp.ones((64, 2))}
    data = jnp.ones((16_384, 8))

    def loss(p, x):
        return jnp.mean((jnp.tanh(x @ p["w"]) @ p["v"]) ** 2)

    needed = {}
    for size in (None, 128):
        problem = FunctionProblem.of(loss, params, data, micro_batch=size)
        strategy = fitted(problem, strategies.OpenAIES(population=8, rank=rank), params)
        needed[size] = memory.estimate(problem, strategy, params).evaluation
    assert needed[128] < needed[None] / 5


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_search_is_the_same_but_for_rounding(rank):
    found = [
        gradless.minimize(
            LOSS, PARAMS, "openai_es", rank=rank, population=8, data=DATA, batch_size=24,
            micro_batch=size, evaluations=180, verbose=False,
        )
        for size in (None, 6)
    ]  # fmt: skip
    one, other = (each.history.column("loss") for each in found)
    np.testing.assert_allclose(one, other, rtol=1e-4)
    for a, b in zip(*(jax.tree.leaves(each.center) for each in found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "batch_size", "expected"),
    [
        (50, None, "must divide the 120 samples that a candidate sees, got 50. For example: "
         "micro_batch=40"),
        (16, 24, "must divide the 24 samples that a candidate sees, got 16"),
        (0, None, "got 0. For example: micro_batch=120"),
        (2.0, None, "got 2.0"),
    ],
)  # fmt: skip
def test_pieces_must_be_equal(size, batch_size, expected):
    with pytest.raises(InputError, match=expected):
        gradless.minimize(LOSS, PARAMS, data=DATA, batch_size=batch_size, micro_batch=size)


def test_it_goes_with_data_and_a_compiled_function():
    with pytest.raises(InputError, match="micro_batch must be given with data"):
        gradless.minimize(lambda p: p["b"].sum(), PARAMS, micro_batch=2)
    with pytest.raises(InputError, match="which cuts its batch itself"):
        gradless.minimize(LOSS, PARAMS, data=DATA, compiled=False, micro_batch=2)
