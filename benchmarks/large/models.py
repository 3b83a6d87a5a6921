"""Models of the rows: plain functions of a pytree, as a person would write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Loss = Callable[[Any, Any], Any]


class Case(NamedTuple):
    """Parameters, a loss of them and of a batch, and batches of any size."""

    params: Any
    loss: Loss
    batch: Callable[[int], Any]


def _cross_entropy(logits: Any, labels: Any) -> Any:
    logs = jax.nn.log_softmax(logits.astype(jnp.float32))
    chosen = jnp.take_along_axis(logs, labels[..., None], -1)
    return -jnp.mean(chosen)


def mlp(*sizes: int) -> Case:
    """A perceptron of these sizes."""
    keys = jax.random.split(jax.random.key(0), len(sizes))
    params = [
        {"w": jax.random.normal(key, (i, o)) * (2 / i) ** 0.5, "b": jnp.zeros(o)}
        for key, i, o in zip(keys, sizes, sizes[1:], strict=False)
    ]

    def loss(params: Any, batch: Any) -> Any:
        x, labels = batch
        for layer in params[:-1]:
            x = jax.nn.relu(x @ layer["w"] + layer["b"])
        return _cross_entropy(x @ params[-1]["w"] + params[-1]["b"], labels)

    def batch(size: int) -> Any:
        of_x, of_labels = jax.random.split(jax.random.key(1))
        x = jax.random.normal(of_x, (size, sizes[0]))
        return x, jax.random.randint(of_labels, (size,), 0, sizes[-1])

    return Case(params, loss, batch)


def convolutional() -> Case:
    """Two convolutions and two dense layers, on images of 28 x 28."""
    keys = jax.random.split(jax.random.key(0), 4)
    shapes = {"a": (3, 3, 1, 32), "b": (3, 3, 32, 64), "c": (3136, 128), "d": (128, 10)}
    params = {
        name: jax.random.normal(key, shape) * (2 / (shape[0] * shape[-2] * 3)) ** 0.5
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }

    def loss(params: Any, batch: Any) -> Any:
        x, labels = batch
        for name in ("a", "b"):
            x = jax.lax.conv_general_dilated(
                x, params[name], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x)
        x = jax.nn.relu(x.reshape(len(x), -1) @ params["c"])
        return _cross_entropy(x @ params["d"], labels)

    def batch(size: int) -> Any:
        of_x, of_labels = jax.random.split(jax.random.key(1))
        x = jax.random.normal(of_x, (size, 28, 28, 1))
        return x, jax.random.randint(of_labels, (size,), 0, 10)

    return Case(params, loss, batch)


def gpt(width: int, layers: int, tokens: int, vocabulary: int = 64, scan: bool = False) -> Case:
    """A language model with attention, tied embeddings, and layers one by one or in a scan."""
    heads = max(1, width // 64)
    keys = iter(jax.random.split(jax.random.key(0), 8))

    def drawn(*shape: int, inputs: int) -> Any:
        return jax.random.normal(next(keys), shape) / inputs**0.5

    params = {
        "embedding": drawn(vocabulary, width, inputs=width),
        "positions": 0.1 * drawn(tokens, width, inputs=1),
        "blocks": {
            "norms": jnp.ones((layers, 2, width)),
            "qkv": drawn(layers, width, 3, width, inputs=width),
            "out": drawn(layers, width, width, inputs=width),
            "up": drawn(layers, width, 4 * width, inputs=width),
            "down": drawn(layers, 4 * width, width, inputs=4 * width),
        },
    }
    if not scan:
        blocks = params["blocks"]
        params["blocks"] = [jax.tree.map(lambda x, i=i: x[i], blocks) for i in range(layers)]
    mask = jnp.tril(jnp.ones((tokens, tokens), bool))

    def norm(x: Any, scale: Any) -> Any:
        return x * jax.lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-6) * scale

    def block(x: Any, of: Any) -> Any:
        y = norm(x, of["norms"][0])
        q, k, v = jnp.moveaxis(jnp.einsum("btd,dce->btce", y, of["qkv"]), 2, 0)
        q, k, v = (z.reshape(*z.shape[:2], heads, -1) for z in (q, k, v))
        scores = jnp.einsum("bthe,bshe->bhts", q, k) / q.shape[-1] ** 0.5
        weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf))
        x = x + jnp.einsum("bhts,bshe->bthe", weights, v).reshape(x.shape) @ of["out"]
        y = norm(x, of["norms"][1])
        return x + jax.nn.gelu(y @ of["up"]) @ of["down"]

    def loss(params: Any, batch: Any) -> Any:
        inputs, following = batch
        x = params["embedding"][inputs] + params["positions"]
        if scan:
            x, _ = jax.lax.scan(lambda x, of: (block(x, of), None), x, params["blocks"])
        else:
            for of in params["blocks"]:
                x = block(x, of)
        return _cross_entropy(norm(x, 1.0) @ params["embedding"].T, following)

    def batch(size: int) -> Any:
        text = jax.random.randint(jax.random.key(1), (size, tokens + 1), 0, vocabulary)
        return text[:, :-1], text[:, 1:]

    return Case(params, loss, batch)
