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
from gradless.strategies.parts.covariance import (
    MATRICES,
    Normal,
    Sums,
    adapted,
    begun,
    deviations,
    drawn,
    generations_between,
    vectors,
    widened,
)
from gradless.strategies.parts.recombination import (
    Rates,
    by_rank,
    default_population,
    first_scales,
    refuse_large_matrices,
)


class State(NamedTuple):
    """The distribution, and the shapes of what it is over."""

    normal: Normal
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
        refuse_large_matrices(self.name, structure.size, MATRICES, self.memory_gib, mean.dtype)
        scales = first_scales(params, self.relative)
        return State(begun(mean, self.sigma, scales), structure)

    def ask(self, key: jax.Array, state: State) -> Candidate:
        """Candidates from the distribution, all by one matrix product."""
        seeds = noise.seeds(key, jnp.arange(self.population))
        z = drawn(seeds, state.normal)
        return Candidate(vectors(state.normal, z), z)

    def decode(self, state: State, candidate: Candidate) -> Params:
        """The parameters of a candidate."""
        return state.structure.unravel(candidate.vector)

    def tell(self, key: jax.Array, state: State, candidates: Candidate, losses: jax.Array) -> State:
        """Move towards the better candidates and adapt the distribution to their directions.

        If no loss is finite, nothing changes.
        """
        rates = Rates.of(self.population, state.structure.size)
        every = generations_between(rates, state.structure.size)
        sums = Sums.of(candidates.z, by_rank(losses, rates.weights))
        following = adapted(state.normal, sums, rates, every)
        normal = tree.where(jnp.any(jnp.isfinite(losses)), following, state.normal)
        return state._replace(normal=normal)

    def widened(self, state: State, least: jax.Array) -> State:
        """The state with deviations of at least so much, (dimension,)."""
        return state._replace(normal=widened(state.normal, least))

    def center(self, state: State) -> Params:
        """The mean of the distribution."""
        return state.structure.unravel(state.normal.mean)

    def at_rest(self, state: State) -> jax.Array:
        """Whether steps are too small to change the mean."""
        return limits.without_effect(state.normal.mean, deviations(state.normal))
