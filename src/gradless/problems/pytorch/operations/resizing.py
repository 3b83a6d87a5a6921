"""How are pictures made larger or smaller?"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from gradless.problems.pytorch.operations.contract import Array, Operation


def _sizes(
    x: Array, sizes: Sequence[int] | None, factors: Sequence[float] | None
) -> list[tuple[int, int, float]]:
    """Of the last two axes: the size, the new one, and the step from pixel to pixel."""
    given = x.shape[-2:]
    if sizes is not None:
        return [(old, new, old / new) for old, new in zip(given, sizes, strict=True)]
    assert factors is not None
    return [(old, int(old * by), 1 / by) for old, by in zip(given, factors, strict=True)]


def _nearest(
    x: Array, sizes: Sequence[int] | None, factors: Sequence[float] | None = None
) -> Array:
    for axis, (old, new, step) in zip((-2, -1), _sizes(x, sizes, factors), strict=True):
        chosen = np.minimum(np.floor(np.arange(new) * step).astype(int), old - 1)
        x = jnp.take(x, chosen, axis)
    return x


def _bilinear(
    x: Array,
    sizes: Sequence[int] | None,
    align_corners: bool,
    factors: Sequence[float] | None = None,
) -> Array:
    for axis, (old, new, step) in zip((-2, -1), _sizes(x, sizes, factors), strict=True):
        shares = jnp.asarray(_shares(old, new, step, align_corners), x.dtype)
        x = jnp.moveaxis(jnp.tensordot(x, shares, ((axis,), (0,))), -1, axis)
    return x


def _shares(old: int, new: int, step: float, align_corners: bool) -> np.ndarray:
    """How much each old pixel counts in each new one, (old, new)."""
    if align_corners:
        places = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0)
    else:
        places = np.maximum((np.arange(new) + 0.5) * step - 0.5, 0)
    below = np.minimum(places.astype(int), old - 1)
    above = np.minimum(below + 1, old - 1)
    shares = np.zeros((old, new))
    np.add.at(shares, (below, np.arange(new)), 1 - (places - below))
    np.add.at(shares, (above, np.arange(new)), places - below)
    return shares


RESIZING: dict[str, Operation] = {
    "aten.upsample_bilinear2d.vec": _bilinear,
    "aten.upsample_nearest2d.vec": _nearest,
}
