"""Which parameters does a session end with? One rule, whatever is searched.

What has reached a target is the answer. Otherwise rows held out choose, if there are any. Otherwise
it is the best that was seen; but where that owes much to luck, on minibatches and for metrics that
count, it is the center of the search, around which networks are good. A function is nothing but its
value: with minibatches, the best seen and the center are judged alike there, and the better one is
kept. Whoever began with something that may be the answer gets back no less than that.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from gradless._core.tree import Params, Structure
from gradless.problems.contract import Score
from gradless.training.generation import Run
from gradless.training.host_loop import mode_for
from gradless.training.plan import MAIN, Phase, Plan
from gradless.training.records import is_target
from gradless.training.validation import Validation
from gradless.training.validation import center as center_of

_ERRORS = 2.0  # standard errors by which noisy losses must differ


@runtime_checkable
class TellsError(Protocol):
    """A problem that knows how far wrong it may be about parameters."""

    def score_and_error(self, params: Params) -> tuple[Score, float]:
        """Their score on all of the data, and the standard error of its loss."""


class Judged(NamedTuple):
    """Parameters, NumPy arrays, and what all of the data say of them, as numbers."""

    params: Params
    score: Score
    error: float = 0.0  # standard error of the loss, where that is noisy

    @property
    def loss(self) -> float:
        """Theirs."""
        return float(self.score.loss)

    def is_as_good_as(self, other: Judged) -> bool:
        """Whether its loss is no higher, and surely so where losses are noisy."""
        return self.loss + _ERRORS * math.hypot(self.error, other.error) <= other.loss


class Answer(NamedTuple):
    """What a phase ends with, and whether rows held out chose it."""

    judged: Judged
    chosen: bool = False


class Found:
    """What a search leaves, each judged when it is asked for, and once.

    Parameters
    ----------
    phase
        What was searched, and how.
    run
        Where it is now.
    reason
        Why it ended.
    start
        Where it began.
    known
        The score of that, if it is known.
    """

    def __init__(
        self, phase: Phase, run: Run, reason: str, start: Params, known: Score | None = None
    ) -> None:
        """Judge nothing yet."""
        self._phase, self._run, self._start, self._known = phase, run, start, known
        self.has_reached = is_target(reason)
        self.is_of_batches = bool(phase.problem.uses_minibatches)
        with mode_for(phase.problem):
            self._structure = Structure.of(start)

    def judged(self, params: Params) -> Judged:
        """Parameters with their score on all of the data."""
        problem = self._phase.problem
        if isinstance(problem, TellsError):
            score, error = problem.score_and_error(params)
            return Judged(params, numbers(score), error)
        return Judged(params, numbers(problem.score_all(params)))

    def of(self, vector: Any) -> Params:
        """The parameters of a vector."""
        numbers: Any = np.asarray(vector)  # cut by NumPy: JAX would compile every cut
        return self._structure.unravel(numbers)

    @functools.cached_property
    def best(self) -> Judged:
        """The best that was seen; with minibatches its own score is that of a lucky batch."""
        run, params = self._run, self.of(self._run.best)
        # What has reached a target was judged on all of the data.
        if self.is_of_batches and not self.has_reached:
            return self.judged(params)
        return Judged(params, numbers(Score(run.best_loss, run.best_measures)))

    @functools.cached_property
    def center(self) -> Judged:
        """The strategy's own answer."""
        return self.judged(self.of(center_of(self._phase.strategy, self._run)))

    @functools.cached_property
    def start(self) -> Judged:
        """Where it began."""
        if self._known is not None:
            return Judged(self._start, numbers(self._known))
        return self.judged(self._start)


def answer(
    plan: Plan, phase: int, found: Found, validation: Validation | None, *, compared: bool
) -> Answer:
    """What a phase ends with.

    Parameters
    ----------
    plan, phase
        Of the session, and the number of the one that has ended.
    found
        What it found.
    validation
        What rows held out say, if there are some.
    compared
        Whether where it began may be the answer.
    """
    if validation is not None and not found.has_reached and validation.network is not None:
        return Answer(found.judged(found.of(validation.network)), chosen=True)
    wants_center = found.is_of_batches or (plan.keeps_center and phase == MAIN)
    kept = None
    if wants_center and not found.has_reached and math.isfinite(found.center.loss):
        kept = found.center
    if kept is None or plan.judges_alike:
        best = found.best
        kept = kept if kept is not None and not best.is_as_good_as(kept) else best
    # As good is not enough: where nothing is left to learn, weights would only wander. But what has
    # reached the target of a measure need not have the lowest loss.
    if (compared and not found.has_reached) or not math.isfinite(kept.loss):
        first = found.start
        worse = not math.isfinite(kept.loss) or first.is_as_good_as(kept)
        if math.isfinite(first.loss) and worse:
            kept = first
    return Answer(kept)


def numbers(score: Score) -> Score:
    """The same as numbers of Python."""
    return Score(float(score.loss), {name: float(of) for name, of in score.measures.items()})
