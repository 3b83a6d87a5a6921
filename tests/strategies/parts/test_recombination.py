"""Weights, rates and sums under weights are those of the papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import noise
from gradless._core.errors import InputError
from gradless.strategies.parts import recombination
from gradless.strategies.parts.recombination import Rates


def test_default_populations_are_those_of_the_tutorial() -> None:
    # Dimension: population, from 4 + floor(3 ln d) worked out by hand.
    expected = {1: 4, 2: 6, 5: 8, 10: 10, 20: 12, 40: 15, 100: 17, 1000: 24}
    assert {d: recombination.default_population(d) for d in expected} == expected


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("dimension", [1, 2, 10, 100, 10_000])
@pytest.mark.parametrize("population", [2, 3, 10, 64, 4096])
def test_rates_keep_the_inequalities_of_the_tutorial(population, dimension, separable) -> None:
    rates = Rates.of(population, dimension, separable)
    positive = rates.weights[rates.weights > 0]
    assert positive.sum() == pytest.approx(1)
    assert len(positive) == population // 2
    assert (np.diff(rates.weights) <= 1e-12).all()
    assert 1 <= rates.effective <= population // 2 + 1e-9
    assert 0 < rates.step_path < 1
    assert rates.step_damping > 1
    assert 0 < rates.covariance_path <= 1
    assert 0 < rates.rank_one <= 1
    assert 0 <= rates.rank_mu <= 1 - rates.rank_one
    # Negative weights leave the matrix positive definite: appendix A, equation 52.
    negative = -rates.weights[rates.weights < 0].sum()
    assert (1 - rates.rank_one - rates.rank_mu) >= dimension * rates.rank_mu * negative - 1e-9
    if separable:
        assert negative == 0


def test_rates_in_ten_dimensions() -> None:
    rates = Rates.of(10, 10)
    # mu_eff of ten candidates as the literature prints it, and what follows by hand.
    assert rates.effective == pytest.approx(3.167, abs=1e-3)
    assert rates.step_path == pytest.approx(5.167 / 18.167, abs=1e-3)
    assert rates.rank_one == pytest.approx(2 / (11.3**2 + 3.167), abs=1e-5)
    assert rates.expected_length == pytest.approx(3.084, abs=1e-3)


def test_failures_never_get_a_positive_weight() -> None:
    table = Rates.of(6, 3).weights
    losses = np.float32([np.inf, 2.0, np.inf, 1.0, np.inf, np.inf])
    by_rank = jax.jit(lambda losses: recombination.by_rank(losses, table))
    weights = np.asarray(by_rank(losses))
    np.testing.assert_allclose(weights[[3, 1]], table[:2], rtol=1e-6)
    assert (weights[np.isinf(losses)] <= 0).all()
    assert (np.asarray(by_rank(np.full(6, np.inf, np.float32))) <= 0).all()


def test_sums_are_the_same_member_by_member(monkeypatch) -> None:
    seeds = noise.seeds(jax.random.key(0), jnp.arange(9))
    weights = np.linspace(-1, 1, 9, dtype=np.float32)
    z = np.asarray(jax.jit(jax.vmap(lambda seed: noise.normal(seed, 50)))(seeds))
    for numbers_at_once in (10**6, 10):
        monkeypatch.setattr(recombination, "_NUMBERS_AT_ONCE", numbers_at_once)
        add = jax.jit(lambda members, w: recombination.moments(members, w, 50))
        first, second = add(seeds, weights)
        np.testing.assert_allclose(first, weights @ z, atol=1e-5)
        np.testing.assert_allclose(second, weights @ z**2, atol=1e-5)


def test_first_scales_are_those_of_each_array() -> None:
    params = {"weights": jnp.array([3.0, -4.0]), "steps": jnp.array([2.0])}
    relative = recombination.first_scales(params, relative=True)
    np.testing.assert_allclose(relative, [2, 12.5**0.5, 12.5**0.5], rtol=1e-6)
    np.testing.assert_array_equal(recombination.first_scales(params, relative=False), [1, 1, 1])


def test_large_matrices_are_refused_with_their_size() -> None:
    recombination.refuse_large_matrices("cma_es", 1024, matrices=4, limit_gib=1)
    with pytest.raises(InputError, match=r"cma_es must .* got 32,768 .* 16\.0 GiB .* sep_cma_es"):
        recombination.refuse_large_matrices("cma_es", 2**15, matrices=4, limit_gib=15)
