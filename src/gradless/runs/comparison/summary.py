"""What do the runs of a comparison say? Quartiles, successes, differences over the same seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from gradless.runs.comparison.outcomes import Axis, Outcome, Quartiles, Target
from gradless.training import gradient_descent
from gradless.training.loop import Stop

LEVEL = 0.95
"""Of intervals."""

_MOMENT = 0.1  # seconds


class Difference(NamedTuple):
    """By how much the loss of one strategy is above that of another, under the same seeds.

    Attributes
    ----------
    mean, low, high
        Mean of the differences, and its 95 % interval by Student's t; NaN where fewer than two
        seeds have finite losses of both.
    seeds
        How many of them there are.
    """

    mean: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, losses: Mapping[int, float], others: Mapping[int, float]) -> Difference:
        """Of losses by seed."""
        pairs = [(losses[seed], others[seed]) for seed in losses if seed in others]
        found = np.array([one - other for one, other in pairs if math.isfinite(one + other)])
        if len(found) < 2:
            mean = float(found[0]) if len(found) else math.nan
            return cls(mean, math.nan, math.nan, len(found))
        mean, error = float(found.mean()), float(stats.sem(found))
        half = float(stats.t.ppf((1 + LEVEL) / 2, len(found) - 1)) * error
        return cls(mean, mean - half, mean + half, len(found))

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


class Row(NamedTuple):
    """What the seeds of one strategy say."""

    name: str
    uses_gradients: bool
    runs: int
    successes: int
    judged: Quartiles  # losses of what the runs end with, on test rows if there are any
    at_evaluations: Quartiles  # best losses of the search; a run that ended before counts on
    at_seconds: Quartiles
    at_end: Quartiles
    evaluations: float  # made, median
    evaluations_to_target: float  # median; inf if most seeds did not reach it
    seconds_to_target: float
    evaluations_per_second: float  # median
    compile_seconds: float  # of all seeds together: only the first one compiles
    behind: Difference | None = None  # the first row, of what is judged; None of itself
    failure: str | None = None


class Summary(NamedTuple):
    """What all runs say; rows are ordered from best to worst, the yardstick last."""

    rows: tuple[Row, ...]
    failures: dict[str, str]  # of strategies without a finished run
    target: Target
    evaluations: int  # the mark of equal evaluations: those asked for, or what every run had
    seconds: float  # the mark of equal time, likewise
    deciding: Axis
    on_test: bool  # whether test rows judge

    @property
    def tells_time(self) -> bool:
        """Whether runs were long enough for what they reached at equal time to mean something."""
        return self.deciding == "seconds" or self.seconds >= _MOMENT


def summarise(
    outcomes: Sequence[Outcome],
    failures: Mapping[str, str],
    stop: Stop,
    deciding: Axis,
    *,
    on_test: bool = False,
) -> Summary | None:
    """What finished runs say; None if no strategy has one.

    Parameters
    ----------
    outcomes
        The runs.
    failures
        Reasons of strategies that could not go on, by name.
    stop
        Limits, of which a target counts as success; without one it is the median of the runs.
    deciding
        Which budget limits the runs.
    on_test
        Whether test rows have judged what the runs ended with.
    """
    searches = [one for one in outcomes if one.name != gradient_descent.NAME]
    if not searches:
        return None
    if stop.accuracy is not None:
        target = Target("accuracy", stop.accuracy, True)
    elif stop.loss is not None:
        target = Target("loss", stop.loss, True)
    else:
        target = Target("loss", Quartiles.of([one.best_loss for one in searches]).median, False)
    evaluations = stop.evaluations or min(one.evaluations for one in searches)
    seconds = stop.seconds or min(one.seconds for one in searches)
    groups = _by_name(outcomes)
    rows = [
        _row(runs, target, evaluations, seconds, failures.get(name))
        for name, runs in groups.items()
    ]
    rows.sort(key=lambda row: (row.uses_gradients, row.judged.median, row.at_end.median))
    losses = {name: _losses(runs) for name, runs in groups.items()}
    first, *others = rows
    rows = [first]
    for row in others:
        rows.append(row._replace(behind=Difference.of(losses[row.name], losses[first.name])))
    finished = {row.name for row in rows}
    unfinished = {name: why for name, why in failures.items() if name not in finished}
    return Summary(tuple(rows), unfinished, target, evaluations, seconds, deciding, on_test)


def _losses(runs: Sequence[Outcome]) -> dict[int, float]:
    """Of what runs ended with, by seed."""
    return {run.seed: run.loss for run in runs}


def difference(outcomes: Sequence[Outcome], name: str, other: str) -> Difference:
    """By how much the loss of what ``name`` ends with is above that of ``other``."""
    groups = _by_name(outcomes)
    return Difference.of(*(_losses(groups[each]) for each in (name, other)))


def _by_name(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.name, []).append(outcome)
    return groups


def _row(
    runs: list[Outcome], target: Target, evaluations: int, seconds: float, failure: str | None
) -> Row:
    hits = [run.curve.reached(target) for run in runs]

    def to_target(axis: Axis) -> float:
        spent = [
            math.inf if hit is None else getattr(run.curve, axis)[hit]
            for run, hit in zip(runs, hits, strict=True)
        ]
        return Quartiles.of(spent).median

    return Row(
        name=runs[0].name,
        uses_gradients=runs[0].name == gradient_descent.NAME,
        runs=len(runs),
        successes=sum(hit is not None for hit in hits),
        judged=Quartiles.of([run.loss for run in runs]),
        at_evaluations=Quartiles.of([run.curve.at("evaluations", evaluations) for run in runs]),
        at_seconds=Quartiles.of([run.curve.at("seconds", seconds) for run in runs]),
        at_end=Quartiles.of([run.best_loss for run in runs]),
        evaluations=float(np.median([run.evaluations for run in runs])),
        evaluations_to_target=to_target("evaluations"),
        seconds_to_target=to_target("seconds"),
        evaluations_per_second=float(
            np.median([run.evaluations / max(run.seconds, 1e-9) for run in runs])
        ),
        compile_seconds=sum(run.compile_seconds for run in runs),
        failure=failure,
    )
