"""What does gradless say when it is given something that it cannot use?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """What was given cannot be used.

    The message is one line that says what was given, what was expected and what to do. The command
    line prints it and exits with code 2, before any training.
    """


def unknown_name(kind: str, given: str, known: Iterable[str]) -> InputError:
    """Error for a name that is not in a registry, with the closest known name.

    Parameters
    ----------
    kind
        What the name should have been, for example ``"strategy"``.
    given
        The name that was given.
    known
        The names that would have worked.

    Examples
    --------
    >>> print(unknown_name("strategy", "hill_climb", ["random_search", "hill_climbing"]))
    unknown strategy 'hill_climb'; did you mean 'hill_climbing'? Known: hill_climbing, random_search
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return InputError(f"unknown {kind} {given!r}; {hint}Known: {', '.join(names)}")
