"""What does a search of a pytree begin with? Arrays of their own types, all of them finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gradless._core.errors import InputError
from gradless._core.tree import Params


def arrays(params: Params) -> Params:
    """Parameters as the search begins with them."""
    # With their types, or numbers of Python would compile another program than arrays do.
    start = jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), params)
    for path, leaf in jax.tree_util.tree_flatten_with_path(start)[0]:
        if not jnp.isfinite(leaf).all():
            raise InputError(
                f"params{jax.tree_util.keystr(path)} must be finite, got NaN or infinity in "
                f"{leaf.dtype}"
            )
    return start
