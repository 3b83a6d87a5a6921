"""What does a run remember between generations whose losses Python computes? Numbers of Python.

``generation.after_generation`` has the same rules in compiled code. Here, a call of a program would
take longer than all of them, so they are followed in Python, to the same bits, and become arrays
again where a :class:`.generation.Run` is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gradless._core import stagnation
from gradless.problems.contract import Judgement
from gradless.training.generation import Limits, Run


class Meant(NamedTuple):
    """Parameters that are made when they are wanted, of what a strategy knew."""

    moving: tuple[Any, ...]
    number: int | None = None  # of a candidate that it asked for; None for its center


class Standing(NamedTuple):
    """A run between two generations, as :class:`.generation.Run`."""

    moving: tuple[Any, ...]  # what the program needs for the next generation, on the device
    generation: int
    best: Any  # a vector, or one that is meant
    best_loss: float
    best_measures: Mapping[str, float]
    reference_loss: float
    scatter: float
    waited: int
    at_rest: bool
    promising: bool
    judge_from: int
    finite_generation: int

    @classmethod
    def of(cls, run: Run, moving: tuple[Any, ...]) -> Standing:
        """The same as a run, whose losses are in float64."""
        return cls(
            moving=moving,
            generation=int(run.generation),
            best=run.best,
            best_loss=float(run.best_loss),
            best_measures={name: float(of) for name, of in run.best_measures.items()},
            reference_loss=float(run.progress.reference_loss),
            scatter=float(run.progress.scatter),
            waited=int(run.progress.waited),
            at_rest=bool(run.at_rest),
            promising=bool(run.promising),
            judge_from=int(run.judge_from),
            finite_generation=int(run.finite_generation),
        )

    def numbers(self) -> dict[str, Any]:
        """What a run has besides key, number of generations, state and best vector."""
        reference: Any = np.float64(self.reference_loss)
        scatter: Any = np.float64(self.scatter)
        waited: Any = np.uint32(self.waited)
        return {
            "best_loss": np.float64(self.best_loss),
            "best_measures": {name: np.float32(of) for name, of in self.best_measures.items()},
            "progress": stagnation.Progress(reference, scatter, waited),
            "at_rest": np.bool_(self.at_rest),
            "promising": np.bool_(self.promising),
            "judge_from": np.uint32(self.judge_from),
            "finite_generation": np.uint32(self.finite_generation),
        }


class Contender(NamedTuple):
    """What of some parameters may become the best."""

    judged: Judgement
    vector: Callable[[int], Any]  # of the one with this number


class Rules:
    """How a run stands after a generation, and whether another one follows."""

    def __init__(self, limits: Limits, on_batches: bool) -> None:
        """Compare as compiled code does: losses in float64, and measures in float32."""
        self._loss = float(limits.loss)
        least = {name: float(of) for name, of in limits.measures.items()}
        self._least = {name: of for name, of in least.items() if of < math.inf}
        self._stagnation, self._rest = int(limits.stagnation), bool(limits.rest)
        self._not_finite, self._on_batches = int(limits.not_finite), on_batches

    def goes_on(self, now: Standing) -> bool:
        """As :func:`.generation.goes_on`."""
        if self._on_batches:
            reached = now.promising and now.generation >= now.judge_from
        else:
            reached = now.best_loss <= self._loss or self._wanted(now.best_measures)
        return (
            not reached
            and now.waited < self._stagnation
            and not (now.at_rest and self._rest)
            and now.generation - now.finite_generation < self._not_finite
        )

    def _wanted(self, measures: Mapping[str, float]) -> bool:
        return any(measures[name] >= least for name, least in self._least.items())

    def after(
        self,
        before: Standing,
        moving: tuple[Any, ...],
        at_rest: bool,
        told: Contender,
        center: Contender | None,
    ) -> tuple[Standing, tuple[float, ...]]:
        """As :func:`.generation.after_generation`: how it stands, and the row."""
        losses, measures = told.judged.loss.tolist(), told.judged.measures
        # As numbers of Python: for as few as there are, an operation of NumPy takes longer.
        finite = [number for number, loss in enumerate(losses) if math.isfinite(loss)]
        winner = min(finite, key=losses.__getitem__, default=0)
        loss = losses[winner] if finite else math.inf
        now = {name: float(of[winner]) for name, of in measures.items()}
        best, best_loss, best_measures = before.best, before.best_loss, before.best_measures
        if loss < best_loss:
            # A winner that is better than all before it has become the center where that is none
            # of its own.
            best = Meant(moving) if center is None else told.vector(winner)
            best_loss, best_measures = loss, now
        if center is not None:
            loss = float(center.judged.loss[0])
            now = {name: float(of[0]) for name, of in center.judged.measures.items()}
            if loss < best_loss:
                best, best_loss, best_measures = center.vector(0), loss, now
        promising = before.promising
        if self._on_batches:
            promising = promising or loss <= self._loss or self._wanted(now)
        elif self._least and not self._wanted(best_measures):
            # The candidate with a measure that is wanted, if there is one.
            each = [{name: float(of[i]) for name, of in measures.items()} for i in finite]
            met = [i for i, its in zip(finite, each, strict=True) if self._wanted(its)]
            if met:
                first = min(met, key=losses.__getitem__)
                best, best_loss = told.vector(first), losses[first]
                best_measures = {name: float(of[first]) for name, of in measures.items()}
        progress = stagnation.after_in_python(
            before.reference_loss, before.scatter, before.waited, best_loss, loss
        )
        generation = before.generation + 1
        standing = Standing(
            moving, generation, best, best_loss, best_measures, *progress, at_rest,
            promising, before.judge_from, generation if finite else before.finite_generation,
        )  # fmt: skip
        names = sorted(now)
        row = (
            loss, *(now[name] for name in names),
            best_loss, *(best_measures[name] for name in names), float(len(losses) - len(finite)),
        )  # fmt: skip
        return standing, row
