"""What does a network forget when it is trained further, with and without decay towards the start?

A network learns the digits 0 to 6 by gradients. Then OpenAI-ES trains it on the digits 7 to 9
alone, and rows held out of both judge it.

    python -m benchmarks.large.forgetting
"""

from __future__ import annotations

import statistics
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

import gradless

SEEDS = 3
TRAINED = 1200  # of 1,797 rows; the others judge
OLD = 7  # digits below are the old task
DECAYS: dict[str, dict[str, Any]] = {
    "no decay": {},
    "0.1 towards zero": {"weight_decay": 0.1},
    "0.1 towards the start": {"weight_decay": 0.1, "weight_decay_towards": "start"},
    "0.3 towards the start": {"weight_decay": 0.3, "weight_decay_towards": "start"},
}


def outputs(params: Any, x: Any) -> jax.Array:
    """Of a network 64-64-10."""
    hidden: jax.Array = jax.nn.relu(x @ params["w"] + params["b"])
    return hidden @ params["v"] + params["c"]


def loss(params: Any, batch: Any) -> jax.Array:
    """Cross-entropy."""
    x, labels = batch
    logs = jax.nn.log_softmax(outputs(params, x))
    return -jnp.mean(logs[jnp.arange(len(labels)), labels])


def learned(params: Any, rows: Any) -> Any:
    """The network after 400 steps of Adam."""
    rule = optax.adam(3e-3)

    def step(now: Any, _: None) -> tuple[Any, None]:
        params, state = now
        updates, state = rule.update(jax.grad(loss)(params, rows), state)
        return (optax.apply_updates(params, updates), state), None

    return jax.jit(lambda p: jax.lax.scan(step, (p, rule.init(p)), None, length=400)[0][0])(params)


def accuracy(params: Any, rows: Any) -> float:
    """Share of digits that are recognised."""
    x, labels = rows
    return float(np.mean(np.argmax(outputs(params, x), 1) == labels))


def main() -> None:
    """Print accuracies on the old and the new digits, means of all seeds."""
    pixels, digits = load_digits(return_X_y=True)
    pixels = np.float32(pixels / 16 - 0.3)
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(digits))
        x, labels = pixels[order], digits[order]
        trains, is_old = np.arange(len(labels)) < TRAINED, labels < OLD
        parts = [
            (x[rows], labels[rows])
            for rows in (trains & is_old, trains & ~is_old, ~trains & is_old, ~trains & ~is_old)
        ]
        first, second = jax.random.split(jax.random.key(seed))
        before = learned(
            {
                "w": 0.18 * jax.random.normal(first, (64, 64)),
                "b": jnp.zeros(64),
                "v": 0.18 * jax.random.normal(second, (64, 10)),
                "c": jnp.zeros(10),
            },
            parts[0],
        )
        networks = {"before": before}
        for name, decay in DECAYS.items():
            networks[name] = gradless.minimize(
                loss, before, "openai_es", population=32, sigma=0.05, learning_rate=0.02, **decay,
                data=parts[1], batch_size=32, evaluations=19_200, seed=seed, verbose=False,
            ).center  # fmt: skip
        for name, network in networks.items():
            judged = accuracy(network, parts[2]), accuracy(network, parts[3])
            found.setdefault(name, []).append(judged)
    for name, pairs in found.items():
        old, new = map(statistics.mean, zip(*pairs, strict=True))
        print(f"{name}: old digits {old:.1%}, new digits {new:.1%}")


if __name__ == "__main__":
    main()
