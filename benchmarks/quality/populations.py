"""How many evaluations does differential evolution need, beside SciPy's?

    python -m benchmarks.quality.populations [--seeds 10] [--first-seed 100] [--budget 10000]

Nine functions, three of them smooth with one minimum, four with many, one with a curved valley and
one of steps, in 5 and 10 dimensions. A seed decides where the minimum is, where gradless begins
(evenly within the bounds; SciPy is told these) and all noise. Shown are the evaluations of all
seeds together divided by how many reached the target, in brackets how many did; none is "-".
SciPy's has its default settings, without the final polish by gradients and without the tolerance
that ends it; gradless has the population of ``for_dimension``, and with "budget known" shrinks it
over a fifth of the budget, after which such a run ends. Writes the table of docs/choosing.md, and
exits with code 1 if gradless needs more evaluations than SciPy on average.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import differential_evolution

from gradless.strategies import DifferentialEvolution

PAGE = Path(__file__).parents[2] / "docs" / "choosing.md"
_BEGIN, _END = "<!-- python -m benchmarks.quality.populations -->\n", "<!-- end -->\n"
DIMENSIONS = (5, 10)
TARGETS = (1e-1, 1e-5)
# Bounds on both sides of zero, as the functions usually have them.
HALF_WIDTH = {
    "sphere": 5.0,
    "ellipsoid": 5.0,
    "schwefel 1.2": 100.0,
    "rosenbrock": 5.0,
    "step": 100.0,
    "ackley": 32.0,
    "griewank": 600.0,
    "rastrigin": 5.12,
    "schaffer": 100.0,
}


def functions(xp: Any, dimension: int) -> dict[str, Callable[[Any], Any]]:
    """Functions with their minimum, 0, at 0, for arrays of ``xp``: NumPy or ``jax.numpy``."""
    index = np.arange(dimension)
    steepness = 10.0 ** (6 * index / (dimension - 1))

    def rosenbrock(z: Any) -> Any:
        y = z + 1
        return xp.sum(100 * (y[1:] - y[:-1] ** 2) ** 2 + (1 - y[:-1]) ** 2)

    def ackley(z: Any) -> Any:
        waves = xp.exp(xp.mean(xp.cos(2 * np.pi * z)))
        return 20 + np.e - 20 * xp.exp(-0.2 * xp.sqrt(xp.mean(z * z))) - waves

    def schaffer(z: Any) -> Any:
        s = z**2 + xp.concatenate([z[1:], z[:1]]) ** 2
        return xp.sum(0.5 + (xp.sin(xp.sqrt(s)) ** 2 - 0.5) / (1 + 0.001 * s) ** 2)

    return {
        "sphere": lambda z: xp.sum(z * z),
        "ellipsoid": lambda z: xp.sum(steepness * z * z),
        "schwefel 1.2": lambda z: xp.sum(xp.cumsum(z) ** 2),
        "rosenbrock": rosenbrock,
        "step": lambda z: xp.sum(xp.floor(z + 0.5) ** 2),
        "ackley": ackley,
        "griewank": lambda z: xp.sum(z * z) / 4000 - xp.prod(xp.cos(z / np.sqrt(index + 1))) + 1,
        "rastrigin": lambda z: 10 * dimension + xp.sum(z * z - 10 * xp.cos(2 * np.pi * z)),
        "schaffer": schaffer,
    }


def instance(name: str, dimension: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the minimum is, and where to begin."""
    draw = np.random.default_rng([seed, dimension, list(HALF_WIDTH).index(name)])
    half = HALF_WIDTH[name]
    return draw.uniform(-0.6 * half, 0.6 * half, dimension), draw.uniform(-half, half, dimension)


class _DoneError(Exception):
    """The last target was reached, or the budget used up."""


def with_scipy(name: str, dimension: int, seed: int, budget: int) -> list[int]:
    """Evaluations until each target is reached, 0 for never."""
    minimum, _ = instance(name, dimension, seed)
    function, half = functions(np, dimension)[name], HALF_WIDTH[name]
    reached, evaluations = [0] * len(TARGETS), 0

    def loss(x: np.ndarray) -> float:
        nonlocal evaluations
        if evaluations >= budget or reached[-1]:
            raise _DoneError
        evaluations += 1
        value = float(function(x - minimum))
        for number, target in enumerate(TARGETS):
            if value <= target and not reached[number]:
                reached[number] = evaluations
        return value

    bounds = [(-half, half)] * dimension
    with contextlib.suppress(_DoneError):
        differential_evolution(loss, bounds, rng=seed, polish=False, tol=0, maxiter=budget)
    return reached


@functools.partial(jax.jit, static_argnames="dimension")
def with_gradless(
    strategy: Any,
    which: jax.Array,
    dimension: int,
    minima: jax.Array,
    starts: jax.Array,
    keys: jax.Array,
    budget: jax.Array,
) -> jax.Array:
    """The same for all seeds at once, shape (seeds, targets)."""
    each = list(functions(jnp, dimension).values())

    def search(minimum: jax.Array, start: jax.Array, key: jax.Array) -> jax.Array:
        def unfinished(carry: Any) -> jax.Array:
            return (carry[1][-1] == 0) & (carry[2] < budget)

        def generation(carry: Any) -> Any:
            state, reached, evaluations = carry
            ask_key, tell_key = jax.random.split(jax.random.fold_in(key, evaluations + 1))
            candidates = strategy.ask(ask_key, state)
            losses = jax.vmap(
                lambda one: jax.lax.switch(which, each, strategy.decode(state, one) - minimum)
            )(candidates)
            met = losses <= jnp.array(TARGETS)[:, None]
            first = evaluations + 1 + jnp.argmax(met, axis=1)
            reached = jnp.where((reached == 0) & met.any(axis=1), first, reached)
            state = strategy.tell(tell_key, state, candidates, losses)
            return state, reached, evaluations + strategy.population

        begun = strategy.init(jax.random.fold_in(key, 0), start)
        reached = jnp.zeros(len(TARGETS), int)
        return jax.lax.while_loop(unfinished, generation, (begun, reached, jnp.array(0)))[1]

    return jax.vmap(search)(minima, starts, keys)


def cell(reached: np.ndarray, budget: int) -> tuple[float, str]:
    """Evaluations for one success, and how they are written."""
    succeeded = int(np.sum(reached > 0))
    if not succeeded:
        return np.inf, "-"
    needed = float(np.where(reached > 0, reached, budget).sum() / succeeded)
    return needed, f"{needed:,.0f} ({succeeded})"


def rows(dimension: int, seeds: range, per_parameter: int) -> tuple[list[str], list[float]]:
    """Rows of the table for one dimension, and ratios of gradless to SciPy."""
    budget = per_parameter * dimension
    plain = DifferentialEvolution.for_dimension(dimension)
    known = DifferentialEvolution.for_dimension(dimension, evaluations=budget // 5)
    keys = jax.vmap(jax.random.key)(jnp.array(seeds))
    lines, ratios = [], []
    for which, name in enumerate(HALF_WIDTH):
        minima, starts = map(
            np.array, zip(*(instance(name, dimension, seed) for seed in seeds), strict=True)
        )

        def ours(
            strategy: Any, limit: int, which: int = which, at: Any = (minima, starts)
        ) -> np.ndarray:
            return np.asarray(with_gradless(strategy, which, dimension, *at, keys, limit))

        found = [
            (np.array([with_scipy(name, dimension, seed, budget) for seed in seeds]), budget),
            (ours(plain, budget), budget),
            (ours(known, budget // 5), budget // 5),
        ]
        cells = []
        for number in range(len(TARGETS)):
            needed = [cell(reached[:, number], limit) for reached, limit in found]
            cells += [text for _, text in needed]
            if np.isfinite([needed[0][0], needed[1][0]]).all():
                ratios.append(needed[1][0] / needed[0][0])
        lines.append(f"| {name} | {dimension} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines, ratios


def head() -> list[str]:
    """The first two lines of the table."""
    names = [f"{who}, {target:g}" for target in TARGETS for who in ("SciPy", "gradless", "known")]
    return [f"| function | d | {' | '.join(names)} |", f"|---|---:|{'---:|' * len(names)}"]


def main() -> int:
    """Measure all, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--budget", type=int, default=10_000, help="evaluations a parameter")
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    lines, ratios = head(), []
    print("\n".join(lines))
    for dimension in DIMENSIONS:
        more, of_dimension = rows(dimension, seeds, given.budget)
        lines += more
        ratios += of_dimension
    mean = float(np.exp(np.mean(np.log(ratios))))
    print(f"\nEvaluations of gradless divided by SciPy's, geometric mean: {mean:.2f}")
    before, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    table = "\n".join(lines)
    PAGE.write_text(f"{before}{_BEGIN}{table}\n{_END}{rest.partition(_END)[2]}", "utf-8")
    return int(mean > 1)


if __name__ == "__main__":
    sys.exit(main())
