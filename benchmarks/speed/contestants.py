"""Who is measured? Each gets ready and returns a function that measures.

What a contestant needs it imports itself: one may be measured where another is not installed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.speed.problems import Problem

LIMIT = Path(__file__).with_name("limit") / "limit.cpp"
Rate = Callable[[float], float]  # seconds to take -> candidates a second


def gradless(problem: Problem, inputs: np.ndarray, targets: np.ndarray, given: dict) -> Rate:
    import jax  # noqa: PLC0415

    from gradless import objectives, strategies  # noqa: PLC0415
    from gradless.data.datasets import Dataset  # noqa: PLC0415
    from gradless.models.mlp import MLP  # noqa: PLC0415
    from gradless.problems.supervised import SupervisedProblem  # noqa: PLC0415
    from gradless.training import loop  # noqa: PLC0415

    settings = {k: v for k, v in given.items() if k not in ("kind", "strategy", "devices", "cores")}
    names = tuple(f"x{index}" for index in range(inputs.shape[1]))
    classes = tuple(map(str, range(problem.sizes[-1])))
    data = Dataset(problem.data, inputs, targets, names, classes)
    initializer = "book" if problem.data == "vertical" else "he"
    model = MLP(problem.sizes, initializer=initializer)
    objective = objectives.get("cross_entropy")
    supervised = SupervisedProblem.of(data, model, objective, problem.batch_size)
    strategy = strategies.get(given["strategy"], **settings)
    params = model.init(jax.random.key(0))

    def measure(seconds: float) -> float:
        run = loop.begin(strategy, params, 0)
        for last in loop.train(supervised, strategy, run, loop.Stop(seconds=seconds)):
            record = last
        return float(record.evaluations[-1] / record.seconds[-1])

    return measure


def chapter(problem: Problem, inputs: np.ndarray, targets: np.ndarray, given: dict) -> Rate:
    """Approach 1 of the chapter, with its classes; only the number of neurons may differ."""
    from gradless import book  # noqa: PLC0415

    first = book.Layer_Dense(problem.sizes[0], problem.sizes[1])
    relu = book.Activation_ReLU()
    last = book.Layer_Dense(problem.sizes[1], problem.sizes[2])
    softmax = book.Activation_Softmax()
    loss_function = book.Loss_CategoricalCrossentropy()

    def measure(seconds: float) -> float:
        lowest, count, best = 9999999.0, 0, []
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            for layer in (first, last):
                layer.weights = 0.05 * np.random.randn(*layer.weights.shape)
                layer.biases = 0.05 * np.random.randn(*layer.biases.shape)
            first.forward(inputs)
            relu.forward(first.output)
            last.forward(relu.output)
            softmax.forward(last.output)
            loss = loss_function.calculate(softmax.output, targets)
            predictions = np.argmax(softmax.output, axis=1)
            accuracy = np.mean(predictions == targets)
            if loss < lowest:
                lowest = loss
                best = [accuracy, *(layer.weights.copy() for layer in (first, last))]
            count += 1
        assert best
        return count / (time.perf_counter() - begun)

    return measure


def evosax(problem: Problem, inputs: np.ndarray, targets: np.ndarray, given: dict) -> Rate:
    """The loop of its documentation, ask, evaluate by jit of vmap, tell; all of it compiled."""
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    from benchmarks.peers import Method  # noqa: PLC0415
    from benchmarks.peers.evosax import loss_function, make  # noqa: PLC0415

    dimension = sum((i + 1) * o for i, o in zip(problem.sizes, problem.sizes[1:], strict=False))
    method = given.get("method", "Open_ES")
    if method == "RandomSearch":
        algorithm, params = random_search(given["population"], dimension)
    else:
        settings = {"population": given["population"], "std": 0.05, "learning_rate": 0.01}
        algorithm, params = make(Method(method, settings), dimension)
    batch = problem.batch_size

    def generation(carry):
        state, key, best, left = carry
        key, ask_key, tell_key, batch_key = jax.random.split(key, 4)
        x, y = jnp.asarray(inputs), jnp.asarray(targets)
        if batch is not None:
            chosen = jax.random.choice(batch_key, len(inputs), (batch,))
            x, y = x[chosen], y[chosen]
        task = SimpleNamespace(features=x, targets=y, sizes=problem.sizes)
        population, state = algorithm.ask(ask_key, state, params)
        losses = loss_function(task)(population)
        state, _ = algorithm.tell(tell_key, population, losses, state, params)
        return state, key, jnp.minimum(best, losses.min()), left - 1

    @jax.jit
    def advance(carry, generations):
        return jax.lax.while_loop(lambda c: c[-1] > 0, generation, (*carry, generations))[:-1]

    key = jax.random.key(0)
    start = 0.1 * jax.random.normal(key, (dimension,))
    carry = (algorithm.init(key, start, params), key, jnp.float32(jnp.inf))
    return _by_chunks(advance, carry, algorithm.population_size, jax.block_until_ready)


def evotorch(problem: Problem, inputs: np.ndarray, targets: np.ndarray, given: dict) -> Rate:
    import torch  # noqa: PLC0415
    from evotorch import Problem as Evolved  # noqa: PLC0415
    from evotorch.algorithms import PGPE  # noqa: PLC0415
    from evotorch.decorators import vectorized  # noqa: PLC0415

    from benchmarks.peers.evotorch import loss_function  # noqa: PLC0415

    losses = loss_function(SimpleNamespace(features=inputs, targets=targets, sizes=problem.sizes))
    dimension = sum((i + 1) * o for i, o in zip(problem.sizes, problem.sizes[1:], strict=False))
    objective = vectorized(torch.no_grad()(losses))
    evolved = Evolved("min", objective, solution_length=dimension, initial_bounds=(-0.1, 0.1))
    searcher = PGPE(
        evolved,
        popsize=given["population"],
        center_learning_rate=0.05,
        stdev_learning_rate=0.1,
        stdev_init=0.1,
    )

    def advance(carry, generations):
        for _ in range(generations):
            searcher.step()
        return carry

    return _by_chunks(advance, None, given["population"], lambda carry: carry)


def random_search(population: int, dimension: int) -> Any:
    """evosax's, which wants to know where to look."""
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415
    from evosax import algorithms  # noqa: PLC0415

    def anywhere(key: Any) -> Any:
        return 0.01 * jax.random.normal(key, (dimension,))

    algorithm = algorithms.RandomSearch(
        population_size=population, solution=jnp.zeros(dimension), sampling_fn=anywhere
    )
    return algorithm, algorithm.default_params


def _by_chunks(advance: Any, carry: Any, population: int, ready: Any) -> Rate:
    """Rate of a loop that is called for a number of generations."""
    # Twice: what comes out may differ from what went in by its type, and is compiled apart.
    state = [ready(advance(ready(advance(carry, 1)), 1))]

    def measure(seconds: float) -> float:
        done, count = 0, 1
        begun = time.perf_counter()
        while (elapsed := time.perf_counter() - begun) < seconds:
            if done:
                pace = elapsed / done
                count = max(1, min(4 * count, int(min(0.2, seconds - elapsed) / pace)))
            state[0] = ready(advance(state[0], count))
            done += count
        return done * population / (time.perf_counter() - begun)

    return measure


def peak(problem: Problem, inputs: np.ndarray, targets: np.ndarray, given: dict) -> Rate:
    """Networks a second, if they were nothing but NumPy's fastest matrix products."""
    a = np.random.default_rng(0).random((2048, 2048), np.float32)
    batch = problem.batch_size or len(inputs)
    weights = sum(i * o for i, o in zip(problem.sizes, problem.sizes[1:], strict=False))

    def measure(seconds: float) -> float:
        times: list[float] = []
        while sum(times) < seconds:
            begun = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - begun)
        return 2048**3 / statistics.median(times) / (weights * batch)

    return measure


def limit(problem: Problem, inputs: np.ndarray, targets: np.ndarray, given: dict) -> Rate:
    folder = Path(tempfile.mkdtemp(prefix="gradless-limit-"))
    program, file = folder / "limit", folder / "data"
    flags = ["-O3", "-march=native", "-fopenmp"]
    subprocess.run(["g++", *flags, str(LIMIT), "-o", str(program)], check=True)
    with file.open("wb") as stream:
        np.array([*inputs.shape, problem.sizes[-1]], np.int32).tofile(stream)
        np.ascontiguousarray(inputs.T).tofile(stream)
        targets.tofile(stream)

    def measure(seconds: float) -> float:
        command = [program, given["method"], given["population"], seconds, file, *problem.sizes]
        ran = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True)
        return float(json.loads(ran.stdout)["evaluations_per_second"])

    return measure


KINDS = {
    function.__name__: function for function in (gradless, chapter, evosax, evotorch, peak, limit)
}
