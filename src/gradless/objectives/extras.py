"""What does an objective look at besides outputs and answers? More columns, one number a row.

``extras`` are arrays (samples,) by their role: what a row is worth, which group it is of, whether
its event was seen. A problem keeps them beside its targets, so that whatever picks samples picks
them as well, and an objective finds each under its role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gradless._core import words
from gradless._core.errors import InputError

Extras = Mapping[str, Any]
"""Arrays (samples,) by role."""

RELEVANCE = "relevance"
"""The role of the answers as they were given: those of a problem may be shifted and scaled."""


class Looks(Protocol):
    """Whatever judges: an objective, or a metric in Python."""

    @property
    def name(self) -> str:
        """Of it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The roles that it looks at."""

    @property
    def most_groups(self) -> int | None:
        """That it can tell apart."""


class Role(NamedTuple):
    """What a column is for."""

    meaning: str  # before "for each row"
    example: str
    otherwise: float | None = None  # for every row, if no column is given

    @staticmethod
    def option(name: str) -> str:
        """As it is typed."""
        return f"--{name}-column"

    @staticmethod
    def argument(name: str) -> str:
        """As estimators have it."""
        return f"sample_{name}"


ROLES = {
    "value": Role("a value", "amount"),
    "group": Role("a group", "region"),
    "event": Role("1 if the event was seen", "died", 1.0),
}
"""By name."""


def needed(objective: Looks, given: Iterable[str]) -> None:
    """Refuse roles that an objective has no use for, and an objective without those that it needs.

    Raises
    ------
    InputError
        If they do not fit.
    """
    given = set(given)
    for name in given - set(objective.needs):
        uses = [Role.option(each) for each in ROLES if each in objective.needs]
        raise InputError(
            f"{Role.option(name)}, in Python {Role.argument(name)}, must be left out for objective "
            f"{objective.name!r}, which takes {words.either(uses) if uses else 'no such column'}"
        )
    for name, role in ROLES.items():
        if name in objective.needs and name not in given and role.otherwise is None:
            raise InputError(
                f"objective {objective.name!r} must have {role.meaning} for each row, got none. "
                f"For example: {Role.option(name)} {role.example}, in Python "
                f"{Role.argument(name)}=..."
            )


def checked(
    objective: Looks, extras: Extras | None, targets: Any
) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays that an objective needs, as numbers.

    Parameters
    ----------
    objective
        It says which.
    extras
        Arrays (samples,) by role; groups may be anything that can be told apart.
    targets
        The answers as they were given, (samples,) or (samples, outputs).

    Raises
    ------
    InputError
        If one is missing, too many, not of this shape, or holds what it cannot mean.
    """
    extras = {name: value for name, value in (extras or {}).items() if value is not None}
    extras.pop(RELEVANCE, None)  # of what was checked before
    needed(objective, extras)
    found: dict[str, npt.NDArray[np.float32]] = {}
    for name, role in ROLES.items():
        if name not in objective.needs:
            continue
        given = np.full(len(targets), role.otherwise) if name not in extras else extras[name]
        values: npt.NDArray[Any] = np.asarray(given)
        if values.shape != (len(targets),):
            raise InputError(
                f"{Role.argument(name)} must be of shape ({len(targets)},), got {values.shape}"
            )
        if name == "group":
            different, values = np.unique(values.astype(str), return_inverse=True)
            if objective.most_groups is not None and len(different) > objective.most_groups:
                raise InputError(
                    f"groups must be at most {objective.most_groups} for objective "
                    f"{objective.name!r}, got {len(different):,}. Merge some of them"
                )
        found[name] = _numbers(name, values)
    if "event" in found and not np.isin(found["event"], (0, 1)).all():
        other = found["event"][~np.isin(found["event"], (0, 1))][0]
        raise InputError(f"{Role.argument('event')} must be 0 or 1 in each row, got {other:g}")
    if RELEVANCE in objective.needs:
        found[RELEVANCE] = _numbers(RELEVANCE, np.asarray(targets).reshape(len(targets)))
        if (found[RELEVANCE] < 0).any():
            raise InputError(
                f"answers must be 0 or more for objective {objective.name!r}, which takes them for "
                f"relevances, got {found[RELEVANCE].min():g}"
            )
    return found


def beside(
    features: npt.NDArray[Any], extras: Mapping[str, npt.NDArray[Any]] | None
) -> npt.NDArray[Any]:
    """Features and extras, by all of which rows are told apart."""
    if not extras:
        return features
    return np.column_stack([features, *(extras[name] for name in sorted(extras))])


def at(
    extras: Mapping[str, npt.NDArray[Any]] | None, chosen: Any
) -> dict[str, npt.NDArray[Any]] | None:
    """Those of some samples."""
    return None if extras is None else {name: values[chosen] for name, values in extras.items()}


def _numbers(name: str, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    try:
        numbers = values.astype(np.float32)
    except ValueError:
        numbers = np.array([np.nan], np.float32)
    if not np.isfinite(numbers).all():
        odd = next(each for each in values.tolist() if not _is_finite(each))
        what = "answers" if name == RELEVANCE else f"{Role.argument(name)} ({Role.option(name)})"
        raise InputError(f"{what} must be a finite number in each row, got {odd!r}")
    return numbers


def _is_finite(value: Any) -> bool:
    try:
        return bool(np.isfinite(np.float32(value)))
    except ValueError:
        return False
