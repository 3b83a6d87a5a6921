"""Which strategies are there?

A new strategy is one file in this package and one line in ``STRATEGIES``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from gradless.errors import unknown_name
from gradless.strategies.base import Strategy
from gradless.strategies.hill_climbing import HillClimbing
from gradless.strategies.random_search import RandomSearch

__all__ = ["STRATEGIES", "HillClimbing", "RandomSearch", "Strategy", "find", "get"]

STRATEGIES: dict[str, type[Strategy]] = {
    cls.name: cls
    for cls in (
        RandomSearch,
        HillClimbing,
    )
}
"""Every strategy by name."""


def find(name: str) -> type[Strategy]:
    """Class of a strategy; an unknown name is an :class:`InputError` with the closest one."""
    if name not in STRATEGIES:
        raise unknown_name("strategy", name, STRATEGIES)
    return STRATEGIES[name]


def get(name: str, **hyperparameters: Any) -> Strategy:
    """Strategy by name, with some hyperparameters other than their defaults.

    Raises
    ------
    InputError
        If no strategy has this name, or a hyperparameter is unknown or out of range.
    """
    cls: Any = find(name)
    known = [field.name for field in dataclasses.fields(cls)]
    for given in hyperparameters:
        if given not in known:
            raise unknown_name(f"hyperparameter of {name}", given, known)
    return cls(**hyperparameters)  # type: ignore[no-any-return]
