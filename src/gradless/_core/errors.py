"""What does gradless say when it is given something that it cannot use?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from gradless._core import words

_ALIKE = 0.65  # of the letters, so that a guess is worth a question


class InputError(ValueError):
    """What was given cannot be used.

    The message is one line that says what was expected, what was given and, where it helps, what to
    type. The command line prints it and exits with code 2, before any training.
    """


def closest(given: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; None if there is none that is near.

    Examples
    --------
    >>> closest("hill_climb", ["random_search", "hill_climbing"])
    'hill_climbing'
    >>> closest("moons", ["noisy", "circles"])
    """
    spelled = {words.alike(name): name for name in known}
    wanted = words.alike(given)
    if wanted in spelled:
        return spelled[wanted]
    if len(wanted) >= 3:
        begun = [name for alike, name in spelled.items() if alike.startswith(wanted)]
        if len(begun) == 1:
            return begun[0]
    if ":" in wanted and (name := spelled.get(wanted.partition(":")[0])):
        return name  # that takes no number, where another one does
    found = difflib.get_close_matches(wanted, spelled, n=1, cutoff=_ALIKE)
    return spelled[found[0]] if found else None


def known_name(kind: str, given: str, known: Iterable[str]) -> str:
    """The name in a registry that is meant: hyphens, underscores and capitals make no difference.

    Parameters
    ----------
    kind
        What it names, for example ``"strategy"``.
    given
        The name as it was given.
    known
        The names that there are.

    Raises
    ------
    InputError
        If it is none of them, with the closest one.

    Examples
    --------
    >>> known_name("strategy", "Hill-Climbing", ["random_search", "hill_climbing"])
    'hill_climbing'
    """
    names = list(known)
    if given in names:
        return given
    spelled = {words.alike(name): name for name in names}
    if (found := spelled.get(words.alike(str(given)))) is None:
        raise unknown_name(kind, given, names)
    return found


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
    meant = closest(str(given), names)
    hint = f"; did you mean {meant!r}?" if meant else "."
    return InputError(f"unknown {kind} {given!r}{hint} Known: {', '.join(names)}")
