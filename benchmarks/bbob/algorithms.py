"""Who searches? gradless, random points, and the peers, each as a function of the same arguments.

An algorithm searches until it ends by itself, or until the function ends it: by its budget or
because nothing is left to be reached. Peers that end before are begun anew from another point,
since that is what their users would do; gradless is called once.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import gradless
from benchmarks.bbob import Place, peers
from benchmarks.bbob.problems import Problem
from benchmarks.bbob.watched import Watched

Array = npt.NDArray[np.float64]


@dataclass
class Task:
    """What an algorithm may know of a problem beside the function.

    Parameters
    ----------
    lower, upper
        Corners of the domain, of shape (dimension,).
    integers
        So many of the first variables are whole numbers.
    seed
        Of whatever is drawn.
    start
        Where to begin: the same for all algorithms.
    """

    lower: Array
    upper: Array
    integers: int
    seed: int
    _generator: np.random.Generator
    start: Array = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.draw()

    @classmethod
    def of(cls, problem: Problem, place: Place, seed: int) -> Task:
        """The task of a problem; what is drawn depends on its place and the seed alone."""
        entropy = [place.function, place.dimension, place.instance, seed]
        chance = np.random.default_rng(entropy)
        number = int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 2) + 1
        return cls(problem.lower, problem.upper, problem.integers, number, chance)

    def draw(self) -> Array:
        """A point uniformly in the inner four fifths: of [-5, 5] these are [-4, 4]."""
        inner = self._generator.uniform(0.1, 0.9, self.lower.shape)
        point = self.lower + inner * (self.upper - self.lower)
        point[: self.integers] = np.round(point[: self.integers])
        return point

    def again(self) -> None:
        """Another start, with other noise."""
        self.start = self.draw()
        self.seed += 1


class Algorithm(NamedTuple):
    """A way to search.

    Parameters
    ----------
    search
        Called with the function and the task.
    package
        That it needs, as it is installed; and the module to be imported.
    again
        Whether it is begun anew when it ends by itself.
    family
        Whose colour it has in pictures.
    """

    search: Callable[[Watched, Task], None]
    package: str
    module: str
    again: bool
    family: str

    @property
    def installed(self) -> bool:
        """Whether it can be run here."""
        return importlib.util.find_spec(self.module) is not None


def _ours(strategy: str) -> Callable[[Watched, Task], None]:
    def search(function: Watched, task: Task) -> None:
        """Everything as it is for a user who says nothing but the domain, the budget and a seed."""
        pairs = list(zip(task.lower.tolist(), task.upper.tolist(), strict=True))
        said = {} if strategy == "auto" else {"strategy": strategy}
        if task.integers:
            said["integers"] = np.arange(len(pairs)) < task.integers
        gradless.minimize(
            function,
            task.start,
            bounds=pairs if task.integers else pairs[0],
            compiled=False,
            evaluations=function.budget,
            seed=task.seed,
            verbose=False,
            **said,
        )

    return search


def _random(function: Watched, task: Task) -> None:
    chance = np.random.default_rng(task.seed)
    while True:
        function(chance.uniform(task.lower, task.upper))


ALGORITHMS = {
    "gradless": Algorithm(_ours("auto"), "gradless", "gradless", False, "gradless"),
    "pycma-bipop": Algorithm(peers.pycma(True, False), "cma", "cma", True, "pycma"),
    "pycma-ipop": Algorithm(peers.pycma(False, False), "cma", "cma", True, "pycma"),
    "pycma-bipop-bounded": Algorithm(peers.pycma(True, True), "cma", "cma", True, "pycma"),
    "pycma-noise": Algorithm(peers.pycma(False, False, noisy=True), "cma", "cma", True, "pycma"),
    "cmaes-bipop": Algorithm(peers.cmaes(True), "cmaes", "cmaes", True, "cmaes"),
    "cmaes-ipop": Algorithm(peers.cmaes(False), "cmaes", "cmaes", True, "cmaes"),
    "scipy-de": Algorithm(peers.scipy_evolution(), "scipy", "scipy", True, "SciPy"),
    # Its tolerance is relative to the loss, to which these functions add a constant.
    "scipy-de-tol0": Algorithm(
        peers.scipy_evolution(tol=0, maxiter=10**6), "scipy", "scipy", True, "SciPy"
    ),
    "scipy-annealing": Algorithm(peers.scipy_annealing, "scipy", "scipy", True, "SciPy"),
    "nevergrad": Algorithm(peers.nevergrad, "nevergrad", "nevergrad", True, "nevergrad"),
    "evosax-cma": Algorithm(peers.evosax_cma, "evosax", "evosax", True, "evosax"),
    "evosax-de": Algorithm(peers.evosax_evolution, "evosax", "evosax", True, "evosax"),
    "random": Algorithm(_random, "numpy", "numpy", True, "random"),
}
"""By name. Beside these, ``gradless:STRATEGY`` is any strategy of gradless."""


def algorithm(name: str) -> Algorithm:
    """An algorithm by its name.

    Raises
    ------
    KeyError
        If there is none.
    """
    library, _, strategy = name.partition(":")
    if library == "gradless" and strategy in gradless.strategies.STRATEGIES:
        return ALGORITHMS["gradless"]._replace(search=_ours(strategy))
    return ALGORITHMS[name]
