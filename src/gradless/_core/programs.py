"""Which compiled programs are kept? The last ones used, and no more than so many of a function.

JAX keeps whatever it has compiled for as long as the function that it compiled: a program for each
shape of data and, as a loss is part of what is compiled, for each loss. A loss that is defined anew
in every call, or a table that grows, would take ten megabytes more each time and never give them
back. :func:`compiled` gives every kind of arguments a jitted function of its own, of which the ones
used last are kept; with the others go their programs, and whatever the losses in them hold.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import jax

KEPT = 32
"""Kinds of arguments, of each function: a program takes up to ten megabytes."""

R = TypeVar("R")


class Compiled(Generic[R]):
    """A function that is compiled for each kind of arguments, the last ones of which are kept."""

    def __init__(
        self, function: Callable[..., R], static_argnames: Sequence[str], options: dict[str, Any]
    ) -> None:
        """Nothing is compiled yet."""
        functools.update_wrapper(self, function)
        names = list(inspect.signature(function).parameters)
        self._function, self._options = function, options
        self._static = tuple(map(names.index, static_argnames))
        self._programs: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, *args: Any) -> R:
        """Call it; arguments by position."""
        return cast("R", self.of(*args)(*args))

    def of(self, *args: Any) -> Any:
        """The jitted function for arguments of this kind: calling it skips the search for it."""
        traced = [x for i, x in enumerate(args) if i not in self._static]
        leaves, structure = jax.tree.flatten(traced)
        # Numbers of Python are traced as well: their value is not what is compiled.
        kinds = [(getattr(x, "shape", None), getattr(x, "dtype", type(x))) for x in leaves]
        key = (structure, *kinds, *(args[i] for i in self._static))
        with self._lock:
            found = self._programs.get(key)
            if found is None:
                found = self._programs[key] = self._jitted()
                while len(self._programs) > KEPT:
                    self._programs.popitem(last=False)
            else:
                self._programs.move_to_end(key)
        return found

    def lower(self, *args: Any) -> Any:
        """As of a jitted function."""
        return self.of(*args).lower(*args)

    def _cache_size(self) -> int:
        """Kinds of arguments that there is a program for."""
        return len(self._programs)

    def _jitted(self) -> Any:
        """A jitted function of its own: what JAX keeps for it goes with it."""
        function = self._function

        @functools.wraps(function)
        def own(*args: Any) -> Any:
            return function(*args)

        return jax.jit(own, static_argnums=self._static, **self._options)


def compiled(
    *, static_argnames: Sequence[str] = (), **options: Any
) -> Callable[[Callable[..., R]], Compiled[R]]:
    """Decorator in the place of ``jax.jit``, for functions that are called by position.

    Parameters
    ----------
    static_argnames
        Arguments that are part of what is compiled, hashable.
    **options
        Of ``jax.jit``.

    Examples
    --------
    >>> @compiled(static_argnames=["power"])
    ... def to_the(power, x):
    ...     return x**power
    >>> float(to_the(2, 3.0))
    9.0
    """

    def decorate(function: Callable[..., R]) -> Compiled[R]:
        return Compiled(function, static_argnames, options)

    return decorate
