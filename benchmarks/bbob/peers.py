"""How do peers search? Each as its own documentation says, with its defaults.

Those that adapt a covariance matrix begin with a standard deviation of a fifth of the domain, 2, as
in their papers on this benchmark; those that take bounds are given the domain.
"""

# Peers are imported where they are used: whoever lacks one can measure the others.
# ruff: noqa: PLC0415

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from benchmarks.bbob.algorithms import Task
    from benchmarks.bbob.watched import Watched

Search = Callable[["Watched", "Task"], None]


def pycma(bipop: bool, bounded: bool, noisy: bool = False) -> Search:
    """Restarts of pycma: ``fmin2`` with at most nine larger populations, as it recommends.

    With its noise handler, which averages up to 30 evaluations, as its documentation has it.
    """

    def search(function: Watched, task: Task) -> None:
        import cma

        options: dict[str, Any] = {
            "verbose": -9,
            "seed": task.seed,
            "maxfevals": function.budget,
        }
        if bounded or task.integers:
            options["bounds"] = [task.lower, task.upper]
        width = (task.upper - task.lower) / 5
        if task.integers:
            options["integer_variables"] = list(range(task.integers))
            options["CMA_stds"] = width
        points = itertools.chain([task.start], (task.draw() for _ in itertools.count()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sigma = 1.0 if task.integers else float(width[0])
            handler = cma.NoiseHandler(len(width), maxevals=[1, 1, 30]) if noisy else None
            cma.fmin2(
                function,
                points.__next__,
                sigma,
                options,
                restarts=9,
                bipop=bipop,
                noise_handler=handler,
            )

    return search


def cmaes(bipop: bool) -> Search:
    """Restarts of cmaes, as the loops in its README have them; with a margin for whole numbers."""

    def search(function: Watched, task: Task) -> None:
        chance = np.random.default_rng(task.seed)
        # It knows one standard deviation for all, so that all are searched in [0, 1].
        low, width = task.lower, task.upper - task.lower
        doublings, spent, size = 0, {"small": 0, "large": 0}, None
        kind, sigma, point = "small", 0.2, (task.start - low) / width
        while True:
            optimizer = _cmaes_of(task, point, sigma, size)
            default = size is None
            size = optimizer.population_size
            if default:
                first = size
            while not optimizer.should_stop():
                asked = [_asked(optimizer, task) for _ in range(size)]
                optimizer.tell([(x, function(low + at * width)) for at, x in asked])
                spent[kind] += size
            if bipop and spent["small"] < spent["large"]:
                kind = "small"
                size = math.floor(first * (2**doublings) ** (chance.uniform() ** 2))
                sigma = 0.2 * 10 ** (-2 * chance.uniform())
            else:
                kind = "large"
                doublings += 1
                size, sigma = first * 2**doublings, 0.2
            task.again()
            point = (task.start - low) / width

    return search


def _cmaes_of(task: Task, point: Any, sigma: float, size: int | None) -> Any:
    import cmaes as library

    bounds = np.tile([0.0, 1.0], (len(point), 1))
    if not task.integers:
        return library.CMA(point, sigma, bounds, seed=task.seed, population_size=size)
    steps = np.where(np.arange(len(point)) < task.integers, 1 / (task.upper - task.lower), 0.0)
    return library.CMAwM(point, sigma, bounds, steps, seed=task.seed, population_size=size)


def _asked(optimizer: Any, task: Task) -> tuple[Any, Any]:
    """Where to evaluate, and what is told; they differ where variables are whole numbers."""
    if task.integers:
        return optimizer.ask()
    x = optimizer.ask()
    return x, x


def scipy_evolution(**settings: Any) -> Search:
    """SciPy's differential evolution."""

    def search(function: Watched, task: Task) -> None:
        from scipy.optimize import differential_evolution

        whole = np.arange(len(task.start)) < task.integers
        kinds = {"integrality": whole} if task.integers else {}
        differential_evolution(
            function, _bounds(task), x0=task.start, rng=task.seed, **kinds, **settings
        )

    return search


def scipy_annealing(function: Watched, task: Task) -> None:
    """SciPy's dual annealing."""
    from scipy.optimize import dual_annealing

    dual_annealing(function, _bounds(task), x0=task.start, maxfun=function.budget, rng=task.seed)


def nevergrad(function: Watched, task: Task) -> None:
    """The automatic choice of nevergrad."""
    import nevergrad as ng

    np.random.seed(task.seed % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = ng.p.Array(init=task.start).set_bounds(task.lower, task.upper)
        array.random_state.seed(task.seed % 2**32)
        ng.optimizers.NGOpt(array, budget=function.budget, num_workers=1).minimize(function)


def evosax_cma(function: Watched, task: Task) -> None:
    """CMA-ES of evosax, in double precision: in single, most targets are below the rounding."""
    import jax

    with jax.enable_x64(True):
        algorithm, ask, tell = _evosax("CMA_ES", len(task.start), 0)
        params = algorithm.default_params.replace(std_init=float(task.upper[0] - task.lower[0]) / 5)
        key = jax.random.key(task.seed)
        state = algorithm.init(key, jax.numpy.asarray(task.start), params)
        _turn(function, key, state, params, ask, tell)


def evosax_evolution(function: Watched, task: Task) -> None:
    """Differential evolution of evosax, with a population of ten times the dimension."""
    import jax

    with jax.enable_x64(True):
        size = 10 * len(task.start)
        algorithm, ask, tell = _evosax("DifferentialEvolution", len(task.start), size)
        params = algorithm.default_params
        key = jax.random.key(task.seed)
        population = np.stack([task.start, *(task.draw() for _ in range(size - 1))])
        losses = jax.numpy.asarray([function(x) for x in population])
        state = algorithm.init(key, jax.numpy.asarray(population), losses, params)
        _turn(function, key, state, params, ask, tell)


def _turn(function: Watched, key: Any, state: Any, params: Any, ask: Any, tell: Any) -> None:
    import jax

    while True:
        key, of_ask, of_tell = jax.random.split(key, 3)
        population, state = ask(of_ask, state, params)
        losses = jax.numpy.asarray([function(x) for x in np.asarray(population)])
        if not np.isfinite(np.asarray(population)).all():
            return  # it has broken down, and is begun anew
        state, _ = tell(of_tell, population, losses, state, params)


@functools.cache
def _evosax(name: str, dimension: int, size: int) -> tuple[Any, Any, Any]:
    """An algorithm with what compiles for each object of it."""
    from evosax import algorithms

    size = size or 4 + int(3 * math.log(dimension))
    algorithm = getattr(algorithms, name)(population_size=size, solution=np.zeros(dimension))
    return algorithm, algorithm.ask, algorithm.tell


def _bounds(task: Task) -> list[tuple[float, float]]:
    return list(zip(task.lower.tolist(), task.upper.tolist(), strict=True))
