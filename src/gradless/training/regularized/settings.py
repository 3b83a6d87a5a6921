"""How much work is a regularised fit? Its settings, what it plans of them, and when it applies."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gradless.models.mlp import MLP
from gradless.objectives import Objective, Task
from gradless.training.regularized import descent
from gradless.training.regularized.slopes import Shape
from gradless.training.samples import Samples

STRENGTHS = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Of the penalty, per mean loss: inputs and targets are standardised."""

LEAST_ITERATIONS = 20  # of a network; with fewer, strengths cannot be told from each other
_LEAST_STRENGTHS = 2
_ITERATIONS, _MORE_ITERATIONS, _FEW_ROWS = 60, 150, 2_000
_MOST_WEIGHTS = 500_000  # what the curvature is learnt from takes 160 bytes for each
_FOLDS_WORK = 8e9  # of a cross-validation: beyond, it sees a sample of the rows
_LEAST_SAMPLE = 5_000  # rows of such a sample
_MOST_WORK = 2e10  # of a cross-validation: beyond, there are fewer folds and strengths
_FEWER_FOLDS, _FEWER_STRENGTHS = 3, 4
_REFIT_WORK = 1.2e10  # beyond, there are fewer starts
_LATER = 0.25  # of the iterations, when a start goes on with all rows


class Settings(NamedTuple):
    """What a fit tries.

    Attributes
    ----------
    folds
        Of the cross-validation; no more than rows.
    strengths
        Of the penalty, of which the cross-validation chooses one.
    starts
        Networks trained on all rows, whose mean is the result.
    iterations
        Of each network at most; it ends before where it gains no more. None for 60, and for 150 of
        more than 2,000 rows: few rows would be learned by heart, and many are not learned in 60.
    alpha
        The strength, if it is known: there is no cross-validation then.
    """

    folds: int = 5
    strengths: tuple[float, ...] = STRENGTHS
    starts: int = 3
    iterations: int | None = None
    alpha: float | None = None


class Planned(NamedTuple):
    """What one fit does, as its budget and data allow.

    Attributes
    ----------
    folds
        Of the cross-validation; 0 for none.
    strengths
        In the order in which they are tried, the middle one first.
    starts
        Of the refit.
    iterations
        Of each network of a fold.
    sample
        Rows that the cross-validation sees, all or so many of them.
    stages
        Rows and iterations of a start, stage by stage: the last sees all rows.
    """

    folds: int
    strengths: tuple[float, ...]
    starts: int
    iterations: int
    sample: int
    stages: tuple[tuple[int, int], ...]

    @property
    def networks(self) -> int:
        """Networks of the cross-validation."""
        return self.folds * len(self.strengths)

    @property
    def row_iterations(self) -> int:
        """Iterations times rows of the whole fit, at most."""
        one = sum(rows * iterations for rows, iterations in self.stages)
        return self.networks * self.sample * self.iterations + self.starts * one


def shape_of(task: Task, model: MLP, objective: Objective, rank: int | None = None) -> Shape:
    """The network as it is trained: with one output where two classes need no more.

    ``rank`` is the number of inputs where they were turned (see ``rotation``).
    """
    halved = task == "classification" and model.sizes[-1] == 2 and objective.name == "cross_entropy"
    outputs = 1 if halved else model.sizes[-1]
    features = model.sizes[0] if rank is None else rank
    return Shape(features, model.sizes[1], outputs, model.activation, objective, halved)


def applies(task: Task, samples: Samples, model: MLP, objective: Objective) -> str | None:
    """Why this way of fitting cannot be used, in a sentence; None if it can."""
    if len(model.sizes) != 3:
        return f"the network must have one hidden layer, got {len(model.sizes) - 2}"
    if model.is_piecewise_constant:
        return "the network goes in steps, so that small changes of a neuron say nothing"
    if not isinstance(objective, Objective) or objective.of_all is not None:
        return f"{objective.name} is not a mean over rows"
    if not objective.smooth:
        return f"{objective.name} goes in steps, so that small changes of a neuron say nothing"
    if task not in objective.tasks:
        return f"{objective.name} is not for {task}"
    if len(samples.inputs) < 2:
        return "one row says nothing about others"
    weights = shape_of(task, model, objective, min(samples.inputs.shape)).weights
    if weights > _MOST_WEIGHTS:
        return f"the network has {weights:,} weights, more than {_MOST_WEIGHTS:,}"
    return None


def plan(settings: Settings, shape: Shape, rows: int, evaluations: int | None) -> Planned:
    """What a fit does of its settings: all, or with a small budget fewer and shorter runs."""
    folds = 0 if settings.alpha is not None or len(settings.strengths) < 2 else settings.folds
    folds = min(folds, rows)
    if folds < 2:
        folds = 0
    alphas = (settings.alpha,) if settings.alpha is not None else settings.strengths
    strengths = _middle_first(alphas if folds else alphas[len(alphas) // 2 :][:1])
    starts, iterations = settings.starts, settings.iterations
    if iterations is None:
        iterations = _ITERATIONS if rows <= _FEW_ROWS else _MORE_ITERATIONS
    if rows * shape.work * iterations * folds * len(strengths) > _MOST_WORK and (
        rows <= _LEAST_SAMPLE
    ):
        folds, strengths = min(folds, _FEWER_FOLDS), strengths[:_FEWER_STRENGTHS]
    if evaluations is not None:
        strengths, starts, iterations = _within(
            evaluations // descent.evaluations(shape, 1),
            folds,
            strengths,
            starts,
            iterations,
            each=1 + _LATER if rows > _LEAST_SAMPLE else 1.0,
        )
    networks = max(1, folds * len(strengths))
    affordable = int(_FOLDS_WORK / (shape.work * iterations * networks))
    sample = min(rows, max(_LEAST_SAMPLE, affordable))
    stages = _stages(sample, rows, iterations)
    each = shape.work * sum(seen * turns for seen, turns in stages)
    starts = max(1, min(starts, int(_REFIT_WORK / each)))
    return Planned(folds, strengths, starts, iterations, sample, stages)


def _stages(sample: int, rows: int, iterations: int) -> tuple[tuple[int, int], ...]:
    """Of a refit on more rows than the sample: most of the way is gone on few of them."""
    if sample == rows:
        return ((rows, iterations),)
    return (sample, iterations), (rows, max(1, int(_LATER * iterations)))


def _within(
    turns: int,
    folds: int,
    strengths: tuple[float, ...],
    starts: int,
    iterations: int,
    *,
    each: float,
) -> tuple[tuple[float, ...], int, int]:
    """Strengths, starts and iterations that take no more than so many iterations together.

    A start takes ``each`` times the iterations of a network of a fold.
    """
    fewer = range(len(strengths), (_LEAST_STRENGTHS if folds else 1) - 1, -1)
    for tried in fewer:
        for begun in dict.fromkeys((starts, 1)):
            found = int(turns / (tried * folds + begun * each))
            if found >= min(LEAST_ITERATIONS, iterations):
                return strengths[:tried], begun, min(iterations, found)
    tried = fewer[-1]
    return strengths[:tried], 1, max(1, int(turns / (tried * folds + each)))


def least_evaluations(settings: Settings, task: Task, model: MLP, objective: Objective) -> int:
    """Evaluations below which the plain search is the better choice."""
    shape = shape_of(task, model, objective)
    networks = 1 if settings.alpha is not None else _LEAST_STRENGTHS * settings.folds + 1
    return networks * descent.evaluations(
        shape, min(LEAST_ITERATIONS, settings.iterations or LEAST_ITERATIONS)
    )


def _middle_first(strengths: tuple[float, ...]) -> tuple[float, ...]:
    """By distance from the middle one, so that an early end has seen the likely ones."""
    logs = [math.log10(max(s, 1e-12)) for s in strengths]
    middle = float(np.median(logs))
    order = sorted(range(len(strengths)), key=lambda i: (round(abs(logs[i] - middle), 6), -logs[i]))
    return tuple(float(strengths[i]) for i in order)


def chunk(shape: Shape, rows: int) -> int:
    """Iterations between two looks of the caller, a fraction of a second."""
    return max(1, min(25, math.ceil(5e7 / (rows * shape.work))))
