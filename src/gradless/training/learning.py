"""How does a network learn from samples? What a session needs of data, a network and a budget.

The command line and the estimators come here with the same things, and so get the same bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless import objectives
from gradless._core import defaults
from gradless._core.tree import Params
from gradless.models.mlp import MLP
from gradless.objectives import Measure, Objective, Task
from gradless.objectives.units import Unit
from gradless.strategies import Strategy, restarting
from gradless.training import auto, regularization
from gradless.training.auto import Choice
from gradless.training.loop import Stop, evaluations_per_generation
from gradless.training.plan import Phase, Plan
from gradless.training.regularization import Regularization
from gradless.training.regularized import Settings
from gradless.training.samples import Samples, problem_of


class LogLoss(Measure):
    """What people see of a first phase."""

    name = quantity = label = "log loss"
    greater_is_better = False


LOG_LOSS = LogLoss()


@dataclass(frozen=True)
class Kind:
    """What kind of learning it is, by which a strategy is chosen and a network kept.

    Attributes
    ----------
    task, model, objective
        What is trained, for what: an :class:`Objective` or a metric in Python.
    precision
        Of the network's arithmetic in the search.
    """

    task: Task
    model: MLP
    objective: Any
    precision: str = "float32"

    @property
    def smooth(self) -> bool:
        """Whether a small change of the parameters changes the loss a little."""
        # Rounded to bfloat16, weights and outputs change in steps.
        exact = self.precision == "float32" and not self.model.is_piecewise_constant
        return bool(self.objective.smooth) and exact

    @property
    def is_count(self) -> bool:
        """Whether the objective counts samples, as far as anyone knows.

        Each goes from wrong to right in a step, so the best of thousands of networks owes some of
        them to luck, as on a lucky minibatch: the result is then the center of the search.
        """
        return not self.objective.smooth and self.task != "regression"

    def choice(
        self,
        problem: Any,
        params: Params,
        stop: Stop,
        *,
        restarts: str = restarting.NONE,
        checkpoints: bool = False,
    ) -> Choice:
        """The strategy for it."""
        return auto.chosen(
            problem,
            params,
            stop,
            smooth=self.smooth,
            is_count=self.is_count,
            restarts=restarts,
            checkpoints=checkpoints,
        )

    @property
    def in_log_loss(self) -> Kind:
        """The same for log loss."""
        return dataclasses.replace(self, objective=objectives.get("cross_entropy"))

    def begins_with_log_loss(self, wanted: bool | None) -> bool:
        """Whether there is a first phase on log loss; None: where it counts samples."""
        return self.task != "regression" and (self.is_count if wanted is None else wanted)


def first_limits(stop: Stop) -> Stop:
    """Limits of a first phase, half of the session's; a target is for the objective."""
    evaluations, seconds = stop.evaluations, stop.seconds
    share = defaults.LOG_LOSS_SHARE
    return Stop(
        None if evaluations is None else max(1, int(share * evaluations)),
        None if seconds is None else share * seconds,
        stagnation=stop.stagnation,
        not_finite=stop.not_finite,
    )


def rest_limits(stop: Stop, first: Stop, strategy: Strategy) -> Stop:
    """What a first phase with these limits leaves of the session's."""
    evaluations, seconds = stop.evaluations, stop.seconds
    if evaluations is not None and first.evaluations is not None:
        each = evaluations_per_generation(strategy)
        evaluations = max(1, evaluations - first.evaluations // each * each)
    if seconds is not None and first.seconds is not None:
        seconds = max(1e-9, seconds - first.seconds)
    return dataclasses.replace(stop, evaluations=evaluations, seconds=seconds)


def fits(strategy: Strategy, stop: Stop) -> bool:
    """Whether the evaluations are enough for a generation."""
    return stop.evaluations is None or evaluations_per_generation(strategy) <= stop.evaluations


@dataclass(frozen=True)
class First:
    """A first phase on log loss: how, and when it ends."""

    strategy: Strategy
    stop: Stop


def planned_first(
    kind: Kind, problem: Any, params: Params, stop: Stop, strategy: Strategy | None
) -> First | None:
    """The first phase within a session's limits; None if they are too narrow for two.

    ``problem`` is one like that of log loss, perhaps of shapes; a strategy of None is chosen.
    """
    limits = first_limits(stop)
    begins = strategy or kind.in_log_loss.choice(problem, params, limits).strategy
    # What is chosen for metrics that count is the same whatever the budget.
    follows = strategy or (auto.WIDE_SEARCH if kind.is_count else begins)
    rest = rest_limits(stop, limits, begins)
    return First(begins, limits) if fits(begins, limits) and fits(follows, rest) else None


@dataclass(frozen=True)
class Learning:
    """What a network learns from, how and for how long.

    Attributes
    ----------
    kind
        What kind of learning it is.
    samples, held_out
        To train on; and to choose by, if there are any.
    stop, seed
        Limits, and what decides all that is random.
    strategy
        None to have one chosen.
    why
        Why it was chosen before, if it was.
    first
        The first phase on log loss; None for none, True to have it planned.
    unit
        In which targets are given, without the shift of the outputs, and what is minimised; None
        for classes, and for metrics in Python, which see the units of the user.
    output_scale
        What outputs are multiplied by, (outputs,), in the units of the user.
    batch_size
        Samples that a generation sees; all if None.
    size
        Makes of a number of samples that to which they are filled up.
    patience
        Times the evaluations of the best network.
    of_metric
        Makes the problem of a metric in Python, of samples, the first parameters and whether all
        of them are judged.
    member, settings
        For a fit with a penalty: the network of one start, of which that of ``kind`` is the mean of
        several, and how it goes; None for a search.
    """

    kind: Kind
    samples: Samples
    held_out: Samples | None
    stop: Stop
    seed: int
    strategy: Strategy | None = None
    restarts: str = restarting.NONE
    why: str = ""
    first: First | bool | None = None
    unit: Unit | None = None
    output_scale: npt.NDArray[np.float64] | None = None
    batch_size: int | None = None
    size: Callable[[int], int] = lambda samples: 0
    patience: float = defaults.PATIENCE
    of_metric: Callable[[Samples, Params, bool], Any] | None = None
    member: MLP | None = None
    settings: Settings | None = None

    def problem(self, samples: Samples, params: Params, *, whole: bool = False) -> Any:
        """The problem of some samples; ``whole`` for one without minibatches, to judge by."""
        if self.of_metric is not None:
            return self.of_metric(samples, params, whole)
        unit, scale = self.unit, self.output_scale
        if unit is not None and scale is not None:
            scale = scale / unit.of_targets
        objective: Any = self.kind.objective if unit is None else unit.objective
        return self._of(samples, objective, scale, whole)

    def _of(
        self, samples: Samples, objective: Objective, scale: Any = None, whole: bool = False
    ) -> Any:
        kind = self.kind
        return problem_of(
            samples,
            kind.task,
            kind.model,
            objective,
            batch_size=None if whole else self.batch_size,
            precision=kind.precision,
            output_scale=scale,
            size=self.size(len(samples.inputs)),
        )

    def plan(self, params: Params, *, goes_on: bool = False, problem: Any = None) -> Plan:
        """The session that begins with these parameters.

        Parameters
        ----------
        params
            Where it begins.
        goes_on
            Whether they are the result of another session.
        problem
            That of the samples, if it is made already.
        """
        kind, stop = self.kind, self.stop
        if problem is None:
            problem = self.problem(self.samples, params)
        if self.settings is not None:
            return self._regularized(problem, params)
        first, before = self.first, None
        if first:
            before = self._of(self.samples, objectives.get("cross_entropy"))
            if first is True:
                first = planned_first(kind, before, params, stop, self.strategy)
        rest = rest_limits(stop, first.stop, first.strategy) if first else stop
        strategy, why = self.strategy, self.why
        if strategy is None:
            strategy, why = kind.choice(problem, params, rest, restarts=self.restarts)
        strategy = restarting.restarting(strategy, self.restarts)
        held_out = None
        if self.held_out is not None:
            held_out = self.problem(self.held_out, params, whole=True)
        told = {} if self.unit is None else {"told": self.unit.told}
        return Plan(
            Phase(problem, strategy, stop, why, kind.objective, **told),
            params,
            self.seed,
            Phase(before, first.strategy, first.stop, "", LOG_LOSS) if first else None,
            keeps_center=kind.is_count,
            held_out=held_out,
            patience=self.patience,
            goes_on=goes_on,
        )

    def _regularized(self, problem: Any, params: Params) -> Plan:
        """The session of a fit with a penalty."""
        kind, member, settings = self.kind, self.member, self.settings
        assert member is not None
        assert settings is not None
        fitted = regularization.surrogate(kind.objective, kind.task)
        assert fitted is not None
        told = {} if self.unit is None else {"told": self.unit.told}
        why = regularization.described(settings, member)
        samples = regularization.fitted_samples(kind.objective, self.samples)
        scale: Any = 1.0
        if kind.task == "regression" and self.output_scale is not None:
            scale = (
                self.output_scale if self.unit is None else self.output_scale / self.unit.of_targets
            )
            inverse = np.where(scale > 0, scale, 1.0)
            samples = samples._replace(targets=samples.targets / inverse)

        def of_outputs(outputs: Any) -> tuple[float, float | None]:
            objective: Any = kind.objective if self.unit is None else self.unit.objective
            targets, weight = self.samples.targets, self.samples.weight
            value = objective(outputs * scale, targets, weight, kind.task, self.samples.extras)
            loss = (
                objective.value(value)
                if self.unit is None
                else self.unit.told(objective.value(value))
            )
            if kind.task == "regression":
                return float(loss), None
            right = outputs.argmax(1) == targets
            return float(loss), float(np.average(right, weights=weight))

        return Plan(
            Phase(problem, regularization.STRATEGY, self.stop, why, kind.objective, **told),
            params,
            self.seed,
            regularization=Regularization(
                settings,
                member,
                fitted,
                kind.task,
                samples,
                of_outputs,
                regularization.metric_for(
                    kind.objective, kind.task, self.samples, kind.model.sizes[-1]
                ),
            ),
        )
