"""How does a person write numbers and names, and how are they written for a person?

Losses have four significant digits, accuracies are percentages with one decimal, and counts have
commas, wherever a person reads them. What is written to be read by a program has all its digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line prints its help without it
    import numpy as np

_UNITS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-z]*)")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_NONE = "-"

# --- For a person ---------------------------------------------------------------------------------


def loss(value: float) -> str:
    """A loss, or another value of an objective: four significant digits.

    Numbers from 1,000 to ten millions keep all that stand before the point; what is not finite is
    a dash.
    """
    if not math.isfinite(value):
        return _NONE
    if value == 0:
        return "0"
    return f"{value:,.0f}" if 999.95 <= abs(value) < 1e7 else f"{value:#.4g}".removesuffix(".")


def percent(share: float) -> str:
    """An accuracy, or another share, with one decimal; a dash if it is not a number."""
    return f"{share:.1%}" if math.isfinite(share) else _NONE


def measure(name: str, value: float) -> str:
    """A measure by its name: an accuracy as a percentage, others like a loss."""
    return percent(value) if name == "accuracy" else loss(value)


def rounded(value: float) -> str:
    """A large count in three digits: 950, 12.3k, 1.2M; a dash for what is not finite."""
    if not math.isfinite(value):
        return _NONE
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def size(count: float) -> str:
    """Bytes: 320 bytes, 12.5 KiB, 3.2 GiB."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}" if count < 1000 else f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"


def seconds(value: float) -> str:
    """A time that was measured: 0.42 s, 12.3 s, 2 min 5 s, 3 h 20 min."""
    if not math.isfinite(value):
        return _NONE
    if value < 99.95:
        return f"{value:.{2 if value < 9.995 else 1}f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def about(value: float) -> str:
    """A time that is estimated: about 12 s, about 4 minutes, about 2.5 hours."""
    if value < 100:
        return f"about {value:.0f} s"
    if value < 100 * 60:
        return f"about {value / 60:.0f} minutes"
    return f"about {value / 3600:.1f} hours"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count and what is counted: 1 column, 1,200 columns."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def either(names: Sequence[str], last: str = "or") -> str:
    """Names with a word before the last one: a, b or c."""
    *others, end = names
    return f"{', '.join(others)} {last} {end}" if others else end


def among(value: float, spread: float) -> str:
    """A number among others: to about a thousandth of what they spread over."""
    digits = 3 - math.floor(math.log10(spread)) if spread > 0 else 6
    return f"{round(value, digits):.15g}"


def rough(value: float, spread: float) -> str:
    """One of the numbers of a column: six digits, and more where six do not tell them apart."""
    if 0 < spread < 1e-3 * abs(value):
        return among(value, spread)
    return f"{float(f'{value:.6g}'):.15g}"


def shortest(value: np.floating) -> str:
    """The shortest text that reading makes the same number of, in its own precision."""
    return str(value)


# --- From a person --------------------------------------------------------------------------------


def read_number(text: str) -> float:
    """The number that is meant by 0.5, 1e-3, 10_000 or 10,000.

    Raises
    ------
    ValueError
        If it is not a number.
    """
    text = text.strip()
    return float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)


def read_count(text: str) -> int:
    """The whole number that is meant by 100, 1e5, 10_000 or 10,000.

    Raises
    ------
    ValueError
        If it is not a whole number.
    """
    text = text.strip()
    try:
        return int(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except ValueError:
        number = float(text)
        if not number.is_integer():  # infinity and NaN are not
            raise ValueError(text) from None
        return int(number)


def read_seconds(text: str) -> float:
    """The seconds that are meant by 10, 1.5, 30s, 2m, 1h or 1h30m.

    Raises
    ------
    ValueError
        If it is not a time.
    """
    plain = text.strip().lower().replace(" ", "")
    try:
        return read_number(plain)
    except ValueError:
        parts = _TIME.findall(plain)
        whole = "".join(number + unit for number, unit in parts)
        if not parts or whole != plain or any(unit not in _UNITS for _, unit in parts):
            raise ValueError(text) from None
        return sum(float(number) * _UNITS[unit] for number, unit in parts)


def alike(name: str) -> str:
    """What a name has in common with its other spellings: hill-climbing and Hill_Climbing."""
    return re.sub(r"[-_\s]+", "_", name.strip().casefold())
