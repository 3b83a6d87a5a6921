"""What is run: strategies, kinds of problems, layouts, all of them tiny."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from sklearn.metrics import get_scorer

from gradless import objectives, strategies
from gradless.models.mlp import MLP, Dense
from gradless.problems.contract import Layout
from gradless.problems.function import FunctionProblem
from gradless.problems.python import PythonProblem
from gradless.problems.scorer import HostMetric, HostMetricProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies.base import Strategy, perturbation
from gradless.strategies.wrappers import BestSoFar, Restarts, Scheduled

GENERATIONS = 6
SEED = 7
MODEL = MLP((2, 3, 3))

# Whole blocks of vectors and a rest; small, since only compiling takes time.
SMALL: dict[str, dict[str, Any]] = {
    "random_search": {"population": 10, "sigma": 0.3},
    "hill_climbing": {"speculation": 6, "sigma": 0.3},
    "fd_lbfgs": {"population": 10, "memory": 8},
    "openai_es": {"population": 10},
    "spsa": {"probes": 3, "sigma": 0.1},
    "pgpe": {"population": 10},
    "ars": {"population": 10, "top": 3},
    "cma_es": {"population": 10},
    "lm_ma_es": {"population": 10, "memory": 4},
    "sep_cma_es": {"population": 10},
    "snes": {"population": 10},
    "xnes": {"population": 10},
    "simulated_annealing": {"population": 6, "sigma": 0.3},
    "differential_evolution": {"population": 10},
    "genetic_algorithm": {"population": 10, "parents": 4},
    "particle_swarm": {"population": 10},
    "fzoo": {"probes": 9},
}

_SCHEDULE = optax.linear_schedule(0.3, 0.1, 4)
WRAPPED: dict[str, Strategy] = {
    "best_so_far(snes)": BestSoFar(strategies.get("snes", population=10)),
    "restarts(sep_cma_es)": Restarts(strategies.get("sep_cma_es", population=10), patience=2),
    "scheduled(hill_climbing)": Scheduled(
        strategies.get("hill_climbing", speculation=6), "sigma", _SCHEDULE
    ),
    "openai_es(rank)": strategies.get("openai_es", population=10, rank=1),
    "spsa(rank)": strategies.get("spsa", probes=3, sigma=0.1, rank=1),
    "fzoo(rank)": strategies.get("fzoo", probes=9, rank=1),
}

LAPACK = {"cma_es", "xnes"}
"""Strategies whose bits SciPy's linear algebra decides as well."""


def searches() -> dict[str, Strategy]:
    """Every strategy of the registry, and some wrappers."""
    # In the order of the table above: a new strategy leaves the turns of others as they are.
    names = dict.fromkeys([*SMALL, *strategies.STRATEGIES])
    registry = {n: strategies.get(n, **SMALL.get(n, {})) for n in names}
    return {**registry, **WRAPPED}


# --- Problems, of numbers that are the same on every machine --------------------------------------

SAMPLES = 24
_INDEX = np.arange(SAMPLES)
FEATURES = np.stack([(_INDEX * 7 % 16) / 8 - 1, (_INDEX * 5 % 32) / 16 - 1], axis=1)
CLASSES = (FEATURES[:, 0] * 2 > FEATURES[:, 1]).astype(int) + (FEATURES.sum(1) > 0.25)
PARAMS = tuple(
    Dense(
        ((np.arange(i * o).reshape(i, o) * 11 % 13 - 6) / 8).astype(np.float32),
        np.zeros(o, np.float32),
    )
    for i, o in ((2, 3), (3, 3))
)
VALLEY = {"a": np.float32([0.5, -0.25, 1.5]), "b": np.float32([[-1.0, 0.75]])}


def _supervised(batch_size: int | None = None) -> SupervisedProblem:
    return SupervisedProblem.of_arrays(
        "classification", FEATURES, CLASSES, 3, MODEL, objectives.get("cross_entropy"),
        batch_size=batch_size,
    )  # fmt: skip


def _valley(params: Any) -> Any:
    a, b = params["a"], params["b"]
    return jnp.sum((a - 0.125) ** 2) + 4 * jnp.sum((b - a[:2] ** 2) ** 2)


def _valley_in_python(params: Any) -> float:
    a, b = (params[name].astype(np.float64) for name in ("a", "b"))
    terms = [*(a - 0.125) ** 2, *(4 * (b - a[:2] ** 2) ** 2).ravel()]
    return math.fsum(terms)


def _scored() -> HostMetricProblem:
    metric = HostMetric("balanced_accuracy", get_scorer("balanced_accuracy"))
    return HostMetricProblem(metric, FEATURES, CLASSES, None, np.arange(3), MODEL, PARAMS)


@dataclass(frozen=True)
class Kind:
    """A problem, where its search begins, and how its populations are evaluated."""

    problem: Any
    params: Any
    layout: Layout | None = None  # Python's problems have their own


def kinds() -> dict[str, Kind]:
    """Every kind of problem and every layout, not each with each."""
    full, batches = _supervised(), _supervised(16)
    return {
        "rows": Kind(full, PARAMS, Layout(True, 1024, 1)),
        "rows in blocks, minibatches": Kind(batches, PARAMS, Layout(True, 4, 1)),
        "products, one by one": Kind(full, PARAMS, Layout(False, 1, 1)),
        "products in blocks, minibatches": Kind(batches, PARAMS, Layout(False, 4, 1)),
        "pairs, two devices": Kind(full, PARAMS, Layout(False, 1, 2, True)),
        "pairs in blocks": Kind(full, PARAMS, Layout(False, 3, 1, True)),
        "products, two devices": Kind(full, PARAMS, Layout(False, 1, 2)),
        "function": Kind(FunctionProblem.of(_valley, VALLEY), VALLEY, Layout(False, 1, 1)),
        "Python": Kind(PythonProblem(_valley_in_python, VALLEY), VALLEY),
        "scorer": Kind(_scored(), PARAMS),
    }


@dataclass(frozen=True)
class Case:
    """One search to be digested."""

    strategy: str
    kind: str

    @property
    def name(self) -> str:
        """Its line in the file."""
        return f"{self.strategy}: {self.kind}"

    @property
    def uses_lapack(self) -> bool:
        """Whether SciPy's linear algebra decides its bits as well."""
        return self.strategy in LAPACK


# A case costs the seconds that its program takes to compile, so the strategies take turns. Each has
# one case of full data or a function, one of minibatches in blocks, one on two devices, and one in
# 64-bit mode with losses from Python.
_TURNS = (
    {"rows", "products in blocks, minibatches", "products, two devices", "Python"},
    {"rows in blocks, minibatches", "products, two devices", "function", "scorer"},
)
_TURNS_OF_WRAPPERS = ({"rows", "Python"}, {"products, two devices", "Python"})
_ALSO_ALONE = {"spsa"}  # with curvatures, its candidates are no pairs
_EVERY_KIND = "random_search"  # the one that compiles fastest


def cases(searches: dict[str, Strategy], kinds: dict[str, Kind]) -> Iterator[Case]:
    """Every strategy, every kind, and each strategy with each way in which kinds differ."""
    turn = {True: 0, False: 0}
    for name, strategy in searches.items():
        turns = _TURNS_OF_WRAPPERS if name in WRAPPED else _TURNS
        chosen = turns[turn[name in WRAPPED] % len(turns)]
        turn[name in WRAPPED] += 1
        if perturbation(strategy).opposite_pairs:
            alone = set() if name in _ALSO_ALONE else {"products, two devices"}
            chosen = chosen - alone | {"pairs, two devices", "pairs in blocks"}
        for kind in kinds:
            of_pairs = kinds[kind].layout is not None and kinds[kind].layout.pairs
            if kind in chosen or (name == _EVERY_KIND and not of_pairs):
                yield Case(name, kind)


def quick(matrix: list[Case]) -> list[Case]:
    """One case of each strategy, and together every kind."""
    chosen = []
    for name in dict.fromkeys(case.strategy for case in matrix):
        own = [case for case in matrix if case.strategy == name]
        used = [case.kind for case in chosen]
        chosen.append(min(own, key=lambda case: used.count(case.kind)))
    return chosen
