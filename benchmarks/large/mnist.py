"""How far do a perceptron and a small convolutional network get on MNIST without gradients?

    python -m benchmarks.large.mnist FILE --seconds 300 --seeds 3

A short first search says how many generations there will be, so that learning rate and sigma fall
to a share of what they were by the end; its seconds count. ``FILE`` is an ``.npz`` with ``images``
(rows, 28, 28) and ``labels``: the first 8,000 rows train, the others judge. Settings were chosen on
the last 1,000 of the training rows (``--choose``).
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import gradless
from benchmarks.large.classifying import Network, accuracy, by_gradients, loss_of, numbers
from gradless import strategies

TRAINED = 8000
CHOOSING = 1000  # of these, the last ones choose


def _perceptron_logits(params: Any, x: Any) -> Any:
    x = x.reshape(len(x), -1)
    for layer in params[:-1]:
        x = jax.nn.relu(x @ layer["w"] + layer["b"])
    return x @ params[-1]["w"] + params[-1]["b"]


def perceptron(key: jax.Array) -> Network:
    """784-128-128-10."""
    sizes = [784, 128, 128, 10]
    params = [
        {"w": jax.random.normal(k, (i, o)) * (2 / i) ** 0.5, "b": jnp.zeros(o)}
        for k, i, o in zip(jax.random.split(key, 3), sizes, sizes[1:], strict=False)
    ]
    return Network(params, _perceptron_logits)


def _convolutional_logits(params: Any, x: Any) -> Any:
    x = x[..., None]
    for name, bias in zip("ab", params["biases"], strict=False):
        x = jax.lax.conv_general_dilated(
            x, params[name], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(x + bias)
    return x.reshape(len(x), -1) @ params["c"] + params["biases"][2]


def convolutional(key: jax.Array) -> Network:
    """Two convolutions 5 x 5 with steps of 2, 8 and 16 channels, and a dense layer."""
    keys = jax.random.split(key, 3)
    shapes = {"a": (5, 5, 1, 8), "b": (5, 5, 8, 16), "c": (784, 10)}
    params: dict[str, Any] = {
        name: jax.random.normal(k, shape) * (2 / np.prod(shape[:-1])) ** 0.5
        for k, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    params["biases"] = [jnp.zeros(8), jnp.zeros(16), jnp.zeros(10)]
    return Network(params, _convolutional_logits)


NETWORKS = {"perceptron": perceptron, "convolutional": convolutional}
SETTINGS: dict[str, dict[str, Any]] = {
    "perceptron": {"population": 1024, "sigma": 0.05, "learning_rate": 0.1, "weight_decay": 0.05},
    "convolutional": {"population": 512, "sigma": 0.03, "learning_rate": 0.2, "weight_decay": 0.05},
}
LAST = 0.03  # learning rate at the end, as a share of the first one
LAST_SIGMA = 0.3


def trained(name: str, rows: Any, held_out: Any, seed: int, **settings: Any) -> dict[str, Any]:
    """Accuracy of the center of a search, on the rows that trained and on those held out."""
    made = NETWORKS[name](jax.random.key(seed))

    given = {**SETTINGS[name], **settings}
    batch, seconds = int(given.pop("batch", 128)), given.pop("seconds")
    last, last_sigma = given.pop("last", LAST), given.pop("last_sigma", LAST_SIGMA)
    began, wall = time.process_time(), time.perf_counter()

    def search(seconds: float, **decays: float) -> Any:
        strategy = strategies.OpenAIES(rank=1, **given, **decays)
        more: dict[str, Any] = {"batch_size": batch, "seconds": seconds, "seed": seed}
        return gradless.minimize(loss_of(made.logits), made.params, strategy, data=rows, **more)

    first = search(seconds / 30)
    pace = first.evaluations / given["population"] / first.seconds
    left = seconds - (time.perf_counter() - wall)
    found = search(
        left,
        learning_rate_decay=last ** (1 / (pace * left)),
        sigma_decay=last_sigma ** (1 / (pace * left)),
    )

    return {
        "held out": accuracy(made, found.center, held_out),
        "training": accuracy(made, found.center, rows),
        "evaluations": found.evaluations,
        "seconds": round(time.perf_counter() - wall, 1),
        "processor": round(time.process_time() - began, 1),
    }


def main() -> None:
    """Print a line for each network and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--network", choices=NETWORKS, default="perceptron")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--gradients", action="store_true", help="Adam instead of a search")
    parser.add_argument("--choose", action="store_true", help="judge on training rows kept apart")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER")
    given = parser.parse_args()
    gradless.use_all_cores()
    stored = np.load(given.file)
    images = stored["images"].reshape(-1, 28, 28).astype(np.float32) / 255
    labels = stored["labels"].astype(np.int32)
    images = images - images[:TRAINED].mean(0)
    trains = TRAINED - CHOOSING if given.choose else TRAINED
    judges = slice(trains, TRAINED) if given.choose else slice(TRAINED, None)
    rows = jnp.asarray(images[:trains]), jnp.asarray(labels[:trains])
    held_out = jnp.asarray(images[judges]), jnp.asarray(labels[judges])
    settings = numbers(given.set)
    found = []
    for seed in range(given.seeds):
        if given.gradients:
            made = NETWORKS[given.network](jax.random.key(seed))
            params = by_gradients(made, rows, seed, steps=2000)
            found.append(accuracy(made, params, held_out))
            continue
        one = trained(given.network, rows, held_out, seed, seconds=given.seconds, **settings)
        found.append(one["held out"])
        print(given.network, settings, "seed", seed, one, flush=True)
    print(f"mean of held-out accuracy: {statistics.mean(found):.4f}")


if __name__ == "__main__":
    main()
