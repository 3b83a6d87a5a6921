"""What may an estimator be given? Values that nothing can be done with are refused in a line."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from gradless import strategies
from gradless._core.errors import InputError
from gradless.strategies import Strategy, restarting
from gradless.training import auto


def sizes(given: Any) -> tuple[int, ...]:
    """Neurons of the hidden layers."""
    several = (given,) if isinstance(given, int | np.integer) else given
    try:
        numbers = tuple(int(size) for size in several)
        fits = all(n == size and n >= 1 for n, size in zip(numbers, several, strict=True))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InputError(
            f"hidden_layer_sizes must be whole numbers, 1 or more, got {given!r}. For example: "
            "(64,)"
        )
    return numbers


def seed(given: Any) -> int:
    """The seed of a ``random_state``: a whole number is one itself, as on the command line."""
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if whole and 0 <= given < 2**32:
        return int(given)
    return int(check_random_state(given).randint(2**31 - 1))


def strategy(given: Any) -> Strategy | None:
    """The strategy; None to have one chosen."""
    if isinstance(given, str):
        return None if given == auto.AUTO else strategies.get(given)
    if isinstance(given, type) or not isinstance(given, Strategy):
        shown = given.__name__ if isinstance(given, type) else repr(given)
        raise InputError(
            f"strategy must be 'auto', a name or a strategy, got {shown}. For example: 'cma_es' "
            "or CMAES(sigma=0.5)"
        )
    return given


def settings(estimator: Any) -> None:
    """Refuse what an estimator was made with if it is of no use.

    Raises
    ------
    InputError
        For the first such parameter.
    """
    sizes(estimator.hidden_layer_sizes)
    for name in ("max_evaluations", "batch_size"):
        value = getattr(estimator, name)
        if value is None:
            continue
        if type(value) is bool or not isinstance(value, int | np.integer) or value < 1:
            raise InputError(f"{name} must be a whole number, 1 or more, or None, got {value!r}")
    _check_numbers(estimator)
    restarting.checked(estimator.restarts)
    if estimator.early_stopping not in ("auto", True, False):
        raise InputError(
            f"early_stopping must be 'auto', True or False, got {estimator.early_stopping!r}"
        )
    if estimator.callback is not None and not callable(estimator.callback):
        raise InputError(
            f"callback must be a function of a record, or None, got {estimator.callback!r}"
        )


def _check_numbers(estimator: Any) -> None:
    time, fraction, patience = (
        getattr(estimator, name) for name in ("max_time", "validation_fraction", "patience")
    )
    numbers = int | float | np.number
    if time is not None and not (isinstance(time, numbers) and time > 0):
        raise InputError(f"max_time must be seconds above 0, or None, got {time!r}")
    if not (isinstance(fraction, float | np.floating) and 0 < fraction < 1):
        raise InputError(f"validation_fraction must be between 0 and 1, got {fraction!r}")
    if not (isinstance(patience, numbers) and patience > 1):
        raise InputError(f"patience must be above 1, got {patience!r}. For example: patience=3")
