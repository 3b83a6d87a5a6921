"""What does it cost to take one class for another? An objective from a table of costs.

Its name holds the whole table, ``cost_matrix:[[0,1],[5,0]]``, so a run folder or a saved estimator
finds it again. A table that speaks of classes by name becomes one of class indices where the
classes are known.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError, unknown_name
from gradless.data.targets import class_indices
from gradless.objectives import costs, metrics
from gradless.objectives.families import CLASSES, decided
from gradless.objectives.metrics import Targets
from gradless.objectives.objective import Objective

FAMILY = "cost_matrix"
EXAMPLE = f"{FAMILY}:[[0,1],[5,0]]"
_TYPED = '"yes:no=5 no:yes=1"'


def cost_matrix(
    table: npt.ArrayLike | Mapping[Any, Any], classes: Sequence[Any] | None = None
) -> Objective:
    """Objective of the mean cost of a row, lower being better.

    Parameters
    ----------
    table
        Costs (classes, classes), rows being the true class and columns the predicted one, in the
        order of the network's outputs, which estimators have as ``classes_``; or by name,
        ``{("yes", "no"): 5, ("no", "yes"): 1}`` or ``{"yes": {"no": 5}, "no": {"yes": 1}}``, where
        pairs left out cost nothing. Negative costs are benefits.
    classes
        Names of the classes in the order of the outputs, if the table names some. Estimators and
        the command line fill them in.

    Returns
    -------
    Objective
        Always the same one for the same table.

    Raises
    ------
    InputError
        If the table is none of that.

    Examples
    --------
    >>> cost_matrix([[0, 1], [5, 0]]).name
    'cost_matrix:[[0,1],[5,0]]'
    >>> cost_matrix({("yes", "no"): 5, ("no", "yes"): 1}, classes=["no", "yes"]).name
    'cost_matrix:[[0,1],[5,0]]'
    """
    if isinstance(table, Mapping):
        found = _of_text(json.dumps(_nested(table), sort_keys=True, separators=(",", ":")))
    else:
        found = _of_text(_as_text(_checked(table)))
    return found.for_classes(classes)


def of_text(text: str) -> Objective:
    """Objective of a table as it is typed: ``yes:no=5 no:yes=1``, or JSON.

    Raises
    ------
    InputError
        If it is none.
    """
    text = text.strip()
    if not text.startswith(("[", "{")):
        return cost_matrix(_pairs(text))
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"costs must be pairs such as {_TYPED} or a table in JSON, got {_short(text)} "
            f"({error.msg})"
        ) from None
    return cost_matrix(table)


def name_of(given: str) -> str:
    """Name of the objective of what ``--costs`` was given: pairs, JSON, or a file of either or CSV.

    Raises
    ------
    InputError
        If it holds no table of costs.
    """
    path = Path(given)
    if "=" not in given and not given.lstrip().startswith(("[", "{")):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise InputError(
                f"--costs must be pairs such as {_TYPED} or a file, got {given!r} ({reason})"
            ) from None
        if path.suffix.lower() == ".csv":
            return cost_matrix(_of_csv(path, text)).name
        given = text
    return of_text(given).name


def _of_csv(path: Path, text: str) -> dict[str, dict[str, Any]]:
    """Predicted classes in the first line, and in each line a true class and its costs."""
    (_, *predicted), *rows = [row for row in csv.reader(io.StringIO(text)) if row] or [[""]]
    if not predicted or not rows or any(len(row) != len(predicted) + 1 for row in rows):
        raise InputError(
            f"{path} must hold the predicted classes in its first line, after an empty cell, and "
            "in each other line a true class and as many costs; correct the file"
        )
    return {
        true: {name: cell or 0 for name, cell in zip(predicted, cells, strict=True)}
        for true, *cells in rows
    }


def _pairs(text: str) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for part in text.replace(",", " ").split():
        pair, equals, cost = part.rpartition("=")
        true, colon, predicted = pair.partition(":")
        if not (equals and colon and true and predicted):
            raise InputError(
                f"costs must be pairs TRUE:PREDICTED=COST, got {_short(part)}. For example: "
                f"{_TYPED}"
            )
        found[true, predicted] = cost
    if not found:
        raise InputError(f"costs must be one pair or more, got none. For example: {_TYPED}")
    return found


def _nested(table: Mapping[Any, Any]) -> dict[str, dict[str, float]]:
    """A table of names, two levels deep."""
    found: dict[str, dict[str, float]] = {}
    for key, value in table.items():
        pairs = {key: value}
        if isinstance(value, Mapping):
            pairs = {(key, predicted): cost for predicted, cost in value.items()}
        for pair, cost in pairs.items():
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise InputError(
                    "costs must be {(true, predicted): cost} or {true: {predicted: cost}}, got "
                    f"{_short(repr({key: value}))}"
                )
            true, predicted = map(str, pair)
            found.setdefault(true, {})[predicted] = _plain(_number(cost))
    return found


def _number(cost: Any) -> float:
    try:
        number = float(cost)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"a cost must be a finite number, got {_short(str(cost))}")
    return number


def _plain(number: float) -> float:
    """5 and not 5.0, so that a table has one name."""
    return int(number) if number.is_integer() else number


def _checked(table: Any) -> list[list[float]]:
    try:
        found = np.asarray(table, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or len(found) < 2:
        raise InputError(
            "costs must be a table with a row and a column for each class, got "
            f"{_short(repr(table))}. For example: [[0, 1], [5, 0]]"
        )
    if not np.isfinite(found).all():
        raise InputError(f"a cost must be a finite number, got {_short(repr(table))}")
    if (found == found[:, :1]).all():
        raise InputError(
            f"costs must depend on the predicted class, got {_short(repr(found.tolist()))}"
        )
    return [[_plain(cost) for cost in row] for row in found.tolist()]


def _as_text(table: Any) -> str:
    return json.dumps(table, separators=(",", ":"))


@functools.cache
def _of_text(text: str) -> Objective:
    table = json.loads(text)
    of_all: Callable[[jax.Array, Targets], jax.Array] = _without_names
    classes, of_names, perfect = None, None, None
    if isinstance(table, dict):
        of_names = functools.partial(_named, table)
    else:
        of_all = functools.partial(costs.cost, costs=tuple(map(tuple, table)))
        classes, perfect = len(table), min(map(min, table))
    return decided(
        f"{FAMILY}:{text}",
        "mean cost of a row, by true and predicted class",
        metrics.decision,
        of_all,
        CLASSES,
        classes=classes,
        greater_is_better=False,
        of_names=of_names,
        perfect=perfect,
    )


def _named(table: Mapping[str, Mapping[str, float]], names: Sequence[Any]) -> Objective:
    """The objective of a table by names, for classes in this order."""
    known = [str(name) for name in names]
    found = np.zeros((len(known), len(known)))
    for true, costs_of in table.items():
        for predicted, cost in costs_of.items():
            places = class_indices([true, predicted], known)
            for place, name in zip(places, (true, predicted), strict=True):
                if place is None:
                    raise unknown_name("class", name, known)
            found[places[0], places[1]] = cost
    return cost_matrix(found)


def _without_names(reduced: jax.Array, targets: Targets) -> jax.Array:
    del reduced, targets
    raise InputError(
        "costs by class name must be told the classes, got none. For example: "
        "cost_matrix({('yes', 'no'): 5}, classes=['no', 'yes'])"
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
