"""What are strategies compared on? A recipe, as ``gradless train`` has it, or any problem.

A seed decides the data that are drawn or split, the first parameters and all noise, and is the same
for every strategy. They are compared on the objective itself from the first evaluation on: there is
no first phase on log loss.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from gradless import strategies
from gradless._core.tree import Params
from gradless.objectives import Measure
from gradless.problems.contract import HostProblem, Score
from gradless.problems.supervised import SupervisedProblem
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.strategies import Strategy
from gradless.training import auto, plan
from gradless.training.host_loop import mode_for
from gradless.training.loop import Run, Stop


class Start(NamedTuple):
    """What a seed gives to every strategy."""

    problem: Any  # Problem | HostProblem, with score_all
    begin: Callable[[Strategy], Run]
    params: Callable[[], Params]  # the first ones


class Task(Protocol):
    """What strategies are compared on."""

    @property
    def name(self) -> str:
        """Of the data, or of the function."""

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Of the network, from inputs to outputs; None if there is none."""

    @property
    def objective(self) -> Measure:
        """What losses are of."""

    @property
    def has_classes(self) -> bool:
        """Whether there is an accuracy."""

    @property
    def shapes(self) -> Params:
        """Parameters, or their shapes."""

    def start(self, seed: int) -> Start:
        """What a seed gives."""

    def choice(self, stop: Stop) -> Strategy:
        """The strategy that is chosen for a budget where none is named."""

    def described(self) -> dict[str, Any]:
        """What decides it, in plain values."""


class RecipeTask:
    """A recipe, of which the strategy does not count."""

    def __init__(self, recipe: Recipe) -> None:
        """Load the data of the recipe's seed."""
        self._recipe = dataclasses.replace(recipe, hyperparameters={}, strategy="random_search")
        self.prepared = self._prepared(recipe.seed)

    def _prepared(self, seed: int) -> Prepared:
        return prepare(dataclasses.replace(self._recipe, seed=seed))

    @property
    def name(self) -> str:
        """Of the data."""
        return self.prepared.train.name

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the network."""
        return self.prepared.model.sizes

    @property
    def objective(self) -> Measure:
        """What it is trained for."""
        return self.prepared.problem.objective

    @property
    def has_classes(self) -> bool:
        """Whether it is classification."""
        return self.prepared.train.is_classification

    @property
    def shapes(self) -> Params:
        """Of the network's parameters."""
        return self.prepared.params

    def start(self, seed: int) -> Start:
        """The runs of ``gradless train`` with this seed."""
        first = seed == self.prepared.recipe.seed
        prepared = self.prepared if first else self._prepared(seed)

        def begun(strategy: Strategy) -> Run:
            return dataclasses.replace(prepared, strategy=strategy).begin()

        def params() -> Params:
            return prepared.structure.unravel(begun(strategies.get("random_search")).best)

        return Start(prepared.problem, begun, params)

    def choice(self, stop: Stop) -> Strategy:
        """That of ``gradless train``."""
        return prepare(dataclasses.replace(self._recipe, strategy=auto.AUTO), stop).strategy

    def described(self) -> dict[str, Any]:
        """The recipe, but for what differs between runs."""
        recipe = dataclasses.asdict(self.prepared.recipe)
        for name in ("strategy", "hyperparameters", "seed", "why"):
            recipe.pop(name)
        return recipe


class PlainLoss(Measure):
    """A loss without a name."""

    name = "loss"
    greater_is_better = False

    @property
    def label(self) -> str:
        """Just that."""
        return self.name


@dataclass(frozen=True)
class ProblemTask:
    """Any problem, and where a search begins under each seed.

    Parameters
    ----------
    problem
        The same under every seed.
    first
        Makes the first parameters of a seed.
    name
        What it is called.
    """

    problem: Any
    first: Callable[[int], Params]
    name: str = "problem"

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Of its network, if it is one."""
        sizes = getattr(getattr(self.problem, "model", None), "sizes", None)
        return None if sizes is None else tuple(sizes)

    @property
    def objective(self) -> Measure:
        """That of supervised problems; other losses have no name."""
        if isinstance(self.problem, SupervisedProblem):
            return self.problem.objective
        return PlainLoss()

    @property
    def has_classes(self) -> bool:
        """Whether an accuracy is known."""
        if not isinstance(self.problem, SupervisedProblem):
            return False
        return "one_hot" in self.problem.targets

    @property
    def shapes(self) -> Params:
        """Those that the first seed begins with."""
        return self.first(0)

    def start(self, seed: int) -> Start:
        """The problem, and the search at its first parameters."""
        with mode_for(self.problem):
            params = jax.tree.map(_as_array, self.first(seed))

        def begun(strategy: Strategy) -> Run:
            with mode_for(self.problem):
                return plan.begun(strategy, params, seed)

        return Start(self.problem, begun, lambda: params)

    def choice(self, stop: Stop) -> Strategy:
        """That of :func:`gradless.minimize`."""
        params, problem = self.shapes, self.problem
        is_host = isinstance(problem, HostProblem)
        smooth = not is_host and getattr(self.objective, "smooth", True)
        is_count = not smooth and self.has_classes
        return auto.chosen(problem, params, stop, smooth=smooth, is_count=is_count).strategy

    def described(self) -> dict[str, Any]:
        """Its name."""
        return {"data": self.name}


def _as_array(leaf: Any) -> Any:
    return jax.numpy.asarray(leaf)


def judge(problem: Any, method: Any, state: Any) -> Score:
    """Loss and accuracy of a method's center on all the data."""
    with mode_for(problem):
        # Arrays that go with any other: the loop's are bound to all devices of its mesh.
        params = jax.tree.map(np.asarray, _center(method, state))
        score: Score = problem.score_all(params)
        return score


@jax.jit
def _center(method: Any, state: Any) -> Params:
    return method.center(state)
