"""How many rows may be decided positive: a share of all, or a number of each call?"""

from __future__ import annotations

from typing import Any

from gradless._core.errors import InputError


def capacity_of(given: Any, classes: int) -> tuple[float | None, int | None]:
    """The largest share of the rows, and the largest number; None for what is not limited.

    Parameters
    ----------
    given
        A share above 0 and up to 1, a whole number above 1, or None.
    classes
        How many there are.

    Raises
    ------
    InputError
        If it is none of these, or not of two classes.
    """
    if given is None:
        return None, None
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = float("nan")
    whole = 1 < number < float("inf") and number == int(number)
    if classes != 2 or isinstance(given, bool) or not (0 < number <= 1 or whole):
        raise InputError(
            "capacity must be a share above 0 and up to 1 or a whole number of rows above 1, of "
            f"two classes, got {given} of {classes}"
        )
    return (None, int(number)) if whole else (number, None)
