"""Which parameters have been evaluated, and what do they say of where to search next?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError
from gradless._core.tree import Params

_EXAMPLE = "For example: known=(points, losses), with an array of shape (20, 3) and 20 losses"


class Evaluated(NamedTuple):
    """Parameters that were evaluated, and their losses.

    Attributes
    ----------
    points
        A pytree like the parameters, with the evaluations on axis 0 of each array.
    losses
        (evaluations,), float64; NaN for an exception.
    """

    points: Params
    losses: npt.NDArray[np.float64]


def joined(parts: Sequence[Evaluated]) -> Evaluated:
    """One after the other; of at least one."""
    points = jax.tree.map(lambda *x: np.concatenate(x), *(part.points for part in parts))
    return Evaluated(points, np.concatenate([part.losses for part in parts]))


def known_of(given: Any, params: Params) -> Evaluated:
    """What a person knows: points as a pytree of arrays or a list of pytrees, and losses.

    Points without a finite loss are left out.

    Raises
    ------
    InputError
        If points do not have the shapes of ``params``, there is not one loss for each, or none is
        finite.
    """
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise InputError(f"known must be points and losses, got {type(given).__name__}. {_EXAMPLE}")
    points, losses = given
    structure: Any = jax.tree.structure(params)
    try:
        if isinstance(points, list | tuple) and all(
            jax.tree.structure(each) == structure for each in points
        ):
            points = jax.tree.map(lambda *x: np.stack(x), *points)
        if jax.tree_util.treedef_is_leaf(structure):
            points = np.asarray(points, np.float64)
        arrays = [np.asarray(leaf, np.float64) for leaf in structure.flatten_up_to(points)]
        losses = np.asarray(losses, np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"known must have numbers like params for each point, got {points!r:.60}. {_EXAMPLE}"
        ) from None
    shapes = [(losses.size, *np.shape(leaf)) for leaf in jax.tree.leaves(params)]
    found = [array.shape for array in arrays]
    if losses.ndim != 1 or found != shapes:
        raise InputError(
            f"known must have points of shape {', '.join(map(str, shapes))} for losses of shape "
            f"{losses.shape}, got {', '.join(map(str, found))}. {_EXAMPLE}"
        )
    finite = np.isfinite(losses)
    if not finite.any():
        raise InputError(f"known must have a finite loss, got none among {losses.size}")
    return Evaluated(structure.unflatten([array[finite] for array in arrays]), losses[finite])


def best_of(known: Evaluated, params: Params) -> Params:
    """The point with the lowest loss, in the types of ``params``."""
    best = int(known.losses.argmin())

    def typed(like: Any, points: npt.NDArray[np.float64]) -> Any:
        if isinstance(like, float | int):
            return type(like)(points[best])
        return np.asarray(points[best], like.dtype)[()]

    return jax.tree.map(typed, params, known.points)


def spread_of(known: Evaluated) -> Params | None:
    """How far from the best point the others of the better half are, along each parameter.

    Root mean squares, a pytree like the parameters: the standard deviations of the normal
    distribution around the best point that explains these points best, as the search distribution
    is estimated in the warm start of Nomura et al., "Warm starting CMA-ES for hyperparameter
    optimization" (2021), without correlations. A parameter in which they do not differ has the root
    mean square of all others. None if there is nothing to compare, or no difference.
    """
    order = known.losses.argsort(kind="stable")
    better = order[1 : max(2, -(-len(order) // 2))]
    if not len(better):
        return None
    squares = [
        ((points[better] - points[order[0]]) ** 2).mean(axis=0)
        for points in jax.tree.leaves(known.points)
    ]
    positive = np.concatenate([each[each > 0].ravel() for each in map(np.asarray, squares)])
    if not len(positive):
        return None
    filled = [np.sqrt(np.where(each > 0, each, positive.mean())) for each in squares]
    structure: Any = jax.tree.structure(known.points)
    return structure.unflatten(filled)
