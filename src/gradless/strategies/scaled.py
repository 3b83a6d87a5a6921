"""How does a search know what a large change of a parameter is? It is told: ``Scaled``.

Without it, strategies take the scale of each array from the initial values, which say little where
a start is chosen by hand (:func:`gradless.strategies.parts.mirrored.leaf_scales`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import tree
from gradless._core.errors import InputError
from gradless._core.tree import Candidates, Params, Structure
from gradless.strategies.base import Perturbation, Strategy, at_rest
from gradless.strategies.wrappers import Wrapper


class ScaledState(NamedTuple):
    """The strategy's own state, in units of the scale, and what brings it into those of a user."""

    inner: Any
    start: jax.Array  # the zero of the strategy, (dimension,)
    scale: jax.Array  # (dimension,)
    structure: Structure


@tree.as_pytree(traced=["strategy", "scale"])
@dataclass(frozen=True)
class Scaled(Wrapper):
    """A strategy that searches in units of a scale that is given, from the initial parameters.

    The strategy sees zeros to begin with, and its numbers of any kind count in the scale: a sigma
    of 0.3 is a standard deviation of 0.3 times the scale, whatever the initial parameters are.
    Strategies whose steps are absolute, such as ``hill_climbing``, count in it as well;
    ``random_search`` draws around the initial parameters instead of zero.

    Parameters
    ----------
    strategy
        Any strategy.
    scale
        About the distance to good values, above 0: a number for all parameters, or a pytree like
        the parameters with a number, or an array of its shape, for each array.

    Raises
    ------
    InputError
        If a scale is not a number above 0.

    Examples
    --------
    >>> from gradless import strategies
    >>> from gradless.strategies.scaled import Scaled
    >>> strategy = Scaled(strategies.get("cma_es", sigma=0.5), {"volt": 1e-4, "kelvin": 100.0})
    """

    strategy: Strategy
    scale: Any

    name: ClassVar[str] = "scaled"
    # Changes in other units are no products of thin matrices.
    perturbation: ClassVar[Perturbation] = Perturbation()

    def __post_init__(self) -> None:
        """Refuse scales that make no sense."""
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.scale):
            known = isinstance(leaf, int | float | np.ndarray | np.generic)
            if known and not (np.isfinite(leaf) & (np.asarray(leaf) > 0)).all():
                raise InputError(
                    f"scale{jax.tree_util.keystr(path)} must be a finite number above 0, got "
                    f"{leaf!r}; give about the distance to good values"
                )

    @property
    def samples_around_center(self) -> bool:
        """That of the strategy."""
        return self.strategy.samples_around_center

    def init(self, key: jax.Array, params: Params) -> ScaledState:
        """The strategy's state at zero, which stands for ``params``.

        Raises
        ------
        InputError
            If there is no scale for an array of ``params``.
        """
        start = tree.ravel(params)
        return ScaledState(
            inner=self.strategy.init(key, jax.tree.map(jnp.zeros_like, params)),
            start=start,
            scale=_each(self.scale, params).astype(start.dtype),
            structure=Structure.of(params),
        )

    def decode(self, state: ScaledState, candidate: Any) -> Params:
        """The parameters of a candidate."""
        return self._outside(state, self.strategy.decode(state.inner, candidate))

    def tell(
        self, key: jax.Array, state: ScaledState, candidates: Candidates, losses: jax.Array
    ) -> ScaledState:
        """Tell the strategy."""
        inner = self.strategy.tell(key, state.inner, candidates, losses)
        return state._replace(inner=inner)

    def center(self, state: ScaledState) -> Params:
        """The strategy's present answer."""
        return self._outside(state, self.strategy.center(state.inner))

    def at_rest(self, state: ScaledState) -> jax.Array:
        """Whether the strategy is."""
        return at_rest(self.strategy, state.inner)

    def _outside(self, state: ScaledState, inside: Params) -> Params:
        return state.structure.unravel(state.start + state.scale * tree.ravel(inside))


def _each(scale: Any, params: Params) -> jax.Array:
    """The scale of every parameter, (dimension,)."""
    structure: Any
    leaves, structure = jax.tree.flatten(params)
    shapes = [jnp.shape(leaf) for leaf in leaves]
    given, of_scale = jax.tree.flatten(scale)
    same = structure == of_scale
    if not (same or jax.tree_util.treedef_is_leaf(of_scale)):
        raise InputError(
            f"scale must have the structure of the parameters, {structure}, or be one number, "
            f"got {of_scale}"
        )
    if not same and jnp.shape(scale) == ():
        given = given * len(leaves)
    for one, shape in zip(given, shapes, strict=False):
        if len(given) != len(shapes) or jnp.shape(one) not in ((), shape):
            raise InputError(
                f"scale must be one number, or one for each of the parameters, of shape {shape}, "
                f"got shape {jnp.shape(one)}"
            )
    each = [
        jnp.broadcast_to(jnp.asarray(one), shape).reshape(math.prod(shape))
        for one, shape in zip(given, shapes, strict=True)
    ]
    return jnp.concatenate(each)
