"""How much does each candidate count, given the rank of its loss?

What evolution strategies share: weights by rank, the rates of covariance matrix adaptation that
follow from them (Hansen, "The CMA Evolution Strategy: A Tutorial", 2016, arXiv:1604.00772), sums of
noise under those weights, and the refusal of matrices that do not fit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import noise
from gradless._core.errors import InputError
from gradless._core.floats import vector_dtype
from gradless._core.tree import Params, Structure
from gradless.strategies.parts import mirrored

_NUMBERS_AT_ONCE = 2**22  # noise of a population that is worth drawing as one array


def default_population(dimension: int) -> int:
    """4 + floor(3 ln d): the tutorial's, equation 48, and that of natural evolution strategies."""
    return 4 + math.floor(3 * math.log(max(1, dimension)))


def log_ranks(population: int) -> np.ndarray:
    """ln((population + 1) / 2) - ln(rank), best first, shape (population,); equation 49."""
    return np.log((population + 1) / 2) - np.log(np.arange(1, population + 1))


def effective_size(weights: np.ndarray) -> float:
    """Variance-effective number of candidates, equation 8 of the tutorial."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def by_rank(losses: jax.Array, weights: np.ndarray) -> jax.Array:
    """The weight of each candidate, float32, shape (population,).

    Only the order of the losses counts, and among equal ones chance decides: equal weights would
    shrink the step size on a plateau. A candidate whose loss is infinite never gets a weight above
    zero, however many there are.

    Parameters
    ----------
    losses
        One for each candidate, +inf for those that failed.
    weights
        By rank, best first, shape (population,).
    """
    ranks = jnp.argsort(jnp.argsort(losses))
    weight = jnp.asarray(weights, jnp.float32)[ranks]
    return jnp.where(jnp.isfinite(losses), weight, jnp.minimum(weight, 0))


def rank_of(losses: jax.Array) -> jax.Array:
    """The rank of each loss from 0, int32; of equal ones the first counts as lower."""
    order = jnp.argsort(losses)
    ranks = jnp.zeros(len(losses), jnp.int32)
    return ranks.at[order].set(jnp.arange(len(losses), dtype=jnp.int32), unique_indices=True)


def first_scales(params: Params, relative: bool) -> jax.Array:
    """Units of the first standard deviation, (dimension,): the scale of each array, or ones.

    They have the dtype of the parameters as one vector.
    """
    structure = Structure.of(params)
    dtype = vector_dtype(params)
    if not relative:
        return jnp.ones(structure.size, dtype)
    return mirrored.spread(mirrored.leaf_scales(params), structure).astype(dtype)


def moments(seeds: noise.Seed, weights: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """Weighted sums over a population's noise z, of z and of z squared, each of shape (size,).

    A large population of large networks is drawn member by member, so that memory does not grow
    with it.
    """
    if len(weights) * size <= _NUMBERS_AT_ONCE:
        z = jax.vmap(lambda seed: noise.normal(seed, size))(seeds)
        return product(weights, z), product(weights, z * z)

    def add(
        sums: tuple[jax.Array, jax.Array], member: tuple[noise.Seed, jax.Array]
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        seed, weight = member
        z = noise.normal(seed, size)
        return (sums[0] + weight * z, sums[1] + weight * z * z), None

    zeros = jnp.zeros(size, jnp.float32)
    return jax.lax.scan(add, (zeros, zeros), (seeds, weights))[0]


def product(a: jax.Array, b: jax.Array) -> jax.Array:
    """Matrix product in full precision on every platform; a GPU would round the factors."""
    return jnp.matmul(a, b, precision="highest")


class Rates(NamedTuple):
    """Weights and rates of covariance matrix adaptation, table 1 of the tutorial."""

    weights: np.ndarray  # by rank, best first, (population,); the positive ones sum to 1
    effective: float  # mu_eff
    step_path: float  # c_sigma
    step_damping: float  # d_sigma
    covariance_path: float  # c_c
    rank_one: float  # c_1
    rank_mu: float  # c_mu
    expected_length: float  # of a standard normal vector

    @classmethod
    def of(cls, population: int, dimension: int, separable: bool = False) -> Rates:
        """The default rates for a population in so many dimensions.

        Parameters
        ----------
        population, dimension
            What they depend on.
        separable
            For a diagonal covariance matrix: it is learnt (d + 2) / 3 times faster (Ros and Hansen,
            "A Simple Modification in CMA-ES Achieving Linear Time and Space Complexity", 2008), and
            without negative weights.
        """
        d = dimension
        raw = log_ranks(population)
        parents = population // 2
        effective = effective_size(raw[:parents])
        step_path = (effective + 2) / (d + effective + 5)  # (55)
        step_damping = 1 + 2 * max(0, math.sqrt((effective - 1) / (d + 1)) - 1) + step_path
        covariance_path = (4 + effective / d) / (d + 4 + 2 * effective / d)  # (56)
        faster = (d + 2) / 3 if separable else 1.0
        rank_one = min(1.0, faster * 2 / ((d + 1.3) ** 2 + effective))  # (57)
        rank_mu = faster * 2 * (0.25 + effective + 1 / effective - 2)
        rank_mu = min(1 - rank_one, rank_mu / ((d + 2) ** 2 + effective))  # (58)

        weights = np.where(raw > 0, raw, 0)
        weights[parents:] = 0
        weights /= weights.sum()
        negative = raw[parents:]
        if not separable and rank_mu > 0 and negative.sum() < 0:
            effective_negative = effective_size(negative)
            total = min(
                1 + rank_one / rank_mu,  # (50)
                1 + 2 * effective_negative / (effective + 2),  # (51)
                (1 - rank_one - rank_mu) / (d * rank_mu),  # (52)
            )
            weights[parents:] = total * negative / -negative.sum()  # (53)
        return cls(
            weights=weights,
            effective=effective,
            step_path=step_path,
            step_damping=step_damping,
            covariance_path=covariance_path,
            rank_one=rank_one,
            rank_mu=rank_mu,
            expected_length=math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d)),
        )

    def step_factor(self, path: jax.Array) -> jax.Array:
        """What the step size is multiplied by for its path, equation 44, from 1/e to e."""
        excess = jnp.linalg.norm(path) / self.expected_length - 1
        return jnp.exp(jnp.clip(self.step_path / self.step_damping * excess, -1, 1))

    def path_is_short(self, path: jax.Array, generation: jax.Array) -> jax.Array:
        """h_sigma of the tutorial, 1 or 0: whether the step size is not about to grow fast.

        ``generation`` counts from 1.
        """
        begun = 1 - (1 - self.step_path) ** (2 * generation.astype(jnp.float32))
        limit = (1.4 + 2 / (path.size + 1)) * self.expected_length
        return (jnp.linalg.norm(path) < limit * jnp.sqrt(begun)).astype(jnp.float32)


def refuse_large_matrices(
    owner: str, dimension: int, matrices: int, limit_gib: int, dtype: Any = np.float32
) -> None:
    """Raise before square matrices are allocated that would not fit.

    Parameters
    ----------
    owner
        Name of the strategy.
    dimension
        Rows and columns.
    matrices
        Held at once.
    limit_gib
        Memory that they may take.
    dtype
        Of their numbers.

    Raises
    ------
    InputError
        If they would take more.
    """
    gib = matrices * np.dtype(dtype).itemsize * dimension**2 / 2**30
    if gib > limit_gib:
        raise InputError(
            f"{owner} must need at most memory_gib={limit_gib}, got {dimension:,} parameters, "
            f"whose full covariance matrix needs {gib:,.1f} GiB while it is updated. Use "
            "sep_cma_es or lm_ma_es, whose memory grows with the parameters only, or raise "
            "memory_gib"
        )


def refuse_large_memory(
    owner: str, dimension: int, vectors: int, limit_gib: int, dtype: Any = np.float32
) -> None:
    """Raise before a memory of vectors is allocated that would not fit.

    Parameters
    ----------
    owner
        Name of the strategy.
    dimension
        Numbers of a vector.
    vectors
        Held at once.
    limit_gib
        Memory that they may take.
    dtype
        Of their numbers.

    Raises
    ------
    InputError
        If they would take more.
    """
    gib = vectors * np.dtype(dtype).itemsize * dimension / 2**30
    if gib > limit_gib:
        raise InputError(
            f"{owner} must need at most memory_gib={limit_gib}, got {dimension:,} parameters and "
            f"{vectors} vectors of that length, {gib:,.1f} GiB. Use a smaller memory, or "
            "openai_es, which remembers three"
        )


def damped(path: jax.Array, rate: Any, effective: Any, step: jax.Array) -> jax.Array:
    """An evolution path after a step: exponential smoothing that keeps a standard normal one so."""
    return (1 - rate) * path + (rate * (2 - rate) * effective) ** 0.5 * step


def typed(value: Any, like: jax.Array) -> jax.Array:
    """A number or array as part of a state whose vectors are like another one.

    A loop keeps types, and JAX's 64-bit mode would make float64 of what has none.
    """
    return jnp.asarray(value, like.dtype)
