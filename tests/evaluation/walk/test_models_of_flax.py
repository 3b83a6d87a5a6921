"""Models of Equinox and of Flax, as these packages have them, are walked as they are."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.helpers.walked_models import nll

from gradless import strategies
from gradless._core.low_rank import LowRank
from gradless.evaluation.walk.splitting import choose
from gradless.evaluation.walk.walking import Traced
from gradless.problems.function import FunctionProblem
from gradless.training.factors import fitted

pytestmark = pytest.mark.slow


def check(params, loss, batch) -> None:
    """Losses of both signs are those of the weights written out, and none had to be."""
    leaves = jax.tree.leaves(params)
    chosen = choose(loss, params, (1,) * len(leaves), batch)
    assert chosen.written_out == {}
    strategy = strategies.OpenAIES(population=2, rank=1)
    problem = FunctionProblem.of(loss, params, batch)
    fit = fitted(problem, strategy, params)
    state = fit.init(jax.random.key(0), params)
    candidates = fit.ask(jax.random.key(1), state)
    one = jax.tree.map(lambda x: x[0], candidates)
    change = fit.change(state, one)
    assert any(
        isinstance(x, LowRank)
        for x in jax.tree.leaves(change, is_leaf=lambda x: isinstance(x, LowRank))
    )
    walked = jax.jit(lambda s: Traced(loss, params, batch)(params, change, s, batch))(1.0)
    np.testing.assert_allclose(walked, loss(fit.decode(state, one), batch), rtol=2e-5)


def test_attention_of_equinox_in_a_scan() -> None:
    eqx = pytest.importorskip("equinox")

    class Block(eqx.Module):
        attention: eqx.nn.MultiheadAttention
        norm: eqx.nn.LayerNorm
        perceptron: eqx.nn.MLP

        def __init__(self, key: jax.Array) -> None:
            first, second = jax.random.split(key)
            self.attention = eqx.nn.MultiheadAttention(2, 16, use_query_bias=True, key=first)
            self.norm = eqx.nn.LayerNorm(16)
            self.perceptron = eqx.nn.MLP(16, 16, 32, 1, jax.nn.gelu, key=second)

        def __call__(self, x: jax.Array) -> jax.Array:
            y = jax.vmap(self.norm)(x)
            x = x + self.attention(y, y, y, mask=jnp.tril(jnp.ones((len(x),) * 2, bool)))
            return x + jax.vmap(self.perceptron)(jax.vmap(self.norm)(x))

    stack = eqx.filter_vmap(Block)(jax.random.split(jax.random.key(0), 3))
    params, static = eqx.partition(stack, eqx.is_inexact_array)

    def loss(params, batch):
        def all_layers(x):
            step = jax.checkpoint(lambda x, of: eqx.combine(of, static)(x))
            return jax.lax.scan(lambda x, of: (step(x, of), None), x, params)[0]

        return nll(jax.vmap(all_layers)(batch[0]), batch[1])

    x = jax.random.normal(jax.random.key(1), (3, 6, 16))
    check(params, loss, (x, jax.random.randint(jax.random.key(2), (3, 6), 0, 16)))


def test_lstm_and_tied_weights_of_equinox() -> None:
    eqx = pytest.importorskip("equinox")
    cell = eqx.nn.LSTMCell(12, 16, key=jax.random.key(0))
    params, static = eqx.partition(cell, eqx.is_inexact_array)

    def loss(params, batch):
        cell = eqx.combine(params, static)

        def last(x):
            start = (jnp.zeros(16), jnp.zeros(16))
            return jax.lax.scan(lambda c, x: (cell(x, c), None), start, x)[0][0]

        return nll(jax.vmap(last)(batch[0]), batch[1])

    check(params, loss, (jax.random.normal(jax.random.key(1), (3, 7, 12)), jnp.arange(3)))


def test_convolutions_of_flax_with_statistics_of_batches() -> None:
    nn = pytest.importorskip("flax.linen")

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.BatchNorm(use_running_average=True)(nn.Conv(8, (3, 3), strides=2)(x)))
            x = nn.max_pool(nn.relu(nn.Conv(16, (3, 3), padding="VALID")(x)), (2, 2))
            return nn.Dense(5)(x.reshape(len(x), -1))

    x = jax.random.normal(jax.random.key(1), (4, 9, 9, 3))
    variables = Network().init(jax.random.key(0), x)

    def loss(params, batch):
        every = {"params": params, "batch_stats": variables["batch_stats"]}
        return nll(Network().apply(every, batch[0]), batch[1])

    check(variables["params"], loss, (x, jnp.arange(4)))


def test_attention_of_flax_nnx() -> None:
    nnx = pytest.importorskip("flax.nnx")

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.attention = nnx.MultiHeadAttention(
                num_heads=4, in_features=16, decode=False, rngs=rngs
            )
            self.norm = nnx.LayerNorm(16, rngs=rngs)
            self.last = nnx.Linear(16, 7, rngs=rngs)

        def __call__(self, x):
            return self.last(x + self.attention(self.norm(x)))

    graph, params, rest = nnx.split(Network(nnx.Rngs(0)), nnx.Param, ...)

    def loss(params, batch):
        return nll(nnx.merge(graph, params, rest)(batch[0]), batch[1])

    x = jax.random.normal(jax.random.key(1), (3, 6, 16))
    check(params, loss, (x, jax.random.randint(jax.random.key(2), (3, 6), 0, 7)))
