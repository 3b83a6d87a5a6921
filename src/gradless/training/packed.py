"""How does a program take dozens of small arrays without paying for each? As one of each type.

To hand over an array and to take one back takes a microsecond or more each, whatever its size. A
portfolio of strategies remembers fifty, which would take longer than its arithmetic.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_SMALL = 512  # numbers; to move more would take longer than to hand them over


class Packing(NamedTuple):
    """Where each of several arrays is in fewer ones; part of what a program is compiled for.

    The fewer ones are a vector for each type, of the small arrays, and then the others as they are.
    """

    shapes: tuple[tuple[int, ...], ...]
    groups: tuple[tuple[int, ...], ...]  # arrays in each vector, by their index
    others: tuple[int, ...]

    @classmethod
    def of(cls, arrays: Any) -> Packing:
        """For arrays, or what has their shapes and types."""
        groups: dict[Any, list[int]] = {}
        others = []
        for index, array in enumerate(arrays):
            keyed = jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
            if keyed or math.prod(array.shape) > _SMALL:
                others.append(index)
            else:
                groups.setdefault(np.dtype(array.dtype), []).append(index)
        return cls(
            tuple(tuple(array.shape) for array in arrays),
            tuple(map(tuple, groups.values())),
            tuple(others),
        )

    def packed(self, arrays: Any, xp: Any = jnp) -> tuple[Any, ...]:
        """The fewer arrays, by JAX or by NumPy."""
        vectors = [
            xp.concatenate([xp.reshape(arrays[index], (-1,)) for index in group])
            for group in self.groups
        ]
        return (*vectors, *(arrays[index] for index in self.others))

    def unpacked(self, packed: Any) -> list[Any]:
        """All arrays, as slices."""
        arrays: list[Any] = [None] * len(self.shapes)
        vectors, others = packed[: len(self.groups)], packed[len(self.groups) :]
        for group, vector in zip(self.groups, vectors, strict=True):
            start = 0
            for index in group:
                end = start + math.prod(self.shapes[index])
                arrays[index] = vector[start:end].reshape(self.shapes[index])
                start = end
        for index, array in zip(self.others, others, strict=True):
            arrays[index] = array
        return arrays
