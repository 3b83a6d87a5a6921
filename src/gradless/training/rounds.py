"""Which candidates does a strategy ask for while others are still out, and what does it learn?

Any number of populations may be asked for of one state, each with noise of its own; whichever is
complete first makes the next state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from gradless._core import tree
from gradless._core.floats import sixty_four_bits
from gradless._core.noise import fold_in
from gradless._core.programs import compiled
from gradless._core.tree import Params
from gradless.evaluation.mapped import map_members
from gradless.strategies.base import Strategy
from gradless.training import generation

_MORE = 2**16  # streams of a generation's key from here on are of candidates beyond its population


@dataclass
class Round:
    """A population that was asked for, and what is known of it."""

    candidates: Any
    points: list[Params]
    losses: npt.NDArray[np.float64]
    told: npt.NDArray[np.bool_]
    handed: int = 0  # points given away
    names: list[bytes] = field(default_factory=list)  # what points are known by


def asked(
    strategy: Strategy, key: jax.Array, done: int, number: int, state: Any
) -> tuple[Any, npt.NDArray[Any]]:
    """Candidates after so many generations, and their vectors; population 0 is that of a run."""
    use = np.uint32(0 if number == 0 else _MORE + number)
    with sixty_four_bits():
        candidates, found = _ask(strategy, key, np.uint32(done), use, state)
        return candidates, np.asarray(found)


def told(
    strategy: Strategy, key: jax.Array, done: int, state: Any, candidates: Any, losses: Any
) -> Any:
    """The state after so many generations and one more, whose losses are known."""
    with sixty_four_bits():
        return _tell(strategy, key, np.uint32(done), state, candidates, losses)


@compiled()
def _ask(strategy: Strategy, key: jax.Array, done: Any, use: Any, state: Any) -> tuple[Any, Any]:
    """Candidates of a generation, and their vectors."""
    candidates = strategy.ask(fold_in(fold_in(key, done + 1), use), state)
    return candidates, map_members(
        lambda one: tree.ravel(strategy.decode(state, one)), candidates, 1
    )


@compiled()
def _tell(
    strategy: Strategy, key: jax.Array, done: Any, state: Any, candidates: Any, losses: Any
) -> Any:
    return strategy.tell(generation.keys_after(key, done)[1], state, candidates, losses)
