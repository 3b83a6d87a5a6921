"""How do devices share work inside the compiled loop?

The whole loop runs on every device alike (``evaluation.population.on_every_device``), so whatever
is not shared is computed by each. Evaluation is shared by members, sums over a population of noise
by positions: a sum's terms are then added in the same order on any number of devices.
"""

from __future__ import annotations

from collections.abc import Callable

import jax

from gradless._core.hardware import LANES

POPULATION = "population"
"""Name of the mesh axis over which a population is spread."""


def devices() -> int:
    """Number of devices that run what calls this: 1 outside of the shared loop."""
    try:
        return int(jax.lax.axis_size(POPULATION))
    except NameError:
        return 1


def by_position(piece: Callable[[jax.Array | int, int], jax.Array], size: int) -> jax.Array:
    """A vector, shape (size,), of which each device computes a piece.

    Parameters
    ----------
    piece
        Called with the first position and their number; what lies behind ``size`` is dropped.
    size
        Length of the whole.
    """
    shared = devices()
    # Whole vectors: what is left over is computed in another way, and differs in the last bit.
    share = -(-size // (shared * LANES)) * LANES
    if shared == 1:
        return piece(0, share)[:size]
    here = piece(jax.lax.axis_index(POPULATION) * share, share)
    return jax.lax.all_gather(here, POPULATION, tiled=True)[:size]


def by_row(piece: Callable[[jax.Array | int, int], jax.Array], rows: int) -> jax.Array:
    """An array, shape (..., rows, columns), of which each device computes some rows.

    Parameters
    ----------
    piece
        Called with the first row and their number; what lies behind ``rows`` is dropped.
    rows
        Of the whole.
    """
    shared = devices()
    share = -(-rows // (shared * LANES)) * LANES
    if shared == 1 or share * shared - rows >= share:
        return piece(0, rows)
    first = jax.lax.axis_index(POPULATION) * share
    here = piece(first, share)
    axis = here.ndim - 2
    whole = jax.lax.all_gather(here, POPULATION, axis=axis, tiled=True)
    return jax.lax.slice_in_dim(whole, 0, rows, axis=axis)
