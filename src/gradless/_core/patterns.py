"""Which arrays does a pattern of paths fit, and which were probably meant if none?"""

from __future__ import annotations

import difflib
import fnmatch
import heapq
from collections.abc import Sequence

from gradless._core import words
from gradless._core.errors import InputError


def fitting(argument: str, pattern: str, names: Sequence[str]) -> list[int]:
    """Numbers of the names that a pattern fits, in which ``*`` stands for any text.

    Parameters
    ----------
    argument
        What has the pattern, for an error.
    pattern, names
        Of paths such as ``encoder/0/weights``.

    Raises
    ------
    InputError
        If it fits none, with the closest.
    """
    found = [i for i, name in enumerate(names) if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        near = words.either(_closest(pattern, names), "and")
        raise InputError(
            f"{argument} must have patterns that fit arrays, got {pattern!r}, which fits none "
            f"of {len(names)}. The closest are {near}"
        )
    return found


def _closest(pattern: str, names: Sequence[str]) -> list[str]:
    """Paths that begin, or end, almost as the pattern does."""
    plain = pattern.replace("*", "")

    def likeness(name: str) -> float:
        part = name[-len(plain) :] if pattern.startswith("*") else name[: len(plain)]
        return difflib.SequenceMatcher(None, plain, part).ratio()

    return heapq.nlargest(3, names, likeness)
