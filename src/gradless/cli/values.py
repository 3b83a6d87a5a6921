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
from gradless._core.errors import closest


class RefusedError(Exception):
    """A value that an option does not take; argparse would make its own words of a ValueError."""


@dataclass(frozen=True, eq=False)  # argparse wants to hash it
class Reader:
    """Reads one value of an option, or says what it must be.

    Attributes
    ----------
    name
        The option as it is typed.
    made
        Makes the value of a text, or raises a ValueError.
    kind
        What it must be, in words.
    example
        A value that works.
    limits
        Of its value: above, at_least, at_most, below.
    allowed
        The values that it may have, if they are named.
    several
        Whether commas separate values.
    """

    name: str
    made: Callable[[str], Any]
    kind: str
    example: str
    limits: Mapping[str, Any]
    allowed: tuple[str, ...] = ()
    several: bool = False

    def __call__(self, text: str) -> Any:
        """The value; of several with commas, a tuple."""
        if not self.several:
            return self._one(text)
        return tuple(self._one(part) for part in text.split(",") if part.strip())

    def _one(self, text: str) -> Any:
        try:
            value = self.made(text)
        except ValueError:
            raise self._refusal(text, self.kind) from None
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        if not math.isfinite(value):
            raise self._refusal(text, self.kind)
        low, high = self.limits.get("above"), self.limits.get("below")
        least, most = self.limits.get("at_least"), self.limits.get("at_most")
        if (
            (low is not None and value <= low)
            or (high is not None and value >= high)
            or (least is not None and value < least)
            or (most is not None and value > most)
        ):
            raise self._refusal(text, _range(self.limits))
        return value

    def _refusal(self, text: str, rule: str) -> RefusedError:
        given = text if re.fullmatch(r"[-+.,\w%]+", text) else repr(text)
        said = f"{self.name} must be {rule}, got {given}."
        if meant := closest(text, self.allowed):
            return RefusedError(f"{said} Did you mean {meant}?")
        example = f" For example: {self.name} {self.example}" if self.example else ""
        return RefusedError(said + example)


def reader(name: str, hint: Any, told: Mapping[str, Any], example: str) -> Reader:
    """What reads the values of an option of a type."""
    one = inside(hint)
    kind = plain(hint if one is None else one)
    if allowed := tuple(map(str, choices(kind) or told.get("choices", ()))):
        choice = functools.partial(_choose, allowed)
        return Reader(name, choice, words.either(allowed), example, {}, allowed)
    if kind in (Path, str):
        return Reader(name, kind, "text", example, {}, several=told.get("metavar") == "NAMES")
    if told.get("is_time"):
        return Reader(name, words.read_seconds, "a time such as 30s, 5m or 1h", example, told)
    made: Callable[[str], Any] = words.read_count if kind is int else words.read_number
    shares = told.get("at_most", 0) == 1 or told.get("metavar") == "SHARE"
    if (kind is float and shares) or told.get("below") == 1:
        made = _read_share
    rule = "a whole number" if kind is int else "a number"
    if instead := told.get("words", ()):
        made, rule = functools.partial(_word_or, instead, made), f"{rule} or {instead[0]}"
    return Reader(name, made, rule, example, told, several=one is not None)


def _word_or(words: tuple[str, ...], made: Callable[[str], Any], text: str) -> Any:
    return text if text in words else made(text)


def _read_share(text: str) -> float:
    """A share as 0.25 or 25%."""
    if text.strip().endswith("%"):
        percent = words.read_number(text.strip()[:-1])
        if percent > 100:  # 500% is no number of rows
            raise ValueError(text)
        return percent / 100
    return words.read_number(text)


def _choose(allowed: tuple[str, ...], text: str) -> str:
    spelled = {words.alike(choice): choice for choice in allowed}
    if (found := spelled.get(words.alike(text))) is None:
        raise ValueError(text)
    return found


def _range(limits: Mapping[str, Any]) -> str:
    """In words, which numbers an option takes."""
    above, below = limits.get("above"), limits.get("below")
    least, most = limits.get("at_least"), limits.get("at_most")
    if least is not None and most is not None:
        return f"from {least:g} to {most:.10g}"
    if least is not None:
        return f"{least:g} or more" if below is None else f"{least:g} or more and below {below:g}"
    parts = [] if above is None else [f"above {above:g}"]
    parts += [] if most is None else [f"at most {most:g}"]
    parts += [] if below is None else [f"below {below:g}"]
    return " and ".join(parts)


def plain(hint: Any) -> Any:
    """A type without its None."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    return {"int": int, "int | str": int, "float": float, "str": str, "bool": bool}.get(hint, hint)


def inside(hint: Any) -> Any:
    """The type of the values of an option that takes several."""
    kind = plain(hint)
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None


def choices(hint: Any) -> tuple[Any, ...]:
    """The values that an option takes, if they are named."""
    kind = plain(hint)
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
