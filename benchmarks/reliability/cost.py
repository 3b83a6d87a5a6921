"""What does a checkpoint cost a run? The processor time of its thread, and what the loop waits."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.reliability import Results

EVERY = 30.0  # seconds between two checkpoints, the default

# Name, data, network, strategy, minibatch: small and fast, wide, and some with a large state.
_RUNS = (
    ("spiral 2-64-3, openai_es", "spiral", (64,), "openai_es", None),
    ("digits 64-128-10, openai_es", "digits", (128,), "openai_es", 256),
    ("digits 64-256-256-10, snes", "digits", (256, 256), "snes", 256),
    ("digits 64-16-10, cma_es", "digits", (16,), "cma_es", None),
    ("digits 64-128-10, genetic_algorithm", "digits", (128,), "genetic_algorithm", 256),
)


def cost(count: int) -> Results:
    """Medians over so many checkpoints of each run, with a history of full length."""
    from gradless.runs.preparation import prepare  # noqa: PLC0415
    from gradless.runs.recipe import Recipe  # noqa: PLC0415

    found = []
    for name, data, hidden, strategy, batch_size in _RUNS:
        prepared = prepare(Recipe(data, hidden=hidden, strategy=strategy, batch_size=batch_size))
        found.append({"run": name, **_measured(prepared, count)})
        print(f"  {found[-1]}", flush=True)
    return {"every": EVERY, "count": count, "runs": found}


def _measured(prepared: Any, count: int) -> Results:
    from gradless.runs import resuming  # noqa: PLC0415
    from gradless.training import checkpoint  # noqa: PLC0415
    from gradless.training.checkpoint import Keeper  # noqa: PLC0415
    from gradless.training.history import History  # noqa: PLC0415
    from gradless.training.loop import Stop, train  # noqa: PLC0415
    from gradless.training.session import Session  # noqa: PLC0415

    stop, history = Stop(seconds=1.0), History()
    session = Session(prepared.plan(stop))
    for record in train(prepared.problem, prepared.strategy, prepared.begin(), stop):
        history.append(**record.rows)
    _fill(history)
    held, busy = [], []

    def about() -> Results:
        return {**resuming.about(prepared, stop, session), **session.described()}

    about()  # the fingerprint of the data is made once
    with tempfile.TemporaryDirectory() as name, _timed(busy):
        for _ in range(count):
            with Keeper(Path(name), 1e-9) as keeper:
                time.sleep(0.001)
                begun = time.perf_counter()
                keeper.offer(record.run, history, about)
                held.append(time.perf_counter() - begun)
        size = checkpoint.found(Path(name))[0].stat().st_size
    if len(busy) != count:
        raise RuntimeError(f"{len(busy)} checkpoints were written, expected {count}")
    taken = statistics.median(held) + statistics.median(busy)
    return {
        "held_ms": round(1e3 * statistics.median(held), 3),
        "busy_ms": round(1e3 * statistics.median(busy), 2),
        "share": taken / EVERY,
        "mib": round(size / 2**20, 2),
    }


def _fill(history: Any) -> None:
    """As many rows as a long run has."""
    while len(history) < 0.9 * history.CAPACITY:
        last = history.last
        rows = {name: [value] * 1000 for name, value in last._asdict().items()}
        rows["generation"] = list(range(last.generation + 1, last.generation + 1001))
        history.append(**rows)


class _timed:  # noqa: N801 - a context manager
    """Adds the processor time of every thread that ends to a list."""

    def __init__(self, seconds: list[float]) -> None:
        self._seconds = seconds
        self._run: Callable[..., Any] = threading.Thread.run

    def __enter__(self) -> None:
        def run(thread: threading.Thread) -> None:
            begun = time.thread_time()
            self._run(thread)
            self._seconds.append(time.thread_time() - begun)

        threading.Thread.run = run  # type: ignore[method-assign]

    def __exit__(self, *exception: object) -> None:
        threading.Thread.run = self._run  # type: ignore[method-assign]
