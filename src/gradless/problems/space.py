"""What of the parameters is searched, as which numbers, and what values may they have?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless._core.tree import Params, Structure
from gradless.problems.bounds import boxes
from gradless.problems.domain import Domain
from gradless.problems.integers import masks
from gradless.problems.whole import Whole, is_number


class Space(NamedTuple):
    """What a search moves in.

    Attributes
    ----------
    whole
        What of the parameters is searched.
    domain
        Makes values of what is searched; None if they are the same.
    structure
        Of what is searched.
    """

    whole: Whole
    domain: Domain | None
    structure: Structure

    @classmethod
    def of(
        cls,
        params: Params,
        fixed: Sequence[bool] | None = None,
        bounds: Any = None,
        integers: Any = None,
    ) -> Space:
        """Of parameters and of what is said of them.

        Parameters
        ----------
        params
            Where a search begins.
        fixed
            Of each leaf whether it stays as it is.
        bounds, integers
            As :func:`.bounds.boxes` and :func:`.integers.masks` have them; None without.

        Raises
        ------
        InputError
            For what cannot be searched.
        """
        none = [None] * len(jax.tree.leaves(params))
        asked = none if integers is None or integers is False else masks(integers, params)
        whole = Whole.of(params, fixed, [mask is not None for mask in asked])
        searched = whole.searched(params)
        if bounds is None and all(mask is None for mask in asked):
            return cls(whole, None, structure_of(searched))
        kept = whole.of_searched(asked)
        leaves, treedef = jax.tree.flatten(searched)
        floats = [
            leaf if mask is None else _floats(leaf) for leaf, mask in zip(leaves, kept, strict=True)
        ]
        structure = structure_of(jax.tree.unflatten(treedef, floats))
        limits = none if bounds is None else boxes(bounds, params)
        dtypes = tuple(jnp.result_type(leaf) for leaf in leaves)
        return cls(whole, Domain.of(whole.of_searched(limits), dtypes, kept), structure)


def _floats(leaf: Any) -> Any:
    """Whole numbers as a search has them."""
    whole = jnp.issubdtype(jnp.result_type(leaf), jnp.integer)
    return np.zeros(np.shape(leaf), loss_dtype()) if whole else leaf


def structure_of(params: Params) -> Structure:
    """Structure of parameters that can be searched."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        dtype = jnp.result_type(leaf) if is_number(leaf) else None
        if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            keep = f'layers={{"{name}": 0}} leaves it as it is' if name else "keep it in loss_fn"
            advice = f"write 1.0 for 1 to search it, or give integers for whole numbers; {keep}"
            if dtype is None:
                advice = "keep what is no array of numbers inside loss_fn"
            elif jnp.issubdtype(dtype, jnp.complexfloating):
                advice = f"search its real and its imaginary part, as two arrays; {keep}"
            raise InputError(
                f"params{jax.tree_util.keystr(path)} must be floating-point numbers, got "
                f"{dtype or type(leaf).__name__}; {advice}"
            )
    structure = Structure.of(params)
    if structure.size == 0:
        raise InputError("params must hold floating-point numbers, got none")
    return structure
