"""Small models as people write them: parameters, a loss of them and of a batch, and a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

key = jax.random.key


class Case(NamedTuple):
    """Parameters, a loss of them and of a batch, and a batch."""

    params: Any
    loss: Callable[[Any, Any], Any]
    batch: Any


def nll(logits: Any, labels: Any) -> Any:
    chosen = jnp.take_along_axis(
        jax.nn.log_softmax(logits.astype(jnp.float32)), labels[..., None], -1
    )
    return -jnp.mean(chosen)


def drawn(seed: int, *shape: int) -> Any:
    return jax.random.normal(key(seed), shape) / 3


def mlp(dtype: Any = jnp.float32) -> Case:
    params = {"w": drawn(0, 12, 14), "b": drawn(1, 14), "o": drawn(2, 14, 5)}
    params = jax.tree.map(lambda x: x.astype(dtype), params)

    def loss(p: Any, b: Any) -> Any:
        return nll(jax.nn.relu(b[0] @ p["w"] + p["b"]) @ p["o"], b[1])

    return Case(params, loss, (drawn(3, 6, 12).astype(dtype), jnp.arange(6) % 5))


def turned() -> Case:
    """Weights first, activations in columns, scaled and negated weights, a skip connection."""
    params = {"w": drawn(0, 14, 12), "v": drawn(1, 14, 14), "o": drawn(2, 5, 14)}

    def loss(p: Any, b: Any) -> Any:
        x = jnp.tanh((-p["w"] / 2.0) @ b[0].T)
        x = x + jnp.tanh((p["v"] * 0.5).T @ x)
        return nll((p["o"] @ x).T, b[1])

    return Case(params, loss, (drawn(3, 6, 12), jnp.arange(6) % 5))


def attention() -> Case:
    """Layers of a stack one by one, queries, keys and values in one matrix, tied embeddings."""
    layers, width, heads, words = 2, 16, 4, 23
    params = {
        "e": drawn(0, words, width),
        "qkv": drawn(1, layers, width, 3 * width),
        "o": drawn(2, layers, heads, width // heads, width),
        "up": drawn(3, layers, width, 2 * width),
        "down": drawn(4, layers, 2 * width, width),
    }

    def loss(p: Any, b: Any) -> Any:
        x = p["e"][b[0]] * 4.0
        for i in range(layers):
            each = jnp.split(p["qkv"][i], 3, -1)
            q, k, v = (jnp.einsum("btd,dhk->bthk", x, w.reshape(width, heads, -1)) for w in each)
            a = jax.nn.softmax(jnp.einsum("bthk,bshk->bhts", q, k))
            x = x + jnp.einsum("bhts,bshk,hkd->btd", a, v, p["o"][i])
            x = x + jax.nn.silu(x @ p["up"][i]) @ p["down"][i]
        return nll(x @ p["e"].T, b[1])

    text = jax.random.randint(key(5), (3, 6), 0, words)
    return Case(params, loss, (text, jnp.roll(text, 1, 1)))


def scanned() -> Case:
    """Layers in a scan, with their own biases and norms, computed again instead of kept."""
    layers, width = 3, 12
    params = {
        "w": drawn(0, layers, width, 2 * width),
        "b": drawn(1, layers, 2 * width),
        "v": drawn(2, layers, 2 * width, width),
        "g": jnp.ones((layers, width)),
        "o": drawn(3, width, 5),
    }

    def loss(p: Any, b: Any) -> Any:
        @jax.checkpoint
        def layer(x: Any, of: Any) -> Any:
            y = x / jnp.sqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-6) * of["g"]
            return x + jax.nn.gelu(y @ of["w"] + of["b"]) @ of["v"]

        stack = {name: p[name] for name in "wbvg"}
        x, _ = lax.scan(lambda x, of: (layer(x, of), None), b[0], stack)
        return nll(x @ p["o"], b[1])

    return Case(params, loss, (drawn(4, 6, width), jnp.arange(6) % 5))


def recurrent() -> Case:
    """A cell with gates side by side, over time."""
    width, inputs = 9, 7
    params = {
        **{f"x{gate}": drawn(i, inputs, width) for i, gate in enumerate("ifgo")},
        **{f"h{gate}": drawn(i + 4, width, width) for i, gate in enumerate("ifgo")},
        "b": drawn(8, 4 * width),
        "out": drawn(9, width, 5),
    }

    def loss(p: Any, b: Any) -> Any:
        wx = jnp.concatenate([p[f"x{gate}"] for gate in "ifgo"], 1)
        wh = jnp.concatenate([p[f"h{gate}"] for gate in "ifgo"], 1)

        def cell(carry: Any, x: Any) -> Any:
            h, c = carry
            i, f, g, o = jnp.split(x @ wx + h @ wh + p["b"], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        nothing = jnp.zeros((len(b[0]), width))
        (h, _), _ = lax.scan(cell, (nothing, nothing), jnp.moveaxis(b[0], 1, 0))
        return nll(h @ p["out"], b[1])

    return Case(params, loss, (drawn(10, 4, 6, inputs), jnp.arange(4)))


def _conv(x: Any, w: Any, **more: Any) -> Any:
    numbers = more.pop("dimension_numbers", ("NHWC", "HWIO", "NHWC"))
    strides = more.pop("window_strides", (1, 1))
    return lax.conv_general_dilated(
        x, w, strides, more.pop("padding", "SAME"), dimension_numbers=numbers, **more
    )


def convolutional() -> Case:
    """Strided, dilated, grouped and depthwise convolutions, and one that enlarges."""
    params = {
        "a": drawn(0, 3, 3, 3, 8),
        "grouped": drawn(1, 3, 3, 4, 16),
        "depthwise": drawn(2, 3, 3, 1, 16),
        "larger": drawn(3, 2, 2, 16, 8),
        "o": drawn(4, 8, 5),
    }

    def loss(p: Any, b: Any) -> Any:
        x = jax.nn.relu(_conv(b[0], p["a"], window_strides=(2, 2)))
        x = jax.nn.relu(_conv(x, p["grouped"], feature_group_count=2, rhs_dilation=(2, 2)))
        x = jax.nn.relu(_conv(x, p["depthwise"], feature_group_count=16))
        larger = p["larger"][::-1, ::-1]
        x = jax.nn.relu(_conv(x, larger, lhs_dilation=(2, 2), padding=((1, 1),) * 2))
        return nll(x.mean((1, 2)) @ p["o"], b[1])

    return Case(params, loss, (drawn(5, 4, 9, 9, 3), jnp.arange(4)))


def channels_first() -> Case:
    """Convolutions as PyTorch has them."""
    params = {"a": drawn(0, 8, 3, 3, 3), "b": drawn(1, 16, 8, 3, 3), "o": drawn(2, 5, 16)}

    def loss(p: Any, b: Any) -> Any:
        numbers = ("NCHW", "OIHW", "NCHW")
        x = jax.nn.relu(_conv(b[0], p["a"], dimension_numbers=numbers))
        x = jax.nn.relu(_conv(x, p["b"], dimension_numbers=numbers, window_strides=(2, 2)))
        return nll(x.mean((2, 3)) @ p["o"].T, b[1])

    return Case(params, loss, (drawn(5, 4, 3, 9, 9), jnp.arange(4)))


def experts() -> Case:
    """Weights of several networks side by side."""
    params = {"w": drawn(0, 4, 12, 14), "o": drawn(1, 4, 14, 5)}

    def loss(p: Any, b: Any) -> Any:
        return nll(jax.vmap(lambda w, o: jnp.tanh(b[0] @ w) @ o)(p["w"], p["o"]).mean(0), b[1])

    return Case(params, loss, (drawn(2, 6, 12), jnp.arange(6) % 5))


def looping() -> Case:
    """A loop of a number of steps that data decide, and branches."""
    params = {"w": drawn(0, 12, 12), "o": drawn(1, 12, 5)}

    def loss(p: Any, b: Any) -> Any:
        _, _, x = lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1], jnp.tanh(c[2] @ c[1])), (0, p["w"], b[0])
        )
        x = lax.cond(x.sum() > 0, lambda: x @ p["w"], lambda: x @ p["w"].T)
        return nll(x @ p["o"], b[1])

    return Case(params, loss, (drawn(2, 6, 12), jnp.arange(6) % 5))


def awkward() -> Case:
    """Weights that are squared and normed inside of the loss: there is no rule for that."""
    params = {"w": drawn(0, 12, 14), "o": drawn(1, 14, 5)}

    def loss(p: Any, b: Any) -> Any:
        logits = jnp.tanh(b[0] @ p["w"]) @ (p["o"] / jnp.linalg.norm(p["o"], axis=0))
        return nll(logits, b[1]) + 1e-3 * jnp.sum(p["w"] ** 2)

    return Case(params, loss, (drawn(2, 6, 12), jnp.arange(6) % 5))


PLAIN: dict[str, Callable[[], Case]] = {
    each.__name__: each
    for each in (
        mlp, turned, attention, scanned, recurrent, convolutional, channels_first, experts, looping,
    )
}  # fmt: skip
"""Models of which nothing has to be written out, by name."""
