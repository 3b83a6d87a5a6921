"""Which rank do the changes of each layer have where nobody says it? More in the first layers.

What a layer changes all later ones see, and a network has most of its weights early; few columns
for the last layers cost little, since what they are told is clear.
"""

from __future__ import annotations

from collections.abc import Iterable

AUTO = "auto"
_FIRST = (4, 2)  # of the first layers, in the order in which they are used; 1 for all others


def by_layer(order: Iterable[int], leaves: int) -> tuple[int, ...]:
    """A rank for each leaf.

    Parameters
    ----------
    order
        Leaves that are weights of layers, in the order in which they are used.
    leaves
        How many there are.
    """
    ranks = [1] * leaves
    for leaf, rank in zip(order, _FIRST, strict=False):
        ranks[leaf] = rank
    return tuple(ranks)
