"""How far do small networks get on MNIST-1D without gradients?

    python -m benchmarks.large.mnist1d --network perceptron --seeds 3
    python -m benchmarks.large.mnist1d --network perceptron --seeds 3 --gradients

Greydanus and Kobak, "Scaling down deep learning with MNIST-1D" (2020): ten signals of 40 numbers,
padded, moved, scaled, sheared and full of noise; 4,000 rows train and 1,000 judge. The rows are
those of the package ``mnist1d`` with its own seed. Settings were chosen on the last 500 of the
training rows (``--choose``), which then do not train.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import gradless
from benchmarks.large.classifying import (
    Network,
    Rows,
    accuracy,
    by_gradients,
    loss_of,
    numbers,
)

CHOOSING = 500  # of the training rows, the last ones choose
INSTALL = "pip install mnist1d==0.0.2.post1"


def _drawn(key: jax.Array, *shape: int) -> jax.Array:
    """Weights by He's rule; the last axis is that of outputs."""
    return jax.random.normal(key, shape) * (2 / np.prod(shape[:-1])) ** 0.5


def _perceptron_logits(params: Any, x: Any) -> Any:
    for layer in params[:-1]:
        x = jax.nn.relu(x @ layer["w"] + layer["b"])
    return x @ params[-1]["w"] + params[-1]["b"]


def logistic(key: jax.Array) -> Network:
    """40-10, without a hidden layer."""
    return Network([{"w": 0.1 * _drawn(key, 40, 10), "b": jnp.zeros(10)}], _perceptron_logits)


def perceptron(key: jax.Array) -> Network:
    """40-100-100-10, that of the paper."""
    sizes = [40, 100, 100, 10]
    params = [
        {"w": _drawn(k, i, o), "b": jnp.zeros(o)}
        for k, i, o in zip(jax.random.split(key, 3), sizes, sizes[1:], strict=False)
    ]
    return Network(params, _perceptron_logits)


def _convolutional_logits(params: Any, x: Any) -> Any:
    x = x[..., None]
    for layer in params["layers"]:
        x = jax.lax.conv_general_dilated(
            x, layer["w"], (2,), [(1, 1)], dimension_numbers=("NWC", "WIO", "NWC")
        )
        x = jax.nn.relu(x + layer["b"])
    return x.reshape(len(x), -1) @ params["head"]["w"] + params["head"]["b"]


def convolutional(key: jax.Array) -> Network:
    """Three convolutions with 25 channels and steps of 2, that of the paper."""
    keys = jax.random.split(key, 4)
    shapes = [(5, 1, 25), (3, 25, 25), (3, 25, 25)]
    params = {
        "layers": [
            {"w": _drawn(k, *shape), "b": jnp.zeros(25)}
            for k, shape in zip(keys, shapes, strict=False)
        ],
        "head": {"w": _drawn(keys[3], 125, 10), "b": jnp.zeros(10)},
    }
    return Network(params, _convolutional_logits)


def _states(of: Any, x: Any, reverse: bool) -> Any:
    def step(state: Any, seen: Any) -> tuple[Any, Any]:
        from_input = seen[:, None] @ of["w"] + of["b"]
        from_state = state @ of["u"]
        gates = jax.nn.sigmoid(from_input[:, :12] + from_state[:, :12])
        reset, keep = gates[:, :6], gates[:, 6:]
        new = jnp.tanh(from_input[:, 12:] + reset * (from_state[:, 12:] + of["c"]))
        state = (1 - keep) * new + keep * state
        return state, state

    return jax.lax.scan(step, jnp.zeros((len(x), 6)), x.T, reverse=reverse)[1]


def _recurrent_logits(params: Any, x: Any) -> Any:
    both = [_states(params["forth"], x, False), _states(params["back"], x, True)]
    seen = jnp.concatenate(both, -1).swapaxes(0, 1).reshape(len(x), -1)
    return seen @ params["head"]["w"] + params["head"]["b"]


def recurrent(key: jax.Array) -> Network:
    """Gated units, six in each direction, and a dense layer of all their 40 states."""
    keys = jax.random.split(key, 3)

    def cell(key: jax.Array) -> Any:
        inputs, states = jax.random.split(key)
        return {
            "w": 0.4 * jax.random.normal(inputs, (1, 18)),
            "u": 0.4 * jax.random.normal(states, (6, 18)),
            "b": jnp.zeros(18),
            "c": jnp.zeros(6),
        }

    params = {
        "forth": cell(keys[0]),
        "back": cell(keys[1]),
        "head": {"w": _drawn(keys[2], 480, 10) / 2, "b": jnp.zeros(10)},
    }
    return Network(params, _recurrent_logits)


NETWORKS: dict[str, Callable[[jax.Array], Network]] = {
    "logistic": logistic,
    "perceptron": perceptron,
    "convolutional": convolutional,
    "recurrent": recurrent,
}
COMMON = {"population": 256, "generations": 3000, "batch": 256, "sigma": 0.1, "learning_rate": 0.1}
SETTINGS: dict[str, dict[str, Any]] = {
    "logistic": {"generations": 500},
    "perceptron": {},
    "convolutional": {},
    "recurrent": {},
}
LAST = 0.03  # learning rate at the end, as a share of the first one
LAST_SIGMA = 0.3
STEPS, RATE = 6000, 1e-2  # of Adam, on batches of 100, as in the paper


def moved(rows: Rows, places: int) -> Rows:
    """The signals, and each of them moved by up to so many places to both sides, round the end.

    Where signals come from, they are moved by as much as their length and noise is added.
    """
    x, labels = rows
    by = range(-places, places + 1)
    return jnp.concatenate([jnp.roll(x, k, 1) for k in by]), jnp.tile(labels, len(by))


def data(choose: bool) -> tuple[Rows, Rows]:
    """Rows that train and rows that judge."""
    try:
        from mnist1d.data import get_dataset_args, make_dataset  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise SystemExit(f"{missing.name} is missing: {INSTALL}") from None
    made = make_dataset(get_dataset_args())
    x, labels = made["x"].astype(np.float32), made["y"].astype(np.int32)
    if choose:
        trains, judges = slice(None, -CHOOSING), slice(-CHOOSING, None)
        parts = (x[trains], labels[trains]), (x[judges], labels[judges])
    else:
        judges = made["x_test"].astype(np.float32), made["y_test"].astype(np.int32)
        parts = (x, labels), judges
    rows, held_out = ((jnp.asarray(x), jnp.asarray(y)) for x, y in parts)
    return rows, held_out


def searched(made: Network, rows: Rows, seed: int, settings: dict[str, Any]) -> Any:
    """Center of OpenAI-ES, whose learning rate and sigma fall in every generation."""
    given = dict(settings)
    generations, batch = given.pop("generations"), given.pop("batch")
    last, last_sigma = given.pop("last", LAST), given.pop("last_sigma", LAST_SIGMA)
    found = gradless.minimize(
        loss_of(made.logits), made.params, "openai_es", rank=given.pop("rank", 1),
        learning_rate_decay=last ** (1 / generations), sigma_decay=last_sigma ** (1 / generations),
        data=rows, batch_size=batch, seed=seed, verbose=False,
        evaluations=generations * given["population"], **given,
    )  # fmt: skip
    return found.center


def main() -> None:
    """Print a line for each seed, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="perceptron")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--gradients", action="store_true", help="Adam instead of a search")
    parser.add_argument("--choose", action="store_true", help="judge on training rows kept apart")
    parser.add_argument("--moved", type=int, default=0, help="train on signals moved so far, too")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER")
    given = parser.parse_args()
    settings = {**COMMON, **SETTINGS[given.network], **numbers(given.set)}
    rows, held_out = data(given.choose)
    seen = moved(rows, given.moved)
    found = []
    for seed in range(given.seeds):
        began = time.process_time()
        made = NETWORKS[given.network](jax.random.key(seed))
        if given.gradients:
            params = by_gradients(made, seen, seed, STEPS, RATE, batch=100)
        else:
            params = searched(made, seen, seed, settings)
        found.append(accuracy(made, params, held_out))
        print(
            f"{given.network} seed {seed}: held out {found[-1]:.1%}, "
            f"training {accuracy(made, params, rows):.1%}, "
            f"{time.process_time() - began:.0f} processor seconds",
            flush=True,
        )
    print(f"mean of held-out accuracy: {statistics.mean(found):.1%}")


if __name__ == "__main__":
    main()
