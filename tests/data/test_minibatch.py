"""Samples of a minibatch: distinct, all equally likely, the same for the same key."""

import jax
import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data.minibatch import minibatch_indices
from helpers.errors import message_of

minibatch = jax.jit(minibatch_indices, static_argnums=(1, 2))
minibatches = jax.jit(jax.vmap(minibatch_indices, in_axes=(0, None, None)), static_argnums=(1, 2))


# At most a quarter of the samples is drawn again until distinct, more come from a permutation.
SIZES = [(1, 1), (4, 1), (300, 75), (300, 76), (300, 300), (10**6, 500)]


@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_a_minibatch_has_distinct_samples_and_depends_on_its_key_alone(n_samples, batch_size):
    batches = [
        np.asarray(minibatch(jax.random.key(seed), n_samples, batch_size)) for seed in range(30)
    ]
    for batch in batches:
        assert batch.shape == (batch_size,)
        assert batch.dtype == np.int32
        assert len(set(batch.tolist())) == batch_size
        assert batch.min() >= 0
        assert batch.max() < n_samples
    again = minibatch(jax.random.key(7), n_samples, batch_size)
    assert np.array_equal(again, batches[7])
    if n_samples > 10 and batch_size < n_samples:
        assert len({tuple(sorted(batch.tolist())) for batch in batches}) == 30


@pytest.mark.parametrize(("n_samples", "batch_size"), [(16, 4), (16, 5)])
def test_minibatches_choose_all_samples_and_pairs_equally_often(n_samples, batch_size):
    count = 4000
    keys = jax.random.split(jax.random.key(1), count)
    batches = np.asarray(minibatches(keys, n_samples, batch_size))
    chosen = np.zeros((count, n_samples))
    np.put_along_axis(chosen, batches, 1, axis=1)
    together = chosen.T @ chosen / count

    def within_five_deviations(share, expected):
        return (abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / count)).all()

    one = batch_size / n_samples
    assert within_five_deviations(together.diagonal(), one)
    pairs = together[~np.eye(n_samples, dtype=bool)]
    assert within_five_deviations(pairs, one * (batch_size - 1) / (n_samples - 1))


@pytest.mark.parametrize(("n_samples", "batch_size"), [(10, 0), (10, -1), (10, 11), (0, 1)])
def test_a_minibatch_has_at_least_one_sample_and_at_most_all(n_samples, batch_size):
    with pytest.raises(InputError) as error:
        minibatch_indices(jax.random.key(0), n_samples, batch_size)
    assert f"got {batch_size}" in message_of(error)
