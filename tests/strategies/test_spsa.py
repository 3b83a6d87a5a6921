"""SPSA: Spall's estimate and gains, and directions that are seeds."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless.strategies import SPSA
from gradless.strategies.parts import mirrored
from helpers.descent import losses_of, minimise, rosenbrock, sphere


@pytest.mark.parametrize("directions", ["rademacher", "normal"])
def test_one_step_by_hand(directions) -> None:
    strategy = SPSA(probes=2, sigma=0.25, learning_rate=0.1, directions=directions, raw=True)
    center = np.array([1.0, 2.0, -1.0], np.float32)
    state = strategy.init(jax.random.key(0), jnp.asarray(center))
    candidates = strategy.ask(jax.random.key(1), state)
    decoded = np.asarray(jax.vmap(lambda c: strategy.decode(state, c))(candidates))
    changes = (decoded - center) / 0.25
    np.testing.assert_allclose(changes[:2], -changes[2:], rtol=1e-5)
    if directions == "rademacher":
        np.testing.assert_array_equal(np.abs(changes), 1)
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.array([7.0, 1.0, 3.0, 2.0]))
    gradient = ((7 - 3) / 0.5 * changes[0] + (1 - 2) / 0.5 * changes[1]) / 2
    np.testing.assert_allclose(strategy.center(after), center - 0.1 * gradient, rtol=1e-5)


def test_the_learning_rate_is_the_change_along_the_steepest_slope() -> None:
    strategy = SPSA(sigma=0.5, learning_rate=0.2)
    state = strategy.init(jax.random.key(0), jnp.zeros(3))
    # Slopes of 8, 2, 1,000 that count as 80, one of a millionth, and of 1.
    lengths = []
    for number, apart in enumerate([8.0, -2.0, 1000.0, 1e-6, 1.0]):
        candidates = strategy.ask(jax.random.key(number), state)
        after = strategy.tell(jax.random.key(9), state, candidates, jnp.array([apart, 0.0]))
        lengths.append(float(jnp.max(jnp.abs(after.center - state.center))))
        state = after
    expected = [0.2, 0.2 * 2 / 8, 0.2, 0.2, 0.2]
    np.testing.assert_allclose(lengths, expected, rtol=1e-5)


def test_gain_sequences() -> None:
    strategy = SPSA(sigma=0.5, learning_rate=0.2, alpha=0.602, gamma=0.101, stability=9.0)
    state = strategy.init(jax.random.key(0), jnp.zeros(2))
    for generation in (0, 1, 90):
        gain, size = strategy.gains(state._replace(generation=jnp.uint32(generation)))
        # a / (A + k + 1)^alpha with the a that makes the first gain 0.2.
        assert float(gain) == pytest.approx(0.2 * 10**0.602 / (10 + generation) ** 0.602, rel=1e-5)
        assert float(size) == pytest.approx(0.5 / (generation + 1) ** 0.101, rel=1e-5)
    constant = SPSA(sigma=0.5, learning_rate=0.2)
    assert tuple(map(float, constant.gains(state._replace(generation=jnp.uint32(90))))) == (
        pytest.approx(0.2),
        pytest.approx(0.5),
    )


@pytest.mark.parametrize("directions", ["rademacher", "normal"])
def test_estimate_is_unbiased_on_a_quadratic(directions) -> None:
    strategy = SPSA(probes=20_000, sigma=0.1, learning_rate=1.0, directions=directions, raw=True)
    center = jnp.array([1.0, -2.0, 0.5])
    state = strategy.init(jax.random.key(0), center)
    candidates = strategy.ask(jax.random.key(1), state)
    after = strategy.tell(
        jax.random.key(2), state, candidates, losses_of(strategy, state, candidates, sphere)
    )
    np.testing.assert_allclose(center - strategy.center(after), [2, -4, 1], atol=0.15)


def test_a_step_of_mezo() -> None:
    """Algorithm 1 of the paper, in place as it is there; settings as the module names them."""
    epsilon, eta = 1e-2, 1e-3
    strategy = SPSA(directions="normal", sigma=epsilon, learning_rate=eta, raw=True)
    theta = np.array([0.5, 1.0, -2.0, 0.3], np.float32)
    state = strategy.init(jax.random.key(0), jnp.asarray(theta))
    candidates = strategy.ask(jax.random.key(1), state)
    losses = losses_of(strategy, state, candidates, rosenbrock)
    after = strategy.tell(jax.random.key(2), state, candidates, losses)

    z = np.asarray(jax.jit(mirrored.draw, static_argnums=1)(tree.member(candidates, 0), 4))
    theta += epsilon * z  # PerturbParameters(theta, epsilon, s)
    plus = rosenbrock(theta)
    theta -= 2 * epsilon * z
    minus = rosenbrock(theta)
    theta += epsilon * z
    projected_gradient = (plus - minus) / (2 * epsilon)
    theta -= eta * projected_gradient * z
    np.testing.assert_allclose(strategy.center(after), theta, rtol=1e-5)
    # The same in the next step: nothing falls.
    assert strategy.gains(after) == strategy.gains(state)


def test_one_step_with_curvatures_by_hand() -> None:
    strategy = SPSA(probes=3, sigma=0.5, learning_rate=0.3, directions="normal", curvature=True)
    assert strategy.population == 7
    center = np.array([1.0, 2.0, -1.0], np.float32)
    state = strategy.init(jax.random.key(0), jnp.asarray(center))
    candidates = strategy.ask(jax.random.key(1), state)
    decoded = np.asarray(jax.vmap(lambda c: strategy.decode(state, c))(candidates))
    np.testing.assert_array_equal(decoded[6], center)
    directions = (decoded[:3] - center) / 0.5
    # Slopes 4 and -1, curvatures 8 and -12; the last pair is straight and 1 steep.
    losses = jnp.array([5.0, 0.0, 2.5, 1.0, 1.0, 1.5, 2.0])
    after = strategy.tell(jax.random.key(2), state, candidates, losses)
    mean = (8 + 12 + 0) / 3
    assert float(after.curvature) == pytest.approx(mean)
    step = 4 / 8 * directions[0] - 1 / 12 * directions[1] + 1 / (0.01 * mean) * directions[2]
    np.testing.assert_allclose(strategy.center(after), center - 0.3 * step / 3, rtol=1e-4)
    again = strategy.tell(jax.random.key(3), after, candidates, losses)
    assert float(again.curvature) == pytest.approx(mean)
    # Without the loss of the center there are no curvatures, and without one pair no step along it.
    for broken, moved in ((6, False), (0, True)):
        told = strategy.tell(jax.random.key(2), state, candidates, losses.at[broken].set(jnp.inf))
        assert np.isfinite(told.center).all()
        assert np.any(told.center != state.center) == moved


def steep(v):
    """Ten thousand times steeper along one axis than along nine."""
    return 5000 * v[0] ** 2 + 0.5 * jnp.sum(v[1:] ** 2)


@pytest.mark.slow
def test_curvatures_are_worth_their_evaluations_on_an_ill_conditioned_quadratic() -> None:
    plain = SPSA(sigma=0.1, directions="normal", raw=True)
    rates = [float(rate) for rate in 10.0 ** np.arange(-6, -2, 0.5)]
    of_rates = [dataclasses.replace(plain, learning_rate=rate) for rate in rates]
    best = np.nanmin([minimise(one, steep, jnp.ones(10), 6000)[-1] for one in of_rates])
    curved = dataclasses.replace(plain, curvature=True, learning_rate=1.0)
    assert minimise(curved, steep, jnp.ones(10), 6000)[-1] < best / 2


def test_with_curvatures_the_scale_of_the_loss_does_not_matter() -> None:
    strategy = SPSA(sigma=0.1, learning_rate=1.0, directions="normal", curvature=True)
    small, large = (
        minimise(strategy, lambda v, scale=scale: scale * sphere(v), jnp.ones(8), 600)
        for scale in (1, 1024)
    )
    np.testing.assert_allclose(large, 1024 * small, rtol=1e-3, atol=1e-4)
    assert small[-1] < 1e-3


def test_candidates_are_as_small_as_seeds() -> None:
    strategy = SPSA()
    state = strategy.init(jax.random.key(0), jnp.zeros(2_000_000))
    assert sum(x.nbytes for x in jax.tree.leaves(strategy.ask(jax.random.key(1), state))) < 100


def test_a_pair_that_is_not_finite_is_flat() -> None:
    strategy = SPSA(probes=1)
    state = strategy.init(jax.random.key(0), jnp.ones(3))
    candidates = strategy.ask(jax.random.key(1), state)
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.array([1.0, jnp.inf]))
    np.testing.assert_array_equal(after.center, state.center)


def test_changes_are_relative_to_each_leaf_when_told_to() -> None:
    params = [jnp.full(3, 10.0), jnp.full(3, -2.0)]
    strategy = SPSA(sigma=0.5, relative=True)
    state = strategy.init(jax.random.key(0), params)
    one = strategy.decode(state, tree.member(strategy.ask(jax.random.key(1), state), 0))
    np.testing.assert_allclose(jnp.abs(one[0] - 10), 5, rtol=1e-5)
    np.testing.assert_allclose(jnp.abs(one[1] + 2), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("directions", "probes"), [("rademacher", 1), ("rademacher", 4), ("normal", 4)]
)
def test_sphere(directions, probes) -> None:
    strategy = SPSA(learning_rate=0.1, directions=directions, probes=probes)
    assert minimise(strategy, sphere, jnp.ones(8), 8000)[-1] < 1e-6


def test_rosenbrock() -> None:
    strategy = SPSA(probes=2, sigma=0.001)
    assert minimise(strategy, rosenbrock, jnp.zeros(4), 40_000)[-1] < 0.05


def test_golden_values() -> None:
    strategy = SPSA(probes=2, learning_rate=0.01, raw=True)
    state = strategy.init(jax.random.key(0), jnp.array([1.0, -2.0, 3.0]))
    for generation in range(3):
        candidates = strategy.ask(jax.random.key(generation), state)
        losses = losses_of(strategy, state, candidates, sphere)
        state = strategy.tell(jax.random.key(9), state, candidates, losses)
    np.testing.assert_allclose(strategy.center(state), GOLDEN, rtol=1e-4)


GOLDEN = [0.88357568, -1.99762392, 2.88237596]
