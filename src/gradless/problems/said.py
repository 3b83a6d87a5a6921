"""What is said of which parameters? By a pytree like them, by patterns of paths, or of all at once.

``bounds`` and ``integers`` of :func:`gradless.minimize` are given so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import jax
import numpy as np

from gradless._core import patterns
from gradless._core.errors import InputError
from gradless._core.tree import Params

T = TypeVar("T")


@dataclass
class Said(Generic[T]):
    """What is said of each leaf.

    Parameters
    ----------
    argument, one, example
        For errors: the name of the argument, what may be said, and a line to type.
    is_one
        Whether something given is one thing to say, of a leaf or of all below.
    of_leaf
        Makes of what is given for a leaf, its name and its shape what is said of it.
    params
        All parameters.
    """

    argument: str
    one: str
    example: str
    is_one: Callable[[Any], bool]
    of_leaf: Callable[[Any, str, tuple[int, ...]], T]
    params: Params
    each: list[T | None] = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is said yet."""
        leaves, structure = jax.tree_util.tree_flatten_with_path(self.params)
        self._names = [keystr(path) for path, _ in leaves]
        self._shapes = [
            np.shape(leaf) if hasattr(leaf, "shape") or isinstance(leaf, int | float) else ()
            for _, leaf in leaves
        ]
        self._numbered = jax.tree.unflatten(structure, range(len(leaves)))
        self.each = [None] * len(leaves)

    def of(self, given: Any) -> list[T | None]:
        """What is said of each leaf, in their order; None of those that nothing is said of.

        Raises
        ------
        InputError
            If it fits no parameters.
        """
        self._say(given, self._numbered, "")
        return self.each

    def _say(self, given: Any, numbered: Any, name: str) -> None:
        """Say it of a part of the parameters, ``numbered`` by the numbers of its leaves."""
        mine = jax.tree.leaves(numbered)
        if given is None:
            for at in mine:
                self.each[at] = None
        elif jax.tree_util.all_leaves([numbered]):
            self.each[numbered] = self.of_leaf(given, name, self._shapes[numbered])
        elif self.is_one(given):
            for at in mine:
                self.each[at] = self.of_leaf(given, name, ())
        elif isinstance(given, Mapping):
            self._by_name(given, numbered, name)
        else:
            parts, structure = jax.tree.flatten(numbered, is_leaf=lambda x: x is not numbered)
            others = _parts(given, numbered, structure)
            if others is None:
                raise InputError(
                    f"{self.argument}{of(name)} must have the structure of params, {len(parts)} "
                    f"parts, or be {self.one} for all, got {shown(given)}. {self.example}"
                )
            for each, part, key in zip(others, parts, _keys(numbered), strict=True):
                self._say(each, part, f"{name}/{key}" if name else key)

    def _by_name(self, given: Mapping[Any, Any], numbered: Any, name: str) -> None:
        """Of a dict: by the keys of the parameters, or by patterns of their paths."""
        mine = jax.tree.leaves(numbered)
        for key, each in given.items():
            path = f"{name}/{key}" if name else str(key)
            if isinstance(numbered, Mapping) and key in numbered:
                self._say(each, numbered[key], path)
                continue
            for i in patterns.fitting(self.argument, path, [self._names[at] for at in mine]):
                self._say(each, mine[i], self._names[mine[i]])


def _parts(given: Any, numbered: Any, structure: Any) -> list[Any] | None:
    """What is given for each part; None if these are not its parts."""
    if isinstance(given, list | tuple) and type(numbered) in (list, tuple):
        return list(given) if len(given) == len(numbered) else None
    parts, other = jax.tree.flatten(given, is_leaf=lambda x: x is not given)
    return parts if other == structure else None


def _keys(numbered: Any) -> list[str]:
    """Names of the parts."""
    found, _ = jax.tree_util.tree_flatten_with_path(numbered, is_leaf=lambda x: x is not numbered)
    return [keystr(path) for path, _ in found]


def keystr(path: Any) -> str:
    """The name of a leaf, as patterns are compared with: ``encoder/0/weights``."""
    return str(jax.tree_util.keystr(path, simple=True, separator="/"))


def of(name: str) -> str:
    """Of what something is said, for an error."""
    return f" of {name}" if name and not name.startswith("[") else name


def shown(given: Any) -> str:
    """What was given, in a line."""
    text = " ".join(repr(given).split())
    return text if len(text) < 80 else f"{text[:77]}..."
