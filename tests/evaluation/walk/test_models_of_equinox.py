"""Models of Equinox are walked as they are, and nothing of them is written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from tests.helpers.walked_losses import check_walk
from tests.helpers.walked_models import nll

eqx = pytest.importorskip("equinox")

pytestmark = pytest.mark.slow

key = jax.random.key
SEQUENCE = jax.random.normal(key(1), (3, 6, 16)), jax.random.randint(key(2), (3, 6), 0, 16)
TEXT = jax.random.randint(key(1), (3, 6), 0, 23)


class Block(eqx.Module):
    """One of a transformer."""

    attention: eqx.nn.MultiheadAttention
    norm: eqx.nn.LayerNorm
    perceptron: eqx.nn.MLP

    def __init__(self, key):
        first, second = jax.random.split(key)
        self.attention = eqx.nn.MultiheadAttention(2, 16, use_query_bias=True, key=first)
        self.norm = eqx.nn.LayerNorm(16)
        self.perceptron = eqx.nn.MLP(16, 16, 32, 1, jax.nn.gelu, key=second)

    def __call__(self, x):
        y = jax.vmap(self.norm)(x)
        x = x + self.attention(y, y, y, mask=jnp.tril(jnp.ones((len(x),) * 2, bool)))
        return x + jax.vmap(self.perceptron)(jax.vmap(self.norm)(x))


class Scanned(eqx.Module):
    """Three of them in a scan, each computed again instead of kept."""

    layers: Block

    def __init__(self, key):
        self.layers = eqx.filter_vmap(Block)(jax.random.split(key, 3))

    def __call__(self, x):
        arrays, static = eqx.partition(self.layers, eqx.is_array)

        @jax.checkpoint
        def step(x, of):
            return eqx.combine(of, static)(x)

        return jax.lax.scan(lambda x, of: (step(x, of), None), x, arrays)[0]


class Recurrent(eqx.Module):
    """An LSTM, and what reads its last step."""

    cell: eqx.nn.LSTMCell
    last: eqx.nn.Linear

    def __init__(self, key):
        first, second = jax.random.split(key)
        self.cell = eqx.nn.LSTMCell(16, 12, key=first)
        self.last = eqx.nn.Linear(12, 16, key=second)

    def __call__(self, x):
        start = (jnp.zeros(12), jnp.zeros(12))
        return self.last(jax.lax.scan(lambda c, x: (self.cell(x, c), None), start, x)[0][0])


class Convolutions(eqx.Module):
    """Plain, grouped and transposed ones, and statistics of groups."""

    layers: eqx.nn.Sequential

    def __init__(self, key):
        keys = iter(jax.random.split(key, 4))
        self.layers = eqx.nn.Sequential([
            eqx.nn.Conv2d(3, 8, 3, 2, 1, key=next(keys)), eqx.nn.GroupNorm(2, 8),
            eqx.nn.Lambda(jax.nn.relu), eqx.nn.Conv2d(8, 16, 3, groups=2, key=next(keys)),
            eqx.nn.ConvTranspose2d(16, 4, 2, 2, key=next(keys)), eqx.nn.Lambda(jnp.ravel),
            eqx.nn.Linear(144, 5, key=next(keys)),
        ])  # fmt: skip

    def __call__(self, x):
        return self.layers(x)


class Tied(eqx.Module):
    """What reads and what writes is one array."""

    shared: eqx.nn.Shared

    def __init__(self, key):
        pair = eqx.nn.Embedding(23, 16, key=key), eqx.nn.Linear(16, 23, key=key)
        self.shared = eqx.nn.Shared(
            pair, where=lambda both: both[1].weight, get=lambda both: both[0].weight
        )

    def __call__(self, text):
        letters, last = self.shared()
        return jax.vmap(last)(jnp.tanh(jax.vmap(letters)(text)))


class Perceptron(eqx.nn.MLP):
    """As it is."""

    def __init__(self, key):
        super().__init__(16, 5, 32, 2, key=key)


ROWS = jax.random.normal(key(1), (8, 16)), jnp.arange(8) % 5
PICTURES = jax.random.normal(key(1), (4, 3, 9, 9)), jnp.arange(4)
BATCHES = {
    Perceptron: ROWS,
    Block: SEQUENCE,
    Scanned: SEQUENCE,
    Recurrent: (SEQUENCE[0], jnp.arange(3)),
    Convolutions: PICTURES,
    Tied: (TEXT, jnp.roll(TEXT, 1, 1)),
}


@pytest.mark.parametrize("kind", BATCHES, ids=lambda kind: kind.__name__)
def test_modules(kind):
    params, static = eqx.partition(kind(key(0)), eqx.is_inexact_array)
    batch = BATCHES[kind]
    check_walk(params, lambda p, b: nll(jax.vmap(eqx.combine(p, static))(b[0]), b[1]), batch)


def test_statistics_of_batches_are_left_alone():
    norm, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(16, axis_name="batch", mode="batch")
    last = eqx.nn.Linear(16, 5, key=key(3))
    params, static = eqx.partition((norm, last), eqx.is_inexact_array)

    def loss(p, batch):
        norm, last = eqx.combine(p, static)
        inferring = eqx.nn.inference_mode(norm)
        both = jax.vmap(inferring, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
        return nll(jax.vmap(last)(both(batch[0], state)[0]), batch[1])

    check_walk(params, loss, ROWS)


def test_dropout_draws_inside_of_the_loss():
    params, static = eqx.partition(Perceptron(key(0)), eqx.is_inexact_array)
    dropout = eqx.nn.Dropout(0.5)

    def loss(p, batch):
        x = dropout(batch[0], key=jax.random.key(batch[1][0]))
        return nll(jax.vmap(eqx.combine(p, static))(x), batch[1])

    check_walk(params, loss, ROWS)
