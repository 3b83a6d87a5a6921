"""Which vector of parameters does a strategy mean? Its center, or one of its candidates."""

from __future__ import annotations

from typing import Any

import jax

from gradless._core import tree
from gradless._core.programs import compiled
from gradless.strategies.base import Strategy


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@compiled()
def center(strategy: Strategy, state: Any) -> jax.Array:
    """The strategy's present answer, (dimension,)."""
    return tree.ravel(strategy.center(state))


@compiled()
def candidate(strategy: Strategy, state: Any, candidates: Any, index: Any) -> jax.Array:
    """Candidate number ``index`` of those that a state was asked for, (dimension,)."""
    return tree.ravel(strategy.decode(state, tree.member(candidates, index)))
