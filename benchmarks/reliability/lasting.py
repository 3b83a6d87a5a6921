"""Does a long life take more and more memory? A thousand losses, and a hundred sizes of data.

    python -m benchmarks.reliability.lasting

Each loss is a new function, and each table a new shape: both are compiled. Printed is the resident
memory, MiB, after some of the calls; it has to stay where it is once as many programs are kept as
are kept at most.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator

import jax.numpy as jnp
import numpy as np
import psutil

from gradless import GradientFreeRegressor, minimize

_WARM = 100  # calls, after which memory is to be flat
_ALLOWED = 50.0  # MiB, of fragments


def losses(calls: int) -> Iterator[None]:
    """Searches of functions that were never seen before."""
    for number in range(calls):
        minimize(
            lambda x, number=number: jnp.sum((x - number) ** 2),
            jnp.zeros(5),
            "hill_climbing",
            evaluations=50,
        )
        yield


def tables(calls: int) -> Iterator[None]:
    """Fits of tables that grow by more than what they are filled up to."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2**17, 2))
    for number in range(calls):
        model = GradientFreeRegressor((2 + number % 10,), strategy="hill_climbing")
        model.set_params(max_evaluations=50, random_state=0)
        rows = X[: int(100 * 1.06**number)]
        model.fit(rows, rows[:, 0])
        yield


def grown(name: str, calls: Iterator[None]) -> float:
    """MiB that were added after the first calls."""
    process, warm, taken = psutil.Process(), 0.0, 0.0
    begun = time.perf_counter()
    for number, _ in enumerate(calls, 1):
        if number % 50 and number != _WARM:
            continue
        gc.collect()
        taken = process.memory_info().rss / 2**20
        warm = taken if number <= _WARM else warm
        seconds = time.perf_counter() - begun
        print(f"{name} {number:5}: {taken:6.0f} MiB after {seconds:.0f} s", flush=True)
    return taken - warm


def main() -> int:
    """Run both; 1 if memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", type=int, default=1000)
    parser.add_argument("--tables", type=int, default=120)
    given = parser.parse_args()
    parts: list[tuple[str, Callable[[int], Iterator[None]], int]] = [
        ("losses", losses, given.losses),
        ("tables", tables, given.tables),
    ]
    most = 0.0
    for name, part, calls in parts:
        more = grown(name, part(calls))
        print(f"{name}: {more:.0f} MiB more since call {_WARM}")
        most = max(most, more)
    return int(most > _ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main())
