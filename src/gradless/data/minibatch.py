"""Which samples does a generation look at?"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gradless._core.errors import InputError
from gradless._core.programs import compiled

__all__ = ["Minibatches", "batches_to_judge", "minibatch_indices"]

# A batch of at most this share of the samples is redrawn until distinct; each round then replaces
# a repeated index by a fresh one with probability 3/4 or more, so that few rounds are needed.
_SPARSE = 4
_BATCHES_JUDGED = 64  # all of large data could take longer than a search


def minibatch_indices(key: jax.Array, n_samples: int, batch_size: int) -> jax.Array:
    """Draw a minibatch without replacement, as a pure function of a key.

    Every subset of `batch_size` samples is equally likely. Small batches are drawn independently
    and their repetitions drawn again: which indices repeat does not depend on what they are
    called, hence no subset is preferred. Time and memory are those of sorting the batch, however
    many samples there are; batches of more than a quarter of the samples cost a permutation of
    the samples.

    Parameters
    ----------
    key
        A JAX random key. The same key gives the same batch.
    n_samples
        Number of samples to choose from; static under `jax.jit`.
    batch_size
        Number of samples to choose, at most `n_samples`; static under `jax.jit`.

    Returns
    -------
    jax.Array
        Distinct indices in 0 ... n_samples - 1, int32, shape (batch_size,). Their order has no
        meaning: a small batch is sorted.

    Raises
    ------
    InputError
        If `batch_size` is not from 1 to `n_samples`.

    Examples
    --------
    >>> batch = minibatch_indices(jax.random.key(0), n_samples=300, batch_size=32)
    >>> batch.shape, batch.dtype.name, len(set(batch.tolist()))
    ((32,), 'int32', 32)
    """
    if not 1 <= batch_size <= n_samples:
        raise InputError(
            f"the batch size must be from 1 to the number of samples, {n_samples}, got {batch_size}"
        )
    if batch_size * _SPARSE > n_samples:
        return jax.random.permutation(key, jnp.arange(n_samples, dtype=jnp.int32))[:batch_size]

    def draw(attempt: jax.Array | int) -> jax.Array:
        attempt_key = jax.random.fold_in(key, attempt)
        return jax.random.randint(attempt_key, (batch_size,), 0, n_samples, dtype=jnp.int32)

    def repeated(batch: jax.Array) -> jax.Array:
        return jnp.concatenate([jnp.zeros(1, dtype=bool), batch[1:] == batch[:-1]])

    def redraw(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        attempt, batch = state
        return attempt + 1, jnp.sort(jnp.where(repeated(batch), draw(attempt), batch))

    first = (jnp.int32(1), jnp.sort(draw(0)))
    _, batch = jax.lax.while_loop(lambda state: repeated(state[1]).any(), redraw, first)
    return batch


@compiled(static_argnames=["n_samples", "batch_size"])
def batches_to_judge(n_samples: int, batch_size: int) -> jax.Array:
    """Minibatches without a common sample, at most 64, (batches, batch_size): always the same."""
    count = min(_BATCHES_JUDGED, n_samples // batch_size)
    order = jax.random.permutation(jax.random.key(0), n_samples)
    return order[: count * batch_size].reshape(count, batch_size)


@dataclass(frozen=True)
class Minibatches:
    """Which samples the generations of a run see: all, or each its own minibatch."""

    n_samples: int
    batch_size: int | None

    def draw(self, key: jax.Array) -> jax.Array | None:
        """Numbers of the samples of a generation, (batch_size,), or None for all."""
        if self.batch_size is None:
            return None
        return minibatch_indices(key, self.n_samples, self.batch_size)
