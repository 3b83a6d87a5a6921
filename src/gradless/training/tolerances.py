"""Has a search come within the tolerances that were given? Of its losses, and of its steps.

Both are looked into after every so many generations, counted from the beginning of the run: how a
run is cut into chunks never decides when it ends.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import tree
from gradless._core.floats import mode_of
from gradless._core.noise import fold_in
from gradless._core.programs import compiled
from gradless.evaluation.mapped import map_members
from gradless.strategies.base import Strategy
from gradless.training.generation import Rows, Run
from gradless.training.records import TOLFUN, TOLX, Stop

_LEAST_ASKED = 20  # candidates: the largest of fewer steps owes much to luck


class Tolerances:
    """The tolerances of a run.

    The window is that of Auger and Hansen, "A restart CMA evolution strategy with increasing
    population size" (2005): 10 + 30 d / population generations.
    """

    def __init__(self, stop: Stop, strategy: Strategy, run: Run) -> None:
        """Nothing is looked into yet."""
        self._tolfun, self._tolx, self._strategy = stop.tolfun, stop.tolx, strategy
        self.window = 10 + math.ceil(30 * run.best.size / strategy.population)
        self._losses: list[Rows] = []  # since the last look

    def next_look(self, generation: int) -> int:
        """The next one after which there is a look, a larger one."""
        return (generation // self.window + 1) * self.window

    def take(self, losses: Rows) -> None:
        """Losses of the next generations, of the center or of the best candidate of each."""
        if self._tolfun is not None:
            self._losses.append(losses)

    def reached(self, run: Run) -> str | None:
        """Why the run ends here, if it does."""
        if int(run.generation) % self.window:
            return None
        losses, self._losses = np.concatenate([*self._losses, np.empty(0)]), []
        # A run that goes on begins within a window, of which it does not know all.
        whole = len(losses) == self.window and bool(np.isfinite(losses).all())
        if self._tolfun is not None and whole and np.ptp(losses) <= self._tolfun:
            return TOLFUN
        if self._tolx is not None:
            with mode_of(run.best_loss):
                step = float(_largest_step(self._strategy, run.key, run.generation, run.state))
            if step <= self._tolx:
                return TOLX
        return None


@compiled()
def _largest_step(strategy: Strategy, key: jax.Array, number: jax.Array, state: Any) -> jax.Array:
    """The largest difference of a parameter between candidates and the strategy's center."""
    center = tree.ravel(strategy.center(state))
    own = fold_in(key, number + 1)

    def of_candidate(candidate: Any) -> jax.Array:
        return jnp.max(jnp.abs(tree.ravel(strategy.decode(state, candidate)) - center))

    def of_population(use: jax.Array) -> jax.Array:
        candidates = strategy.ask(fold_in(own, use), state)
        return jnp.max(map_members(of_candidate, candidates, 1))

    # Streams of the generation's key that nothing else uses.
    uses = 3 + jnp.arange(-(-_LEAST_ASKED // strategy.population), dtype=jnp.uint32)
    return jnp.max(jax.lax.map(of_population, uses))
