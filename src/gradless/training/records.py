"""When does a run end, and what is said of it on the way? Limits, and records of chunks."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np

from gradless._core.errors import InputError, unknown_name
from gradless.problems.contract import NO_FAULTS, Faults
from gradless.problems.evaluated import Evaluated
from gradless.training.generation import Run


def target_reached(name: str) -> str:
    """Why a run stopped: at the target of the loss or of a measure."""
    return f"target {name} reached"


TARGET_LOSS = target_reached("loss")
EVALUATIONS, SECONDS = "evaluations used up", "time used up"
TOLFUN, TOLX = "losses within tolfun", "steps within tolx"
NOT_FINITE = "losses no longer finite"


def is_target(reason: str | None) -> bool:
    """Whether a run stopped at a target."""
    return reason is not None and reason.startswith("target ") and reason.endswith(" reached")


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
        As ``measures={"accuracy": ...}``.
    measures
        The least wanted of measures, by the names that the problem has for them. One is reached by
        any parameters that were evaluated, on all samples; these become the best ones, even if
        others with a lower accuracy, say, had a lower loss.
        With minibatches, a target is reached when the strategy's center reaches it on all of the
        data. They are asked, now and then, once a batch has reached it; that is no evaluation. The
        center becomes the best, with its loss and measures on all data.
    stagnation
        Evaluations without a fall of the best loss that is worth while: by more than the loss
        rounds to, and by a thousandth of how far losses have lately been above the best one. A
        search that comes closer all the time does not stagnate, however slow it is. Neither the
        unit of the loss nor a constant added to it matters. A strategy that can tell that its steps
        no longer change any parameter ends the run, too.
    not_finite
        Evaluations without any finite loss, in at least 10 generations. A search that finds nothing
        but NaN and infinity learns nothing. It ends with its state before that, or with an
        :class:`InputError` if no loss was ever finite. None continues all the same.
    tolfun
        Range of the losses of the last 10 + 30 d / population generations, of d parameters, at
        which the run ends: each loss is that of the center or of a generation's best candidate.
    tolx
        Size of a step at which the run ends, in the units of the parameters: how far candidates are
        from the center along any parameter, at most. Looked into as often.
    """

    evaluations: int | None = None
    seconds: float | None = None
    loss: float | None = None
    accuracy: float | None = None
    stagnation: int | None = None
    not_finite: int | None = 1000
    measures: Mapping[str, float] = field(default_factory=dict, hash=False)
    tolfun: float | None = None
    tolx: float | None = None

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
        for name, value in {"tolfun": self.tolfun, "tolx": self.tolx}.items():
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"{name} must be a finite number, 0 or more, got {value}")
        if self.accuracy is not None and not 0 <= self.accuracy <= 1:
            raise InputError(
                f"a target accuracy must be a share from 0 to 1, got {self.accuracy}. "
                "Divide percent by 100"
            )
        for name, value in {"loss": self.loss, **self.measures}.items():
            if value is not None and math.isnan(value):
                raise InputError(f"a target {name} must be a number, got NaN")

    @property
    def targets(self) -> dict[str, float]:
        """Targets of measures by name, of the accuracy as well."""
        accuracy = {} if self.accuracy is None else {"accuracy": self.accuracy}
        return {**self.measures, **accuracy}

    @property
    def has_target(self) -> bool:
        """Whether a loss or a measure ends the run."""
        return self.loss is not None or bool(self.targets)

    @property
    def has_tolerance(self) -> bool:
        """Whether it ends when losses or steps are within a tolerance."""
        return self.tolfun is not None or self.tolx is not None

    @property
    def ends(self) -> bool:
        """Whether there is a limit at all."""
        limits = (self.evaluations, self.seconds, self.stagnation)
        return self.has_target or any(limit is not None for limit in limits)


def check_targets(stop: Stop, measures: Collection[str]) -> None:
    """Refuse targets of measures that a problem does not have.

    Raises
    ------
    InputError
        For these.
    """
    for name in stop.targets:
        if name in measures:
            continue
        if measures:
            raise unknown_name("measure", name, measures)
        what = "classes" if name == "accuracy" else "measures"
        raise InputError(
            f"a target {name} needs a problem with {what}, got one without. Give a target loss"
        )


class Record(NamedTuple):
    """What one chunk did; the arrays have one number for each of its generations.

    ``loss`` and ``measures`` are those of the strategy's center where it is evaluated, otherwise of
    the best candidate of the generation; ``best_loss`` and ``best_measures`` those of the best
    parameters so far. Measures are by the names that the problem has for them, ``accuracy`` for
    classes. With minibatches all of them are of batches; ``run.best_loss`` is of all data once a
    target is reached.
    """

    generation: np.ndarray
    evaluations: np.ndarray
    seconds: np.ndarray
    loss: np.ndarray
    measures: dict[str, np.ndarray]
    best_loss: np.ndarray
    best_measures: dict[str, np.ndarray]
    not_finite: int  # losses in this chunk that were NaN or infinite
    compile_seconds: float
    run: Run
    stopped_because: str | None  # in the last record
    faults: Faults = NO_FAULTS  # exceptions in this chunk, where Python computes the losses
    evaluated: Evaluated | None = None  # by a loss in Python since the last record, if kept
    losses: np.ndarray | None = None  # of all candidates, (generations, population), if wanted

    @property
    def rows(self) -> dict[str, np.ndarray]:
        """The arrays by column name, as ``History.append`` takes them."""
        return {
            "generation": self.generation,
            "evaluations": self.evaluations,
            "seconds": self.seconds,
            "loss": self.loss,
            **self.measures,
            "best_loss": self.best_loss,
            **{f"best_{name}": values for name, values in self.best_measures.items()},
        }

    def without_rows(self) -> Record:
        """The same, but for generations, of which it has none."""
        arrays = {
            name: jax.tree.map(lambda x: x[:0], getattr(self, name)) for name in self._fields[:7]
        }
        if self.losses is not None:
            arrays["losses"] = self.losses[:0]
        return self._replace(**arrays, not_finite=0)
