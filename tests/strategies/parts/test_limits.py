"""Numbers that float32 cannot calculate with are kept away, others are left as they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import tree
from gradless.strategies.parts import limits, mirrored

HUGE = 3e38
EXTREMES = np.array([HUGE, -HUGE, 1e-45, 0.0, -0.0, 1e30, 1.0], np.float32)
ORDINARY = np.random.default_rng(0).normal(size=1000).astype(np.float32) * np.logspace(
    -12, 12, 1000
)


def test_told_is_float32_and_finite_or_infinite() -> None:
    told = limits.told(np.array([1.5, np.nan, -np.inf, np.inf, -HUGE]))
    assert told.dtype == jnp.float32
    np.testing.assert_array_equal(told, np.float32([1.5, np.inf, np.inf, np.inf, -HUGE]))


def test_differences_squares_and_sums_are_finite() -> None:
    losses = limits.subtractable(jnp.asarray(EXTREMES))
    assert np.isfinite(losses[:, None] - losses).all()
    assert np.isfinite(jnp.sum(jnp.full(10**6, losses.max())))
    squares = limits.squarable(jnp.asarray(EXTREMES)) ** 2
    assert np.isfinite(jnp.sum(jnp.full(10**6, squares.max())))
    parameters = limits.in_range(jnp.asarray(EXTREMES))
    assert np.isfinite(3 * (parameters[:, None] - parameters)).all()


@pytest.mark.parametrize(
    "kept",
    [limits.subtractable, limits.squarable, limits.in_range, limits.told],
    ids=lambda kept: kept.__name__,
)
def test_ordinary_numbers_stay_as_they_are(kept) -> None:
    ordinary = jnp.asarray(ORDINARY, jnp.float32)
    np.testing.assert_array_equal(kept(ordinary), ordinary)


@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-30, 1e-3, 1.0, 1.5, 1e20, HUGE])
def test_a_unit_is_a_power_of_two_whose_multiples_can_be_squared(size) -> None:
    values = jnp.array([size, -size / 2], jnp.float32)
    unit = float(limits.unit(values))
    assert np.frexp(unit)[0] == 0.5
    assert np.isfinite((values / unit) ** 2).all()
    if size >= 1e-30:
        assert (values[0] / unit) ** 2 >= 0.25


def test_no_step_size_is_zero_or_infinite() -> None:
    sizes = limits.bounded(jnp.array([0.0, 1e-45, 0.3, HUGE, jnp.inf]))
    assert sizes[2] == np.float32(0.3)
    assert (sizes > 0).all()
    assert np.isfinite(1e15 * sizes).all()


def test_a_step_leads_no_further_than_ten_thousand_times_what_was_tried() -> None:
    updates = jnp.array([1e30, -jnp.inf, 5.0])
    np.testing.assert_allclose(limits.extrapolated(updates, 0.1, 1.0), [1e5, -1e5, 5])
    np.testing.assert_allclose(limits.extrapolated(updates, 1.0, 0.1), [1e4, -1e4, 5])


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e30])
def test_scales_of_parameters_can_be_squared(size) -> None:
    params = {"a": np.float32(size) * np.eye(2, dtype=np.float32), "b": np.zeros(2, np.float32)}
    scales = jax.jit(mirrored.leaf_scales)(params)
    np.testing.assert_allclose(scales, np.clip(size, 1e-15, 1e15), rtol=1e-6)


# --- What has become of strategies without limits -------------------------------------------------


def told(strategy, generations, loss, start=None):
    """Its state after generations of a loss."""
    start = jnp.ones(2) if start is None else start

    def step(generation, state):
        key = jax.random.fold_in(jax.random.key(1), generation)
        candidates = strategy.ask(key, state)
        vectors = jax.vmap(lambda one: tree.ravel(strategy.decode(state, one)))(candidates)
        return strategy.tell(key, state, candidates, jax.vmap(loss)(vectors, candidates))

    begin = strategy.init(jax.random.key(0), start)
    return jax.jit(lambda state: jax.lax.fori_loop(0, generations, step, state))(begin)


def test_a_step_that_has_decayed_to_nothing_leaves_a_center() -> None:
    # 0.9^1000 is zero in float32, and zero by zero is no slope.
    strategy = strategies.get("openai_es", population=4, sigma_decay=0.9)
    state = told(strategy, 1100, lambda vector, _: jnp.sum(vector**2))
    assert np.isfinite(strategy.center(state)).all()


@pytest.mark.slow
def test_a_population_that_grows_on_a_plateau_stays_finite() -> None:
    strategy = strategies.get("differential_evolution", population=16)
    state = told(strategy, 1500, lambda vector, _: jnp.zeros(()))
    assert np.isfinite(state.members).all()


def test_deviations_that_shrink_to_nothing_leave_a_center() -> None:
    # The best candidates are in the middle, wherever that is.
    strategy = strategies.get("pgpe", population=8, max_change=1.0, sigma_learning_rate=2.0)
    state = told(strategy, 1500, lambda _, candidate: jnp.sum(candidate.drawn**2))
    assert np.isfinite(strategy.center(state)).all()
    assert (state.sigma > 0).all()


@pytest.mark.parametrize("shaping", ["zscore", "raw"])
def test_penalties_of_both_signs_do_not_throw_it_out(shaping) -> None:
    strategy = strategies.get("openai_es", population=8, shaping=shaping)
    state = told(strategy, 20, lambda vector, _: jnp.where(vector[0] > 1, HUGE, -HUGE))
    assert np.isfinite(strategy.center(state)).all()
