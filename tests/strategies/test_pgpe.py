"""PGPE: mean and standard deviations move as the paper's algorithm says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless._core.errors import InputError
from gradless.strategies import PGPE
from helpers.descent import losses_of, rosenbrock, sphere


def minimise(strategy, function, start, evaluations):
    """The last state, and the losses of the means, one per generation."""

    def step(state, key):
        candidates = strategy.ask(key, state)
        losses = losses_of(strategy, state, candidates, function)
        state = strategy.tell(key, state, candidates, losses)
        return state, function(strategy.center(state))

    keys = jax.random.split(jax.random.key(1), evaluations // strategy.population)
    state = strategy.init(jax.random.key(0), start)
    return jax.jit(lambda s: jax.lax.scan(step, s, keys))(state)


def test_pairs_are_opposite() -> None:
    strategy = PGPE(population=6, relative=False)
    state = strategy.init(jax.random.key(0), jnp.zeros(9))
    candidates = jax.vmap(lambda c: strategy.decode(state, c))(
        strategy.ask(jax.random.key(1), state)
    )
    np.testing.assert_array_equal(candidates[:3], -candidates[3:])


def test_one_step_by_hand() -> None:
    strategy = PGPE(
        population=4, sigma=0.5, learning_rate=0.1, sigma_learning_rate=0.01, max_change=1.0,
        optimizer="sgd", shaping="raw", relative=False,
    )  # fmt: skip
    mean = np.array([1.0, 2.0], np.float32)
    state = strategy.init(jax.random.key(0), jnp.asarray(mean))
    candidates = strategy.ask(jax.random.key(1), state)
    noise = [
        (np.asarray(strategy.decode(state, tree.member(candidates, i))) - mean) / 0.5
        for i in (0, 1)
    ]
    # Losses 7 and 3 of the first pair, 1 and 2 of the second: rewards are minus these.
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.array([7.0, 1.0, 3.0, 2.0]))
    gradient = (4 / 2 * noise[0] - 1 / 2 * noise[1]) / 2 / 0.5
    np.testing.assert_allclose(strategy.center(after), mean - 0.1 * gradient, rtol=1e-5)
    baseline = -13 / 4
    change = ((noise[0] ** 2 - 1) * (-5 - baseline) + (noise[1] ** 2 - 1) * (-1.5 - baseline)) / 2
    np.testing.assert_allclose(after.sigma, 0.5 * (1 + 0.01 * change), rtol=1e-5)


def test_deviations_shrink_where_the_loss_is_steep() -> None:
    strategy = PGPE(population=64, sigma=1.0, learning_rate=0.01, relative=False)
    state, _ = minimise(strategy, lambda v: 100 * v[0] ** 2 + v[1] ** 2, jnp.zeros(2), 64 * 20)
    assert state.sigma[0] < 0.7 * state.sigma[1]


def test_deviations_change_by_a_bounded_share() -> None:
    strategy = PGPE(population=4, sigma=1.0, shaping="raw", max_change=0.2, relative=False)
    state = strategy.init(jax.random.key(0), jnp.zeros(50))
    candidates = strategy.ask(jax.random.key(1), state)
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.array([1e9, 0.0, 1e9, 0.0]))
    assert float(after.sigma.min()) == pytest.approx(0.8)
    assert float(after.sigma.max()) == pytest.approx(1.2)


def test_deviations_stay_when_told_to() -> None:
    strategy = PGPE(population=8, sigma=0.3, sigma_learning_rate=0.0, relative=False)
    state, _ = minimise(strategy, sphere, jnp.ones(4), 80)
    np.testing.assert_array_equal(state.sigma, np.full(4, 0.3, np.float32))


@pytest.mark.parametrize(("optimizer", "rate"), [("adam", 0.05), ("clipup", 0.05)])
def test_sphere(optimizer, rate) -> None:
    strategy = PGPE(population=16, learning_rate=rate, optimizer=optimizer, relative=False)
    _, losses = minimise(strategy, sphere, jnp.ones(8), 8000)
    assert losses.min() < 1e-2
    assert losses[-1] < 0.1


def test_rosenbrock() -> None:
    strategy = PGPE(population=16, learning_rate=0.02, relative=False)
    _, losses = minimise(strategy, rosenbrock, jnp.zeros(4), 40_000)
    assert losses[-1] < 0.3


def test_nothing_moves_when_no_loss_is_finite() -> None:
    strategy = PGPE(population=4)
    state = strategy.init(jax.random.key(0), jnp.ones(3))
    candidates = strategy.ask(jax.random.key(1), state)
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.full(4, jnp.inf))
    np.testing.assert_array_equal(after.mean, state.mean)
    np.testing.assert_array_equal(after.sigma, state.sigma)


def test_odd_population() -> None:
    with pytest.raises(InputError, match="even number"):
        PGPE(population=5).init(jax.random.key(0), jnp.zeros(3))


def test_golden_values() -> None:
    strategy = PGPE(population=8, sigma=0.5)
    state = strategy.init(jax.random.key(0), jnp.array([1.0, -2.0, 3.0]))
    for generation in range(3):
        candidates = strategy.ask(jax.random.key(generation), state)
        losses = losses_of(strategy, state, candidates, sphere)
        state = strategy.tell(jax.random.key(9), state, candidates, losses)
    np.testing.assert_allclose(strategy.center(state), GOLDEN, rtol=1e-4)
    np.testing.assert_allclose(state.sigma, GOLDEN_SIGMA, rtol=1e-4)


GOLDEN = [0.73392814, -1.73377383, 2.68842411]
GOLDEN_SIGMA = [1.02501297, 1.07409394, 1.08192563]
