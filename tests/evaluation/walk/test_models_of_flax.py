"""Models of Flax, NNX and Linen, are walked as they are, and nothing of them is written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from tests.helpers.walked_losses import check_walk
from tests.helpers.walked_models import nll

flax = pytest.importorskip("flax")
from flax import linen as nn  # noqa: E402
from flax import nnx  # noqa: E402 - Flax may not be there

pytestmark = pytest.mark.slow

key = jax.random.key
PICTURES = jax.random.normal(key(1), (4, 9, 9, 3)), jnp.arange(4)
TEXT = jax.random.randint(key(2), (3, 6), 0, 29)


class Convolutions(nn.Module):
    """With statistics of batches, which are left alone."""

    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.BatchNorm(use_running_average=True)(nn.Conv(8, (3, 3), strides=2)(x)))
        x = nn.Conv(16, (3, 3), padding="VALID")(x)
        x = nn.max_pool(nn.relu(nn.BatchNorm(use_running_average=True)(x)), (2, 2))
        return nn.Dense(5)(x.reshape(len(x), -1))


class Block(nn.Module):
    """One of a transformer."""

    @nn.compact
    def __call__(self, x, mask):
        x = x + nn.MultiHeadDotProductAttention(2)(nn.LayerNorm()(x), mask=mask)
        return x + nn.Dense(16)(nn.gelu(nn.Dense(64)(nn.LayerNorm()(x)))), None


class GPT(nn.Module):
    """Its embeddings are tied; its layers may be a scan of what is computed again."""

    scan: bool = False
    dropout: float = 0.0

    @nn.compact
    def __call__(self, text):
        letters = nn.Embed(29, 16)
        x = letters(text) + nn.Embed(6, 16)(jnp.arange(6))
        mask = nn.make_causal_mask(text)
        if self.scan:
            layers = nn.scan(
                nn.remat(Block), variable_axes={"params": 0}, split_rngs={"params": True},
                in_axes=nn.broadcast, length=2,
            )()  # fmt: skip
            x, _ = layers(x, mask)
        else:
            for _ in range(2):
                x, _ = Block()(x, mask)
        x = nn.Dropout(self.dropout, deterministic=False)(x) if self.dropout else x
        return letters.attend(nn.LayerNorm()(x))


class Recurrent(nn.Module):
    """An LSTM, and what reads its last step."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(5)(nn.RNN(nn.OptimizedLSTMCell(16))(x)[:, -1])


def test_convolutions_with_statistics_of_batches():
    variables = Convolutions().init(key(0), PICTURES[0])
    assert set(variables) == {"params", "batch_stats"}

    def loss(params, batch):
        every = {"params": params, "batch_stats": variables["batch_stats"]}
        return nll(Convolutions().apply(every, batch[0]), batch[1])

    check_walk(variables["params"], loss, PICTURES)


@pytest.mark.parametrize("scan", [False, True], ids=["tied", "scanned"])
def test_a_gpt(scan):
    model = GPT(scan)
    params = model.init(key(0), TEXT)["params"]
    labels = jnp.roll(TEXT, -1, 1)
    check_walk(params, lambda p, b: nll(model.apply({"params": p}, b[0]), b[1]), (TEXT, labels))


def test_dropout_draws_inside_of_the_loss():
    """The same neurons are left out for all candidates of a batch, whose key is in the data."""
    model = GPT(dropout=0.4)
    params = model.init({"params": key(0), "dropout": key(1)}, TEXT)["params"]

    def loss(p, batch):
        rngs = {"dropout": jax.random.key(batch[2][0])}
        return nll(model.apply({"params": p}, batch[0], rngs=rngs), batch[1])

    check_walk(params, loss, (TEXT, jnp.roll(TEXT, -1, 1), jnp.arange(3)))


def test_an_lstm():
    x = jax.random.normal(key(1), (3, 7, 12))
    params = Recurrent().init(key(0), x)
    check_walk(params, lambda p, b: nll(Recurrent().apply(p, b[0]), b[1]), (x, jnp.arange(3)))


class Attention(nnx.Module):
    """With what follows it."""

    def __init__(self, rngs):
        self.attention = nnx.MultiHeadAttention(4, 16, decode=False, rngs=rngs)
        self.norm = nnx.LayerNorm(16, rngs=rngs)
        self.last = nnx.Linear(16, 16, rngs=rngs)

    def __call__(self, x):
        return x + self.last(nnx.gelu(self.attention(self.norm(x))))


class Stack(nnx.Module):
    """Three of them in a scan."""

    def __init__(self, rngs):
        @nnx.split_rngs(splits=3)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def make(rngs):
            return Attention(rngs)

        self.layers = make(rngs)

    def __call__(self, x):
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def step(x, layer):
            return layer(x)

        return step(x, self.layers)


class Pictures(nnx.Module):
    """Convolutions and statistics of batches."""

    def __init__(self, rngs):
        self.first = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.second = nnx.Conv(8, 16, (3, 3), strides=2, rngs=rngs)
        self.last = nnx.Linear(16, 5, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.norm(self.first(x)))
        return self.last(nnx.relu(self.second(x)).mean((1, 2)))


@pytest.mark.parametrize("kind", [Attention, Stack, Pictures])
def test_modules_of_nnx(kind):
    model = kind(nnx.Rngs(0))
    model.eval()
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    sequence = jax.random.normal(key(1), (3, 6, 16)), jax.random.randint(key(2), (3, 6), 0, 16)
    batch = PICTURES if kind is Pictures else sequence
    check_walk(params, lambda p, b: nll(nnx.merge(graph, p, rest)(b[0]), b[1]), batch)
