"""How good was each candidate, compared with the others of its population?

Fitness shaping turns losses, lower is better, into weights of the same shape, **positive is good**.
A method adds up its candidates' changes with these weights. Ranks forget how large the losses are
and keep only their order, so that neither outliers nor the scale of the loss matter.

In all of them: equal losses get equal weights, namely the mean of the weights of the ranks that
they share; a loss that is not finite is worse than every finite one, as bad as the others that are
not finite; and if no loss is finite, nothing was learnt and all weights are zero.

References: Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement
Learning" (2017), section 2; Wierstra et al., "Natural Evolution Strategies" (2014), section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gradless._core.errors import unknown_name
from gradless.strategies.parts import limits

# Up to here, comparing every loss with every other one is faster than sorting them on a CPU.
_COMPARE_ALL = 1024


def _by_rank(losses: jax.Array, weights: jax.Array) -> jax.Array:
    """Give each loss the weight of its rank, ``weights[0]`` to the lowest; ties share theirs."""
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    if len(losses) <= _COMPARE_ALL:
        below = jnp.sum(losses[None, :] < losses[:, None], axis=1)
        up_to = jnp.sum(losses[None, :] <= losses[:, None], axis=1)
    else:
        ascending = jnp.sort(losses)
        below = jnp.searchsorted(ascending, losses, side="left")
        up_to = jnp.searchsorted(ascending, losses, side="right")
    total = jnp.concatenate([jnp.zeros(1, weights.dtype), jnp.cumsum(weights)])
    shared = (total[up_to] - total[below]) / (up_to - below)
    # Without a tie, the weight itself: a difference of sums is rounded.
    shared = jnp.where(up_to - below == 1, weights[below], shared)
    return jnp.where(jnp.isfinite(losses).any(), shared, 0.0)


def centered_ranks(losses: jax.Array) -> jax.Array:
    """Evenly spaced weights from 1/2 for the lowest loss to -1/2 for the highest.

    Parameters
    ----------
    losses
        Shape (population,).

    Returns
    -------
    jax.Array
        Weights, shape (population,), float32; their sum is zero.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> print(centered_ranks(jnp.array([3.0, 1.0, jnp.inf, 2.0, 2.0])))
    [-0.25   0.5   -0.5    0.125  0.125]
    """
    return _by_rank(losses, jnp.linspace(0.5, -0.5, len(losses), dtype=jnp.float32))


def nes_utilities(losses: jax.Array) -> jax.Array:
    """Weights that grow logarithmically for the better half and are equal for the worse half.

    Wierstra et al. (2014), section 3.1, for rank k = 1 ... n of n candidates:
    u_k = max(0, log(n/2 + 1) - log k) / sum_j max(0, log(n/2 + 1) - log j) - 1/n.

    Parameters
    ----------
    losses
        Shape (population,).

    Returns
    -------
    jax.Array
        Weights, shape (population,), float32; their sum is zero.
    """
    n = len(losses)
    logarithms = jnp.log(jnp.arange(1, n + 1, dtype=jnp.float32))
    better_half = jnp.maximum(0.0, jnp.log(jnp.float32(n / 2 + 1)) - logarithms)
    return _by_rank(losses, better_half / better_half.sum() - 1 / n)


def _finite(losses: jax.Array) -> jax.Array:
    """Losses, those that are not finite as bad as the worst finite one; zeros if none is."""
    finite = jnp.isfinite(losses)
    worst = jnp.max(jnp.where(finite, losses, -jnp.inf))
    return jnp.where(finite.any(), jnp.where(finite, losses, worst), 0.0)


def zscore(losses: jax.Array) -> jax.Array:
    """How many standard deviations each loss lies below the mean.

    Parameters
    ----------
    losses
        Shape (population,).

    Returns
    -------
    jax.Array
        Weights, shape (population,), of mean 0 and variance 1, or all zero for equal losses; of
        the losses' dtype.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> print(zscore(jnp.array([1.0, 3.0, jnp.inf, 1.0])))
    [ 1. -1. -1.  1.]
    """
    below = _finite(losses)
    # In a unit in which their sum is in range.
    below = below / limits.unit(below)
    below = jnp.mean(below) - below
    # In units of the largest, so that squares of huge or tiny losses stay in range.
    largest = jnp.max(jnp.abs(below))
    below = below / jnp.where(largest > 0, largest, 1.0)
    deviation = jnp.sqrt(jnp.mean(below**2))
    return below / jnp.where(deviation > 0, deviation, 1.0)


def raw(losses: jax.Array) -> jax.Array:
    """Minus the losses: the estimated gradient is then that of the loss itself.

    So learning rates are in the unit of the loss, as is the epsilon of adam (1e-8) and rmsprop. A
    loss beyond 1e30 counts as that, so that differences are finite.

    Parameters
    ----------
    losses
        Shape (population,).

    Returns
    -------
    jax.Array
        Weights, shape (population,), of the losses' dtype.
    """
    return -limits.subtractable(_finite(losses))


SHAPINGS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "centered_ranks": centered_ranks,
    "nes_utilities": nes_utilities,
    "zscore": zscore,
    "raw": raw,
}
"""Every fitness shaping by name."""

OF_DIFFERENCES = ("zscore", "raw")
"""Those in which it counts how much losses differ."""


def get(name: str) -> Callable[[jax.Array], jax.Array]:
    """Fitness shaping by name; an unknown name is an :class:`InputError` with the closest one."""
    if name not in SHAPINGS:
        raise unknown_name("fitness shaping", name, SHAPINGS)
    return SHAPINGS[name]
