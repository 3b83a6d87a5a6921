"""OpenAI-ES: the estimate is the gradient, as good as theory says; the steps are the paper's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless._core.errors import InputError
from gradless.strategies import OpenAIES
from gradless.strategies.parts import optimizers
from helpers.descent import losses_of, minimise, rosenbrock, sphere


def test_pairs_are_opposite_and_around_the_center() -> None:
    strategy = OpenAIES(population=6, sigma=0.5, relative=False)
    state = strategy.init(jax.random.key(0), jnp.zeros(40))
    candidates = jax.vmap(lambda c: strategy.decode(state, c))(
        strategy.ask(jax.random.key(1), state)
    )
    np.testing.assert_array_equal(candidates[:3], -candidates[3:])
    assert abs(float(jnp.std(candidates)) - 0.5) < 0.1


@pytest.mark.parametrize(("dimension", "pairs"), [(100, 50), (400, 100), (100, 400)])
@pytest.mark.slow
def test_cosine_between_estimate_and_gradient(dimension, pairs) -> None:
    # On a quadratic a pair gives the slope along e without error, g.e, so the estimate is
    # (1/K) sum (g.e) e, whose mean is g and whose mean square is |g|^2 (1 + (d + 1) / K).
    curvature = jnp.linspace(0.5, 2, dimension)

    def quadratic(v):
        return jnp.sum(curvature * v**2) / 2

    strategy = OpenAIES(population=2 * pairs, sigma=0.1, shaping="raw", relative=False)
    center = jax.random.normal(jax.random.key(3), (dimension,))
    state = strategy.init(jax.random.key(0), center)
    gradient = jax.grad(quadratic)(center)

    def cosine(key):
        candidates = strategy.ask(key, state)
        losses = losses_of(strategy, state, candidates, quadratic)
        estimate = strategy.gradient(state, candidates, losses)
        return estimate @ gradient / jnp.linalg.norm(estimate) / jnp.linalg.norm(gradient)

    cosines = jax.jit(lambda keys: jax.lax.map(cosine, keys))(
        jax.random.split(jax.random.key(4), 200)
    )
    assert float(cosines.mean()) == pytest.approx((1 + (dimension + 1) / pairs) ** -0.5, rel=0.03)


@pytest.mark.slow
def test_raw_estimate_has_the_length_of_the_gradient() -> None:
    strategy = OpenAIES(population=20_000, sigma=0.1, shaping="raw", relative=False)
    state = strategy.init(jax.random.key(0), jnp.array([1.0, -2.0, 0.5]))
    candidates = strategy.ask(jax.random.key(1), state)
    estimate = strategy.gradient(state, candidates, losses_of(strategy, state, candidates, sphere))
    np.testing.assert_allclose(estimate, [2, -4, 1], atol=0.15)


def test_weights_decay_towards_the_start_on_request() -> None:
    # A new task feels the first 20 of 100 numbers; noise moves the others, and what they knew.
    start = jax.random.normal(jax.random.key(0), (100,))

    def searched(**decay) -> tuple[float, float]:
        """Loss of the new task, and root mean square of how far the others have gone."""
        strategy = OpenAIES(population=16, relative=False, **decay)
        search = strategy.init(jax.random.key(1), start)

        def step(state, key):
            candidates = strategy.ask(key, state)
            losses = losses_of(strategy, state, candidates, lambda v: sphere(v[:20] - start[20:40]))
            return strategy.tell(key, state, candidates, losses), None

        keys = jax.random.split(jax.random.key(2), 600)
        center = strategy.center(jax.jit(lambda s: jax.lax.scan(step, s, keys)[0])(search))
        drift = jnp.sqrt(jnp.mean((center - start)[20:] ** 2))
        return float(sphere(center[:20] - start[20:40])), float(drift)

    free_loss, free = searched()
    loss, held = searched(weight_decay=0.2, weight_decay_towards="start")
    assert held < 0.6 * free
    assert max(loss, free_loss) < 0.1 * float(sphere(start[:20] - start[20:40]))


def test_a_direction_needs_a_decay() -> None:
    with pytest.raises(InputError, match=r"weight_decay must be above 0 .* got 0\.0\. For example"):
        OpenAIES(weight_decay_towards="start")
    # Floats are traced where a strategy is an argument of a compiled function.
    made = jax.jit(lambda decay: OpenAIES(weight_decay=decay, weight_decay_towards="start"))(0.0)
    assert made.weight_decay_towards == "start"


def test_one_step_by_hand() -> None:
    # sgd and raw losses: center - rate (gradient + decay center), the gradient from the two losses.
    strategy = OpenAIES(
        population=2, sigma=0.5, learning_rate=0.1, weight_decay=0.2, optimizer="sgd",
        shaping="raw", relative=False,
    )  # fmt: skip
    center = np.array([1.0, 2.0], np.float32)
    state = strategy.init(jax.random.key(0), jnp.asarray(center))
    candidates = strategy.ask(jax.random.key(1), state)
    noise = (np.asarray(strategy.decode(state, tree.member(candidates, 0))) - center) / 0.5
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.array([7.0, 3.0]))
    expected = center - 0.1 * ((7 - 3) / (2 * 0.5) * noise + 0.2 * center)
    np.testing.assert_allclose(strategy.center(after), expected, rtol=1e-5)


@pytest.mark.slow
def test_noise_and_steps_are_relative_to_each_leaf() -> None:
    params = {"large": jnp.full(2000, 10.0), "small": jnp.full(2000, -2.0)}
    strategy = OpenAIES(population=8, sigma=0.5, learning_rate=0.1)
    state = strategy.init(jax.random.key(0), params)
    candidates = strategy.ask(jax.random.key(1), state)
    one = strategy.decode(state, tree.member(candidates, 0))
    assert float(jnp.std(one["large"])) == pytest.approx(5, rel=0.1)
    assert float(jnp.std(one["small"])) == pytest.approx(1, rel=0.1)
    after = strategy.center(strategy.tell(jax.random.key(2), state, candidates, jnp.arange(8.0)))
    # Adam's first step is the learning rate for every parameter.
    np.testing.assert_allclose(jnp.abs(after["large"] - 10), 1.0, rtol=1e-3)
    np.testing.assert_allclose(jnp.abs(after["small"] + 2), 0.2, rtol=1e-3)


def test_decays() -> None:
    strategy = OpenAIES(
        population=2, sigma=0.4, sigma_decay=0.5, learning_rate=1.0, learning_rate_decay=0.5,
        optimizer="momentum", momentum=0.0, shaping="raw", relative=False,
    )  # fmt: skip
    state = strategy.init(jax.random.key(0), jnp.zeros(3))
    lengths = []
    for generation in range(3):
        assert float(strategy.step_size(state)) == pytest.approx(0.4 * 0.5**generation)
        candidates = strategy.ask(jax.random.key(1), state)
        # Losses that grow with sigma make the same gradient every time.
        losses = float(strategy.step_size(state)) * jnp.array([1.0, 0.0])
        after = strategy.tell(jax.random.key(2), state, candidates, losses)
        lengths.append(float(jnp.linalg.norm(after.center - state.center)))
        state = after
    np.testing.assert_allclose(np.divide(lengths[1:], lengths[:-1]), 0.5, rtol=1e-4)


@pytest.mark.slow
def test_nothing_moves_when_no_loss_is_finite() -> None:
    strategy = OpenAIES(population=4)
    state = strategy.init(jax.random.key(0), jnp.ones(3))
    candidates = strategy.ask(jax.random.key(1), state)
    after = strategy.tell(jax.random.key(2), state, candidates, jnp.full(4, jnp.inf))
    np.testing.assert_array_equal(after.center, state.center)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_sphere_with_every_optimizer(name) -> None:
    rates = {"sgd": 0.02, "momentum": 0.005, "clipup": 0.1}
    strategy = OpenAIES(
        population=16, sigma=0.02, learning_rate=rates.get(name, 0.05), learning_rate_decay=0.99,
        optimizer=name, relative=False,
    )  # fmt: skip
    assert minimise(strategy, sphere, jnp.ones(8), 8000).min() < 1e-2


@pytest.mark.parametrize("shaping", ["centered_ranks", "nes_utilities", "zscore", "raw"])
def test_sphere_with_every_shaping(shaping) -> None:
    strategy = OpenAIES(
        population=16, sigma=0.02, shaping=shaping, learning_rate_decay=0.99, relative=False
    )
    assert minimise(strategy, sphere, jnp.ones(8), 8000)[-1] < 1e-3


def test_rosenbrock() -> None:
    strategy = OpenAIES(
        population=16, sigma=0.02, learning_rate=0.02, learning_rate_decay=0.998, relative=False
    )
    assert minimise(strategy, rosenbrock, jnp.zeros(4), 40_000)[-1] < 0.05


def test_odd_population() -> None:
    with pytest.raises(InputError, match="even number"):
        OpenAIES(population=5).init(jax.random.key(0), jnp.zeros(3))


def test_golden_values() -> None:
    strategy = OpenAIES(population=8)
    state = strategy.init(jax.random.key(0), jnp.array([1.0, -2.0, 3.0]))
    for generation in range(3):
        candidates = strategy.ask(jax.random.key(generation), state)
        losses = losses_of(strategy, state, candidates, sphere)
        state = strategy.tell(jax.random.key(9), state, candidates, losses)
    np.testing.assert_allclose(strategy.center(state), GOLDEN, rtol=1e-4)


GOLDEN = [0.71559018, -1.73452437, 2.67978764]
