"""Who is compared, with which methods and settings, of which the best is selected.

Each has an adapter, a module of this package that uses the library as its own documentation
recommends: ``run(task, method, seed, recorder)`` gets ready, calls ``recorder.start()``, and
searches until the recorder raises ``Finished``. All minimise the same loss of the same network on
the same data from the same first weights. Where a library calls a Python function, that function is
``Recorder.losses``, in NumPy and for a whole population at once where the library hands one over.

Settings vary what matters most, the size of the first changes, and the population. The selection is
the same for all, gradless included: one run of each method under one seed, for each problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_FULL = 1000  # parameters up to which a full covariance matrix is worth trying


@dataclass(frozen=True)
class Method:
    """A method of a library, with settings other than its defaults."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """As tables name it."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.settings.items())])


@dataclass(frozen=True)
class Contestant:
    """A library.

    Parameters
    ----------
    name
        As people know it.
    package
        As it is installed.
    methods
        For a number of parameters: what is tried.
    """

    name: str
    package: str
    methods: Callable[[int], list[Method]]


def _gradless(dimension: int) -> list[Method]:
    # The automatic choice, and what it would choose for other budgets.
    methods = [Method("auto"), Method("sep_cma_es"), Method("openai_es")]
    return [*methods, Method("cma_es")] if dimension <= _FULL else methods


def _evosax(dimension: int) -> list[Method]:
    methods = [
        Method("Open_ES", {"population": 128, "std": 0.1, "learning_rate": 0.05}),
        Method("Open_ES", {"population": 128, "std": 0.05, "learning_rate": 0.01}),
        Method("Sep_CMA_ES", {"population": 32, "std": 0.1}),
        Method("SNES", {"population": 64, "std": 0.1}),
    ]
    if dimension <= _FULL:
        methods.append(Method("CMA_ES", {"population": 32, "std": 0.3}))
    return methods


def _evotorch(dimension: int) -> list[Method]:
    methods = [
        Method("SNES", {"stdev_init": 0.1}),
        Method("SNES", {"stdev_init": 0.3, "popsize": 64}),
        Method("PGPE", {"stdev_init": 0.1, "popsize": 128}),
    ]
    if dimension <= _FULL:
        methods += [
            Method("XNES", {"stdev_init": 0.3, "popsize": 64}),
            Method("CMAES", {"stdev_init": 0.3, "popsize": 64}),
        ]
    else:
        methods.append(Method("SNES", {"stdev_init": 0.05, "popsize": 64}))
    return methods


def _nevergrad(dimension: int) -> list[Method]:
    # Its automatic choice with its own size of changes, which is 1, and a smaller one.
    return [
        Method("NGOpt"),
        Method("NGOpt", {"sigma": 0.1}),
        Method("OnePlusOne", {"sigma": 0.1}),
        Method("CMA" if dimension <= _FULL else "DiagonalCMA", {"sigma": 0.1}),
        Method("TwoPointsDE", {"sigma": 0.1}),
    ]


def _pycma(dimension: int) -> list[Method]:
    if dimension <= _FULL:
        return [
            Method("CMA-ES", {"sigma0": 0.5}),
            Method("CMA-ES", {"sigma0": 0.1}),
            Method("CMA-ES", {"sigma0": 0.5, "popsize": 64}),
            Method("diagonal", {"sigma0": 0.1}),
        ]
    return [
        Method("diagonal", {"sigma0": 0.1}),
        Method("diagonal", {"sigma0": 0.03}),
        Method("diagonal", {"sigma0": 0.1, "popsize": 100}),
        Method("VD-CMA", {"sigma0": 0.1}),
    ]


def _cmaes(dimension: int) -> list[Method]:
    methods = [
        Method("SepCMA", {"sigma": 0.1}),
        Method("SepCMA", {"sigma": 0.5}),
        Method("SepCMA", {"sigma": 0.1, "population_size": 100}),
    ]
    if dimension <= _FULL:
        methods += [Method("CMA", {"sigma": 0.5}), Method("CMA", {"sigma": 0.1})]
    return methods


def _pygad(dimension: int) -> list[Method]:
    # Its defaults change a gene by up to 1, much for a weight.
    return [
        Method("GA"),
        Method("GA", {"mutation": 0.1}),
        Method("GA", {"mutation": 0.3, "mutation_percent_genes": 2}),
        Method("GA", {"mutation": 0.1, "parent_selection_type": "tournament"}),
    ]


def _mlrose(dimension: int) -> list[Method]:
    return [
        Method("random_hill_climb", {"step": 0.1}),
        Method("random_hill_climb", {"step": 0.5}),
        Method("simulated_annealing", {"step": 0.1}),
        Method("genetic_alg", {"step": 0.1}),
    ]


def _gradients(dimension: int) -> list[Method]:
    # On minibatches of 200, its default; and on all samples.
    return [
        Method("adam", {"learning_rate_init": 0.001}),
        Method("adam", {"learning_rate_init": 0.01}),
        Method("adam", {"learning_rate_init": 0.03, "batch_size": 10**6}),
    ]


CONTESTANTS = {
    "gradless": Contestant("gradless", "gradless", _gradless),
    "evosax": Contestant("evosax", "evosax", _evosax),
    "evotorch": Contestant("EvoTorch", "evotorch", _evotorch),
    "nevergrad": Contestant("nevergrad", "nevergrad", _nevergrad),
    "pycma": Contestant("pycma", "cma", _pycma),
    "cmaes": Contestant("cmaes", "cmaes", _cmaes),
    "pygad": Contestant("PyGAD", "pygad", _pygad),
    "mlrose": Contestant("mlrose-ky", "mlrose-ky", _mlrose),
    "sklearn": Contestant("gradients (scikit-learn)", "scikit-learn", _gradients),
}
"""By the names of their modules."""

YARDSTICK = "sklearn"
"""Uses gradients, and is no contestant: drawn dashed, and in no ranking."""
