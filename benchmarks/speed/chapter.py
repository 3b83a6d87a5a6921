"""How many networks a second, on the chapter's problem (2-3-3, 300 samples)?

    python -m benchmarks.speed.chapter [--rounds 5]

Side by side in one run: the chapter's loop in NumPy (``gradless.book``), and the pipeline's random
search and hill climbing, each a whole training run with its draws and its bookkeeping. A row is the
median over the rounds, which take turns so that all see the same machine. Compilation is apart.
"""

from __future__ import annotations

import argparse
import statistics
import time

from gradless import book
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.training.loop import Stop, train

LOOP = "the chapter's loop (NumPy)"


def loop(iterations: int) -> tuple[float, float, float]:
    """Candidates a second of the chapter's own loop, no compilation, and its best loss."""
    begun = time.perf_counter()
    result = book.random_search("vertical", iterations, report=lambda line: None)
    return iterations / (time.perf_counter() - begun), 0.0, result.best_loss


def pipeline(
    strategy: str, seconds: float, **hyperparameters: object
) -> tuple[float, float, float]:
    """Candidates a second of a whole training run, its compile seconds, and its best loss."""
    recipe = Recipe(
        "vertical",
        hidden=(3,),
        initializer="book",
        strategy=strategy,
        hyperparameters=hyperparameters,
    )
    prepared = prepare(recipe)
    for record in train(
        prepared.problem, prepared.strategy, prepared.begin(), Stop(seconds=seconds)
    ):
        last = record
    rate = int(last.evaluations[-1]) / float(last.seconds[-1])
    return rate, last.compile_seconds, float(last.best_loss[-1])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    contestants = {
        LOOP: lambda: loop(10_000),
        "random search": lambda: pipeline("random_search", options.seconds),
        "hill climbing": lambda: pipeline("hill_climbing", options.seconds),
        "hill climbing, speculation 16": lambda: pipeline(
            "hill_climbing", options.seconds, speculation=16
        ),
    }
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    compiled: dict[str, float] = {}
    best: dict[str, float] = {}
    for _ in range(options.rounds):
        for name, measure in contestants.items():
            rate, seconds, loss = measure()
            rates[name].append(rate)
            compiled.setdefault(name, seconds)
            best[name] = loss
    base = statistics.median(rates[LOOP])
    print(f"{'':32}{'candidates/s':>14}{'times':>8}{'(range)':>16}{'compile s':>11}{'loss':>10}")
    for name, measured in rates.items():
        ratios = sorted(rate / base for rate in measured)
        spread = f"({ratios[0]:.0f} to {ratios[-1]:.0f})"
        middle = statistics.median(measured)
        print(
            f"{name:32}{middle:>14,.0f}{middle / base:>8.1f}{spread:>16}"
            f"{compiled[name]:>11.2f}{best[name]:>10.5f}"
        )


if __name__ == "__main__":
    main()
