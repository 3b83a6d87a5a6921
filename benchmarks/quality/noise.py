"""How near does ``minimize`` get where losses are noisy? True losses of what is returned.

python -m benchmarks.quality.noise [SEEDS]

Each function has its optimum at 1, is searched within (-5, 5) from a point drawn in [-4, 4], with
1,000 evaluations for each parameter, and returns its value with normal noise: plus one with a
deviation of 1, or times one with a deviation of 0.3. Beside the default are the portfolio that
functions without noise are searched by, and pycma with its noise handler, if it is installed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

import gradless
from gradless.strategies.portfolio import for_functions

Array = npt.NDArray[np.float64]
Function = Callable[[Array], float]
BOUNDS, EACH = (-5.0, 5.0), 1_000


def _sphere(x: Array) -> float:
    return float(np.sum((x - 1) ** 2))


def _ellipsoid(x: Array) -> float:
    return float(np.sum(1e6 ** np.linspace(0, 1, len(x)) * (x - 1) ** 2))


def _rosenbrock(x: Array) -> float:
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


FUNCTIONS = {"sphere": _sphere, "ellipsoid": _ellipsoid, "rosenbrock": _rosenbrock}
NOISE: dict[str, Callable[[float, float], float]] = {
    "plus": lambda value, z: value + z,
    "times": lambda value, z: value * (1 + 0.3 * z),
}


def _default(loss: Function, start: Array, seed: int) -> Array:
    return _minimized(loss, start, seed, "auto")


def _portfolio(loss: Function, start: Array, seed: int) -> Array:
    return _minimized(loss, start, seed, for_functions(len(start)))


def _minimized(loss: Function, start: Array, seed: int, strategy: Any) -> Array:
    found = gradless.minimize(
        loss,
        start,
        strategy,
        bounds=BOUNDS,
        compiled=False,
        evaluations=EACH * len(start),
        seed=seed,
        verbose=False,
    )
    return np.asarray(found.best)


def _pycma(loss: Function, start: Array, seed: int) -> Array:
    import cma  # noqa: PLC0415 - who lacks it measures the others

    handler = cma.NoiseHandler(len(start), maxevals=[1, 1, 30])
    options = {"verbose": -9, "seed": seed + 1, "maxfevals": EACH * len(start), "bounds": BOUNDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, strategy = cma.fmin2(loss, start, 2.0, options, noise_handler=handler)
    return np.asarray(strategy.result.xfavorite)  # the mean: its answer where losses are noisy


SEARCHES = {"default": _default, "portfolio": _portfolio, "pycma, noise handler": _pycma}


def main(seeds: int = 5) -> None:
    """Print a table of geometric means of true losses."""
    print(f"| function | noise | {' | '.join(SEARCHES)} |")
    print("| --- | --- |" + " ---: |" * len(SEARCHES))
    for dimension in (5, 10):
        for name, function in FUNCTIONS.items():
            for kind, noisy in NOISE.items():
                each = SEARCHES.values()
                row = [_true(search, function, noisy, dimension, seeds) for search in each]
                print(f"| {name}, {dimension}-D | {kind} | {' | '.join(row)} |", flush=True)


def _true(search: Any, function: Function, noisy: Any, dimension: int, seeds: int) -> str:
    losses = []
    for seed in range(seeds):
        chance = np.random.default_rng([dimension, seed])
        start = chance.uniform(-4, 4, dimension)

        def loss(x: Array, chance: Any = chance) -> float:
            return noisy(function(x), chance.normal())

        try:
            losses.append(function(search(loss, start, seed)))
        except ImportError:
            return ""
    return f"{np.exp(np.mean(np.log(np.maximum(losses, 1e-30)))):.2g}"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
