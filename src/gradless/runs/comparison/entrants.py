"""What is compared? Strategies, and variants of one with other hyperparameters."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gradless import strategies
from gradless._core.errors import InputError
from gradless.strategies import Strategy
from gradless.training.auto import AUTO


@dataclass(frozen=True)
class Entrant:
    """A strategy under the name by which it is told from the others.

    Parameters
    ----------
    name
        What it is called.
    family
        The name of the strategy, which variants share; ``"auto"`` for one that fits the budget.
    strategy
        With its hyperparameters; None for ``"auto"``.
    """

    name: str
    family: str
    strategy: Strategy | None


def entrant(text: str) -> Entrant:
    """A strategy, or a variant of one, from what a person types.

    ``openai_es``, ``openai_es:sigma=0.1``, ``openai_es:sigma=0.1:rank=1``; instead of colons
    between hyperparameters, commas do as well.

    Raises
    ------
    InputError
        If no strategy or hyperparameter has this name, or a value makes no sense.
    """
    parts = [part.strip() for part in text.replace(",", ":").split(":")]
    given = [part for part in parts if "=" in part]
    # Algorithms of evosax have a colon in their names.
    family = ":".join(part for part in parts if "=" not in part)
    if family == AUTO and not given:
        return Entrant(AUTO, AUTO, None)
    cls = strategies.find(family)
    values = dict(_setting(part) for part in given)
    settings = "".join(f":{name}={value}" for name, value in values.items())
    strategy = strategies.get(cls.name, **{name: _value(value) for name, value in values.items()})
    return Entrant(f"{cls.name}{settings}", cls.name, strategy)


def _setting(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lstrip("-").replace("-", "_"), value.strip()


def _value(text: str) -> Any:
    """A number, or what else Python writes so; other texts are themselves."""
    words = {"true": True, "yes": True, "false": False, "no": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def entrants(texts: Iterable[str]) -> tuple[Entrant, ...]:
    """Entrants of what a person types, each once: with spaces or commas between them.

    A piece behind a comma that only sets a hyperparameter belongs to the strategy before it:
    ``openai_es:sigma=0.1,rank=1,snes`` are two.

    Raises
    ------
    InputError
        If something cannot be compared.
    """
    pieces: list[str] = []
    for text in texts:
        for piece in filter(None, map(str.strip, text.split(","))):
            if pieces and "=" in piece.partition(":")[0]:
                pieces[-1] += f":{piece}"
            else:
                pieces.append(piece)
    if "all" in pieces:
        pieces = [*strategies.STRATEGIES, *(piece for piece in pieces if piece != "all")]
    return tuple({each.name: each for each in map(entrant, pieces)}.values())


def named(given: Any) -> tuple[Entrant, ...]:
    """Entrants from what Python gives: names, or strategies or names by what they are called.

    Raises
    ------
    InputError
        If something is neither.
    """
    if isinstance(given, str):
        return entrants([given])
    if isinstance(given, Mapping):
        return tuple(_named(str(name), each) for name, each in given.items())
    if isinstance(given, Iterable):
        found: dict[str, Entrant] = {}
        for each in given:
            one = _named(None, each)
            if one.name in found:
                raise InputError(
                    f"strategies must have different names, got {one.name!r} twice. Give a "
                    'dictionary, for example {"small": CMAES(sigma=0.1), "large": CMAES(sigma=1.0)}'
                )
            found[one.name] = one
        return tuple(found.values())
    raise InputError(
        f"strategies must be names, strategies or a dictionary of them, got {given!r}. "
        'For example: {"a": CMAES(sigma=0.1), "b": "openai_es"}'
    )


def _named(name: str | None, given: Any) -> Entrant:
    if isinstance(given, str):
        found = entrant(given)
        return found if name is None else Entrant(name, found.family, found.strategy)
    if isinstance(given, type) or not isinstance(given, Strategy):
        shown = given.__name__ if isinstance(given, type) else repr(given)
        raise InputError(
            f"a strategy must be a name or a strategy, got {shown}. "
            "For example: 'cma_es' or CMAES(sigma=0.1)"
        )
    return Entrant(name or given.name, given.name, given)
