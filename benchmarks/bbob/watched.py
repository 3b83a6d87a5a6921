"""When was each target first reached? A function that counts, and ends whoever calls it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.bbob import TARGETS


class Finished(BaseException):
    """The last target or the budget is reached. No ``Exception``: libraries catch those."""


class Watched:
    """A function whose evaluations are counted, until the budget or the last target is reached.

    Parameters
    ----------
    function
        Of a vector.
    optimum
        Its lowest value; -inf if it is not known, and no target is then seen.
    budget
        Evaluations; one more raises :class:`Finished`, as does the last target.
    targets
        Distances to the optimum, falling.
    """

    def __init__(
        self,
        function: Callable[[Any], float],
        optimum: float,
        budget: int,
        targets: Sequence[float] = TARGETS,
    ) -> None:
        self._function = function
        self._left = [optimum + target for target in reversed(targets)]
        self._next = self._left[-1]
        self.budget = budget
        self.evaluations = 0
        self.best = math.inf
        self.hits: list[int] = []

    def __call__(self, x: Any) -> float:
        if self.evaluations >= self.budget:
            raise Finished
        value = float(self._function(x))
        self.evaluations += 1
        if value < self.best:
            self.best = value
            if value <= self._next:
                self._reach(value)
        return value

    def _reach(self, value: float) -> None:
        while self._left and value <= self._left[-1]:
            self._left.pop()
            self.hits.append(self.evaluations)
        if not self._left:
            raise Finished
        self._next = self._left[-1]
