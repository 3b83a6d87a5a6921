"""What are strategies compared on? A recipe, as ``gradless train`` has it, or any problem.

A seed decides the data that are drawn or split, the first parameters and all noise, and is the same
for every strategy. Each then trains as it would alone: on a recipe as ``gradless train`` does, with
its first phase and its rows held out, and on a function as :func:`gradless.minimize` does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from gradless._core.tree import Params
from gradless.objectives import Measure
from gradless.problems.contract import HostProblem, Score
from gradless.problems.function import FunctionProblem
from gradless.problems.python import PythonProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.strategies import Strategy
from gradless.training import auto
from gradless.training.host_loop import mode_for
from gradless.training.loop import Stop
from gradless.training.plan import Phase, Plan


class Trial(NamedTuple):
    """A run before it begins, and what judges the parameters that it ends with."""

    plan: Plan
    judge: Callable[[Params], Score] | None  # on test rows; None if there are none


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

    @property
    def has_test(self) -> bool:
        """Whether test rows judge what a run ends with."""

    def trial(self, strategy: Strategy | None, seed: int, stop: Stop) -> Trial:
        """The run of a strategy, or of that chosen for a budget, under a seed."""

    def described(self) -> dict[str, Any]:
        """What decides it, in plain values."""


class RecipeTask:
    """A recipe, of which the strategy does not count."""

    def __init__(self, recipe: Recipe) -> None:
        """Load the data of the recipe's seed."""
        self._alpha = recipe.alpha  # of what is chosen; a strategy that is named has no penalty
        self._recipe = dataclasses.replace(
            recipe, hyperparameters={}, strategy="random_search", why=None, first=None, alpha=None,
            regularization=None,
        )  # fmt: skip
        self.prepared = self._latest = prepare(self._recipe)

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

    @property
    def has_test(self) -> bool:
        """Whether rows are kept aside."""
        return self.prepared.test is not None

    def trial(self, strategy: Strategy | None, seed: int, stop: Stop) -> Trial:
        """The run of ``gradless train`` with this strategy, seed and budget."""
        if strategy is None:
            own = dataclasses.replace(
                self._recipe, strategy=auto.AUTO, seed=seed, alpha=self._alpha
            )
            prepared = prepare(own, stop)
        else:
            prepared = _with(self._of(seed), strategy)
        judge = None
        if prepared.test is not None:
            judge = prepared.problem_of(prepared.test).score_all
        return Trial(prepared.plan(stop), judge)

    def _of(self, seed: int) -> Prepared:
        """The data of a seed, read once for all strategies that have it in turn."""
        if self._latest.recipe.seed != seed:
            self._latest = prepare(dataclasses.replace(self._recipe, seed=seed))
        return self._latest

    def described(self) -> dict[str, Any]:
        """The recipe, but for what differs between runs."""
        recipe = dataclasses.asdict(self.prepared.recipe)
        for name in ("strategy", "hyperparameters", "seed", "why"):
            recipe.pop(name)
        return recipe


def _with(prepared: Prepared, strategy: Strategy) -> Prepared:
    """The same with this strategy, and with the first phase that it then has."""
    learning = prepared.learning
    begins = learning.kind.begins_with_log_loss(prepared.recipe.log_loss_first)
    learning = dataclasses.replace(learning, first=begins or None)
    return dataclasses.replace(prepared, strategy=strategy, learning=learning)


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

    @property
    def has_test(self) -> bool:
        """Nobody knows of other data."""
        return False

    def trial(self, strategy: Strategy | None, seed: int, stop: Stop) -> Trial:
        """The problem, searched from the first parameters of the seed."""
        problem = self.problem
        with mode_for(problem):
            params = jax.tree.map(jax.numpy.asarray, self.first(seed))
        smooth = not isinstance(problem, HostProblem) and getattr(self.objective, "smooth", True)
        is_count = not smooth and self.has_classes
        is_function = isinstance(problem, FunctionProblem | PythonProblem)
        why = ""
        if strategy is None:
            strategy, why = auto.chosen(
                problem,
                params,
                stop,
                smooth=smooth,
                is_count=is_count,
                is_function=is_function,
            )
        main = Phase(problem, strategy, stop, why)
        if is_function:
            return Trial(Plan.of_function(main, params, seed), None)
        return Trial(Plan(main, params, seed, keeps_center=is_count), None)

    def described(self) -> dict[str, Any]:
        """Its name."""
        return {"data": self.name}


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
