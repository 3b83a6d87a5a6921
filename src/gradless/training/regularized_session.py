"""How does a network with a penalty train? A session as others are, of two stages.

First cross-validation, which chooses the strength of the penalty, then networks on all rows. Each
is fitted to its end, by work and not by time, so the result is the same on any machine. A fit that
was cut off begins anew when it is resumed, with the same end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradless._core import tree
from gradless._core.probabilities import softmax
from gradless.objectives.objective import Measure
from gradless.training import decisions
from gradless.training.checkpoint import Saved
from gradless.training.decisions import Tuned
from gradless.training.generation import Run
from gradless.training.history import History
from gradless.training.keeping import Keeping, Kept
from gradless.training.observers import Observer, RunInfo, Watch
from gradless.training.plan import FIRST, MAIN, Plan, Spent
from gradless.training.records import Record
from gradless.training.regularized import Fit, Found, Progress
from gradless.training.session import Trained

FITTED, OUT_OF_TIME = "the fit is complete", "time used up"
_WORTH_A_RECORD = 0.02  # of the work of a fit
_STAGES = {"cross-validation": FIRST, "refit": MAIN}


class FoldLoss(Measure):
    """What people see of cross-validation: the loss that networks of the folds fit."""

    name = quantity = label = "cross-validation, fitted loss"
    greater_is_better = False


FOLD_LOSS = FoldLoss()


class RegularizedSession:
    """A plan with a penalty on its way, with the face of :class:`training.session.Session`.

    Parameters
    ----------
    plan, observers, asked_to_stop, keeping
        As there.

    Attributes
    ----------
    found
        What came of the fit, once it has ended.
    tuned
        The decision for an objective that judges decisions, and what it promises.
    cross_validated
        Loss and accuracy by networks that had not seen the rows, None where they do not say.
    evaluations, seconds
        Of it so far.
    share, judged
        How much of its work is done, 0 to 1; and the strengths that are, with their losses on rows
        not seen and the standard errors of these.
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
        self.phase, self.spent, self.not_finite = MAIN, Spent(), 0
        self.history, self.validation = History(), None
        self.run: Run = _state(plan.params, np.inf, 0)
        self.found: Found | None = None
        self.cross_validated: tuple[float, float | None] | None = None
        self.tuned: Tuned | None = None
        self.evaluations, self.seconds = 0, 0.0
        self.share, self.judged = 0.0, dict[float, tuple[float, float]]()
        self._generation, self._judging, self._least, self._told = 0, -1, np.inf, -1.0

    # --- As a checkpoint has it -------------------------------------------------------------------

    def described(self) -> dict[str, Any]:
        """What :meth:`restore` needs besides arrays."""
        return {
            "phase": self.phase,
            "spent": self.spent._asdict(),
            "phase_seconds": self.seconds,
            "not_finite": 0,
            "validation": None,
            "made": self.evaluations,
        }

    def like(self, about: Mapping[str, Any]) -> Run:
        """A run of the shapes of a checkpoint."""
        del about
        return _state(self.plan.params, np.inf, 0)

    def restore(self, saved: Saved) -> None:
        """Know what a checkpoint says; a fit that was cut off begins anew.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it does not say how far it is.
        """
        made, seconds = int(saved.about["made"]), float(saved.about["phase_seconds"])
        if int(saved.run.generation):
            self.run, self.history = saved.run, saved.history
            self.evaluations, self.seconds = made, seconds

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to do."""
        return bool(self.run.generation)

    # --- Training ---------------------------------------------------------------------------------

    def train(self) -> Trained:
        """Train, to the end.

        Raises
        ------
        InputError
            For whatever cannot be trained.
        OSError
            If the last checkpoint cannot be written.
        """
        plan, start = self.plan, time.monotonic()
        told = plan.main.told
        fit = self._fit()
        with Watch(self._observers) as watch, Kept(self, self._keeping) as kept:
            steps, reason = iter(fit), None
            step = next(steps, None)
            while step is not None and reason is None:
                phase = _STAGES[step.stage]
                watch.begin(self._info(phase))
                while step is not None and reason is None and _STAGES[step.stage] == phase:
                    self.evaluations = step.evaluations
                    self.seconds = time.monotonic() - start - fit.compile_seconds
                    self.share, self.judged = step.share, fit.judged
                    record = self._record(fit, step, phase) if self._is_due(step, phase) else None
                    reason, now = self._asked(), step
                    step = None if reason else next(steps, None)
                    ended = step is None or _STAGES[step.stage] != phase
                    if step is None and fit.out_of_time:
                        reason = OUT_OF_TIME
                    if ended:  # nothing was trained since, unless the stage before has ended
                        record = record or self._record(fit, now, phase)
                        watch.tell(record._replace(stopped_because=reason or FITTED))
                    elif record is not None:
                        reason = watch.tell(record)
            self.found = found = fit.found or fit.settle()
            params = self._decided(self._padded(found.params), found)
            score = plan.main.problem.score_all(params)
            self.seconds = time.monotonic() - start - fit.compile_seconds
            self.run = _state(params, float(score.loss), max(1, self._generation))
            if not len(self.history):
                self._append(np.float64(told(float(score.loss))), score.measures)
            kept.close(last=reason is None)
        loss = float(told(float(score.loss)))
        measures = {name: float(of) for name, of in score.measures.items()}
        return Trained(params, loss, measures, reason or FITTED, False, fit.compile_seconds)

    def _fit(self) -> Fit:
        plan, regularization = self.plan, self.plan.regularization
        assert regularization is not None
        stop = plan.main.stop
        return Fit(
            regularization.task,
            regularization.samples,
            regularization.member,
            regularization.objective,
            seed=plan.seed,
            settings=regularization.settings,
            budget=stop.evaluations,
            seconds=stop.seconds,
        )

    def _padded(self, params: Any) -> Any:
        """The same network, as wide as it is for all starts: neurons of weight 0 do nothing."""
        padded = []
        for like, layer in zip(self.plan.params, params, strict=True):
            more = [np.subtract(a.shape, b.shape) for a, b in zip(like, layer, strict=True)]
            parts = zip(layer, more, strict=True)
            padded.append(type(like)(*(np.pad(part, [(0, n) for n in by]) for part, by in parts)))
        return tuple(padded)

    def _decided(self, params: Any, found: Found) -> Any:
        """The network with the decision that is best for the objective, if there is one to make.

        What is cross-validated is what is said of it here: of a decision, what folds around its
        choice saw.
        """
        plan, regularization = self.plan, self.plan.regularization
        assert regularization is not None
        if not len(found.losses) or not np.isfinite(found.out_of_fold).all():
            return params
        self.cross_validated = regularization.of_outputs(found.out_of_fold)
        objective, samples = plan.main.objective, regularization.samples
        metric, present = regularization.metric, np.unique(samples.targets[samples.weight > 0])
        if metric is None or objective is None or len(present) < 2:
            return params
        self.tuned = tuned = decisions.tune(
            softmax(found.out_of_fold),
            samples.targets,
            metric,
            weight=samples.weight,
            seed=plan.seed,
            folds_in=True,
        )
        self.cross_validated = float(objective.value(tuned.promise.value.value)), None
        rule = tuned.decision
        if rule.kind == "argmax":
            return params
        # Logits over a temperature plus offsets: the last layer can do that by itself.
        *layers, last = params
        weights, biases = rule.folded(last.weights, last.biases)
        return (*layers, last._replace(weights=np.float32(weights), biases=np.float32(biases)))

    def _info(self, phase: int) -> RunInfo:
        main = self.plan.main
        objective = main.objective if phase == MAIN else FOLD_LOSS
        return RunInfo(main.strategy, main.stop, objective, False, self.plan.settings)

    def _is_due(self, step: Progress, phase: int) -> bool:
        """Whether a step is worth a record: in the refit, it takes all rows to make one."""
        if phase == MAIN and self._told <= step.share < self._told + _WORTH_A_RECORD:
            return False
        self._told = step.share
        return True

    def _record(self, fit: Fit, step: Progress, phase: int) -> Record:
        """What one step brings, as a generation."""
        plan = self.plan
        self._generation += 1
        if phase != self._judging:
            self._judging, self._least = phase, np.inf
        measures: dict[str, Any] = {}
        loss = step.loss
        if phase == MAIN:
            score = plan.main.problem.score_all(self._padded(fit.so_far()))
            loss = float(plan.main.told(float(score.loss)))
            measures = {name: np.asarray([float(of)]) for name, of in score.measures.items()}
        # Another network each time, so what is best is not always what came last.
        self._least = min(self._least, loss)
        record = Record(
            np.array([self._generation]), np.array([step.evaluations]), np.array([self.seconds]),
            np.array([loss]), measures, np.array([self._least]), measures, 0, 0.0, self.run, None,
        )  # fmt: skip
        if phase == MAIN:
            self.history.append(**record.rows)
        return record

    def _append(self, loss: Any, measures: Mapping[str, Any]) -> None:
        """The one row of a fit that was cut off in cross-validation."""
        given = {name: np.asarray([float(of)]) for name, of in measures.items()}
        self.history.append(
            generation=np.array([max(1, self._generation)]),
            evaluations=np.array([self.evaluations]), seconds=np.array([self.seconds]),
            loss=np.array([loss]), best_loss=np.array([loss]), **given,
            **{f"best_{name}": of for name, of in given.items()},
        )  # fmt: skip


def _state(params: Any, loss: float, generation: int) -> Run:
    """What a checkpoint holds: the network and how far it is, nothing of a search."""
    nothing: Any = ()
    zero: Any = np.zeros((), np.uint32)
    false: Any = np.zeros((), bool)
    fields: tuple[Any, ...] = (
        np.zeros(2, np.uint32), np.uint32(generation), nothing, np.asarray(tree.ravel(params)),
        np.float32(loss), {}, nothing, false, false, zero, zero,
    )  # fmt: skip
    return Run(*fields)
