"""When does a run end, and what is said of it on the way? Limits, and records of chunks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradless._core.errors import InputError
from gradless.problems.contract import NO_FAULTS, Faults
from gradless.training.generation import Run


@dataclass(frozen=True)
class Stop:
    """When a run ends: at the first of these that is reached.

    Parameters
    ----------
    evaluations
        Candidates evaluated; a run never exceeds it, and ends when another generation would.
    seconds
        Wall time after compilation; checked between chunks.
    loss
        Reached by the best parameters so far.
    accuracy
        Reached by any parameters that were evaluated, on all samples; these become the best ones,
        even if others with a lower accuracy had a lower loss.
        With minibatches, a target is reached when the strategy's center reaches it on all of the
        data. They are asked, now and then, once a batch has reached it; that is no evaluation. The
        center becomes the best, with its loss and accuracy on all data.
    stagnation
        Evaluations without a fall of the best loss that is worth while: by more than the loss
        rounds to, and by a thousandth of how far losses have lately been above the best one. A
        search that comes closer all the time does not stagnate, however slow it is. Neither the
        unit of the loss nor a constant added to it matters. A strategy that can tell that its steps
        no longer change any parameter ends the run, too.
    not_finite
        Evaluations without any finite loss, in at least 10 generations. A search that finds nothing
        but NaN and infinity learns nothing. It ends with its state before that, or with an
        :class:`InputError` if no loss was ever finite. None goes on all the same.
    """

    evaluations: int | None = None
    seconds: float | None = None
    loss: float | None = None
    accuracy: float | None = None
    stagnation: int | None = None
    not_finite: int | None = 1000

    def __post_init__(self) -> None:
        """Refuse limits that no run can have."""
        limits = {
            "evaluations": self.evaluations,
            "seconds": self.seconds,
            "stagnation": self.stagnation,
            "not_finite": self.not_finite,
        }
        for name, value in limits.items():
            if value is not None and not value > 0:
                raise InputError(f"{name} must be more than 0, got {value}")
        if self.accuracy is not None and not 0 <= self.accuracy <= 1:
            raise InputError(
                f"a target accuracy must be a share from 0 to 1, got {self.accuracy}. "
                "Divide percent by 100"
            )
        if self.loss is not None and math.isnan(self.loss):
            raise InputError("a target loss must be a number, got NaN")

    @property
    def has_target(self) -> bool:
        """Whether a loss or an accuracy ends the run."""
        return self.loss is not None or self.accuracy is not None

    @property
    def ends(self) -> bool:
        """Whether there is a limit at all."""
        limits = (self.evaluations, self.seconds, self.loss, self.accuracy, self.stagnation)
        return any(limit is not None for limit in limits)


class Record(NamedTuple):
    """What one chunk did; the arrays have one number for each of its generations.

    ``loss`` and ``accuracy`` are those of the strategy's center where it is evaluated, otherwise
    of the best candidate of the generation; ``best_loss`` and ``best_accuracy`` those of the best
    parameters so far. With minibatches all of them are of batches; ``run.best_loss`` is of all data
    once a target is reached.
    """

    generation: np.ndarray
    evaluations: np.ndarray
    seconds: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray
    best_loss: np.ndarray
    best_accuracy: np.ndarray
    not_finite: int  # losses in this chunk that were NaN or infinite
    compile_seconds: float
    run: Run
    stopped_because: str | None  # in the last record
    faults: Faults = NO_FAULTS  # exceptions in this chunk, where Python computes the losses
    attempt_ended: str | None = None  # why, in the last record of each of several attempts

    @property
    def rows(self) -> dict[str, np.ndarray]:
        """The arrays by column name, as ``History.append`` takes them."""
        return {name: getattr(self, name) for name in self._fields[:7]}
