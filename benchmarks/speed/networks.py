"""How many networks a second? Whole training loops, ask and tell included, side by side.

Every contestant is a process that compiles once and then waits for its turn; rounds go through all
of them, so that all see the same machine, and a figure is the median over the rounds.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.pages import machine
from benchmarks.pages.suite import Options

TITLE = "Speed"
PEERS = ("evosax", "evotorch")

LIMIT = Path(__file__).with_name("limit") / "limit.cpp"
Rate = Callable[[float], float]  # seconds to take -> candidates a second


@dataclass(frozen=True)
class Problem:
    """A network, its data, and who is measured on it, by a name for the table.

    ``against`` says which contestant is compared with which other one, and the ratio to reach.
    """

    title: str
    data: str
    sizes: tuple[int, ...]
    contestants: dict[str, dict[str, Any]]
    against: tuple[tuple[str, str, float], ...]
    batch_size: int | None = None


def _gradless(strategy: str, **settings: Any) -> dict[str, Any]:
    return {"kind": "gradless", "strategy": strategy, **settings}


CHAPTER, ES, CPP = "the chapter's loop, NumPy", "gradless, OpenAI-ES", "C++ by hand, OpenAI-ES"
EVOSAX, EVOTORCH, PEAK = "evosax, Open_ES", "EvoTorch, PGPE", "matrix product, NumPy"
SEARCH, CPP_SEARCH = "gradless, random search", "C++ by hand, random search"
CLIMB, SPECULATE = "gradless, hill climbing", "gradless, hill climbing, speculation 16"
ONE, CORE = "gradless, OpenAI-ES, one device", "gradless, OpenAI-ES, one core"
EVOSAX_SEARCH = "evosax, RandomSearch"

PROBLEMS = {
    "tiny": Problem(
        "2-3-3 on 300 samples, the chapter",
        "vertical",
        (2, 3, 3),
        {
            CHAPTER: {"kind": "chapter"},
            SEARCH: _gradless("random_search", population=1024),
            CPP_SEARCH: {"kind": "limit", "method": "random_search", "population": 1024},
            ES: _gradless("openai_es", population=128),
            CPP: {"kind": "limit", "method": "openai_es", "population": 128},
            EVOSAX: {"kind": "evosax", "population": 128},
            EVOSAX_SEARCH: {"kind": "evosax", "population": 1024, "method": "RandomSearch"},
            CLIMB: _gradless("hill_climbing"),
            SPECULATE: _gradless("hill_climbing", speculation=16),
        },
        (
            (SEARCH, CHAPTER, 60),
            (ES, EVOSAX, 15),
            (SEARCH, EVOSAX_SEARCH, 15),
            (SEARCH, CPP_SEARCH, 1.0),
            (CLIMB, CHAPTER, 25),
            (SPECULATE, CHAPTER, 40),
        ),
    ),
    "small": Problem(
        "2-64-3 on 300 samples, the spiral",
        "spiral",
        (2, 64, 3),
        {
            CHAPTER: {"kind": "chapter"},
            ES: _gradless("openai_es", population=128),
            CPP: {"kind": "limit", "method": "openai_es", "population": 128},
            EVOSAX: {"kind": "evosax", "population": 128},
            EVOTORCH: {"kind": "evotorch", "population": 128},
        },
        ((ES, CHAPTER, 15), (ES, EVOSAX, 5), (ES, EVOTORCH, 15), (ES, CPP, 0.6)),
    ),
    "middle": Problem(
        "64-64-10 on 1,500 samples, digits",
        "digits",
        (64, 64, 10),
        {
            ES: _gradless("openai_es", population=128),
            ONE: _gradless("openai_es", population=128, devices=1),
            CORE: _gradless("openai_es", population=128, devices=1, cores=1),
            CPP: {"kind": "limit", "method": "openai_es", "population": 128},
            EVOSAX: {"kind": "evosax", "population": 128},
            EVOTORCH: {"kind": "evotorch", "population": 128},
        },
        ((ES, EVOSAX, 2), (ES, ONE, 1.8), (ES, CORE, 1.8)),
    ),
    "large": Problem(
        "784-128-10, batches of 1,000",
        "noise",
        (784, 128, 10),
        {
            ES: _gradless("openai_es", population=128),
            ONE: _gradless("openai_es", population=128, devices=1),
            CORE: _gradless("openai_es", population=128, devices=1, cores=1),
            EVOSAX: {"kind": "evosax", "population": 128},
            PEAK: {"kind": "peak"},
        },
        ((ES, PEAK, 0.75), (ES, EVOSAX, 1), (ES, ONE, 1.8), (ES, CORE, 1.8)),
        batch_size=1000,
    ),
    "wide": Problem(
        "784-256-256-10, batches of 128",
        "noise",
        (784, 256, 256, 10),
        {ES: _gradless("openai_es", population=64), EVOSAX: {"kind": "evosax", "population": 64}},
        ((ES, EVOSAX, 1),),
        batch_size=128,
    ),
}

# What runs every line once: each contestant is a process that compiles.
_TOY = {"tiny": (CHAPTER, CPP, CPP_SEARCH, EVOSAX_SEARCH), "large": (CORE, EVOSAX, PEAK)}


def dataset(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (samples, features), scaled where they are not of the plane, and class indices."""
    from gradless.data import datasets  # noqa: PLC0415 - peers run without it

    if problem.data == "noise":
        random = np.random.default_rng(0)
        samples = 8 * (problem.batch_size or 1000)
        inputs = random.standard_normal((samples, problem.sizes[0]), np.float32)
        return inputs, random.integers(0, problem.sizes[-1], samples).astype(np.int32)
    loaded = datasets.load(problem.data, seed=0)
    inputs, targets = loaded.features[:1500], loaded.targets[:1500]
    if problem.data == "digits":
        inputs = (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-8)
    return np.asarray(inputs, np.float32), np.asarray(targets, np.int32)


# --- Contestants: each gets ready and returns a function that measures ----------------------------


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


# --- Rounds ---------------------------------------------------------------------------------------


class Worker:
    """A contestant in its own process."""

    def __init__(self, problem: str, name: str) -> None:
        given = PROBLEMS[problem].contestants[name]
        environment = {**os.environ, "GRADLESS_CACHE": "off"}
        if given["kind"] in ("evosax", "evotorch"):
            environment["JAX_NUM_CPU_DEVICES"] = "1"
        if "devices" in given:
            environment["JAX_NUM_CPU_DEVICES"] = str(given["devices"])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.networks", problem, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.ask(0.1)  # ready, compiled and warm

    def ask(self, seconds: float) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(seconds, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextmanager
def _worker(problem: str, name: str) -> Iterator[Worker]:
    worker = Worker(problem, name)
    try:
        yield worker
    finally:
        worker.close()


def _present(given: dict[str, Any]) -> bool:
    if given["kind"] == "limit":
        return shutil.which("g++") is not None
    return given["kind"] not in PEERS or machine.installed(given["kind"]) is not None


def measure(options: Options) -> dict[str, Any]:
    """Rates of all rounds, by problem and contestant."""
    seconds = options.seconds or (0.1 if options.toy else 1.5)
    rounds = 1 if options.toy else options.rounds
    found: dict[str, Any] = {}
    for key, problem in PROBLEMS.items():
        if options.toy and key not in _TOY:
            continue
        chosen = _TOY[key] if options.toy else problem.contestants
        names = [name for name in chosen if _present(problem.contestants[name])]
        rates: dict[str, list[float]] = {name: [] for name in names}
        with ExitStack() as stack:
            workers = {name: stack.enter_context(_worker(key, name)) for name in names}
            for _ in range(rounds):
                for name, worker in workers.items():
                    rates[name].append(worker.ask(seconds))
        for name in names:
            print(f"{key:8} {name:42} {statistics.median(rates[name]):>14,.0f}/s", flush=True)
        found[key] = rates
    return {"seconds": seconds, "rates": found}


def render(results: dict[str, Any], folder: Path) -> str:
    """Two tables: what was reached of what was aimed at, and all rates."""
    rates: dict[str, dict[str, list[float]]] = results["rates"]
    lines = [
        "Networks evaluated a second, inside of whole training loops with ask and tell: the median "
        f"of rounds of {results['seconds']:g} s that take turns. The ratio is that of the medians, "
        "in brackets the lowest and highest of one round.",
        "",
        "| problem | | against | times | aim |",
        "|---|---|---|---:|---:|",
    ]
    for key, measured in rates.items():
        problem = PROBLEMS[key]
        for name, other, aim in problem.against:
            if name not in measured or other not in measured:
                continue
            ratios = sorted(a / b for a, b in zip(measured[name], measured[other], strict=True))
            middle = statistics.median(measured[name]) / statistics.median(measured[other])
            missed = "" if middle >= aim else ", missed"
            lines.append(
                f"| {problem.title} | {name} | {other} | **{middle:.3g}** "
                f"({ratios[0]:.3g} to {ratios[-1]:.3g}) | {aim:g}{missed} |"
            )
    lines += ["", "| problem | loop | networks a second |", "|---|---|---:|"]
    for key, measured in rates.items():
        ordered = sorted(measured, key=lambda name: -statistics.median(measured[name]))
        for name in ordered:
            lines.append(
                f"| {PROBLEMS[key].title} | {name} | {statistics.median(measured[name]):,.0f} |"
            )
    lines += [
        "",
        "The C++ is [benchmarks/limit/limit.cpp](../benchmarks/limit/limit.cpp), vectors and "
        "caches by hand, on all cores. The matrix product is what the same multiply-adds "
        "would take in NumPy's fastest one; gradless can pass it, since both candidates of an "
        "opposite pair share the product of their first layer. On one device, the compiler "
        "spreads large products over both cores itself; on one core it cannot. EvoTorch has "
        "no OpenAI-ES; its PGPE does the same work.",
    ]
    return "\n".join(lines)


def _serve(key: str, name: str) -> None:
    """Answer every line, a number of seconds, with a rate."""
    problem = PROBLEMS[key]
    given = problem.contestants[name]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    if "cores" in given:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given["cores"]])
    rate = KINDS[given["kind"]](problem, *dataset(problem), given)
    for line in sys.stdin:
        print(rate(float(line)), file=answers, flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
