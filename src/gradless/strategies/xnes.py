"""Exponential natural evolution strategy: the natural gradient of a full normal distribution.

Glasmachers, Schaul, Sun, Wierstra and Schmidhuber, "Exponential Natural Evolution Strategies"
(2010); algorithm 5, utilities and rates as in Wierstra et al., "Natural Evolution Strategies",
JMLR 15 (2014), section 3.1 and table 1.

The gradient by the shape is a sum of one outer product for each candidate, so the matrix
exponential of the paper is taken exactly in the space that they span, of the population's size:
an update takes time in proportion to population x dimension^2 instead of dimension^3.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from gradless._core import noise, tree
from gradless._core.tree import Params, Structure
from gradless.strategies.base import hyperparameter, strategy
from gradless.strategies.parts import limits, shaping
from gradless.strategies.parts.recombination import (
    default_population,
    first_scales,
    product,
    refuse_large_matrices,
    typed,
)

_MATRICES = 3  # the shape, the next one, and what is added to it


class State(NamedTuple):
    """A normal distribution with mean ``mean`` and covariance sigma^2 B B^T."""

    mean: jax.Array  # (dimension,)
    sigma: jax.Array
    shape: jax.Array  # B, (dimension, dimension)
    structure: Structure


class Candidate(NamedTuple):
    """Parameters, and the standard normal noise that they were made from."""

    vector: jax.Array  # (dimension,)
    s: jax.Array  # (dimension,)


@strategy
class XNES:
    """Normal distribution that follows the natural gradient; invariant to rotations.

    For up to a few thousand parameters: time and memory of one update grow with their square.

    Parameters
    ----------
    sigma
        First standard deviation of every parameter, about its distance to good values; it adapts.
        By default in units of the parameter's scale at the start: see ``relative``.
    population
        Candidates in a generation; ``for_dimension`` gives the paper's 4 + floor(3 ln d).
    mean_rate
        Learning rate of the mean.
    deviation_rate
        Learning rate of step size and shape, as a factor of the paper's
        (9 + 3 ln d) / (5 d sqrt(d)).
    memory_gib
        Memory that the matrices may take; more parameters than fit are refused.
    relative
        Whether ``sigma`` counts in units of the scale of each array of parameters at the start: of
        drawn weights their root mean square, which biases take too, of other numbers at least 1
        (``mirrored.leaf_scales``).
    """

    sigma: float = hyperparameter(0.3, above=0.0)
    population: int = hyperparameter(16, above=1)
    mean_rate: float = hyperparameter(1.0, above=0.0)
    deviation_rate: float = hyperparameter(1.0, above=0.0)
    memory_gib: int = hyperparameter(4, at_least=1)
    relative: bool = True

    name: ClassVar[str] = "xnes"
    samples_around_center: ClassVar[bool] = True

    @classmethod
    def for_dimension(cls, dimension: int, **hyperparameters: Any) -> XNES:
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
        shape = jnp.diag(first_scales(params, self.relative))
        return State(mean, typed(self.sigma, mean), shape, structure)

    def ask(self, key: jax.Array, state: State) -> Candidate:
        """Candidates from the distribution, all by one matrix product."""
        seeds = noise.seeds(key, jnp.arange(self.population))
        s = jax.vmap(lambda seed: noise.normal(seed, state.structure.size))(seeds)
        s = s.astype(state.mean.dtype)
        return Candidate(state.mean + state.sigma * product(s, state.shape.T), s)

    def decode(self, state: State, candidate: Candidate) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(candidate.vector)

    def tell(self, key: jax.Array, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """One step along the natural gradient; if no loss is finite, nothing changes."""
        dimension = state.structure.size
        weights = shaping.nes_utilities(losses)
        rate = self.deviation_rate * (9 + 3 * math.log(dimension)) / (5 * dimension**1.5)

        # Algorithm 5. With M = sum of u s s^T, the gradients are G_delta = sum of u s,
        # G_M = M - sum(u) I, G_sigma = tr(G_M) / d and G_B = G_M - G_sigma I = M - tr(M) / d I.
        step = product(state.shape, product(weights, candidates.s))
        mean_of_trace = jnp.sum(weights * jnp.sum(candidates.s**2, axis=1)) / dimension
        gradient_sigma = mean_of_trace - jnp.sum(weights)

        # exp(rate / 2 G_B) = exp(-rate / 2 tr(M) / d) (I + V (exp(E) - I) V^T), where V E V^T is
        # the eigendecomposition of rate / 2 M in the space of the candidates.
        basis, coefficients = jnp.linalg.qr(candidates.s.T)
        small = product(coefficients * (rate / 2 * weights), coefficients.T)
        e, vectors = jnp.linalg.eigh(small)
        v = product(basis, vectors)
        shape = state.shape + product(product(state.shape, v) * jnp.expm1(e), v.T)
        shape = jnp.exp(-rate / 2 * mean_of_trace) * shape
        following = state._replace(
            mean=limits.in_range(state.mean + self.mean_rate * state.sigma * step),
            sigma=limits.bounded(state.sigma * jnp.exp(rate / 2 * gradient_sigma)),
            shape=jnp.where(limits.sound(shape), shape, state.shape),
        )
        return tree.where(jnp.any(jnp.isfinite(losses)), following, state)

    def center(self, state: State) -> Params:
        """The mean of the distribution."""
        return state.structure.unravel(state.mean)

    def at_rest(self, state: State) -> jax.Array:
        """Whether steps are too small to change the mean."""
        return limits.without_effect(
            state.mean, state.sigma * jnp.sqrt(jnp.sum(state.shape**2, axis=1))
        )
