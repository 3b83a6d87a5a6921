"""What does a network learn from? Samples with weights, and the problem that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless.models.mlp import MLP
from gradless.objectives import Objective, Task
from gradless.objectives.extras import at as extras_at
from gradless.problems.supervised import SupervisedProblem

_LEAST_FILLED = 64  # samples: up to here, computing them takes no time
_COARSE = 4096  # samples: beyond, computing copies takes longer than compiling


class Samples(NamedTuple):
    """What there is to learn from.

    Attributes
    ----------
    inputs
        As the network sees them, float32 or wider, (samples, features).
    targets
        As :func:`gradless.objectives.prepared` takes them.
    weight
        How much each sample counts, float64, (samples,).
    y_true, given
        Targets and features as a metric in Python sees them, None where there is none.
    weighted
        Whether a metric in Python has to see the weights, too.
    extras
        What an objective looks at besides, arrays (samples,) by role.
    groups
        Samples of one group stay together in cross-validation, (samples,); None for none.
    """

    inputs: npt.NDArray[np.floating]
    targets: npt.NDArray[Any]
    weight: npt.NDArray[np.float64]
    y_true: npt.NDArray[Any] | None = None
    given: Any = None
    weighted: bool = False
    extras: Mapping[str, npt.NDArray[Any]] | None = None
    groups: npt.NDArray[np.integer] | None = None

    def at(self, chosen: npt.NDArray[np.integer]) -> Samples:
        """Some of them."""
        inputs, targets, weight = (array[chosen] for array in self[:3])
        y_true = None if self.y_true is None else self.y_true[chosen]
        given = self.given
        if given is not None:
            from sklearn.utils import _safe_indexing  # noqa: PLC0415 - loads in a second

            given = _safe_indexing(given, chosen)
        extras = extras_at(self.extras, chosen)
        groups = None if self.groups is None else self.groups[chosen]
        return Samples(inputs, targets, weight, y_true, given, self.weighted, extras, groups)


def filled(samples: int) -> int:
    """A size to which samples are filled up by copies of weight zero, the same for others near it.

    Cross-validation and growing tables make many sizes, and each is another program to compile. It
    is an eighth above at most, and of more than 4,096 samples a thirty-second.
    """
    digits = 4 if samples <= _COARSE else 6
    step = 2 ** max(0, samples.bit_length() - digits)
    return max(_LEAST_FILLED, -(-samples // step) * step)


def filled_to_powers(samples: int) -> int:
    """The same where more samples come with every call: sizes are then few."""
    return int(2 ** (filled(samples) - 1).bit_length())


def problem_of(
    samples: Samples,
    task: Task,
    model: MLP,
    objective: Objective,
    *,
    batch_size: int | None = None,
    precision: str = "float32",
    output_scale: npt.NDArray[np.float64] | None = None,
    size: int = 0,
) -> SupervisedProblem:
    """The problem of samples, a network and an objective.

    Parameters
    ----------
    samples, task, model, objective
        What is learned from, of which kind, by what and for what; they fit each other.
    batch_size
        Samples that a generation sees; all if None, or if there are no more.
    precision
        Of the network's arithmetic.
    output_scale
        What outputs are multiplied by, (outputs,); None for 1.
    size
        Samples to which these are filled up, without minibatches; 0 for none.
    """
    if batch_size is not None and batch_size >= len(samples.inputs):
        batch_size = None
    return SupervisedProblem.of_arrays(
        task,
        samples.inputs,
        samples.targets,
        model.sizes[-1],
        model,
        objective,
        batch_size=batch_size,
        precision=precision,
        weight=samples.weight,
        output_scale=None if output_scale is None or (output_scale == 1).all() else output_scale,
        filled=0 if batch_size else size,
        extras=samples.extras,
    )
