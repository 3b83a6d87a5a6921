"""Which of the networks that a search passes through is kept, and when has it learnt enough?

A search goes on improving on the rows that it learns from when it has long begun to learn them by
heart. Rows held out show that: after some of the generations, the network that the search would end
with is judged on them, the best one is kept, and training ends when a better one is not to be
expected (Prechelt, "Early stopping - but when?", 1998).

At which generations that happens is fixed beforehand. What is kept therefore depends neither on how
a run is cut into chunks, nor on the time, nor on whether it was interrupted and resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core import defaults
from gradless._core.errors import InputError
from gradless._core.floats import mode_of
from gradless.problems.contract import HostProblem, Problem
from gradless.strategies import Strategy
from gradless.training import vectors
from gradless.training.loop import Record, Run, Stop, evaluations_per_generation, train

VALIDATED = "no improvement on the samples held out"  # why a run stopped
_GROWTH = 10  # generations by which a run grows by one between two looks
_FIRST = 200  # evaluations between two looks at least
_FEWEST_EVALUATIONS, _FEWEST_GENERATIONS = 5_000, 20  # without a better one, to end a run

Vector = npt.NDArray[np.float32]


class Look(NamedTuple):
    """A network was judged on the rows held out."""

    generation: int
    loss: float  # inf if it was not finite
    evaluations: int  # of the whole session


class GrowingLooks(NamedTuple):
    """A look whenever a run has grown by a tenth, until it is ``patience`` times the best one.

    Neither depends on the budget, so a run that goes on is the one that had it from the beginning.
    """

    per_generation: int  # evaluations
    patience: float = defaults.PATIENCE

    def following(self, generation: int) -> int:
        """The look after this one."""
        least = -(-_FIRST // self.per_generation)
        return generation + max(least, generation // _GROWTH)

    def is_over(self, generation: int, best: int) -> bool:
        """Whether a better network is not to be expected any more."""
        fewest = max(_FEWEST_GENERATIONS, -(-_FEWEST_EVALUATIONS // self.per_generation))
        return generation >= max(self.patience * best, best + fewest)


class Validation:
    """Judges networks of a run on rows held out, and keeps the best one.

    Parameters
    ----------
    looks
        When.
    loss_of
        Loss on the rows held out, of parameters as a vector.
    answers
        The networks that a run could end with, as vectors.
    """

    plan: GrowingLooks

    def __init__(
        self,
        looks: GrowingLooks,
        loss_of: Callable[[Vector], float],
        answers: Callable[[Run], Sequence[Vector]],
    ) -> None:
        """Nothing seen yet."""
        self.plan, self._loss_of, self._answers = looks, loss_of, answers
        self._next = looks.following(0)
        self.before = 0
        """Evaluations of phases before, which are no part of the run that is judged."""
        self.looks: list[Look] = []
        self.kept: Vector | None = None
        """The best network of these looks."""
        self._end: tuple[Look, Vector] | None = None

    # --- What was found ---------------------------------------------------------------------------

    @property
    def shown(self) -> list[Look]:
        """All looks, that at the end included."""
        return [*self.looks, *([self._end[0]] if self._end else [])]

    @property
    def best(self) -> Look | None:
        """The look at the network that is kept; None if none has had a finite loss."""
        finite = [look for look in self.shown if look.loss < np.inf]
        return min(finite, key=lambda look: look.loss, default=None)  # of equal ones the first

    @property
    def network(self) -> Vector | None:
        """The parameters that are kept, of the best look."""
        if self._end is not None and self.best is self._end[0]:
            return self._end[1]
        return self.kept

    def has_ended(self, generation: int) -> bool:
        """Whether a run ends after so many generations, or has ended before."""
        if not self.looks:
            return False
        since = self.best or self.looks[0]
        return self.plan.is_over(min(generation, self.looks[-1].generation), since.generation)

    # --- In a run ---------------------------------------------------------------------------------

    def pause_after(self, generation: int) -> int:
        """The next generation at which a network is judged."""
        while self._next <= generation:
            self._next = self.plan.following(self._next)
        return self._next

    def look(self, record: Record) -> bool:
        """Judge a network if it is time, and at the end; True if training has to end."""
        generation = int(record.run.generation)
        last = self.looks[-1].generation if self.looks else 0
        due = generation == self._next
        if generation <= last or not (due or record.stopped_because is not None):
            return False
        losses = []
        vectors = self._answers(record.run)
        for vector in vectors:
            loss = self._loss_of(vector)
            losses.append(loss if np.isfinite(loss) else np.inf)
        best = int(np.argmin(losses))
        look, vector = self._look(generation, losses[best]), vectors[best]
        if not due:
            # Only for the result: a run that goes on from here makes no look here.
            self._end = look, vector
            return False
        if look.loss < (self.best.loss if self.best else np.inf):
            self.kept = vector
        self.looks.append(look)
        return self.has_ended(generation)

    def _look(self, generation: int, loss: float) -> Look:
        return Look(generation, loss, self.before + generation * self.plan.per_generation)

    # --- In a checkpoint --------------------------------------------------------------------------

    def described(self) -> dict[str, Any]:
        """What :meth:`restore` needs besides the network kept, as JSON can hold it."""
        looks = [
            (look.generation, look.loss if look.loss < np.inf else None) for look in self.looks
        ]
        return {"patience": self.plan.patience, "looks": looks}

    def restore(self, described: dict[str, Any], kept: Vector | None) -> None:
        """Go on from what was described.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it was not.
        """
        self.plan = self.plan._replace(patience=float(described["patience"]))
        self.looks = [
            self._look(int(generation), np.inf if loss is None else float(loss))
            for generation, loss in described["looks"]
        ]
        self.kept = kept

    def csv(self) -> str:
        """All looks as a table: generation, evaluations, loss."""
        lines = [f"{look.generation},{look.evaluations},{look.loss}" for look in self.shown]
        return "\n".join(["generation,evaluations,loss", *lines, ""])


def looks_of(csv: str) -> list[Look]:
    """The looks of a table that :meth:`Validation.csv` made.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        rows = [line.split(",") for line in csv.splitlines()[1:]]
        return [Look(int(one), float(loss), int(evaluations)) for one, evaluations, loss in rows]
    except ValueError:
        raise InputError("validation.csv of the run is damaged; restore it from a copy") from None


def watched(
    problem: Problem | HostProblem,
    strategy: Strategy,
    run: Run,
    stop: Stop,
    validation: Validation | None,
    asked_to_stop: Callable[[], str | None] = lambda: None,
    all_losses: bool = False,
) -> Iterator[Record]:
    """The records of :func:`.loop.train`, until rows held out say that it is enough.

    Parameters
    ----------
    problem, strategy, run, stop, asked_to_stop, all_losses
        As for ``train``.
    validation
        Judges the networks; None for ``train`` alone.
    """
    if validation is None:
        yield from train(
            problem, strategy, run, stop, asked_to_stop=asked_to_stop, all_losses=all_losses
        )
        return
    made = int(run.generation)
    ended = validation.has_ended(made)
    if ended:  # killed while it was saved: what follows is no part of the run
        stop = Stop(evaluations=made * evaluations_per_generation(strategy))
    records = train(
        problem,
        strategy,
        run,
        stop,
        asked_to_stop=asked_to_stop,
        pauses=validation.pause_after,
        all_losses=all_losses,
    )
    for record in records:
        if ended or (validation.look(record) and record.stopped_because is None):
            record = record._replace(stopped_because=VALIDATED)
        yield record
        if record.stopped_because is not None:
            return


def center(strategy: Strategy, run: Run) -> Vector:
    """The center of a search."""
    with mode_of(run.best_loss):
        return np.asarray(vectors.center(strategy, run.state))


def answers(strategy: Strategy, wants_center: bool) -> Callable[[Run], list[Vector]]:
    """The networks that a run could end with.

    The best one that was seen and, where a strategy's answer is an estimate that is not among its
    candidates, that; where the best owes much to luck, the center alone.
    """

    def of(run: Run) -> list[Vector]:
        best, found = np.asarray(run.best), None
        if wants_center or strategy.samples_around_center:
            found = center(strategy, run)
        if found is None or not np.isfinite(found).all():
            return [best]
        return [found] if wants_center else [found, best]

    return of
