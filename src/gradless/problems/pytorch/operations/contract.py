"""What is an operation here? A JAX function that takes what PyTorch's operation takes.

Tensors are JAX arrays, sizes Python integers, ``torch.float32`` is ``jnp.float32``; arguments that
say where and in which order numbers lie, such as ``device`` and ``memory_format``, are left out.
Results may be of another type than PyTorch's: :mod:`gradless.problems.pytorch.program` casts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Array = Any
"""An array of JAX, or a number of Python where PyTorch takes one, too."""

Operation = Callable[..., Any]
"""From the arguments of an operation of PyTorch to its result, or a tuple of its results."""


def each(given: int | Sequence[int], count: int) -> tuple[int, ...]:
    """An argument for each of ``count`` axes: PyTorch takes one number for all."""
    numbers = (given,) if isinstance(given, int) else tuple(given)
    return numbers * count if len(numbers) == 1 else numbers
