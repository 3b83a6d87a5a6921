"""The history of differential evolution: its laws, its means, and units of the loss."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gradless.strategies.parts import success_history

EVEN = (jnp.arange(4096) + 0.5) / 4096


@pytest.mark.parametrize("location", [0.0, 0.3, 0.9])
def test_weights_are_the_positive_ones_of_cauchy_cut_at_one(location) -> None:
    drawn = np.asarray(success_history.weight_around(jnp.float32(location), EVEN))
    law = stats.cauchy(location, 0.1)
    for limit in (0.1, 0.3, 0.5, 0.95):
        expected = (law.cdf(limit) - law.cdf(0)) / law.sf(0)
        assert np.mean(drawn <= limit) == pytest.approx(expected, abs=1e-3)
    assert drawn.min() > 0
    assert drawn.max() == 1


@pytest.mark.parametrize("location", [0.0, 0.5])
def test_rates_are_normal_within_zero_and_one(location) -> None:
    drawn = np.asarray(success_history.rate_around(jnp.float32(location), EVEN))
    assert np.mean(drawn <= location + 0.1) == pytest.approx(stats.norm.cdf(1), abs=1e-3)
    assert drawn.min() >= 0
    assert success_history.rate_around(jnp.float32(0.5), jnp.float32(2.0**-24)) == 0


def test_what_succeeded_counts_by_how_much_the_loss_fell() -> None:
    history = success_history.begun(2, 0.5, 0.4)
    weights, rates = jnp.array([0.2, 0.8, 0.3, 0.9]), jnp.array([0.1, 0.5, 0.9, 0.9])
    before = jnp.array([4.0, 3.0, 2.0, jnp.inf])
    after = jnp.array([3.0, 0.0, 2.0, 1.0])  # falls of 1 and 3; an equal one; from nowhere
    for unit in (1.0, 2.0**-90, 2.0**100, 1e38 / 4):
        found = success_history.learnt(history, weights, rates, unit * before, unit * after)
        np.testing.assert_allclose(found.weights, [(0.04 + 3 * 0.64) / (0.2 + 3 * 0.8), 0.5], 1e-6)
        np.testing.assert_allclose(found.rates, [(0.1 + 3 * 0.5) / 4, 0.4], 1e-6)
        assert found.next == 1
    again = success_history.learnt(found, weights, rates, before, after)
    assert again.weights[1] == again.weights[0]
    assert again.next == 0


def test_nothing_is_learnt_without_a_success() -> None:
    history = success_history.begun(3, 0.5, 0.4)
    ones = jnp.ones(2)
    for before in (ones, 0 * ones, jnp.inf * ones):
        found = success_history.learnt(history, ones, ones, before, ones)
        for new, old in zip(found, history, strict=True):
            np.testing.assert_array_equal(new, old)
