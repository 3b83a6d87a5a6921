"""Who trains for a comparison? :class:`Contest`: every entrant under every seed.

Seeds are the outer loop: whenever it is stopped, all strategies have had about as many, and a
machine that becomes slower does so for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.problems.contract import HostProblem
from gradless.runs.comparison.entrants import Entrant
from gradless.runs.comparison.one_run import OneRun, Progress
from gradless.runs.comparison.outcomes import Axis, Outcome
from gradless.runs.comparison.summary import Summary, summarise
from gradless.runs.comparison.tasks import Task, Trial
from gradless.strategies import HillClimbing, Strategy
from gradless.training import gradient_descent, memory
from gradless.training.gradient_descent import Adam
from gradless.training.loop import Stop, evaluations_per_generation

_ANY = HillClimbing()  # of what is only asked for its data
_FAILURES = (InputError, MemoryError, jax.errors.JaxRuntimeError)


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Parameters
    ----------
    task
        Data, network and objective, or any problem.
    entrants
        Strategies with their hyperparameters.
    seeds
        Number of runs of each strategy. Run k has seed ``first_seed + k``, which decides the data
        drawn (or split), the first parameters and all noise, and is the same for every strategy.
    stop
        Limits of each run: evaluations, seconds or both. A ``loss`` or ``accuracy`` is the target
        that counts as success; no run ends at it.
    first_seed
        The first one.
    adam
        Gradient descent as a yardstick, if any.

    Raises
    ------
    InputError
        For what is no comparison.
    """

    task: Task
    entrants: tuple[Entrant, ...]
    seeds: int
    stop: Stop
    first_seed: int = 0
    adam: Adam | None = None

    def __post_init__(self) -> None:
        """Refuse what is no comparison."""
        if not isinstance(self.seeds, int) or self.seeds < 1:
            raise InputError(f"seeds must be 1 or more, got {self.seeds}. 10 tell luck from skill")
        if not 0 <= self.first_seed <= 2**32 - self.seeds:
            raise InputError(
                f"seeds must be from 0 to 2**32 - 1, got {self.seeds:,} from {self.first_seed}. "
                "Begin with a smaller seed"
            )
        if not self.entrants:
            raise InputError(
                "strategies must be names, or all, got none. gradless strategies lists them"
            )
        if self.stop.evaluations is None and self.stop.seconds is None:
            raise InputError("a comparison needs a limit: evaluations, seconds or both")
        if self.stop.loss is not None and self.stop.accuracy is not None:
            raise InputError(
                "the target must be a loss or an accuracy, got both; success is reaching it"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the entrants."""
        return tuple(each.name for each in self.entrants)

    @property
    def limits(self) -> Stop:
        """When a run ends: the target decides about success only."""
        return Stop(self.stop.evaluations, self.stop.seconds)

    @property
    def runs(self) -> int:
        """Number of runs, those of the yardstick included."""
        return self.seeds * (len(self.entrants) + (self.adam is not None))

    @property
    def deciding(self) -> Axis:
        """Which budget limits the runs."""
        return "seconds" if self.stop.evaluations is None else "evaluations"


class Contest:
    """Runs of every strategy under every seed.

    Attributes
    ----------
    outcomes
        Finished runs, in the order in which they finished.
    failures
        Reasons of strategies that could not go on, by name.
    strategies
        By name, as they are under the first seed.
    fitted
        Names of those that are fits with a penalty.

    Raises
    ------
    InputError
        From the beginning, for whatever cannot be compared; nothing has been trained then.
    """

    def __init__(self, plan: Plan) -> None:
        """Check every strategy against the limits."""
        self.plan = plan
        self.outcomes: list[Outcome] = []
        self.failures: dict[str, str] = {}
        first = {
            each.name: None if each.strategy else self._trial(None).plan for each in plan.entrants
        }
        self.strategies = {
            each.name: each.strategy or first[each.name].main.strategy  # type: ignore[union-attr]
            for each in plan.entrants
        }
        # Fits with a penalty: what is chosen for tables. They have generations of their own.
        self.fitted = {name for name, one in first.items() if one and one.regularization}
        self._problem = self._trial(next(iter(self.strategies.values()))).plan.main.problem
        self._check()

    def _trial(self, strategy: Strategy | None) -> Trial:
        return self.plan.task.trial(strategy, self.plan.first_seed, self.plan.limits)

    @property
    def uses_minibatches(self) -> bool:
        """Whether losses are those of centers on all the data."""
        return bool(self._problem.uses_minibatches)

    def _check(self) -> None:
        plan, problem = self.plan, self._problem
        shapes = plan.task.shapes
        if not any(_fits(problem, each, shapes) for each in self.strategies.values()):
            # One that does not fit is refused when it is its turn.
            _check_memory(problem, next(iter(self.strategies.values())), shapes)
        if plan.stop.accuracy is not None and not plan.task.has_classes:
            raise InputError(
                "the target must be a loss where there are no classes, got accuracy "
                f"{plan.stop.accuracy}"
            )
        if plan.adam is not None and isinstance(problem, HostProblem):
            raise InputError(
                "gradient descent needs a loss that JAX computes, got one in Python. Leave it out"
            )
        if plan.stop.evaluations is None:
            return
        needed = {
            name: evaluations_per_generation(strategy)
            for name, strategy in self.strategies.items()
            if name not in self.fitted
            and evaluations_per_generation(strategy) > plan.stop.evaluations
        }
        if needed:
            name = max(needed, key=needed.__getitem__)
            raise InputError(
                f"evaluations must be {needed[name]:,} or more, got {plan.stop.evaluations:,}, "
                f"since one generation of {name} takes so many. Give more, or leave out "
                f"{', '.join(needed)}"
            )
        if plan.adam is not None and plan.stop.evaluations < gradient_descent.EVALUATIONS_PER_STEP:
            raise InputError(
                f"evaluations must be {gradient_descent.EVALUATIONS_PER_STEP} or more, got "
                f"{plan.stop.evaluations}: one step of {gradient_descent.NAME} counts as so many"
            )

    def run(
        self,
        show: Callable[[Progress], None] = lambda progress: None,
        asked_to_stop: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Train, showing progress; a run that is asked to stop is left out, and ends it all."""
        plan = self.plan
        for seed in range(plan.first_seed, plan.first_seed + plan.seeds):
            methods: dict[str, Strategy | Adam | None] = {
                each.name: each.strategy for each in plan.entrants
            }
            if plan.adam is not None:
                methods[gradient_descent.NAME] = plan.adam
            for name, method in methods.items():
                if name in self.failures:
                    continue
                one = OneRun(name, seed, show, asked_to_stop)
                try:
                    outcome = self._outcome(one, method, seed)
                    if outcome is not None:
                        self.outcomes.append(outcome)
                        show(one.progress._replace(outcome=outcome))
                except _FAILURES as error:
                    # One strategy's trouble must not lose what the others did.
                    reason = " ".join(str(error).split())[:300] or type(error).__name__
                    self.failures[name] = reason
                    show(Progress(name, seed, 0, 0.0, math.inf, failure=reason))
                if asked_to_stop():
                    return

    def _outcome(self, one: OneRun, method: Strategy | Adam | None, seed: int) -> Outcome | None:
        task, limits = self.plan.task, self.plan.limits
        if isinstance(method, Adam):
            return one.descend(task.trial(_ANY, seed, limits), method)
        trial = task.trial(method, seed, limits)
        if trial.plan.regularization is None:
            _check_memory(trial.plan.main.problem, trial.plan.main.strategy, task.shapes)
        return one.search(trial)

    def summarise(self) -> Summary | None:
        """What the finished runs say; None if no strategy has one."""
        plan = self.plan
        return summarise(
            self.outcomes, self.failures, plan.stop, plan.deciding, on_test=plan.task.has_test
        )


def _check_memory(problem: Any, strategy: Strategy, params: Params) -> None:
    """Refuse a strategy that does not fit into memory."""
    memory.check(
        memory.estimate(problem, strategy, params),
        memory.described(strategy, params),
        there=memory.size(problem),
        otherwise="leave it out, or give fewer neurons or a smaller batch size",
    )


def _fits(problem: Any, strategy: Strategy, params: Params) -> bool:
    try:
        _check_memory(problem, strategy, params)
    except InputError:
        return False
    return True
