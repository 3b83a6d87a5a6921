"""One run of MNIST, in a process of its own: ``python -m benchmarks.peers.mnist DATA ORDER``.

The order is JSON: library, seed, seconds, population, sigma, learning_rate, weight_decay,
batch_size, final, and for gradless rank. Prints a line of JSON: the curve of accuracy on held-out
rows.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = (784, 128, 10)
_POINTS = 60  # of a curve


class _Curve:
    """Centers of the search as time goes by, judged when it is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.next = 0.0
        self.points: list[tuple[int, float, Any]] = []

    def add(self, evaluations: int, seconds: float, center: Callable[[], Any]) -> None:
        """Keep the center, if it is time again."""
        if seconds >= self.next or seconds >= self.seconds:
            self.points.append((evaluations, seconds, center()))
            # Closer together at the beginning, where most happens.
            self.next = seconds + max(self.seconds / _POINTS * min(1, 10 * seconds / self.seconds),
                                      self.seconds / _POINTS / 10)  # fmt: skip

    def judged(self, ready: float, accuracy: Callable[[Any], float]) -> dict[str, Any]:
        """Columns for JSON."""
        return {
            "ready_seconds": round(ready, 2),
            "evaluations": [point[0] for point in self.points],
            "seconds": [round(point[1], 2) for point in self.points],
            "accuracy": [round(accuracy(point[2]), 5) for point in self.points],
        }


def _decay(order: dict[str, Any], generations: int) -> float:
    return float(order["final"] ** (1 / max(generations, 1)))


def main(path: str, order: dict[str, Any]) -> dict[str, Any]:
    """One run, in a process of its own."""
    with np.load(path) as file:
        data = dict(file)
    return {"gradless": _gradless, "evosax": _evosax}[order["library"]](data, order)


def _gradless(data: dict[str, np.ndarray], order: dict[str, Any]) -> dict[str, Any]:
    # Imported late, so that a process sees one library.
    import jax  # noqa: PLC0415

    from gradless import objectives, strategies  # noqa: PLC0415
    from gradless.data.datasets import Dataset  # noqa: PLC0415
    from gradless.models.mlp import MLP  # noqa: PLC0415
    from gradless.problems.supervised import SupervisedProblem  # noqa: PLC0415
    from gradless.training.loop import Stop, begin, train  # noqa: PLC0415

    begun = time.perf_counter()
    names = tuple(f"pixel {index}" for index in range(SIZES[0]))
    classes = tuple(str(digit) for digit in range(SIZES[-1]))
    dataset = Dataset("mnist", data["train"], data["train_labels"], names, classes)
    model = MLP(SIZES)
    problem = SupervisedProblem.of(
        dataset, model, objectives.get("cross_entropy"), order["batch_size"]
    )
    params = model.init(jax.random.fold_in(jax.random.key(order["seed"]), 2**32 - 1))

    def make(decay: float):
        return strategies.get(
            "openai_es",
            population=order["population"],
            sigma=order["sigma"],
            learning_rate=order["learning_rate"],
            learning_rate_decay=decay,
            weight_decay=order["weight_decay"],
            rank=order["rank"],
            relative=False,
        )

    # A short run compiles, and tells how many generations the time allows.
    trial = make(1.0)
    short = Stop(seconds=min(5.0, order["seconds"] / 4))
    *_, record = train(problem, trial, begin(trial, params, order["seed"]), short)
    pace = float(record.seconds[-1] / record.generation[-1])
    strategy = make(_decay(order, int(order["seconds"] / pace)))
    ready = time.perf_counter() - begun

    curve = _Curve(order["seconds"])
    run = begin(strategy, params, order["seed"])
    for record in train(problem, strategy, run, Stop(seconds=order["seconds"])):
        state = record.run.state
        curve.add(
            int(record.evaluations[-1]),
            float(record.seconds[-1]),
            lambda state=state: strategy.center(state),
        )

    def accuracy(center: Any) -> float:
        outputs = np.asarray(model.apply(center, data["test"]))
        return float(np.mean(outputs.argmax(1) == data["test_labels"]))

    return curve.judged(ready, accuracy)


def _evosax(data: dict[str, np.ndarray], order: dict[str, Any]) -> dict[str, Any]:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415
    import optax  # noqa: PLC0415
    from evosax.algorithms import Open_ES  # noqa: PLC0415

    begun = time.perf_counter()
    features, labels = jnp.asarray(data["train"]), jnp.asarray(data["train_labels"])
    keys = jax.random.split(jax.random.key(order["seed"]), 4)
    params = [
        (jax.random.normal(key, (inputs, outputs)) * (2 / inputs) ** 0.5, jnp.zeros(outputs))
        for key, inputs, outputs in zip(keys, SIZES, SIZES[1:], strict=False)
    ]

    def outputs(params: Any, images: jax.Array) -> jax.Array:
        (first, first_bias), (second, second_bias) = params
        return jax.nn.relu(images @ first + first_bias) @ second + second_bias

    def loss(params: Any, images: jax.Array, wanted: jax.Array) -> jax.Array:
        logits = outputs(params, images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, wanted).mean()

    def make(decay: float):
        rate = optax.exponential_decay(order["learning_rate"], 1, decay)
        algorithm = Open_ES(
            population_size=order["population"],
            solution=params,
            optimizer=optax.adamw(rate, weight_decay=order["weight_decay"]),
            std_schedule=optax.constant_schedule(order["sigma"]),
        )
        numbers = algorithm.default_params

        @jax.jit
        def generation(key: jax.Array, state: Any) -> tuple[jax.Array, Any]:
            key, ask_key, tell_key, batch_key = jax.random.split(key, 4)
            chosen = jax.random.randint(batch_key, (order["batch_size"],), 0, len(labels))
            population, state = algorithm.ask(ask_key, state, numbers)
            losses = jax.vmap(loss, (0, None, None))(population, features[chosen], labels[chosen])
            state, _ = algorithm.tell(tell_key, population, losses, state, numbers)
            return key, state

        return algorithm, generation, (keys[2], algorithm.init(keys[3], params, numbers))

    def timed(generation: Any, carry: Any) -> tuple[Any, float]:
        begun = time.perf_counter()
        carry = jax.block_until_ready(generation(*carry))
        return carry, time.perf_counter() - begun

    _, generation, carry = make(1.0)
    for _ in range(3):
        carry, pace = timed(generation, carry)
    algorithm, generation, carry = make(_decay(order, int(order["seconds"] / pace)))
    timed(generation, timed(generation, carry)[0])  # both of its programs
    ready = time.perf_counter() - begun

    curve = _Curve(order["seconds"])
    evaluations, begun, now = 0, time.perf_counter(), 0.0
    while now < order["seconds"]:
        carry = jax.block_until_ready(generation(*carry))
        evaluations += order["population"]
        now = time.perf_counter() - begun
        state = carry[1]
        curve.add(evaluations, now, lambda state=state: algorithm.get_mean(state))

    def accuracy(center: Any) -> float:
        found = np.asarray(outputs(center, data["test"])).argmax(1)
        return float(np.mean(found == data["test_labels"]))

    return curve.judged(ready, accuracy)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
