"""How is what a person types read as the value of an option?"""

from __future__ import annotations

import functools
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gradless._core import words


class RefusedError(Exception):
    """A value that an option does not take; argparse would make its own words of a ValueError."""


@dataclass(frozen=True, eq=False)  # argparse wants to hash it
class Reader:
    """Reads one value of an option, or says what it must be."""

    name: str
    made: Callable[[str], Any]
    rule: str
    example: str
    told: Any
    several: bool = False

    def __call__(self, text: str) -> Any:
        """The value; of several with commas, a tuple."""
        if not self.several or "," not in text:
            return self._one(text)
        return tuple(self._one(part) for part in text.split(",") if part.strip())

    def _one(self, text: str) -> Any:
        try:
            value = self.made(text)
        except ValueError:
            raise self._error(text) from None
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        low, high = self.told.get("above"), self.told.get("below")
        least, most = self.told.get("at_least"), self.told.get("at_most")
        fine = (
            (low is None or value > low)
            and (high is None or value < high)
            and (least is None or value >= least)
            and (most is None or value <= most)
        )
        if not math.isfinite(value):
            raise self._error(text, "a finite number")
        if not fine:
            raise self._error(text)
        return value

    def _error(self, text: str, rule: str = "") -> RefusedError:
        example = f" For example: {self.name} {self.example}" if self.example else ""
        given = text if re.fullmatch(r"[-+.,\w%]+", text) else repr(text)
        return RefusedError(f"{self.name} must be {rule or self.rule}, got {given}.{example}")


def reader(name: str, hint: Any, told: Mapping[str, Any], example: str) -> Reader:
    """What reads the values of an option of a type."""
    one = inside(hint)
    kind = plain(hint if one is None else one)
    if allowed := tuple(map(str, choices(kind) or told.get("choices", ()))):
        choice = functools.partial(_choose, allowed)
        return Reader(name, choice, words.either(allowed), example, {})
    if kind in (Path, str):
        return Reader(name, kind, "text", example, {}, several=told.get("metavar") == "NAMES")
    if told.get("is_time"):
        rule = f"a time {_range(told, False)}".replace("a time a number", "a time")
        return Reader(name, words.read_seconds, rule, example, told)
    made: Callable[[str], Any] = words.read_count if kind is int else words.read_number
    if (kind is float and told.get("at_most", 0) == 1) or told.get("below") == 1:
        made = _read_share
    return Reader(name, made, _range(told, kind is int), example, told, several=one is not None)


def _read_share(text: str) -> float:
    """A share as 0.25 or 25%."""
    if text.strip().endswith("%"):
        return words.read_number(text.strip()[:-1]) / 100
    return words.read_number(text)


def _choose(allowed: tuple[str, ...], text: str) -> str:
    spelled = {words.alike(choice): choice for choice in allowed}
    if (found := spelled.get(words.alike(text))) is None:
        raise ValueError(text)
    return found


def _range(told: Mapping[str, Any], whole: bool) -> str:
    """In words, which numbers an option takes."""
    above, below = told.get("above"), told.get("below")
    least, most = told.get("at_least"), told.get("at_most")
    kind = "a whole number" if whole else "a number"
    if least is not None and most is not None:
        return f"{kind} from {least:g} to {most:.10g}"
    if above is not None and below is not None:
        return f"between {above:g} and {below:g}"
    if above is not None and most is not None:
        return f"above {above:g} and at most {most:g}"
    if least is not None and below is not None:
        return f"at least {least:g} and below {below:.10g}"
    if above is not None:
        return f"above {above:g}"
    return kind if least is None else f"{least:g} or more"


def plain(hint: Any) -> Any:
    """A type without its None."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    return {"int": int, "float": float, "str": str, "bool": bool}.get(hint, hint)


def inside(hint: Any) -> Any:
    """The type of the values of an option that takes several."""
    kind = plain(hint)
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None


def choices(hint: Any) -> tuple[Any, ...]:
    """The values that an option takes, if they are named."""
    kind = plain(hint)
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
