"""Covariance matrix adaptation: learn the full shape of the landscape, and search along it.

Hansen, "The CMA Evolution Strategy: A Tutorial" (2016), arXiv:1604.00772, with the active update
of the covariance matrix (negative weights) and cumulative step-size adaptation.

The covariance matrix C is never formed, nor decomposed. The state holds a factor A, and what has
been learnt since A was made in its coordinates, a matrix W close to the identity: C = A W A^T. All
candidates are A z, so every update of the tutorial is one of W in terms of z, without an inverse.
Where the tutorial decomposes C into eigenvectors, A takes up the symmetric root of W:

- The condition number of A is the square root of that of C, and W is always well-conditioned. So
  float32 is enough for landscapes that are ten thousand million times steeper one way than another.
- The root of a matrix close to the identity takes a few matrix products, which every processor does
  at its full speed; eigenvectors of 400 parameters take some ten times longer.

The tutorial's C^(-1/2) y in the path of the step size becomes A^-1 y = z: the same but for a
rotation that stays the same from generation to generation, as in Beyer and Sendhoff, "Simplify Your
Covariance Matrix Adaptation Evolution Strategy" (2017).
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits
from gradless.strategies.parts.recombination import (
    Rates,
    by_rank,
    damped,
    default_population,
    first_scales,
    product,
    refuse_large_matrices,
    typed,
)

_MATRICES = 8  # factor and learnt, the next ones, and four more while the root is taken
_ITERATIONS = 40  # of the matrix root at most; 4 to 8 are usual


class State(NamedTuple):
    """A normal distribution with mean ``mean`` and covariance sigma^2 A W A^T."""

    mean: jax.Array  # (dimension,)
    sigma: jax.Array
    factor: jax.Array  # A, (dimension, dimension)
    learnt: jax.Array  # W, (dimension, dimension), symmetric
    step_path: jax.Array  # p_sigma, (dimension,)
    covariance_path: jax.Array  # A^-1 p_c, (dimension,)
    generation: jax.Array  # finished so far, uint32
    structure: Structure


class Candidate(NamedTuple):
    """Parameters, and the standard normal noise that they were made from."""

    vector: jax.Array  # (dimension,)
    z: jax.Array  # (dimension,)


@strategy
class CMAES:
    """Normal distribution whose covariance matrix is learnt; invariant to rotations.

    For up to a few thousand parameters: time and memory of one update grow with their square, and
    the time of the matrix root every few generations with their cube.

    Parameters
    ----------
    sigma
        First standard deviation of every parameter, about its distance to good values; it adapts.
        By default in units of the parameter's scale at the start: see ``relative``.
    population
        Candidates in a generation. More make the search slower and more robust against noise and
        local minima; ``for_dimension`` gives the tutorial's 4 + floor(3 ln d).
    memory_gib
        Memory that the matrices may take; more parameters than fit are refused.
    relative
        Whether ``sigma`` counts in units of the scale of each array of parameters at the start: of
        drawn weights their root mean square, which biases take too, of other numbers at least 1
        (``mirrored.leaf_scales``).
    """

    sigma: float = hyperparameter(0.3, above=0.0)
    population: int = hyperparameter(16, above=1)
    memory_gib: int = hyperparameter(4, at_least=1)
    relative: bool = True

    name: ClassVar[str] = "cma_es"
    samples_around_center: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> CMAES:
        """The strategy with the paper's population for so many parameters."""
        return cls(**{"population": default_population(dimension), **hyperparameters})

    def init(self, key: jax.Array, params: Params) -> State:
        """State around ``params``, as wide as ``sigma`` says.

        Raises
        ------
        InputError
            If the matrices would take more than ``memory_gib``; nothing has been allocated then.
        """
        structure, mean = Structure.of(params), tree.ravel(params)
        refuse_large_matrices(self.name, structure.size, _MATRICES, self.memory_gib, mean.dtype)
        return State(
            mean=mean,
            sigma=typed(self.sigma, mean),
            factor=jnp.diag(first_scales(params, self.relative)),
            learnt=jnp.eye(structure.size, dtype=mean.dtype),
            step_path=jnp.zeros_like(mean),
            covariance_path=jnp.zeros_like(mean),
            generation=jnp.uint32(0),
            structure=structure,
        )

    def ask(self, key: jax.Array, state: State) -> Candidate:
        """Candidates from the distribution, all by one matrix product."""
        seeds = noise.seeds(key, jnp.arange(self.population))
        z = jax.vmap(lambda seed: noise.normal(seed, state.structure.size))(seeds)  # (38)
        z = z.astype(state.mean.dtype)
        return Candidate(state.mean + state.sigma * product(z, state.factor.T), z)  # (39), (40)

    def decode(self, state: State, candidate: Candidate) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(candidate.vector)

    def tell(self, key: jax.Array, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """Move towards the better candidates and adapt the distribution to their directions.

        If no loss is finite, nothing changes.
        """
        dimension = state.structure.size
        rates = Rates.of(self.population, dimension)
        weights = by_rank(losses, rates.weights)
        generation = state.generation + 1

        # Mean, (41) and (42); y_w = A z_w.
        z_mean = product(jnp.maximum(weights, 0), candidates.z)
        mean = state.mean + state.sigma * product(state.factor, z_mean)

        # Step size, (43) and (44), with z_w for C^(-1/2) y_w.
        step_path = damped(state.step_path, rates.step_path, rates.effective, z_mean)
        sigma = limits.bounded(state.sigma * rates.step_factor(step_path))

        # Covariance, (45) to (47), in the coordinates of A.
        short = rates.path_is_short(step_path, generation)
        covariance_path = damped(
            state.covariance_path, rates.covariance_path, rates.effective, short * z_mean
        )
        lost = (1 - short) * rates.covariance_path * (2 - rates.covariance_path)
        lengths = jnp.sum(candidates.z**2, axis=1)
        scaled = jnp.where(weights >= 0, weights, weights * dimension / lengths)  # (46)
        kept = 1 + rates.rank_one * (lost - 1) - rates.rank_mu * jnp.sum(weights)
        learnt = (
            kept * state.learnt
            + rates.rank_one * jnp.outer(covariance_path, covariance_path)
            + rates.rank_mu * product(candidates.z.T, scaled[:, None] * candidates.z)
        )
        following = state._replace(
            mean=limits.in_range(mean),
            sigma=sigma,
            learnt=learnt,
            step_path=step_path,
            covariance_path=covariance_path,
            generation=generation,
        )
        # Often enough that W stays close to the identity; tutorial, appendix B.2.
        every = max(1, int(1 / (10 * dimension * (rates.rank_one + rates.rank_mu))))
        if every == 1:
            following = _taken_up(following)
        else:
            following = jax.lax.cond(
                generation % every == 0, _taken_up, lambda state: state, following
            )
        return tree.where(jnp.any(jnp.isfinite(losses)), following, state)

    def center(self, state: State) -> Params:
        """The mean of the distribution."""
        return state.structure.unravel(state.mean)

    def at_rest(self, state: State) -> jax.Array:
        """Whether steps are too small to change the mean.

        But for what has been learnt since the factor was made, which is little.
        """
        return limits.without_effect(
            state.mean, state.sigma * jnp.sqrt(jnp.sum(state.factor**2, axis=1))
        )


def _taken_up(state: State) -> State:
    """The same distribution with W = I: the factor takes up what has been learnt.

    The path of the covariance matrix stays where it is and gets its coordinates by the new factor.
    """
    root, inverse = _roots(state.learnt)
    changed = state._replace(
        factor=product(state.factor, root),
        learnt=jnp.eye(state.structure.size, dtype=state.learnt.dtype),
        covariance_path=product(inverse, state.covariance_path),
    )
    # Rounding may leave W not positive definite, and without a root: forget it then.
    sound = limits.sound(changed.factor) & limits.sound(changed.covariance_path)
    return tree.where(sound, changed, state._replace(learnt=changed.learnt))


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
