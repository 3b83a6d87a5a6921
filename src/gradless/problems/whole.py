"""What of a model is searched, and what stays as it is? Arrays of numbers that nobody fixes.

Models of Equinox, for example, are pytrees of arrays and of functions. Functions and other things
that are no numbers stay as they are, and so do arrays that a person fixes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.tree import Params

SEARCHED, FIXED, OTHER = "searched", "fixed", "other"


@dataclass(frozen=True)
class Whole:
    """How a model is put together again from what is searched and what is not.

    Parameters
    ----------
    structure
        Of all of it.
    kinds
        Of each leaf: it is searched, an array that stays as it is, or something else.
    others
        Leaves that are no arrays, in their order.
    """

    structure: Any
    kinds: tuple[str, ...]
    others: tuple[Any, ...]

    @classmethod
    def of(
        cls,
        model: Params,
        fixed: Sequence[bool] | None = None,
        asked: Sequence[bool] | None = None,
    ) -> Whole:
        """Of a model, with arrays that stay as they are.

        Where there are functions among the leaves, only arrays of floating-point numbers are
        searched: a number of Python is a setting then, as the rate of a dropout. ``asked`` says of
        each leaf whether it is searched nevertheless.
        """
        leaves, structure = jax.tree.flatten(model)
        settings = any(map(callable, leaves))
        kinds = []
        for at, leaf in enumerate(leaves):
            is_array = hasattr(leaf, "dtype") and is_number(leaf)
            is_float = is_array and jnp.issubdtype(leaf.dtype, jnp.floating)
            if callable(leaf):
                kinds.append(OTHER)
            elif is_number(leaf) and fixed is not None and fixed[at]:
                kinds.append(FIXED)
            elif is_number(leaf) and settings and not is_float and not (asked and asked[at]):
                kinds.append(FIXED if is_array else OTHER)
            else:
                kinds.append(SEARCHED)
        others = tuple(leaf for leaf, kind in zip(leaves, kinds, strict=True) if kind == OTHER)
        return cls(structure, tuple(kinds), others)

    @property
    def is_searched(self) -> bool:
        """Whether all of it is searched."""
        return all(kind == SEARCHED for kind in self.kinds)

    def searched(self, model: Params) -> Params:
        """What is searched, with None in place of the rest, which JAX does not see."""
        leaves = self.structure.flatten_up_to(model)
        both = zip(leaves, self.kinds, strict=True)
        kept = [leaf if kind == SEARCHED else None for leaf, kind in both]
        return jax.tree.unflatten(self.structure, kept)

    def of_searched(self, each: Sequence[Any]) -> list[Any]:
        """Of what is said of each leaf, that of those that are searched."""
        both = zip(each, self.kinds, strict=True)
        return [said for said, kind in both if kind == SEARCHED]

    def fixed(self, model: Params) -> tuple[Any, ...]:
        """Arrays that stay as they are."""
        both = zip(jax.tree.leaves(model), self.kinds, strict=True)
        return tuple(jnp.asarray(leaf) for leaf, kind in both if kind == FIXED)

    def joined(self, params: Params, fixed: Sequence[Any]) -> Params:
        """The model of what is searched and what stays."""
        rest = {
            SEARCHED: iter(jax.tree.leaves(params)),
            FIXED: iter(fixed),
            OTHER: iter(self.others),
        }
        return jax.tree.unflatten(self.structure, [next(rest[kind]) for kind in self.kinds])


def is_number(leaf: Any) -> bool:
    """Whether JAX can make an array of it."""
    return isinstance(leaf, jax.Array) or np.asarray(leaf).dtype.kind not in "OSUMm"
