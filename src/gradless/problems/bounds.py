"""Which bounds has a person given, and for which parameters?

One pair for all, a pytree of pairs like the parameters, patterns of paths, or a list of pairs for a
vector as SciPy has it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.problems.said import Said, of, shown


class Box(NamedTuple):
    """Low and high of one array: float64, of its shape or (), infinite where there is none."""

    low: Any
    high: Any


EXAMPLE = "For example: bounds=(-5, 5)"


def boxes(bounds: Any, params: Params) -> list[Box | None]:
    """The bounds of each leaf, in the order of the leaves; None for one without.

    Parameters
    ----------
    bounds
        A pair ``(low, high)`` for all; or a pytree like ``params`` in which a pair, of numbers or
        of arrays of the shape of a leaf, stands for a leaf or for all that is below; or by patterns
        of paths; or for a vector a list of pairs. None is no bound.
    params
        All parameters.

    Raises
    ------
    InputError
        If they are none, are reversed or equal, or fit no parameters.
    """
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # scipy.optimize.Bounds
        sides = (np.asarray(bounds.lb), np.asarray(bounds.ub))
        bounds = tuple(each.reshape(()) if each.size == 1 else each for each in sides)
    found = Said("bounds", "one pair", EXAMPLE, _is_pair, _of_leaf, params).of(bounds)
    return [None if box is None or _endless(box) else box for box in found]


def _endless(box: Box) -> bool:
    return bool(np.isneginf(box.low).all() and np.isposinf(box.high).all())


def _is_pair(given: Any) -> bool:
    """Whether it is a low and a high, one number each or None."""
    if isinstance(given, np.ndarray | jax.Array):
        return given.shape == (2,)
    return isinstance(given, list | tuple) and len(given) == 2 and all(map(_is_bound, given))


def _is_bound(given: Any) -> bool:
    if given is None or isinstance(given, int | float | np.generic):
        return True
    return isinstance(given, np.ndarray | jax.Array) and given.shape == ()


def _of_leaf(given: Any, name: str, shape: tuple[int, ...]) -> Box:
    """Of an array: a pair, pairs for a vector, or lows and highs."""
    if _is_pair(given):
        return _box(given, name, ())
    if isinstance(given, np.ndarray | jax.Array) and np.shape(given) == (*shape, 2):
        given = np.asarray(given)
        if len(shape) == 1:
            given = [(low, high) for low, high in given]
    if isinstance(given, list | tuple):
        pairs = [(None, None) if each is None else each for each in given]
        # Of two numbers, a tuple of two lists is lows and highs, as two arrays are.
        of_sides = (np.ndarray, jax.Array, *((list,) if isinstance(given, tuple) else ()))
        arrays = all(isinstance(each, of_sides) for each in given)
        if (
            (len(pairs),) == shape
            and all(map(_is_pair, pairs))
            and not (len(pairs) == 2 and arrays)
        ):
            each = [_box(pair, f"{name}[{at}]", ()) for at, pair in enumerate(pairs)]
            return Box(np.array([box.low for box in each]), np.array([box.high for box in each]))
        if len(given) == 2:
            return _box(given, name, shape)
    raise _unfit(given, name, shape)


def _unfit(given: Any, name: str, shape: tuple[int, ...]) -> InputError:
    expected = "a pair (low, high)"
    if len(shape) == 1:
        expected += f", or a list of {shape[0]} pairs"
    elif shape:
        expected += f", of numbers or of arrays of shape {shape}"
    return InputError(f"bounds{of(name)} must be {expected}, got {shown(given)}. {EXAMPLE}")


def _box(pair: Any, name: str, shape: tuple[int, ...]) -> Box:
    """A pair as numbers."""
    low, high = (
        _numbers(each, infinite, name)
        for each, infinite in zip(pair, (-np.inf, np.inf), strict=True)
    )
    if not {low.shape, high.shape} <= {(), shape}:
        raise _unfit(pair, name, shape)
    wrong = ~(low < high) | (low == np.inf) | (high == -np.inf)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        low, high = (np.broadcast_to(each, wrong.shape)[at] for each in (low, high))
        where = of(name + (f"[{', '.join(map(str, at))}]" if at else ""))
        advice = " Give low first"
        if low == high:
            advice = ' layers={"name": 0} keeps an array as it is'
            advice = " None is no bound" if np.isinf(low) else advice
        raise InputError(
            f"bounds{where} must be a low below a high, got {low:g} and {high:g}.{advice}"
        )
    return Box(low, high)


def _numbers(given: Any, otherwise: float, name: str) -> Any:
    """One side of a pair, float64."""
    if isinstance(given, list | tuple):
        given = [otherwise if each is None else each for each in given]
    try:
        numbers = np.asarray(otherwise if given is None else given)
    except ValueError:
        numbers = np.asarray("")
    if numbers.dtype.kind not in "fiu":
        raise InputError(f"bounds{of(name)} must be numbers or None, got {shown(given)}. {EXAMPLE}")
    if np.isnan(numbers).any():
        raise InputError(f"bounds{of(name)} must be numbers, got NaN. None is no bound")
    return numbers.astype(np.float64)
