"""Which parameters has a person said to be whole numbers?

Arrays of a model may have an integer type without being searched, as counters of a layer have, so
nothing is searched as a whole number that nobody named.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.problems.said import Said, keystr, of, shown
from gradless.problems.whole import is_number

EXAMPLE = 'For example: integers={"layers": True}'


def masks(integers: Any, params: Params) -> list[Any]:
    """Of each leaf which of its numbers are whole ones, a boolean array; None if none is.

    Parameters
    ----------
    integers
        True for all leaves of an integer type; or a pytree like ``params``, or a dict of patterns
        of paths, of True, False or boolean arrays: leaves of floating-point numbers are then whole
        numbers too. For a vector also a list of booleans.
    params
        All parameters.

    Raises
    ------
    InputError
        If it fits no parameters, or leaves some numbers of an integer array out.
    """
    leaves = jax.tree.leaves(params)
    typed = [
        is_number(leaf) and jnp.issubdtype(jnp.result_type(leaf), jnp.integer) for leaf in leaves
    ]
    if integers is True and (any(typed) or len(leaves) > 1):
        if not any(typed):
            raise InputError(
                "integers=True must find arrays of an integer type in params, got none. "
                'integers={"*": True} makes whole numbers of all'
            )
        return [np.asarray(True) if each else None for each in typed]
    found = Said("integers", "True", EXAMPLE, _is_one, _of_leaf, params).of(integers)
    kept = [None if mask is None or not mask.any() else mask for mask in found]
    names = [keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    for name, mask, is_typed in zip(names, kept, typed, strict=True):
        if is_typed and mask is not None and not mask.all():
            raise InputError(
                f"integers{of(name)} must be True for all of an array of an integer type, got "
                f"{shown(mask.tolist())}. Give an array of floating-point numbers"
            )
    return kept


def _is_one(given: Any) -> bool:
    return isinstance(given, bool | np.bool_)


def _of_leaf(given: Any, name: str, shape: tuple[int, ...]) -> Any:
    try:
        mask = np.asarray(given)
    except ValueError:
        mask = np.asarray("")
    if mask.dtype != bool or mask.shape not in ((), shape):
        expected = f", or booleans of shape {shape}" if shape else ""
        raise InputError(
            f"integers{of(name)} must be True or False{expected}, got {shown(given)}. {EXAMPLE}"
        )
    return mask
