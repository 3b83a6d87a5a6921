"""How far to step when only the direction of an estimated gradient can be trusted?

ClipUp: the gradient's length is dropped, and the step's length is bounded. Toklu, Liskowski and
Srivastava, "ClipUp: A Simple and Powerful Optimizer for Distribution-based Policy Evolution"
(2020), algorithm 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class ClipUpState(NamedTuple):
    """What the optimiser remembers."""

    velocity: Any  # like the parameters, in units of the learning rate


def _norm(updates: Any) -> jax.Array:
    return jnp.sqrt(sum(jnp.sum(x**2) for x in jax.tree.leaves(updates)))


def _shortened(updates: Any, norm: jax.Array, longest: Any) -> Any:
    """Scale ``updates``, whose norm is given, to at most ``longest``."""
    factor = jnp.where(norm > longest, longest / norm, 1.0)
    return jax.tree.map(lambda x: x * factor.astype(x.dtype), updates)


def scale_by_clipup(momentum: Any = 0.9, max_speed: Any = 2.0) -> optax.GradientTransformation:
    """The velocity of ClipUp in units of its learning rate; multiply by minus that to descend.

    Parameters
    ----------
    momentum
        Share of the velocity kept from step to step.
    max_speed
        Longest velocity, in learning rates; the paper's rule of thumb is 2.

    Returns
    -------
    optax.GradientTransformation
        For any pytree; norms are over all of its leaves.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> optimizer = scale_by_clipup()
    >>> state = optimizer.init(jnp.zeros(2))
    >>> for _ in range(3):
    ...     step, state = optimizer.update(jnp.array([3e9, 4e9]), state)
    >>> print(step)
    [1.2 1.6]
    """

    def init(params: Any) -> ClipUpState:
        return ClipUpState(jax.tree.map(jnp.zeros_like, params))

    def update(updates: Any, state: ClipUpState, params: Any = None) -> tuple[Any, ClipUpState]:
        norm = _norm(updates)
        reciprocal = jnp.where(norm > 0, 1 / jnp.where(norm > 0, norm, 1.0), 0.0)
        velocity = jax.tree.map(  # line 2: v' = m v + g / |g|
            lambda v, g: momentum * v + g * reciprocal.astype(g.dtype), state.velocity, updates
        )
        velocity = _shortened(velocity, _norm(velocity), max_speed)  # lines 3 to 6
        return velocity, ClipUpState(velocity)

    return optax.GradientTransformation(init, update)
