"""Which parts of the parameters are searched, and how far? What ``minimize(layers=...)`` says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from gradless._core import patterns
from gradless._core.errors import InputError, unknown_name
from gradless._core.tree import Params

_KNOWN = ("sigma", "rank")


class Layer(NamedTuple):
    """What is said of one array of parameters.

    Attributes
    ----------
    fixed
        Whether it stays as it is.
    sigma
        Standard deviation of its changes; None for that of the strategy.
    rank
        Of its changes; None for that of the strategy.
    """

    fixed: bool = False
    sigma: float | None = None
    rank: int | None = None


def paths(params: Params) -> list[str]:
    """Names of all arrays of parameters, as patterns are compared with: ``encoder/0/weights``."""
    found = jax.tree_util.tree_leaves_with_path(params)
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in found]


def described(layers: Mapping[str, Any] | None, params: Params) -> list[Layer]:
    """What is said of each array, in the order of the leaves.

    Parameters
    ----------
    layers
        By pattern of paths, of which ``*`` stands for any text: 0 for what stays as it is, or a
        dict of ``sigma`` and ``rank``. The last pattern that fits an array counts.
    params
        All parameters.

    Raises
    ------
    InputError
        If a pattern fits nothing, or what it says makes no sense, or nothing is left to search.
    """
    if not isinstance(layers, Mapping | None):
        raise InputError(
            f"layers must be a dict of patterns, got {layers!r}. For example: "
            'layers={"encoder/*": 0}'
        )
    names = paths(params)
    found = [Layer()] * len(names)
    for pattern, value in (layers or {}).items():
        fitting = patterns.fitting("layers", str(pattern), names)
        layer = _layer(str(pattern), value)
        for i in fitting:
            found[i] = layer
    if found and all(layer.fixed for layer in found):
        raise InputError(
            f"layers must leave something to search, got patterns that fix all of {len(names)} "
            "arrays"
        )
    return found


def _layer(pattern: str, value: Any) -> Layer:
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return Layer(fixed=True)
    if not isinstance(value, Mapping):
        raise InputError(
            f"layers[{pattern!r}] must be 0 for arrays that stay as they are, or a dict of sigma "
            f'and rank, got {value!r}. For example: {{"sigma": 0.1, "rank": 1}}'
        )
    for name in value:
        if name not in _KNOWN:
            raise unknown_name(f"setting in layers[{pattern!r}]", str(name), _KNOWN)
    sigma, rank = value.get("sigma"), value.get("rank")
    if sigma is not None and not (isinstance(sigma, int | float) and 0 < sigma < math.inf):
        raise InputError(
            f"sigma in layers[{pattern!r}] must be a number above 0, got {sigma!r}; 0 in place of "
            "the dict leaves arrays as they are"
        )
    if rank is not None and (not isinstance(rank, int) or isinstance(rank, bool) or rank < 0):
        raise InputError(
            f"rank in layers[{pattern!r}] must be a whole number of 0 or more, got {rank!r}"
        )
    return Layer(sigma=None if sigma is None else float(sigma), rank=rank)


def without(params: Params, left_out: list[bool]) -> Params:
    """The parameters with None in place of some arrays, which JAX then does not see."""
    leaves, structure = jax.tree.flatten(params)
    kept = [None if out else leaf for leaf, out in zip(leaves, left_out, strict=True)]
    return jax.tree.unflatten(structure, kept)
