"""ClipUp: the gradient's direction, a bounded speed."""

import jax.numpy as jnp
import numpy as np
import optax

from gradless.strategies.parts.clipup import scale_by_clipup


def steps(gradients, **settings) -> list[np.ndarray]:
    optimizer = scale_by_clipup(**settings)
    state = optimizer.init(jnp.zeros(2))
    made = []
    for gradient in gradients:
        step, state = optimizer.update(jnp.asarray(gradient, jnp.float32), state)
        made.append(np.asarray(step))
    return made


def test_by_hand() -> None:
    # Unit steps along x add up as 1, 1 + 1/2, 1 + 3/4, held at 1.6; then one along y.
    first, second, third, fourth = steps(
        [[9, 0], [1e-4, 0], [3, 0], [0, 7]], momentum=0.5, max_speed=1.6
    )
    np.testing.assert_allclose(first, [1, 0])
    np.testing.assert_allclose(second, [1.5, 0])
    np.testing.assert_allclose(third, [1.6, 0], rtol=1e-6)
    np.testing.assert_allclose(fourth, [0.8, 1.0], rtol=1e-6)


def test_length_of_the_gradient_does_not_matter() -> None:
    gradients = np.random.default_rng(0).normal(size=(5, 2))
    for a, b in zip(steps(gradients), steps(gradients * 1e6), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_zero_gradient_only_slows_down() -> None:
    _, second = steps([[1, 0], [0, 0]], momentum=0.5)
    np.testing.assert_allclose(second, [0.5, 0])


def test_norms_are_over_the_whole_tree() -> None:
    optimizer = scale_by_clipup()
    gradients = {"a": jnp.array([3.0]), "b": jnp.array([[4.0]])}
    step, _ = optimizer.update(gradients, optimizer.init(gradients))
    np.testing.assert_allclose(step["a"], [0.6], rtol=1e-6)
    np.testing.assert_allclose(step["b"], [[0.8]], rtol=1e-6)


def test_it_chains_with_other_transformations() -> None:
    optimizer = optax.chain(scale_by_clipup(), optax.scale(-0.1))
    params = jnp.array([1.0, 1.0])
    state = optimizer.init(params)
    for _ in range(100):
        update, state = optimizer.update(params, state)
        params = optax.apply_updates(params, update)
    assert float(jnp.linalg.norm(params)) < 0.3
