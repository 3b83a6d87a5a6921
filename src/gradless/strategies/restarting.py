"""Does a search begin again when it has come to rest? One vocabulary for every door."""

from __future__ import annotations

import dataclasses
from typing import Any

from gradless._core.errors import InputError
from gradless.strategies.base import Strategy, begins_elsewhere
from gradless.strategies.bipop_cma_es import BIPOPCMAES
from gradless.strategies.cma_es import CMAES
from gradless.strategies.wrappers import Restarts

NONE, YES, IPOP, BIPOP = "none", "yes", "ipop", "bipop"


def checked(given: Any, nothing: str = NONE) -> str:
    """One of the four words, of what a person may say: these, True, False and None.

    ``nothing`` is what None stands for.

    Raises
    ------
    InputError
        For anything else.
    """
    if given is None:
        return nothing
    if isinstance(given, bool):
        return YES if given else NONE
    word = given.lower() if isinstance(given, str) else given
    if word not in (NONE, YES, IPOP, BIPOP):
        raise InputError(
            "restarts must be True or 'yes', False or 'none', 'ipop' or 'bipop', got "
            f"{given!r}. For any strategy: True"
        )
    return str(word)


def restarting(strategy: Any, how: str = YES) -> Any:
    """A strategy that begins again.

    CMA-ES does so with growing populations (``"ipop"``), and with small ones in turn (``"bipop"``,
    and ``"yes"``); any other strategy as it is, in :class:`.wrappers.Restarts`.

    Raises
    ------
    InputError
        If a strategy is to change its population that cannot.
    """
    if how == NONE:
        return strategy
    if isinstance(strategy, CMAES):
        shared = {field.name for field in dataclasses.fields(BIPOPCMAES)}
        given = {field.name for field in dataclasses.fields(strategy)} & shared
        strategy = BIPOPCMAES(**{name: getattr(strategy, name) for name in given})
        return dataclasses.replace(strategy, small=how != IPOP)
    if how == YES:
        return strategy if begins_elsewhere(strategy) else Restarts(strategy)
    if isinstance(strategy, BIPOPCMAES):
        return dataclasses.replace(strategy, small=how != IPOP)
    raise InputError(
        f"restarts must be yes or none for {strategy.name}, whose population stays as it is, got "
        f"{how!r}. Give cma_es for ipop and bipop"
    )


def inside(strategy: Any) -> Strategy:
    """The strategy that begins again, without the wrapper that makes it."""
    return strategy.strategy if isinstance(strategy, Restarts) else strategy
