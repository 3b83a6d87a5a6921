"""How does a study of Optuna search with a strategy? By a sampler, which a study takes.

Numbers of the search space become coordinates from 0 to 1, on a logarithmic scale where the space
has one; categories are drawn at random. Trials are asked for and told one by one
(:class:`.search.Search`), so they may run in any number of threads.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from gradless.strategies import Strategy
from gradless.training.search import Search

# Of no type, so that types are checked alike where Optuna is not installed.
_Base: Any = optuna.samplers.BaseSampler


class Sampler(_Base):  # type: ignore[misc]
    """What :func:`.optuna_face.optuna_sampler` returns."""

    def __init__(self, strategy: str | Strategy, seed: int, more: dict[str, Any]) -> None:
        """Search for nothing yet."""
        self._strategy, self._seed, self._more = strategy, seed, more
        self._random = optuna.samplers.RandomSampler(seed)
        self._lock = threading.Lock()
        self._space: dict[str, BaseDistribution] = {}
        self._search: Search | None = None
        self._asked: dict[int, tuple[Search, Any]] = {}  # by the number of the trial

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Numbers that all finished trials have, with more than one value."""
        found = optuna.search_space.intersection_search_space(study.get_trials(deepcopy=False))
        numbers = FloatDistribution | IntDistribution
        return {k: of for k, of in found.items() if isinstance(of, numbers) and not of.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next point of the search."""
        if not search_space:
            return {}
        with self._lock:
            if self._search is None or self._space != search_space:
                self._space, start = dict(search_space), np.full(len(search_space), 0.5)
                done = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
                best = min(done, key=lambda each: _loss(study, each.value), default=None)
                if best is not None:
                    start = np.array([_share(best.params[k], of) for k, of in search_space.items()])
                self._search = Search(
                    start, self._strategy, bounds=(0, 1), seed=self._seed, **self._more
                )
            (point,) = self._search.ask(1)
            self._asked[trial.number] = self._search, point
        return {k: _value(x, of) for x, (k, of) in zip(point, search_space.items(), strict=True)}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """At random."""
        return self._random.sample_independent(study, trial, name, distribution)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState,
        values: Sequence[float] | None,
    ) -> None:  # fmt: skip
        """Tell the search what came of a point."""
        with self._lock:
            search, point = self._asked.pop(trial.number, (None, None))
            if search is not None:
                value = values[0] if values and state == TrialState.COMPLETE else None
                search.tell([point], [math.nan if value is None else _loss(study, value)])


def _loss(study: optuna.Study, value: Any) -> float:
    return float(value if study.direction == optuna.study.StudyDirection.MINIMIZE else -value)


def _ends(of: Any) -> tuple[float, float]:
    """Of a range, whole numbers with the half steps around them."""
    half = 0.5 * (of.step or 0)
    low, high = of.low - half, of.high + half
    return (math.log(low), math.log(high)) if of.log else (low, high)


def _share(value: float, of: Any) -> float:
    low, high = _ends(of)
    return ((math.log(value) if of.log else value) - low) / (high - low)


def _value(share: float, of: Any) -> float | int:
    low, high = _ends(of)
    value = low + float(share) * (high - low)
    value = math.exp(value) if of.log else value
    if of.step:
        value = of.low + of.step * round((value - of.low) / of.step)
    value = min(max(value, of.low), of.high)
    return int(value) if isinstance(of, IntDistribution) else value
