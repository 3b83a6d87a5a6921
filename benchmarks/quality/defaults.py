"""Does it work without tuning? Runs with the strategy that is chosen automatically.

    python -m benchmarks.quality.defaults [--parts spiral vertical iris] [--seeds 10]

- spiral: 300 samples, network 2-64-3; 99 % of the training samples right, in at least 9 of 10
  seeds, within 30 seconds of wall time, compilation included. Three samples of different classes
  lie at the origin, so 298 of 300 is the most that any network can reach.
- vertical: 300 samples, network 2-3-3; a loss of 0.160 or lower, in at least 9 of 10 seeds, within
  5 seconds, compilation included.
- iris: 1,000 evaluations; mean test accuracy of 20 random splits at least 95 %.

A seed decides the data drawn, the first weights and all noise. In a fresh process for each seed, as
a person would run them; the wall time is that of the whole loop with its compilation, without
starting Python. Exits with code 1 if an aim is missed.
"""

from __future__ import annotations

import argparse
import collections
import json
import subprocess
import sys
import time
from typing import Any

import numpy as np

from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.training.loop import Stop, train

PARTS: dict[str, tuple[dict[str, Any], float | None, dict[str, Any]]] = {
    "spiral": ({"data": "spiral", "hidden": (64,)}, 30.0, {"accuracy": 0.99}),
    "vertical": ({"data": "vertical", "hidden": (3,)}, 5.0, {"loss": 0.160}),
    "iris": ({"data": "iris"}, None, {"evaluations": 1000}),
}
REQUIRED_SHARE = 0.9
REQUIRED_ACCURACY = 0.95
SPLITS = 20


def one(part: str, seed: int) -> dict[str, Any]:
    """One run, within its wall time."""
    recipe, limit, aim = PARTS[part]
    begun = time.perf_counter()
    planned = Stop(seconds=limit, **aim)
    prepared = prepare(Recipe(**recipe, seed=seed), planned)

    def late() -> str | None:
        late = limit is not None and time.perf_counter() - begun > limit
        return "wall time used up" if late else None

    run = train(prepared.problem, prepared.strategy, prepared.begin(), planned, asked_to_stop=late)
    (record,) = collections.deque(run, maxlen=1)
    wall = time.perf_counter() - begun
    params = prepared.structure.unravel(record.run.best)
    judged = prepared.judge(params, prepared.test or prepared.train)
    reached = (record.stopped_because or "").startswith("target")
    return {
        "seed": seed,
        "strategy": prepared.strategy.name,
        "loss": float(record.run.best_loss),
        "accuracy": judged.accuracy,
        "evaluations": int(record.evaluations[-1]),
        "wall": wall,
        "compile": record.compile_seconds,
        "reached": reached and (limit is None or wall <= limit),
    }


def _in_fresh_process(part: str, seed: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.quality.defaults", "--one", part, str(seed)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--one", nargs=2, metavar=("PART", "SEED"), help="one run, as JSON")
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(one(options.one[0], int(options.one[1]))))
        return 0

    missed = False
    for part in options.parts:
        seeds = SPLITS if part == "iris" else options.seeds
        runs = []
        for seed in range(options.first, options.first + seeds):
            # Compiled once for the splits of iris, whose time does not count.
            run = one(part, seed) if part == "iris" else _in_fresh_process(part, seed)
            runs.append(run)
            print(
                f"{part:9} seed {seed:2}  {run['strategy']:10} loss {run['loss']:.4f}  accuracy "
                f"{run['accuracy']:.4f}  {run['evaluations']:>9,} evaluations  {run['wall']:5.1f} s"
                f" ({run['compile']:.1f} s to compile){'' if run['reached'] else '  -'}",
                flush=True,
            )
        if part == "iris":
            mean = float(np.mean([run["accuracy"] for run in runs]))
            error = float(np.std([run["accuracy"] for run in runs]) / len(runs) ** 0.5)
            good = mean >= REQUIRED_ACCURACY
            print(f"{part}: mean test accuracy {mean:.1%}, standard error {error:.1%}", end="")
        else:
            reached = sum(run["reached"] for run in runs)
            good = reached >= REQUIRED_SHARE * len(runs)
            median = float(np.median([run["wall"] if run["reached"] else np.inf for run in runs]))
            print(f"{part}: {reached} of {len(runs)} seeds, median {median:.1f} s", end="")
        print("" if good else "  MISSED", flush=True)
        missed |= not good
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
