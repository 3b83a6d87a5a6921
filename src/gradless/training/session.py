"""How does every door train? One session: from a problem, a strategy and a budget to a result.

A session may have a first phase on another problem, such as log loss: where an objective goes in
steps, a network at the beginning is often on a plateau, no candidate differs from it, and a loss
that is never flat brings it to where the steps are.

Which parameters it ends with is one rule, :func:`.answer.answer`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradless._core.tree import Params
from gradless.problems.contract import NO_FAULTS, Faults
from gradless.training.answer import Answer, Found, answer, numbers
from gradless.training.checkpoint import Saved
from gradless.training.history import History
from gradless.training.keeping import Keeping, Kept
from gradless.training.loop import (
    Record,
    Run,
    Stop,
    check_budget,
    evaluations_per_generation,
)
from gradless.training.observers import Observer, RunInfo, Watch
from gradless.training.plan import FIRST, MAIN, Phase, Plan, Spent, left
from gradless.training.validation import Validation, watched


class Trained(NamedTuple):
    """What came of a session.

    Attributes
    ----------
    params
        The parameters kept, NumPy arrays.
    loss, measures
        Theirs on all training data, as people know them.
    stopped_because
        What ended it.
    chosen
        Whether rows held out chose these parameters.
    compile_seconds
        Of the last phase.
    """

    params: Params
    loss: float
    measures: dict[str, float]
    stopped_because: str
    chosen: bool
    compile_seconds: float


class Session:
    """A plan on its way.

    Parameters
    ----------
    plan
        What is done.
    observers
        Hear of the records of each phase; evaluations and seconds are those of the session.
    asked_to_stop
        Called between chunks; a text ends the session for that reason.
    keeping
        Where checkpoints go, if any are written.

    Attributes
    ----------
    phase
        The present one.
    run, history, validation
        Of it.
    spent
        By phases before.
    not_finite, faults
        Losses that were not, in all phases, and exceptions of losses in Python.
    found
        What the last phase found; None before that.
    """

    def __init__(
        self,
        plan: Plan,
        observers: Sequence[Observer] = (),
        *,
        asked_to_stop: Callable[[], str | None] = lambda: None,
        keeping: Keeping | None = None,
    ) -> None:
        """Begin nothing yet."""
        self.plan, self._observers = plan, observers
        self._asked, self._keeping = asked_to_stop, keeping
        self.phase = MAIN if plan.first is None else FIRST
        self.run: Run | None = None
        self.history, self.validation = History(), plan.validator()
        self.spent, self.not_finite, self.faults = Spent(), 0, NO_FAULTS
        self.found: Found | None = None
        self._start = plan.params
        self._seconds = 0.0  # of the present phase before this call

    # --- How far it is ----------------------------------------------------------------------------

    @property
    def evaluations(self) -> int:
        """Evaluations so far."""
        return self.spent.evaluations + (0 if self.run is None else self._made(self.run))

    @property
    def seconds(self) -> float:
        """Seconds so far, of all calls."""
        return self.spent.seconds + self._seconds

    def _made(self, run: Run) -> int:
        return int(run.generation) * evaluations_per_generation(self._now.strategy)

    @property
    def _now(self) -> Phase:
        now = self.plan.main if self.phase == MAIN else self.plan.first
        assert now is not None
        return now

    def described(self) -> dict[str, Any]:
        """What :meth:`restore` needs besides arrays, as JSON can hold it."""
        return {
            "phase": self.phase,
            "spent": self.spent._asdict(),
            "phase_seconds": self._seconds,
            "not_finite": self.not_finite,
            "validation": None if self.validation is None else self.validation.described(),
        }

    def like(self, about: Mapping[str, Any]) -> Run:
        """A run of the shapes of a checkpoint that says this of itself."""
        number = about.get("phase", MAIN)
        return self.plan.begun(FIRST if number == FIRST and self.plan.first else MAIN)

    def restore(self, saved: Saved) -> None:
        """Go on from a checkpoint.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it does not say how far it is.
        """
        about = saved.about
        phase, spent, seconds = about["phase"], Spent(**about["spent"]), about["phase_seconds"]
        numbers = (phase, *spent, seconds, about["not_finite"])
        known = (FIRST, MAIN) if self.plan.first else (MAIN,)
        if not all(isinstance(each, int | float) for each in numbers) or phase not in known:
            raise TypeError("not numbers")
        if self.validation is not None:
            self.validation.before = spent.evaluations
            self.validation.restore(about["validation"], saved.kept)
        self.phase, self.spent, self._seconds = phase, spent, float(seconds)
        self.not_finite = int(about["not_finite"])
        self.run, self.history = saved.run, saved.history

    def go_on_from(
        self, run: Run, history: History, *, seconds: float, not_finite: int, faults: Faults
    ) -> None:
        """Go on from what another session of the main phase alone has left.

        The history is appended to.
        """
        self.run, self.history, self._seconds = run, history, seconds
        self.not_finite, self.faults = not_finite, faults

    # --- Training ---------------------------------------------------------------------------------

    def train(self) -> Trained:
        """Train, to the end of the last phase.

        Raises
        ------
        InputError
            For whatever cannot be trained.
        OSError
            If the last checkpoint cannot be written.
        """
        with Watch(self._observers) as watch:
            return self._train(watch)

    def _train(self, watch: Watch) -> Trained:
        plan, seconds = self.plan, self.seconds
        if self.phase == FIRST:
            ended = self._search(watch, self._first_limits(), None)
            found = answer(plan, FIRST, ended.found, None, compared=plan.goes_on)
            if ended.asked:
                return self._ended(ended, found)
            self._start = found.judged.params
            made = self.spent
            assert self.run is not None
            self.spent = Spent(
                made.generations + int(self.run.generation),
                made.evaluations + self._made(self.run),
                made.seconds + self._seconds,
            )
            self.phase, self.run, self.history = MAIN, None, History()
            self._seconds = 0.0
            if self.validation is not None:
                self.validation.before = self.spent.evaluations
        stop = left(plan.main, self.spent, self.seconds - seconds)
        ended = self._search(watch, stop, self.validation)
        # Against a first phase, an average would lose by what that one has learnt by heart.
        compared = plan.goes_on and plan.first is None
        self.found = ended.found
        return self._ended(
            ended, answer(plan, MAIN, ended.found, self.validation, compared=compared)
        )

    def _first_limits(self) -> Stop:
        """What is left of the first phase's limits, within those of this call."""
        stop, whole = self._now.stop, self.plan.main.stop
        evaluations, seconds = stop.evaluations, stop.seconds
        if evaluations is not None and whole.evaluations is not None:
            evaluations = min(evaluations, whole.evaluations)
        if seconds is not None:
            seconds = max(1e-9, seconds - self._seconds)
            seconds = seconds if whole.seconds is None else min(seconds, whole.seconds)
        return dataclasses.replace(stop, evaluations=evaluations, seconds=seconds)

    def _info(self, now: Phase, stop: Stop) -> RunInfo:
        """What observers know of a phase."""
        return RunInfo(
            now.strategy, stop, now.objective, now.problem.uses_minibatches, self.plan.settings
        )

    def _search(self, watch: Watch, stop: Stop, validation: Validation | None) -> _Ended:
        """The present phase."""
        now = self._now
        check_budget(now.strategy, stop)
        if self.run is None:
            self.run = self.plan.begun(self.phase, self._start)
        info = self._info(now, stop)
        if self.phase == FIRST:
            main = self.plan.main
            info = dataclasses.replace(info, following=self._info(main, main.stop))
        watch.begin(info)
        before, reason = self._seconds, None
        record: Record | None = None
        with Kept(self, self._keeping) as kept:
            for record in watched(
                now.problem,
                now.strategy,
                self.run,
                stop,
                validation,
                self._asked,
                self.plan.all_losses,
            ):
                self.run = record.run
                self.not_finite += record.not_finite
                self.faults = self.faults.and_later(record.faults)
                shown = record._replace(
                    seconds=record.seconds + (self.spent.seconds + before),
                    evaluations=record.evaluations + self.spent.evaluations,
                    loss=now.told(record.loss),
                    best_loss=now.told(record.best_loss),
                )
                if len(record.seconds):
                    self._seconds = before + float(record.seconds[-1])
                if self.phase == MAIN:
                    self.history.append(**shown.rows)
                reason = watch.tell(shown)
                if reason is not None:
                    break
                kept.offer()
            assert record is not None
            asked = reason if record.stopped_because is None else self._asked()
            kept.close(last=self.phase == MAIN or asked is not None)
        # What is known of where the session begins is of the main phase.
        known = self.plan.known if self.phase == MAIN and self.plan.first is None else None
        found = Found(now, self.run, str(reason), self._start, known)
        return _Ended(found, str(reason), asked, record.compile_seconds)

    def _ended(self, ended: _Ended, found: Answer) -> Trained:
        params, score = found.judged.params, found.judged.score
        main = self.plan.main
        if self.phase == FIRST:  # of what it is about, there is this one network
            score = numbers(main.problem.score_all(params))
            assert self.run is not None
            told = np.array([main.told(score.loss)])
            measures = {name: np.asarray([of]) for name, of in score.measures.items()}
            self.history.append(
                generation=np.array([max(1, int(self.run.generation))]),
                evaluations=np.array([self.evaluations]), seconds=np.array([self.seconds]),
                loss=told, best_loss=told, **measures,
                **{f"best_{name}": of for name, of in measures.items()},
            )  # fmt: skip
        return Trained(
            params,
            float(main.told(score.loss)),
            dict(score.measures),
            ended.reason,
            found.chosen,
            ended.compile_seconds,
        )


class _Ended(NamedTuple):
    """How a phase ended."""

    found: Found
    reason: str
    asked: str | None  # why the whole session is to end
    compile_seconds: float
