"""Weights of losses, against numbers worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gradless._core.errors import InputError
from gradless.strategies.parts import shaping

INF, NAN = np.inf, np.nan
every_shaping = pytest.mark.parametrize("name", list(shaping.SHAPINGS))


def shape(name: str, losses) -> np.ndarray:
    return np.asarray(jax.jit(shaping.get(name))(jnp.asarray(losses, jnp.float32)))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([3, 1, 2], [-0.5, 0.5, 0]),
        ([5, 5, 5, 5], [0, 0, 0, 0]),
        ([1, 2, 2, 2, 3], [0.5, 0, 0, 0, -0.5]),
        ([1, 1, 7], [0.25, 0.25, -0.5]),
        ([INF, 1, NAN], [-0.25, 0.5, -0.25]),
        ([-INF, 1, 2], [-0.5, 0.5, 0]),
    ],
)
def test_centered_ranks_by_hand(losses, expected) -> None:
    np.testing.assert_allclose(shape("centered_ranks", losses), expected, atol=1e-7)


def test_nes_utilities_by_hand() -> None:
    # log 3 - log k for k = 1, 2 of four; 0 after that. Sum: log 3 + log 3/2 = log 9/2.
    first, second = np.log(3) / np.log(4.5) - 0.25, np.log(1.5) / np.log(4.5) - 0.25
    np.testing.assert_allclose(
        shape("nes_utilities", [8, 2, 9, 4]), [-0.25, first, -0.25, second], atol=1e-6
    )
    both = (first + second) / 2
    np.testing.assert_allclose(
        shape("nes_utilities", [2, 2, INF, 4]), [both, both, -0.25, -0.25], atol=1e-6
    )


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1, 3], [1, -1]),
        ([2, 2, 2], [0, 0, 0]),
        ([0, 0, 4, INF], [1, 1, -1, -1]),
        ([1e30, 3e30], [1, -1]),
        ([1e-30, 3e-30], [1, -1]),
    ],
)
def test_zscore_by_hand(losses, expected) -> None:
    np.testing.assert_allclose(shape("zscore", losses), expected, atol=1e-6)


def test_raw_by_hand() -> None:
    np.testing.assert_array_equal(shape("raw", [2, -1, NAN, INF, 7]), [-2, 1, -7, -7, -7])


@every_shaping
def test_nothing_is_learnt_from_losses_that_are_not_finite(name) -> None:
    np.testing.assert_array_equal(shape(name, [INF, NAN, INF, -INF]), np.zeros(4))


@every_shaping
@pytest.mark.parametrize("population", [2, 1024, 1025])
def test_order_and_ties_in_any_population(name, population) -> None:
    generator = np.random.default_rng(population)
    losses = generator.integers(0, population, population).astype(np.float32)
    losses[generator.random(population) < 0.05] = INF
    weights = shape(name, losses)
    worst_finite = np.where(np.isinf(losses), losses[np.isfinite(losses)].max(initial=0), losses)
    order = np.argsort(losses, kind="stable")
    assert np.all(np.diff(weights[order]) <= 1e-6)
    for value in np.unique(losses):
        assert np.ptp(weights[losses == value]) == 0
    if name == "centered_ranks" and np.isfinite(losses).any():
        ranks = (stats.rankdata(losses) - 1) / (population - 1)
        np.testing.assert_allclose(weights, 0.5 - ranks, atol=1e-4)
    if name == "zscore" and np.ptp(worst_finite) > 0:
        np.testing.assert_allclose(weights, -stats.zscore(worst_finite), atol=1e-4)
    if name != "raw":
        assert abs(weights.astype(np.float64).sum()) < 1e-3


@pytest.mark.parametrize("name", ["centered_ranks", "nes_utilities"])
def test_ranks_do_not_change_with_the_scale_of_the_loss(name) -> None:
    losses = np.array([0.1, 5, -2, 3, 3], np.float32)
    np.testing.assert_array_equal(shape(name, losses), shape(name, np.exp(losses)))


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="did you mean 'centered_ranks'"):
        shaping.get("centred_ranks")
