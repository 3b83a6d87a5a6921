"""Mixed precision, rounding, thresholds and keys in a loss: walked, or said to be written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.helpers.walked_losses import check_walk
from tests.helpers.walked_models import drawn, mlp, nll

import gradless

CASE = mlp()


def in_bfloat16(params, batch):
    """Forward in bfloat16, losses in float32."""
    p = jax.tree.map(lambda x: x.astype(jnp.bfloat16), params)
    x = jax.nn.relu(batch[0].astype(jnp.bfloat16) @ p["w"] + p["b"])
    return nll((x @ p["o"]).astype(jnp.float32), batch[1])


def with_thresholds(params, batch):
    """Neurons of 0 and 1, inputs of 8 bits, and a straight gradient of somebody's own."""

    @jax.custom_vjp
    def fires(x):
        return (x > 0).astype(x.dtype)

    fires.defvjp(lambda x: (fires(x), None), lambda _, slope: (slope,))
    x = jnp.round(32 * batch[0]).astype(jnp.int8).astype(jnp.float32) / 32
    return nll(fires(x @ params["w"] + params["b"]) @ params["o"], batch[1])


def with_dropout(params, batch):
    """Other neurons are left out for each batch."""
    key = jax.random.fold_in(jax.random.key(0), batch[1].sum())
    x = jax.nn.relu(batch[0] @ params["w"] + params["b"])
    x = jnp.where(jax.random.bernoulli(key, 0.7, x.shape), x / 0.7, 0)
    return nll(x @ params["o"], batch[1])


def with_scores_over_time(params, batch):
    """What was seen so far, added up in parallel."""
    x = jnp.tanh(batch[0] @ params["w"] + params["b"])
    return nll(jax.lax.associative_scan(jnp.add, x) @ params["o"], batch[1])


def with_checkpoint(params, batch):
    """Computed again instead of kept, and without gradients."""

    @jax.checkpoint
    def layer(x, w):
        return jnp.tanh(x @ jax.lax.stop_gradient(w))

    return nll(layer(batch[0], params["w"]) @ params["o"] + params["b"].sum(), batch[1])


def rounded(w):
    """Weights of 8 bits, with the gradient of those that are not rounded."""
    scale = jnp.abs(w).max() / 127
    return w + jax.lax.stop_gradient(scale * jnp.round(w / scale) - w)


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss", [with_thresholds, with_dropout, with_scores_over_time, with_checkpoint]
)
def test_nothing_is_written_out(loss):
    check_walk(CASE.params, loss, CASE.batch)


@pytest.mark.slow
def test_a_forward_pass_in_bfloat16_has_losses_and_factors_in_float32():
    check_walk(CASE.params, in_bfloat16, CASE.batch, rtol=0.02)
    found = gradless.minimize(
        in_bfloat16, CASE.params, "openai_es", rank=1, data=CASE.batch, evaluations=2_000,
        sigma=0.05, verbose=False,
    )  # fmt: skip
    assert found.history.column("loss").dtype == np.float32
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(found.best))
    assert found.best_loss < 0.7 * in_bfloat16(CASE.params, CASE.batch)


@pytest.mark.slow
def test_rounded_weights_are_written_out_and_named():
    def loss(params, batch):
        x = jax.nn.relu(batch[0] @ rounded(params["w"]) + params["b"])
        return nll(x @ params["o"], batch[1])

    check_walk(CASE.params, loss, CASE.batch, written_out={"['w']": "abs"})
    with pytest.warns(UserWarning, match=r"params\['w'\]: abs.* cannot be computed from factors"):
        gradless.minimize(
            loss, CASE.params, "openai_es", rank=1, data=CASE.batch, evaluations=129, verbose=False
        )


@pytest.mark.slow
def test_thin_matrices_beside_what_stays():
    """As low-rank adapters are: of all weights, only thin ones are searched."""
    params = {"down": drawn(5, 12, 2), "up": drawn(6, 2, 14), "o": CASE.params["o"]}
    fixed = CASE.params["w"]

    def loss(p, batch):
        x = jax.nn.relu(batch[0] @ fixed + batch[0] @ p["down"] @ p["up"])
        return nll(x @ p["o"], batch[1])

    check_walk(params, loss, CASE.batch)
