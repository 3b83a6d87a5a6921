"""What is a module's function given: how many tensors, of which shapes and kinds of numbers?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError


def each_tensor(given: Any, change: Callable[[Any], Any]) -> Any:
    """A tensor, or tensors in tuples and lists, with each of them changed."""
    if isinstance(given, tuple | list):
        return type(given)(each_tensor(each, change) for each in given)
    return change(given)


def each_with_axis(
    example: tuple[Any, ...], axes: Sequence[int | None], change: Callable[..., Any]
) -> tuple[Any, ...]:
    """Inputs with each of their tensors changed by ``change(tensor, axis=...)``."""
    return tuple(
        each_tensor(given, partial(change, axis=axis))
        for given, axis in zip(example, axes, strict=True)
    )


def tensors(given: Any) -> Iterator[Any]:
    """The tensors in tuples and lists, in order."""
    if isinstance(given, tuple | list):
        for each in given:
            yield from tensors(each)
    else:
        yield given


class Expected(NamedTuple):
    """What is expected in the place of one tensor of the example."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axis: int | None  # that of the samples

    @property
    def described(self) -> str:
        """Its shape for people: ``(samples, 2)``."""
        sizes = ["samples" if i == self.axis else str(n) for i, n in enumerate(self.shape)]
        return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"

    def checked(self, x: jax.Array, which: str) -> jax.Array:
        """An input of this shape but for the number of samples, and of this kind of numbers.

        Narrower floating-point numbers are left as they are: a search may want bfloat16.
        """
        sizes = list(x.shape)
        if self.axis is not None and x.ndim == len(self.shape):
            sizes[self.axis] = self.shape[self.axis]
        if tuple(sizes) != self.shape:
            raise InputError(
                f"{which} must have the shape {self.described}, as the example has, got {x.shape}"
            )
        floating = jnp.issubdtype(x.dtype, jnp.floating)
        if jnp.issubdtype(self.dtype, jnp.floating):
            narrow = floating and x.dtype.itemsize <= self.dtype.itemsize
            return x if narrow else x.astype(self.dtype)
        if floating or (self.dtype == jnp.bool_) != (x.dtype == jnp.bool_):
            raise InputError(f"{which} must be {self.dtype}, as the example is, got {x.dtype}")
        return x.astype(self.dtype)


def fitting(inputs: tuple[Any, ...], expected: Sequence[Expected]) -> tuple[jax.Array, ...]:
    """Arrays for the inputs of a call, flat.

    Raises
    ------
    InputError
        If they are not what is expected.
    """
    given = [jnp.asarray(each) for each in tensors(inputs)]
    if len(given) != len(expected):
        raise InputError(
            f"apply must get as many inputs as the example has, {len(expected)}, got {len(given)}"
        )
    names = [f"input {i}" if len(given) > 1 else "the input" for i in range(1, len(given) + 1)]
    checked = tuple(
        wanted.checked(x, name) for x, wanted, name in zip(given, expected, names, strict=True)
    )
    pairs = zip(checked, expected, strict=True)
    counts = [x.shape[wanted.axis] for x, wanted in pairs if wanted.axis is not None]
    if len(set(counts)) > 1:
        raise InputError(f"inputs must have the same number of samples, got {counts}")
    return checked
