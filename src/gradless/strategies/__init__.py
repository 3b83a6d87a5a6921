"""Which strategies are there?

A new strategy is one file in this package and one line in ``STRATEGIES``.
"""

from __future__ import annotations

from typing import Any

from gradless.errors import unknown_name
from gradless.strategies.base import Strategy
from gradless.strategies.hill_climbing import HillClimbing
from gradless.strategies.random_search import RandomSearch

__all__ = ["STRATEGIES", "HillClimbing", "RandomSearch", "Strategy", "get"]

STRATEGIES: dict[str, type[Strategy]] = {
    cls.name: cls
    for cls in (
        RandomSearch,
        HillClimbing,
    )
}
"""Every strategy by name."""


def get(name: str, **hyperparameters: Any) -> Strategy:
    """Strategy by name, with some hyperparameters other than their defaults.

    Raises
    ------
    InputError
        If no strategy has this name, or a hyperparameter is unknown or out of range.
    """
    if name not in STRATEGIES:
        raise unknown_name("strategy", name, STRATEGIES)
    cls: Any = STRATEGIES[name]
    known = cls.__dataclass_fields__
    for given in hyperparameters:
        if given not in known:
            raise unknown_name(f"hyperparameter of {name}", given, known)
    return cls(**hyperparameters)  # type: ignore[no-any-return]
