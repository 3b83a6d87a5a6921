"""How does a normal distribution learn its covariance matrix from the noise of its candidates?

What ``cma_es`` and ``bipop_cma_es`` share: the state of the distribution, candidates of it, and
the update of Hansen, "The CMA Evolution Strategy: A Tutorial" (2016), arXiv:1604.00772, from sums
of the candidates' noise. The module of ``cma_es`` says why the matrix is held as a factor A and a
matrix W.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless.strategies.parts import limits
from gradless.strategies.parts.recombination import Rates, damped, product, typed

_ITERATIONS = 40  # of the matrix root at most; 4 to 8 are usual
MATRICES = 8  # factor and learnt, the next ones, and four more while the root is taken


class Normal(NamedTuple):
    """A normal distribution with mean ``mean`` and covariance sigma^2 A W A^T."""

    mean: jax.Array  # (dimension,)
    sigma: jax.Array
    factor: jax.Array  # A, (dimension, dimension)
    learnt: jax.Array  # W, (dimension, dimension), symmetric
    step_path: jax.Array  # p_sigma, (dimension,)
    covariance_path: jax.Array  # A^-1 p_c, (dimension,)
    generation: jax.Array  # finished so far, uint32


class Sums(NamedTuple):
    """What an update needs of the candidates' noise z and their weights w."""

    positive: jax.Array  # of max(w, 0) z, (dimension,)
    products: jax.Array  # of w z z^T with lengths as in equation 46, (dimension, dimension)
    weights: jax.Array  # of w

    @classmethod
    def of(cls, z: jax.Array, weights: jax.Array) -> Sums:
        """Those of noise of shape (population, dimension) under weights of shape (population,)."""
        lengths = jnp.sum(z**2, axis=1)
        scaled = jnp.where(weights >= 0, weights, weights * z.shape[1] / lengths)  # (46)
        return cls(
            product(jnp.maximum(weights, 0), z),
            product(z.T, scaled[:, None] * z),
            jnp.sum(weights),
        )


def begun(mean: jax.Array, sigma: Any, scales: jax.Array) -> Normal:
    """The distribution before its first generation: independent, of deviations sigma * scales."""
    return Normal(
        mean=mean,
        sigma=typed(sigma, mean),
        factor=jnp.diag(scales),
        learnt=jnp.eye(mean.size, dtype=mean.dtype),
        step_path=jnp.zeros_like(mean),
        covariance_path=jnp.zeros_like(mean),
        generation=jnp.uint32(0),
    )


def drawn(seeds: noise.Seed, normal: Normal) -> jax.Array:
    """Standard normal noise of candidates, (population, dimension); equation 38."""
    z = jax.vmap(lambda seed: noise.normal(seed, normal.mean.size))(seeds)
    return z.astype(normal.mean.dtype)


def vectors(normal: Normal, z: jax.Array) -> jax.Array:
    """Candidates of this noise, (population, dimension), by one product; equations 39 and 40."""
    return normal.mean + normal.sigma * product(z, normal.factor.T)


def deviations(normal: Normal) -> jax.Array:
    """The standard deviation of each parameter, (dimension,).

    But for what has been learnt since the factor was made, which is little.
    """
    return normal.sigma * jnp.sqrt(jnp.sum(normal.factor**2, axis=1))


def widened(normal: Normal, least: jax.Array) -> Normal:
    """The distribution with deviations of at least so much, (dimension,); correlations stay."""
    wider = jnp.maximum(1, least / deviations(normal))
    return normal._replace(factor=wider[:, None] * normal.factor)


def adapted(normal: Normal, sums: Sums, rates: Rates, every: Any) -> Normal:
    """The distribution after a generation.

    Parameters
    ----------
    normal
        Before it.
    sums
        Of the candidates' noise under their weights.
    rates
        Of the population: numbers, or arrays of shape ().
    every
        Generations after which the factor takes up what has been learnt.
    """
    generation = normal.generation + 1

    # Mean, (41) and (42); y_w = A z_w.
    z_mean = sums.positive
    mean = normal.mean + normal.sigma * product(normal.factor, z_mean)

    # Step size, (43) and (44), with z_w for C^(-1/2) y_w.
    step_path = damped(normal.step_path, rates.step_path, rates.effective, z_mean)
    sigma = limits.bounded(normal.sigma * rates.step_factor(step_path))

    # Covariance, (45) to (47), in the coordinates of A.
    short = rates.path_is_short(step_path, generation)
    covariance_path = damped(
        normal.covariance_path, rates.covariance_path, rates.effective, short * z_mean
    )
    lost = (1 - short) * rates.covariance_path * (2 - rates.covariance_path)
    kept = 1 + rates.rank_one * (lost - 1) - rates.rank_mu * sums.weights
    learnt = (
        kept * normal.learnt
        + rates.rank_one * jnp.outer(covariance_path, covariance_path)
        + rates.rank_mu * sums.products
    )
    following = normal._replace(
        mean=limits.in_range(mean),
        sigma=sigma,
        learnt=learnt,
        step_path=step_path,
        covariance_path=covariance_path,
        generation=generation,
    )
    if isinstance(every, int) and every == 1:
        return _taken_up(following)
    return jax.lax.cond(generation % every == 0, _taken_up, lambda normal: normal, following)


def generations_between(rates: Rates, dimension: int) -> int:
    """Often enough that W stays close to the identity; tutorial, appendix B.2."""
    return max(1, int(1 / (10 * dimension * (rates.rank_one + rates.rank_mu))))


def _taken_up(normal: Normal) -> Normal:
    """The same distribution with W = I: the factor takes up what has been learnt.

    The path of the covariance matrix stays where it is and gets its coordinates by the new factor.
    """
    root, inverse = _roots(normal.learnt)
    changed = normal._replace(
        factor=product(normal.factor, root),
        learnt=jnp.eye(normal.mean.size, dtype=normal.learnt.dtype),
        covariance_path=product(inverse, normal.covariance_path),
    )
    # Rounding may leave W not positive definite, and without a root: forget it then.
    sound = limits.sound(changed.factor) & limits.sound(changed.covariance_path)
    return tree.where(sound, changed, normal._replace(learnt=changed.learnt))


class _Iterate(NamedTuple):
    y: jax.Array  # towards the root
    z: jax.Array  # towards its inverse
    error: jax.Array  # Frobenius norm of I - Z Y before the last step
    iterations: jax.Array


def _roots(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """W^(1/2) and W^(-1/2) of a symmetric positive definite matrix, NaN where there is no such.

    The coupled Newton-Schulz iteration, Higham, "Functions of Matrices" (2008), equation 6.35. It
    converges quadratically from ||I - W|| < 1, which the scaling ensures.
    """
    identity = jnp.eye(len(matrix), dtype=matrix.dtype)
    scale = jnp.max(jnp.sum(jnp.abs(matrix), axis=1))

    def unfinished(carry: _Iterate) -> jax.Array:
        # After a step from this error, its square is beyond float32.
        return (carry.error > 1e-3) & (carry.iterations < _ITERATIONS)

    def step(carry: _Iterate) -> _Iterate:
        missing = identity - product(carry.z, carry.y)
        change = identity + missing / 2
        return _Iterate(
            product(carry.y, change),
            product(change, carry.z),
            jnp.linalg.norm(missing),
            carry.iterations + 1,
        )

    start = _Iterate(matrix / scale, identity, jnp.full_like(scale, jnp.inf), jnp.int32(0))
    y, z, error, _ = jax.lax.while_loop(unfinished, step, start)
    size = jnp.sqrt(scale)
    found = error <= 1e-3
    return jnp.where(found, y * size, jnp.nan), jnp.where(found, z / size, jnp.nan)
