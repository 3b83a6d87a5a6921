"""What do benchmarks of classification by large networks share? Losses, accuracies, gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

Rows = tuple[jax.Array, jax.Array]
"""Inputs and labels."""


class Network(NamedTuple):
    """Parameters, and a function of them and of inputs, (rows, ...).

    Networks of one kind have one function, so that all seeds share what is compiled.
    """

    params: Any
    logits: Callable[[Any, Any], Any]


@functools.cache
def loss_of(logits: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Cross-entropy, a function of parameters and a batch."""

    def loss(params: Any, batch: Any) -> Any:
        x, labels = batch
        logs = jax.nn.log_softmax(logits(params, x))
        return -jnp.mean(jnp.take_along_axis(logs, labels[:, None], 1))

    return loss


def accuracy(network: Network, params: Any, rows: Rows) -> float:
    """Share of rows that are recognised."""
    return float(jnp.mean(network.logits(params, rows[0]).argmax(1) == rows[1]))


def by_gradients(
    network: Network, rows: Rows, seed: int, steps: int, rate: float = 1e-3, batch: int = 128
) -> Any:
    """Parameters after so many steps of Adam, the yardstick."""
    rule, loss = optax.adam(rate), loss_of(network.logits)

    def step(now: Any, key: jax.Array) -> tuple[Any, None]:
        params, memory = now
        chosen = jax.random.choice(key, len(rows[0]), (batch,), replace=False)
        slope = jax.grad(loss)(params, (rows[0][chosen], rows[1][chosen]))
        updates, memory = rule.update(slope, memory)
        return (optax.apply_updates(params, updates), memory), None

    keys = jax.random.split(jax.random.key(seed + 1), steps)
    run = jax.jit(lambda params: jax.lax.scan(step, (params, rule.init(params)), keys)[0][0])
    return run(network.params)


def numbers(pairs: list[str]) -> dict[str, Any]:
    """Settings from ``NAME=NUMBER``; whole numbers have no point."""
    each = (pair.split("=") for pair in pairs)
    return {k: float(v) if "." in v or "e" in v else int(v) for k, v in each}
