"""What do strategies share whose candidates are a center plus noise?

Their states have ``center``, ``scales`` of each leaf and ``structure``; their candidates are seeds
with a sign (:mod:`gradless.strategies.parts.mirrored`), decoded where they are evaluated.
"""

from __future__ import annotations

import operator
from typing import Any

import jax
import jax.numpy as jnp

from gradless._core.low_rank import Rank
from gradless._core.tree import Params
from gradless.strategies.base import Perturbation
from gradless.strategies.parts.low_rank import Directions
from gradless.strategies.parts.mirrored import Mirrored


class AroundCenter:
    """Candidates around ``state.center``; a strategy adds ``init``, ``ask`` and ``tell``."""

    rank: Any

    @property
    def law(self) -> str:
        """Of the noise: see ``Directions``."""
        return "normal"

    @property
    def opposite_pairs(self) -> bool:
        """Whether the second half of the candidates is opposite to the first."""
        return True

    def step_size(self, state: Any) -> jax.Array:
        """Standard deviation of the changes in this generation, in units of ``state.scales``."""
        raise NotImplementedError

    @property
    def perturbation(self) -> Perturbation:
        """How candidates are made; their matrices change by thin products if there is a rank."""
        return Perturbation(opposite_pairs=self.opposite_pairs, rank=self.rank)

    def first_scales(self, scales: jax.Array, relative: bool) -> jax.Array:
        """Units of the changes of each leaf, (leaves,), of the scales at the start."""
        scales = scales if relative else jnp.ones_like(scales)
        return scales * jnp.array(self.rank.sigmas) if isinstance(self.rank, Rank) else scales

    def directions_of(self, state: Any) -> Directions:
        """Which random numbers change which parameters."""
        return Directions(state.structure, self.rank, self.law)

    def middle(self, state: Any) -> Params:
        """The center."""
        return self.center(state)

    def change(self, state: Any, candidate: Mirrored) -> Params:
        """What is added to the center: noise of a seed, or its opposite."""
        scales = self.step_size(state) * state.scales
        scales = jax.tree.unflatten(state.structure.treedef, list(scales))
        return jax.tree.map(operator.mul, scales, self.directions_of(state).noise(candidate))

    def decode(self, state: Any, candidate: Mirrored) -> Params:
        """Center plus the change."""
        add = lambda center, change: (center + change).astype(center.dtype)  # noqa: E731
        return jax.tree.map(add, self.center(state), self.change(state, candidate))

    def center(self, state: Any) -> Params:
        """Center of the search."""
        params: Params = state.structure.unravel(state.center)
        return params
