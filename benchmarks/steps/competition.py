"""What do a search and a straight-through estimator reach on the same hard networks, at what cost?

Both begin with the same parameters, learn the same rows, and are judged on the same hard network.
Of the networks that they pass, each keeps the one of lowest loss on the rows for validation. Work
is counted in samples that went forward, and in processor time without compilation and judging.
"""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from benchmarks.pages import machine
from benchmarks.steps import straight_through
from benchmarks.steps.digits import Digits
from benchmarks.steps.settings import SETTINGS, Search
from benchmarks.steps.tasks import TASKS, Network, Params, Task
from gradless import Dataset, SupervisedProblem, begin, objectives, strategies, train
from gradless.training.records import Stop

SEARCH, SURROGATE = "search", "straight-through"
_MARKS = np.geomspace(0.002, 1, 25)  # shares of a search after which it is judged
_PATIENCE = 10  # epochs without a lower loss on the rows for validation, after which Adam stops


class Judged(NamedTuple):
    """A network on the way."""

    passes: int  # samples that went forward
    seconds: float  # of processor time
    validation_loss: float
    test_loss: float
    test_accuracy: float


def measured(
    digits: Digits, names: list[str], seeds: int, work: float, path: Path | None = None
) -> dict[str, Any]:
    """The named tasks by both methods under every seed, written to a file after every run.

    Runs that the file has already, of the same work and rows, are not made again. ``work`` is a
    factor: 1 for generations as in ``settings`` and up to 200 epochs.
    """
    runs: list[dict[str, Any]] = []
    document = {
        "command": f"python -m benchmarks.steps --digits FILE --work {work:g}",
        "machine": machine.machine(),
        "rows": {part: len(rows.labels) for part, rows in digits._asdict().items()},
        "runs": runs,
    }
    if path is not None and path.is_file():
        held = json.loads(path.read_text(encoding="utf-8"))
        if all(held[same] == document[same] for same in ("command", "rows")):
            runs.extend(held["runs"])
    for seed, name, method in itertools.product(range(seeds), names, (SEARCH, SURROGATE)):
        if any((r["task"], r["seed"], r["method"]) == (name, seed, method) for r in runs):
            continue
        run = measure(tasks()[name], method, digits, seed, work)
        kept = run["curve"][run["kept"]]
        print(
            f"{name}, seed {seed}, {method}: accuracy {kept['test_accuracy']:.1%}, loss "
            f"{kept['test_loss']:.3f} after {kept['passes']:,} passes, {kept['seconds']:.1f} s",
            flush=True,
        )
        runs.append(run)
        if path is not None:
            path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return document


def measure(task: Task, method: str, digits: Digits, seed: int, work: float) -> dict[str, Any]:
    """One run: what it passed, and which of that it keeps."""
    network = Network(task, digits.train.pixels.shape[1])
    first = network.init(jax.random.key(seed))
    make = searched if method == SEARCH else descended
    curve: list[Judged] = []
    for params, passes, seconds in make(network, first, digits, seed, work):
        curve.append(judged(network, params, digits, passes, seconds))
        if method == SURROGATE and _best(curve) <= len(curve) - 1 - _PATIENCE:
            break
    return {
        "task": task.name,
        "method": method,
        "seed": seed,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(first)),
        "kept": _best(curve),
        "curve": [each._asdict() for each in curve],
    }


def _best(curve: list[Judged]) -> int:
    return int(np.argmin([each.validation_loss for each in curve]))


def judged(network: Network, params: Params, digits: Digits, passes: int, seconds: float) -> Judged:
    """Loss and accuracy of the hard network, on both parts of the rows at once."""
    rows = [digits.validation, digits.test]
    pixels = np.concatenate([each.pixels for each in rows])
    losses, right = loss_and_right(
        network, params, pixels, np.concatenate([r.labels for r in rows])
    )
    cut = len(digits.validation.labels)
    validation_loss, test_loss = (float(np.mean(part)) for part in (losses[:cut], losses[cut:]))
    return Judged(
        passes, round(seconds, 3), validation_loss, test_loss, float(np.mean(right[cut:]))
    )


@functools.partial(jax.jit, static_argnums=0)
def loss_and_right(
    network: Network, params: Params, pixels: jax.Array, labels: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Cross-entropy of each row, shape (samples,), and whether it is right."""
    outputs = network.apply(params, pixels)
    losses = optax.softmax_cross_entropy_with_integer_labels(outputs, labels)
    return losses, outputs.argmax(1) == labels


# --- Both, as parameters, samples that went forward, and seconds ----------------------------------

Passed = Iterator[tuple[Params, int, float]]


def searched(network: Network, first: Params, digits: Digits, seed: int, work: float) -> Passed:
    """Centers of a search on its way, 25 of them if it is long."""
    settings = SETTINGS[network.task.name].search
    pixels, labels = digits.train
    names = tuple(str(index) for index in range(pixels.shape[1]))
    data = Dataset("digits", pixels, labels, names, tuple(map(str, range(10))))
    objective = objectives.get("cross_entropy")
    problem = SupervisedProblem.of(data, network, objective, settings.batch_size)
    generations = max(2, round(work * settings.generations))
    strategy = strategies.get("openai_es", **hyperparameters(settings, generations))
    each = strategy.population + 1  # the center is evaluated, too
    for _ in train(problem, strategy, begin(strategy, first, seed), Stop(evaluations=each)):
        pass  # compiled
    run, seconds = begin(strategy, first, seed), 0.0
    for end in sorted({max(1, round(mark * generations)) for mark in _MARKS}):
        begun = time.process_time()
        for record in train(problem, strategy, run, Stop(evaluations=end * each)):
            run = record.run
        seconds += time.process_time() - begun
        yield strategy.center(run.state), end * each * settings.batch_size, seconds


def hyperparameters(settings: Search, generations: int) -> dict[str, Any]:
    """Of ``openai_es``: the learning rate falls to ``settings.final`` of itself by the end."""
    return {
        "population": settings.population,
        "sigma": settings.sigma,
        "learning_rate": settings.learning_rate,
        "learning_rate_decay": settings.final ** (1 / generations),
        "weight_decay": settings.weight_decay,
        "rank": settings.rank,
        "relative": False,
    }


def descended(network: Network, first: Params, digits: Digits, seed: int, work: float) -> Passed:
    """Parameters after each epoch of Adam, until the caller has seen enough, or 200."""
    adam = SETTINGS[network.task.name].adam
    epochs = straight_through.descend(network.task, first, *digits.train, adam, seed)
    passes, seconds = 0, 0.0
    for _ in range(max(2, round(200 * work)) + 1):
        begun = time.process_time()
        params, samples = next(epochs)
        # The first is where it begins, with its time to compile.
        passes, seconds = passes + samples, seconds + (samples > 0) * (time.process_time() - begun)
        yield params, passes, seconds


def tasks() -> dict[str, Task]:
    """By name."""
    return {task.name: task for task in TASKS}
