"""Do the evolution strategies need as many evaluations as other implementations of theirs?

    python -m benchmarks.quality.reference [--seeds 20]

Median evaluations until a candidate's loss is at most 1e-8, in ten dimensions from 3, 3, ... 3 with
sigma 1, each with the paper's population: CMA-ES beside pycma, separable CMA-ES beside cmaes, xNES
and SNES beside ``quality.natural_evolution``. The center is not evaluated. Seeds that do not reach
the target within the budget are shown and count as the whole budget. Exits with code 1 if a
method needs more than 1.2 times the evaluations of its reference. Needs
``benchmarks/requirements.txt``.
"""

from __future__ import annotations

import argparse
import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import cma
import cmaes
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.quality import natural_evolution
from gradless.strategies import CMAES, SNES, XNES, SepCMAES

TARGET = 1e-8
DIMENSION = 10
SIGMA = 1.0
REQUIRED = 1.2
START = np.full(DIMENSION, 3.0)
STEEPNESS = 10.0 ** (6 * np.arange(DIMENSION) / (DIMENSION - 1))


# The losses work on NumPy and JAX arrays alike.


def sphere(x: Any) -> Any:
    return (x**2).sum()


def ellipsoid(x: Any) -> Any:
    """A million times steeper one way than another."""
    return (STEEPNESS.astype(x.dtype) * x**2).sum()


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def with_pycma(loss: Callable, start: np.ndarray, sigma: float, target: float, budget: int, seed):
    options = {"seed": seed + 1, "verbose": -9}
    search = cma.CMAEvolutionStrategy(start, sigma, options)
    evaluations, best = 0, np.inf
    while best > target and evaluations < budget:
        candidates = search.ask()
        losses = [loss(x) for x in candidates]
        search.tell(candidates, losses)
        evaluations += len(losses)
        best = min(best, *losses)
    return evaluations


def with_cmaes(loss: Callable, start: np.ndarray, sigma: float, target: float, budget: int, seed):
    search = cmaes.SepCMA(mean=start, sigma=sigma, seed=seed)
    evaluations, best = 0, np.inf
    while best > target and evaluations < budget:
        candidates = [search.ask() for _ in range(search.population_size)]
        told = [(x, loss(x)) for x in candidates]
        search.tell(told)
        evaluations += len(told)
        best = min(best, *(value for _, value in told))
    return evaluations


@functools.partial(jax.jit, static_argnames=("loss", "budget"))
def with_gradless(strategy, loss: Callable, start, budget: int, keys) -> jax.Array:
    """Evaluations of every seed, shape (seeds,), at once."""

    def search(key):
        def unfinished(carry):
            _, best, evaluations = carry
            return (best > TARGET) & (evaluations < budget)

        def generation(carry):
            state, best, evaluations = carry
            ask_key, tell_key = jax.random.split(jax.random.fold_in(key, evaluations + 1))
            candidates = strategy.ask(ask_key, state)
            losses = jax.vmap(lambda c: loss(strategy.decode(state, c)))(candidates)
            state = strategy.tell(tell_key, state, candidates, losses)
            return state, jnp.minimum(best, losses.min()), evaluations + strategy.population

        begun = strategy.init(jax.random.fold_in(key, 0), start)
        return jax.lax.while_loop(unfinished, generation, (begun, jnp.float32(jnp.inf), 0))[2]

    return jax.vmap(search)(keys)


class Comparison(NamedTuple):
    strategy: Any
    reference: Callable
    peer: str
    loss: Callable
    budget: int


COMPARISONS = [
    Comparison(CMAES, with_pycma, "pycma", sphere, 20_000),
    Comparison(CMAES, with_pycma, "pycma", ellipsoid, 20_000),
    Comparison(CMAES, with_pycma, "pycma", rosenbrock, 20_000),
    Comparison(SepCMAES, with_cmaes, "cmaes SepCMA", sphere, 20_000),
    Comparison(SepCMAES, with_cmaes, "cmaes SepCMA", ellipsoid, 20_000),
    Comparison(SNES, natural_evolution.snes, "NumPy, float64", sphere, 20_000),
    Comparison(SNES, natural_evolution.snes, "NumPy, float64", ellipsoid, 20_000),
    Comparison(XNES, natural_evolution.xnes, "NumPy, float64", sphere, 40_000),
    Comparison(XNES, natural_evolution.xnes, "NumPy, float64", ellipsoid, 40_000),
    Comparison(XNES, natural_evolution.xnes, "NumPy, float64", rosenbrock, 40_000),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))

    print(f"Median evaluations to {TARGET:g}, {DIMENSION} dimensions, {seeds} seeds\n")
    print("| method | loss | gradless | reached | reference | evaluations | reached | ratio |")
    print("|---|---|---:|---:|---|---:|---:|---:|")
    worst = 0.0
    for strategy, reference, peer, loss, budget in COMPARISONS:
        made = strategy.for_dimension(DIMENSION, sigma=SIGMA, relative=False)
        start = jnp.asarray(START, jnp.float32)
        ours = np.asarray(with_gradless(made, loss, start, budget, keys))
        with warnings.catch_warnings():
            # pycma remarks on options that it is not given here.
            warnings.simplefilter("ignore")
            theirs = np.array(
                [reference(loss, START, SIGMA, TARGET, budget, seed) for seed in range(seeds)]
            )
        ratio = float(np.median(ours) / np.median(theirs))
        worst = max(worst, ratio)
        print(
            f"| {made.name} | {loss.__name__} | {np.median(ours):,.0f} | "
            f"{np.sum(ours < budget)}/{seeds} | {peer} | {np.median(theirs):,.0f} | "
            f"{np.sum(theirs < budget)}/{seeds} | {ratio:.2f} |",
            flush=True,
        )
    verdict = "within" if worst <= REQUIRED else "BEYOND"
    print(f"\nLargest ratio {worst:.2f}, {verdict} the required {REQUIRED}")
    return int(worst > REQUIRED)


if __name__ == "__main__":
    sys.exit(main())
