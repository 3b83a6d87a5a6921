"""What does a cell of a table hold: a number, a category, nothing? And how is it named?"""

from __future__ import annotations

import math
import re
import reprlib
import shlex
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "?"})
BOOLEANS = frozenset({"true", "false", "yes", "no"})
# Ends a cell that says one of MISSING in quotes, or in a file that knows text from nothing, and so
# is text. Files that hold this character are refused.
QUOTED = "\0"

# From here on, rounding to float32 gives infinity: so large a number is a mistake, or has no place
# beside others.
FLOAT32_OVERFLOW = 2.0**128 - 2.0**103
_LISTED = 20
_SHORT = reprlib.Repr()
_SHORT.maxstring = 40

# Letters that no number has, unlike that of an exponent.
_LETTER = re.compile(r"[^\W\d_eE]")
_HEXADECIMAL = re.compile("[+-]?0[xX][0-9a-fA-F]+")
# What people and spreadsheets add to numbers, and what to replace it by.
_ADDED = (
    ("an invisible character", re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"), ""),
    ("a minus sign other than '-'", re.compile("^[\u2010-\u2015\u2212\ufe63\uff0d]"), "-"),
    ("a percent sign", re.compile(r"\s*[%‰]$"), ""),
    ("a currency sign", re.compile(r"\s*[$¢-¥₠-⃀]\s*"), ""),
    ("a thousands separator", re.compile(r"(?<=\d)[\s'\u2019_](?=\d{3}(?!\d))"), ""),
)


class Missing:
    """Which cells say that a value is not known: empty ones, and some texts.

    Parameters
    ----------
    texts
        As they are written, in quotes or not; a number counts however it is written. None stands
        for those of ``MISSING``, in any case, which in quotes are text.
    """

    def __init__(self, texts: Sequence[str] | None = None) -> None:
        """Keep them as they are compared."""
        self._texts = None if texts is None else {"", *map(one_line, texts)}
        found = map(number, () if texts is None else texts)
        self.numbers = frozenset(value for value in found if value is not None)

    def __call__(self, cell: str) -> bool:
        """Whether this cell says so."""
        return self._says(cell) if self._texts is None else self._is_given(cell)

    def even_quoted(self, cell: str) -> bool:
        """Whether it does, or would without its quotes, as among numbers, where no text may be."""
        return self(cell) or (self._texts is None and cell.endswith(QUOTED))

    def _says(self, cell: str) -> bool:
        return cell.strip().casefold() in MISSING

    def _is_given(self, cell: str) -> bool:
        text = one_line(cell)
        return text in self._texts or (bool(self.numbers) and number(text) in self.numbers)  # type: ignore[operator]


def marked(text: str) -> str:
    """A text that is known to be one, whatever it says; of nothing, nothing."""
    return text + QUOTED if text.strip() and text.strip().casefold() in MISSING else text


def number(text: str) -> float | None:
    """The number that a cell holds, infinite or not, or None if it does not hold one."""
    try:
        found = float(text)
    except ValueError:
        return None
    # Python reads 1_000 as a number; in a file it is rather an identifier.
    return None if "_" in text or math.isnan(found) else found


def category(cell: str) -> str:
    """The name of a category, the same however the cell is written: also for TRUE and True."""
    text = one_line(cell)
    return text.casefold() if text.casefold() in BOOLEANS else text


def like_number(cell: str) -> str | None:
    """What makes a cell look like a number that is none, and what to write instead."""
    if meant := _meant(cell):
        added, plain = meant
        return f"{shown(cell)} is not a number, but looks like one with {added}; write {plain}"
    return None


def missing(cell: str) -> str:
    """What is said of a gap where none may be."""
    return f"missing value {cell.removesuffix(QUOTED).strip()!r}; fill it in or drop the row"


def one_line(text: str) -> str:
    """The text in NFC, with each run of white space, line breaks among it, as one space."""
    return unicodedata.normalize("NFC", " ".join(text.removesuffix(QUOTED).split()))


def shown(cell: str) -> str:
    """A cell in quotes, for a message."""
    return reprlib.repr(cell.removesuffix(QUOTED))


def plain_number(value: float) -> str:
    """A number for a message: 1234 or 0.5."""
    return f"{value:.15g}"


def listing(names: Sequence[str]) -> str:
    """Names for a message, not all of them if there are many."""
    shown = ", ".join(short(name) for name in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown}, ... ({len(names)} in all)"


def short(text: str) -> str:
    """A name in quotes, for a message, without its middle if it is long."""
    return _SHORT.repr(text)


def argument(*names: str) -> str:
    """Names as they are typed on a command line."""
    return " ".join(
        shlex.quote(name) if name.isprintable() and len(name) <= _SHORT.maxstring else short(name)
        for name in names
    )


def _meant(cell: str) -> tuple[str, str] | None:
    """What was added to a number so that it is none, and the number to write instead."""
    text = cell.strip()
    if len(text) > _SHORT.maxstring:
        return None
    if _HEXADECIMAL.fullmatch(text):
        return "hexadecimal digits", str(int(text, 16))
    if _LETTER.search(text):
        return None
    found = []
    for added, pattern, replacement in _ADDED:
        changed = pattern.sub(replacement, text)
        if changed != text:
            found.append(added)
            text = changed.strip()
    plain = [text]
    if number(text) is None:
        added, plain = _marks(text)
        found.append(added)
    if not found or None in map(number, plain):
        return None
    return " and ".join(dict.fromkeys(found)), " or ".join(plain)


def _marks(text: str) -> tuple[str, list[str]]:
    """What the commas and points in a number are, and what it is without them."""
    without_commas, without_points = text.replace(",", ""), text.replace(".", "").replace(",", ".")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
        return "a thousands separator or a decimal comma", [without_commas, without_points]
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", text):
        return "a thousands separator", [without_commas]
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3}){2,}", text):
        return "a thousands separator", [without_points]
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d*", text):
        return "a thousands separator and a decimal comma", [without_points]
    return "a decimal comma", [text.replace(",", ".")]


# --- Numbers --------------------------------------------------------------------------------------


def is_number(cell: str) -> bool:
    """Whether a cell is a number or looks like one."""
    return number(cell) is not None or like_number(cell) is not None


def is_finite(cell: str) -> bool:
    """Whether a cell is a number of a size that can be used."""
    found = number(cell)
    return found is not None and abs(found) < FLOAT32_OVERFLOW


def not_a_number(cell: str, otherwise: str) -> str:
    """What keeps a cell from being a number that can be used, and what to do."""
    if number(cell) is None:
        like = like_number(cell)
        return f"{like or f'{shown(cell)} is not a number; write a number'}, or {otherwise}"
    return (
        f"{shown(cell)} must be a finite number in float32, at most 3.4e38; correct it or "
        "rescale the column"
    )


def finite(texts: Sequence[str]) -> FloatArray | None:
    """Cells as numbers, or None if one of them is none that can be used."""
    try:
        numbers = np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        return None
    # Python reads 1_000 as a number, `number` does not.
    fine = (np.abs(numbers) < FLOAT32_OVERFLOW).all() and "_" not in "".join(texts)
    return numbers if fine else None
