"""How do classes become pytrees, pytrees vectors, and how is one member of a population picked?"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import types
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.floats import vector_dtype

Params = Any
"""A pytree of floating-point arrays: the parameters of a network, or whatever is searched."""

Candidates = Any
"""A pytree with the population on the leading axis of every leaf."""


T = TypeVar("T")


def as_pytree(
    traced: Sequence[str], static: Sequence[str] = (), functions: Sequence[str] = ()
) -> Callable[[type[T]], type[T]]:
    """Decorator that makes a dataclass a pytree whose structure is its own.

    ``jax.tree_util.register_dataclass`` does not do: the structures of two classes that it
    registered compare equal if they have as many traced fields and the same static values, and
    JAX 0.10 and 0.11 then run, now and then, the program that was compiled for the other class.

    Parameters
    ----------
    traced
        Fields that are pytrees of arrays, in the order of the leaves. Another value does not
        recompile.
    static
        Fields that are part of the structure, compared with ``==``. Another value recompiles.
    functions
        Those static fields that are functions of a user. The structure only refers to them: JAX
        keeps structures, and would never let go of a function nor of what it holds.

    Returns
    -------
    Callable
        Registers a class and returns it. It raises a ``TypeError`` if the names are not those of
        all fields of the dataclass.

    Examples
    --------
    >>> @as_pytree(traced=["center"], static=["population"])
    ... @dataclass(frozen=True)
    ... class State:
    ...     center: jax.Array
    ...     population: int
    >>> jax.tree.map(lambda x: 2 * x, State(1.5, 8))
    State(center=3.0, population=8)
    """
    traced, static = tuple(traced), (*functions, *static)
    count = len(functions)

    def register(cls: type[T]) -> type[T]:
        fields = sorted(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]
        if sorted((*traced, *static)) != fields:
            raise TypeError(
                f"traced and static must be the fields of {cls.__name__}, {fields}, "
                f"got {traced} and {static}"
            )
        keys = [jax.tree_util.GetAttrKey(name) for name in traced]

        def flatten(made: T) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            values = [getattr(made, name) for name in static]
            return (
                tuple(getattr(made, name) for name in traced),
                (*map(FunctionReference, values[:count]), *values[count:]),
            )

        def flatten_with_keys(made: T) -> tuple[tuple[tuple[Any, Any], ...], tuple[Any, ...]]:
            leaves, values = flatten(made)
            return tuple(zip(keys, leaves, strict=True)), values

        def unflatten(values: tuple[Any, ...], leaves: Iterable[Any]) -> T:
            made = object.__new__(cls)  # leaves may be anything: nothing is checked again
            values = (*(reference() for reference in values[:count]), *values[count:])
            for name, value in zip((*static, *traced), (*values, *leaves), strict=True):
                object.__setattr__(made, name, value)
            return made

        jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
        return cls

    return register


class FunctionReference:
    """A function that is compared with others, and that may go when nobody else needs it.

    One that is compared by more than its identity is kept: an equal one may come.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        """Refer to it."""
        self._hash = hash(function)
        self._function: Callable[[], Any] = lambda: function
        with contextlib.suppress(TypeError):  # what has no weak references
            if isinstance(function, types.MethodType):
                self._function = weakref.WeakMethod(function)
            elif getattr(type(function), "__eq__", None) is object.__eq__:
                self._function = weakref.ref(function)

    def __call__(self) -> Any:
        """The function, None if it is gone."""
        return self._function()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FunctionReference):
            return NotImplemented
        mine = self()
        return self is other or (mine is not None and bool(mine == other()))

    def __repr__(self) -> str:
        return repr(self())


@jax.tree_util.register_static
@dataclass(frozen=True)
class Structure:
    """The shapes of a parameter pytree, without its numbers.

    It is a pytree without leaves, so a strategy that searches over flat vectors keeps it in its
    state at no cost.
    """

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]

    @classmethod
    def of(cls, params: Params) -> Structure:
        """Structure of ``params``."""
        leaves, treedef = jax.tree.flatten(params)
        return cls(
            treedef, tuple(jnp.shape(x) for x in leaves), tuple(jnp.result_type(x) for x in leaves)
        )

    @property
    def size(self) -> int:
        """Number of parameters, the dimension of the search."""
        return sum(math.prod(shape) for shape in self.shapes)

    def unravel(self, vector: jax.Array) -> Params:
        """The pytree whose leaves are consecutive pieces of ``vector``, shape (size,)."""
        leaves, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            stop = start + math.prod(shape)
            piece = vector[start:stop].reshape(shape)
            leaves.append(piece if piece.dtype == dtype else piece.astype(dtype))
            start = stop
        return jax.tree.unflatten(self.treedef, leaves)


def ravel(params: Params) -> jax.Array:
    """All parameters as one vector, shape (size,), float32 or wider (``floats.vector_dtype``)."""
    dtype = vector_dtype(params)
    return jnp.concatenate([jnp.ravel(x).astype(dtype) for x in jax.tree.leaves(params)])


def size(params: Params) -> int:
    """Number of parameters."""
    return sum(math.prod(jnp.shape(x)) for x in jax.tree.leaves(params))


def member(candidates: Candidates, index: jax.Array | int) -> Any:
    """Candidate number ``index`` of a population."""
    return jax.tree.map(lambda x: x[index], candidates)


def population_size(candidates: Candidates) -> int:
    """Number of candidates in a population."""
    return int(jax.tree.leaves(candidates)[0].shape[0])


def where(condition: jax.Array, if_true: Any, if_false: Any) -> Any:
    """Leaf-wise choice between two pytrees by one boolean."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), if_true, if_false)


def bits(leaf: Any) -> bytes:
    """The bytes of an array or random key, which compare NaN and signed zeros too."""
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes()
