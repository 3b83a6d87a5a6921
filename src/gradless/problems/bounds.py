"""Which bounds has a person given, and for which parameters?

One pair for all, a pytree of pairs like the parameters, patterns of paths, or a list of pairs for a
vector as SciPy has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from gradless._core import patterns
from gradless._core.errors import InputError
from gradless._core.tree import Params


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
    leaves, structure = jax.tree_util.tree_flatten_with_path(params)
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # scipy.optimize.Bounds
        sides = (np.asarray(bounds.lb), np.asarray(bounds.ub))
        bounds = tuple(each.reshape(()) if each.size == 1 else each for each in sides)
    numbered = jax.tree.unflatten(structure, range(len(leaves)))
    found: list[Box | None] = [None] * len(leaves)
    shapes = [np.shape(leaf) if _sized(leaf) else () for _, leaf in leaves]
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    _spread(bounds, numbered, "", shapes, names, found)
    return [None if box is None or _endless(box) else box for box in found]


def _sized(leaf: Any) -> bool:
    return hasattr(leaf, "shape") or isinstance(leaf, int | float)


def _endless(box: Box) -> bool:
    return bool(np.isneginf(box.low).all() and np.isposinf(box.high).all())


def _spread(
    given: Any,
    numbered: Any,
    name: str,
    shapes: list[tuple[int, ...]],
    names: list[str],
    found: list[Box | None],
) -> None:
    """Put what is given for a part of the parameters where it belongs.

    ``numbered`` is that part, with the numbers of its leaves.
    """
    mine = jax.tree.leaves(numbered)
    if given is None:
        for at in mine:
            found[at] = None
        return
    if _is_pair(given):
        box = _box(given, name, ())
        for at in mine:
            found[at] = box
        return
    if jax.tree_util.all_leaves([numbered]):
        found[numbered] = _of_leaf(given, name, shapes[numbered])
        return
    if isinstance(given, Mapping):
        _by_name(given, numbered, name, shapes, names, found)
        return
    parts, structure = jax.tree.flatten(numbered, is_leaf=lambda x: x is not numbered)
    others = _parts(given, numbered, structure)
    if others is None:
        raise InputError(
            f"bounds{_of(name)} must have the structure of params, {len(parts)} parts, or be one "
            f"pair for all, got {_shown(given)}. {EXAMPLE}"
        )
    for each, part, key in zip(others, parts, _keys(numbered), strict=True):
        _spread(each, part, f"{name}/{key}" if name else key, shapes, names, found)


def _by_name(
    given: Mapping[Any, Any],
    numbered: Any,
    name: str,
    shapes: list[tuple[int, ...]],
    names: list[str],
    found: list[Box | None],
) -> None:
    """Of a dict: by the keys of the parameters, or by patterns of their paths."""
    for key, each in given.items():
        path = f"{name}/{key}" if name else str(key)
        if isinstance(numbered, Mapping) and key in numbered:
            _spread(each, numbered[key], path, shapes, names, found)
            continue
        mine = jax.tree.leaves(numbered)
        for i in patterns.fitting("bounds", path, [names[at] for at in mine]):
            _spread(each, mine[i], names[mine[i]], shapes, names, found)


def _parts(given: Any, numbered: Any, structure: Any) -> list[Any] | None:
    """What is given for each part; None if these are not its parts."""
    if isinstance(given, list | tuple) and type(numbered) in (list, tuple):
        return list(given) if len(given) == len(numbered) else None
    parts, other = jax.tree.flatten(given, is_leaf=lambda x: x is not given)
    return parts if other == structure else None


def _keys(numbered: Any) -> list[str]:
    """Names of the parts."""
    found, _ = jax.tree_util.tree_flatten_with_path(numbered, is_leaf=lambda x: x is not numbered)
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in found]


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
    """Of an array: pairs for a vector, or lows and highs."""
    if isinstance(given, np.ndarray | jax.Array) and np.shape(given) == (*shape, 2):
        given = np.asarray(given)
        if len(shape) == 1:
            given = [(low, high) for low, high in given]
    if isinstance(given, list | tuple):
        pairs = [(None, None) if each is None else each for each in given]
        arrays = all(isinstance(each, np.ndarray | jax.Array) for each in given)
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
    return InputError(f"bounds{_of(name)} must be {expected}, got {_shown(given)}. {EXAMPLE}")


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
        where = _of(name + (f"[{', '.join(map(str, at))}]" if at else ""))
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
        raise InputError(
            f"bounds{_of(name)} must be numbers or None, got {_shown(given)}. {EXAMPLE}"
        )
    if np.isnan(numbers).any():
        raise InputError(f"bounds{_of(name)} must be numbers, got NaN. None is no bound")
    return numbers.astype(np.float64)


def _of(name: str) -> str:
    return f" of {name}" if name and not name.startswith("[") else name


def _shown(given: Any) -> str:
    text = " ".join(repr(given).split())
    return text if len(text) < 80 else f"{text[:77]}..."
