"""Models of Haiku are walked as they are, and nothing of them is written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from tests.helpers.walked_losses import check_walk
from tests.helpers.walked_models import nll

hk = pytest.importorskip("haiku")

pytestmark = pytest.mark.slow

key = jax.random.key
ROWS = jax.random.normal(key(1), (8, 16)), jnp.arange(8) % 5
PICTURES = jax.random.normal(key(1), (4, 9, 9, 3)), jnp.arange(4)
SEQUENCE = jax.random.normal(key(1), (3, 6, 16)), jax.random.randint(key(2), (3, 6), 0, 16)


def perceptron(x):
    return hk.nets.MLP([32, 32, 5])(x, dropout_rate=0.3, rng=hk.next_rng_key())


def convolutions(x):
    """With statistics of batches, which are left alone."""
    x = hk.Conv2D(8, 3, stride=2)(x)
    x = jax.nn.relu(hk.BatchNorm(True, True, 0.9)(x, hk.running_init()))
    x = jax.nn.relu(hk.DepthwiseConv2D(2, 3)(x)) + hk.Conv2D(16, 1)(x)
    return hk.Linear(5)(hk.Flatten()(hk.MaxPool((2, 2, 1), (2, 2, 1), "SAME")(x)))


def attention(x):
    block = hk.MultiHeadAttention(2, 8, w_init=hk.initializers.VarianceScaling(1.0))
    y = hk.LayerNorm(-1, True, True)(x)
    return x + hk.Linear(16)(jax.nn.silu(block(y, y, y)))


def layers(x):
    """A stack in a scan, computed again instead of kept."""
    return hk.layer_stack(3)(hk.remat(attention))(x)


def lstm(x):
    core = hk.LSTM(12)
    seen, _ = hk.dynamic_unroll(core, x, core.initial_state(len(x)), time_major=False)
    return hk.Linear(16)(seen)


def tied(x):
    """Letters that are read and written by one array."""
    letters = hk.Embed(16, 12)
    return jnp.tanh(hk.Linear(12)(letters(x))) @ letters.embeddings.T


TEXT = SEQUENCE[1]
MODELS = {
    perceptron: ROWS,
    convolutions: PICTURES,
    attention: SEQUENCE,
    layers: SEQUENCE,
    lstm: SEQUENCE,
    tied: (TEXT, jnp.roll(TEXT, 1, 1)),
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_models(model):
    batch = MODELS[model]
    transformed = hk.transform_with_state(model)
    params, state = transformed.init(key(0), batch[0])

    def loss(params, batch):
        return nll(transformed.apply(params, state, key(5), batch[0])[0], batch[1])

    check_walk(params, loss, batch)


def test_a_kernel_with_outputs_between_its_other_axes_is_written_out():
    def larger(x):
        return hk.Linear(5)(hk.Conv2DTranspose(4, 3, stride=2)(x).mean((1, 2)))

    transformed = hk.transform(larger)
    params = transformed.init(key(0), PICTURES[0])

    def loss(params, batch):
        return nll(transformed.apply(params, None, batch[0]), batch[1])

    path = "['conv2_d_transpose']['w']"
    check_walk(params, loss, PICTURES, written_out={path: "conv_general_dilated"})
