"""How does a person say where a number is searched? ``lr=1e-4:0.1:log``, ``width=16:256:int``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gradless._core import words
from gradless._core.errors import InputError

_EXAMPLE = "For example: --bounds lr=1e-4:0.1:log width=16:256:int"
_KINDS = ("log", "int")


@dataclass(frozen=True, kw_only=True)
class Number:
    """A parameter and where it is searched.

    Attributes
    ----------
    name
        What it is called.
    low, high
        The least and the greatest value.
    start
        Where the search begins.
    log
        Whether ratios count and not differences: the search moves in its logarithm.
    whole
        Whether it is a whole number.
    """

    name: str
    low: float
    high: float
    start: float
    log: bool = False
    whole: bool = False

    def __str__(self) -> str:
        """As it is typed."""
        kinds = [":log"] * self.log + [":int"] * self.whole
        return f"{self.name}={self.low:g}:{self.high:g}{''.join(kinds)} from {self.start:g}"

    @property
    def is_stepped(self) -> bool:
        """Whether the search itself knows that it is a whole number.

        In its logarithm it is a number like others, and rounded for the program.
        """
        return self.whole and not self.log

    @property
    def bounds(self) -> tuple[float, float]:
        """Within which a search moves."""
        return self._coordinate(self.low), self._coordinate(self.high)

    @property
    def start_coordinate(self) -> float | int:
        """Where a search begins."""
        return int(self.start) if self.is_stepped else self._coordinate(self.start)

    def value(self, coordinate: float) -> float | int:
        """What a program gets."""
        if not self.log:
            return int(coordinate) if self.whole else float(coordinate)
        # Rounding must not lead outside.
        value = min(max(10 ** float(coordinate), self.low), self.high)
        return round(value) if self.whole else value

    def _coordinate(self, value: float) -> float:
        return math.log10(value) if self.log else float(value)


def numbers_of(bounds: Sequence[str], starts: Sequence[str]) -> tuple[Number, ...]:
    """What was typed: ``NAME=LOW:HIGH``, with ``:log`` and ``:int``, and ``NAME=VALUE``.

    Raises
    ------
    InputError
        For what cannot be read, and values outside of bounds.
    """
    if not bounds:
        raise InputError(f"--bounds must name the parameters and where they are. {_EXAMPLE}")
    begun: dict[str, float] = {}
    for text in starts:
        name, _, value = text.partition("=")
        begun[name.strip()] = _read("--start", text, value)
    made = [_number(text, begun) for text in bounds]
    names = [number.name for number in made]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--bounds must name each parameter once, got {name} twice")
    for name in begun:
        if name not in names:
            raise InputError(
                f"--start must name a parameter of --bounds, which are {words.either(names, 'and')}"
                f", got {name}"
            )
    return tuple(made)


def _number(text: str, starts: dict[str, float]) -> Number:
    name, equals, rest = text.partition("=")
    low, *others = rest.split(":")
    kinds = [kind.strip() for kind in others[1:]]
    if not equals or not name.strip().isidentifier() or not others:
        if "," in rest:
            raise InputError(
                f"--bounds must be numbers, NAME=LOW:HIGH, got {text}. Choices without an order are"
                " not searched: run a search for each"
            )
        raise InputError(f"--bounds must be NAME=LOW:HIGH, got {text}. {_EXAMPLE}")
    if unknown := [kind for kind in kinds if kind not in _KINDS]:
        raise InputError(f"--bounds must end in :log, :int or both, got :{unknown[0]}. {_EXAMPLE}")
    name = name.strip()
    least, most = _read("--bounds", text, low), _read("--bounds", text, others[0])
    log, whole = "log" in kinds, "int" in kinds
    if least >= most:
        raise InputError(f"--bounds must have the lower value first, got {text}")
    if log and least <= 0:
        raise InputError(f"--bounds of a logarithm must be above 0, got {text}")
    if whole and (least != int(least) or most != int(most)):
        raise InputError(f"--bounds of a whole number must be whole numbers, got {text}")
    middle = math.sqrt(least * most) if log else (least + most) / 2
    start = starts.get(name, round(middle) if whole else middle)
    if not least <= start <= most or (whole and start != int(start)):
        what = "a whole number within" if whole else "within"
        raise InputError(f"--start must be {what} its bounds, {text}, got {name}={start:g}")
    return Number(name=name, low=least, high=most, start=start, log=log, whole=whole)


def _read(option: str, text: str, value: str) -> float:
    try:
        number = words.read_number(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{option} must be numbers, got {text}. {_EXAMPLE}")
    return number
