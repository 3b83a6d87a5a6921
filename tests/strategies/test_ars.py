"""ARS: the step of the paper's algorithm 1, with all directions and with the best ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless._core.errors import InputError
from gradless.strategies import ARS
from helpers.descent import losses_of, minimise, rosenbrock, sphere

INF = np.inf


@pytest.mark.parametrize(
    ("top", "losses", "weights", "deviation"),
    [
        # Pairs (5, 1), (2, 8), (6, 6): mean 14/3, squares 166 - 6 (14/3)^2 = 106/3.
        (0, [5, 2, 6, 1, 8, 6], [4 / 3, -6 / 3, 0], np.sqrt(106 / 18)),
        # The better two directions: mean 4, squares 94 - 4 * 16 = 30.
        (2, [5, 2, 6, 1, 8, 6], [4 / 2, -6 / 2, 0], np.sqrt(30 / 4)),
        # Only the first: mean 3, both 2 away from it.
        (1, [5, 2, 6, 1, 8, 6], [4, 0, 0], 2),
        # More than there are means all of them.
        (9, [5, 2, 6, 1, 8, 6], [4 / 3, -6 / 3, 0], np.sqrt(106 / 18)),
        # A pair that is not finite does not count, not even to fill up the best two.
        (2, [5, INF, INF, 1, 0, INF], [4, 0, 0], 2),
        (0, [INF, INF, INF, 1, 0, 3], [0, 0, 0], 1),
        (0, [3, 3, 3, 3, 3, 3], [0, 0, 0], 1),
    ],
)
def test_one_step_by_hand(top, losses, weights, deviation) -> None:
    strategy = ARS(population=6, top=top, sigma=0.5, learning_rate=0.1, relative=False)
    center = np.array([1.0, 2.0], np.float32)
    state = strategy.init(jax.random.key(0), jnp.asarray(center))
    candidates = strategy.ask(jax.random.key(1), state)
    noise = [
        (np.asarray(strategy.decode(state, tree.member(candidates, i))) - center) / 0.5
        for i in range(3)
    ]
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.array(losses, jnp.float32))
    step = sum(w * e for w, e in zip(weights, noise, strict=True)) / deviation
    np.testing.assert_allclose(strategy.center(after), center - 0.1 * step, rtol=1e-4)


def test_pairs_are_opposite() -> None:
    strategy = ARS(population=6, relative=False)
    state = strategy.init(jax.random.key(0), jnp.zeros(9))
    candidates = jax.vmap(lambda c: strategy.decode(state, c))(
        strategy.ask(jax.random.key(1), state)
    )
    np.testing.assert_array_equal(candidates[:3], -candidates[3:])


def test_scale_of_the_loss_does_not_matter() -> None:
    strategy = ARS(population=16, relative=False)
    small = minimise(strategy, sphere, jnp.ones(8), 1600)
    large = minimise(strategy, lambda v: 1024 * sphere(v), jnp.ones(8), 1600)
    np.testing.assert_allclose(large, 1024 * small, rtol=1e-2)


@pytest.mark.parametrize("top", [0, 4])
def test_sphere(top) -> None:
    strategy = ARS(population=16, top=top, sigma=0.01, learning_rate=0.02, relative=False)
    assert minimise(strategy, sphere, jnp.ones(8), 8000)[-1] < 1e-2


def test_rosenbrock() -> None:
    strategy = ARS(population=16, sigma=0.01, learning_rate=0.01, relative=False)
    assert minimise(strategy, rosenbrock, jnp.zeros(4), 40_000)[-1] < 0.1


def test_version_2_is_version_1_on_standardised_inputs() -> None:
    random = np.random.RandomState(0)
    mean, deviation = np.array([50.0, 0.1, 0.0]), np.array([100.0, 0.01, 1.0])
    inputs = np.float32(mean + deviation * random.randn(200, 3))
    targets = np.float32((inputs - mean) / deviation @ [1.0, -2.0, 0.5])
    standardised = np.float32((inputs - inputs.mean(axis=0)) / inputs.std(axis=0))

    def squared_error(inputs):
        return lambda v: jnp.mean((inputs @ v[:3] + v[3] - targets) ** 2)

    strategy = ARS(population=16, sigma=0.02, learning_rate=0.02, relative=False)
    losses = [
        minimise(strategy, squared_error(x), jnp.zeros(4), 6400)[-1] for x in (inputs, standardised)
    ]
    assert losses[0] > 1  # version 1: one step is too long for an input and too short for another
    assert losses[1] < 0.01


def test_odd_population() -> None:
    with pytest.raises(InputError, match="even number"):
        ARS(population=5).init(jax.random.key(0), jnp.zeros(3))


def test_golden_values() -> None:
    strategy = ARS(population=8, top=3)
    state = strategy.init(jax.random.key(0), jnp.array([1.0, -2.0, 3.0]))
    for generation in range(3):
        candidates = strategy.ask(jax.random.key(generation), state)
        losses = losses_of(strategy, state, candidates, sphere)
        state = strategy.tell(jax.random.key(9), state, candidates, losses)
    np.testing.assert_allclose(strategy.center(state), GOLDEN, rtol=1e-4)


GOLDEN = [0.66035151, -1.65567267, 2.63963652]
