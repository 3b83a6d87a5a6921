"""How does one run of a comparison go? As a session, which is followed, and judged at its end."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gradless._core.tree import Params, Structure
from gradless.evaluation.layout import choose_layout
from gradless.evaluation.population import replicate
from gradless.problems.contract import Score
from gradless.runs.comparison.outcomes import Improvements, Outcome
from gradless.runs.comparison.tasks import Trial, judge
from gradless.training import gradient_descent, sessions
from gradless.training.gradient_descent import EVALUATIONS_PER_STEP, Adam
from gradless.training.observers import Observer, RunInfo
from gradless.training.plan import Plan, loss_of
from gradless.training.records import Record
from gradless.training.regularized_session import RegularizedSession
from gradless.training.validation import VALIDATED, GrowingLooks, Validation, answers


class Progress(NamedTuple):
    """What is happening; ``outcome`` comes with the last one of a finished run."""

    name: str
    seed: int
    evaluations: int
    seconds: float
    best_loss: float
    outcome: Outcome | None = None
    failure: str | None = None


class OneRun(Observer):
    """A run under a name and a seed, which shows how far it is.

    Parameters
    ----------
    name, seed
        Of the entrant, and of the run.
    show
        Called several times a second.
    asked_to_stop
        Called between chunks; a run that ends for that reason has no outcome.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        show: Callable[[Progress], None],
        asked_to_stop: Callable[[], str | None],
    ) -> None:
        """Begin nothing yet."""
        self._name, self._seed, self._show, self._asks = name, seed, show, asked_to_stop
        self._asked: str | None = None
        self._is_first = self._is_fit = False
        self._improvements = Improvements(None)
        self._evaluations, self._seconds = 0, 0.0

    @property
    def progress(self) -> Progress:
        """How far it is."""
        best = self._improvements.best
        return Progress(self._name, self._seed, self._evaluations, self._seconds, best)

    def _ask(self) -> str | None:
        self._asked = self._asks()
        return self._asked

    def begin(self, info: RunInfo) -> None:
        """Know what a phase improves: a first one, and a fit with a penalty, something else."""
        self._is_first = self._is_fit or info.following is not None

    def record(self, record: Record) -> None:
        """Follow it."""
        if len(record.evaluations):
            self._evaluations = int(record.evaluations[-1])
            self._seconds = float(record.seconds[-1])
        if not self._is_first:
            self._improvements.add(record)
        self._show(self.progress)

    def search(self, trial: Trial) -> Outcome | None:
        """Train with the strategy of the plan."""
        plan, problem = trial.plan, trial.plan.main.problem
        self._show(self.progress)
        if problem.uses_minibatches:
            judged = functools.partial(judge, problem, plan.main.strategy)
            judged(plan.begun().state)  # compiled before the clock starts
            self._improvements = Improvements(judged)
        session = sessions.begun(plan, [self], asked_to_stop=self._ask)
        self._is_fit = isinstance(session, RegularizedSession)
        trained = session.train()
        if self._asked is not None:
            return None
        score = Score(trained.loss, trained.measures)
        if self._is_fit:  # of which only the end is known
            self._evaluations, self._seconds = session.evaluations, session.seconds
            accuracy = float(trained.measures.get("accuracy", math.nan))
            self._improvements.ended(self._evaluations, self._seconds, trained.loss, accuracy)
        return self._outcome(
            trial, trained.params, score, trained.compile_seconds, trained.stopped_because
        )

    def descend(self, trial: Trial, adam: Adam) -> Outcome | None:
        """Train with gradients on the objective itself, with the same rows held out."""
        plan, problem = trial.plan, trial.plan.main.problem
        self._show(self.progress)
        if problem.uses_minibatches:
            judged = functools.partial(judge, problem, adam)
            judged(adam.begin(plan.params, self._seed).state)
            self._improvements = Improvements(judged)
        validation = None
        if plan.held_out is not None:
            of_adam = answers(adam, True)  # type: ignore[arg-type]
            validation = Validation(
                GrowingLooks(EVALUATIONS_PER_STEP, plan.patience),
                loss_of(plan.held_out, plan.params),
                of_adam,
            )
        record: Record | None = None
        for record in _descended(adam, plan, self._seed, validation, self._ask):
            self.record(record)
        assert record is not None
        if self._asked is not None:
            return None
        vector: Any = record.run.best
        if problem.uses_minibatches:
            vector = answers(adam, True)(record.run)[0]  # type: ignore[arg-type]
        if validation is not None and validation.network is not None:
            vector = validation.network
        vector = np.asarray(vector)
        params = Structure.of(plan.params).unravel(vector)
        return self._outcome(
            trial, params, problem.score_all(params), record.compile_seconds,
            str(record.stopped_because),
        )  # fmt: skip

    def _outcome(
        self, trial: Trial, params: Params, score: Score, compile_seconds: float, reason: str
    ) -> Outcome:
        """What it leaves, judged on test rows if there are any."""
        if trial.judge is not None:
            score = trial.judge(params)
        return Outcome(
            self._name,
            self._seed,
            self._improvements.curve(),
            self._evaluations,
            self._seconds,
            compile_seconds,
            float(score.loss),
            float(score.measures.get("accuracy", math.nan)),
            reason,
        )


def _descended(
    adam: Adam,
    plan: Plan,
    seed: int,
    validation: Validation | None,
    asked_to_stop: Callable[[], str | None],
) -> Iterator[Record]:
    """The records of gradient descent, until rows held out say that it is enough."""
    problem = plan.main.problem
    run = replicate(adam.begin(plan.params, seed), choose_layout(problem, 1))
    records = gradient_descent.descend(
        problem,
        adam,
        run,
        plan.main.stop,
        asked_to_stop=asked_to_stop,
        pauses=None if validation is None else validation.pause_after,
    )
    for record in records:
        if validation is not None and validation.look(record) and not record.stopped_because:
            yield record._replace(stopped_because=VALIDATED)
            return
        yield record
