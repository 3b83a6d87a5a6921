"""Losses with known minima, and searches on them counted in evaluations."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

SEEDS = jax.vmap(jax.random.key)(jnp.arange(5))
ROTATION = np.linalg.qr(np.random.RandomState(0).randn(10, 10))[0].astype(np.float32)


def sphere(x: jax.Array) -> jax.Array:
    return jnp.sum(x**2)


def ellipsoid(x: jax.Array) -> jax.Array:
    """A million times steeper along the last axis than along the first."""
    return jnp.sum(10.0 ** (6 * jnp.arange(x.size) / (x.size - 1)) * x**2)


def rotated_ellipsoid(x: jax.Array) -> jax.Array:
    """The same, but along no axis; ten dimensions."""
    return ellipsoid(jnp.matmul(ROTATION, x, precision="highest"))


def shifted_ellipsoid(x: jax.Array) -> jax.Array:
    """The minimum is at 1, where float32 is no finer than 6e-8."""
    return rotated_ellipsoid(x - 1)


def rosenbrock(x: jax.Array) -> jax.Array:
    """A curved valley; the minimum is at 1, the usual start at 0."""
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def constrained(x: jax.Array) -> jax.Array:
    """The sphere where the first coordinate is at least 1/2, +inf elsewhere; the minimum is 1/4."""
    return jnp.where(x[0] >= 0.5, sphere(x), jnp.inf)


def start(loss: Callable, dimension: int) -> tuple[np.ndarray, float]:
    """Where a search begins and with which sigma; all of one type, or each would be compiled."""
    if loss is rosenbrock:
        return np.zeros(dimension, np.float32), 0.5
    return np.full(dimension, 3.0, np.float32), 1.0


def _evaluations(strategy, loss, begin, target, budget, keys):
    together = [sphere, ellipsoid, rosenbrock]
    if begin.size == len(ROTATION):
        together += [rotated_ellipsoid, shifted_ellipsoid]
    losses = tuple(together) if loss in together else (loss,)
    return _search(strategy, losses, losses.index(loss), begin, target, budget, keys)


@functools.partial(jax.jit, static_argnames="losses")
def _search(strategy, losses, which, begin, target, budget, keys):
    """All losses in one program, which takes longer to compile than to run."""

    def loss(x):
        return jax.lax.switch(which, losses, x)

    def search(key):
        def unfinished(carry):
            _, best, evaluations = carry
            return (best > target) & (evaluations < budget)

        def generation(carry):
            state, best, evaluations = carry
            state, losses = turn(strategy, loss, jax.random.fold_in(key, evaluations + 1), state)
            return state, jnp.minimum(best, losses.min()), evaluations + strategy.population

        begun = strategy.init(jax.random.fold_in(key, 0), begin)
        state, best, evaluations = jax.lax.while_loop(
            unfinished, generation, (begun, jnp.float32(jnp.inf), 0)
        )
        return jnp.where(best <= target, evaluations, jnp.inf), state

    return jax.vmap(search)(keys)


def evaluations(
    strategy_class, loss: Callable, dimension: int, budget: int, target: float = 1e-8
) -> np.ndarray:
    """Evaluations until a candidate reaches the target, infinite if none does, of five seeds."""
    begin, sigma = start(loss, dimension)
    strategy = strategy_class.for_dimension(dimension, sigma=sigma, relative=False)
    return np.asarray(_evaluations(strategy, loss, begin, target, budget, SEEDS)[0])


def final_state(strategy, loss: Callable, begin: jax.Array, budget: int, target: float = -jnp.inf):
    """State of the first seed when the target or the budget is reached."""
    state = _evaluations(strategy, loss, begin, target, budget, SEEDS[:1])[1]
    return jax.tree.map(lambda x: x[0], state)


def turn(strategy, loss: Callable, key: jax.Array, state):
    """State after a generation, and the losses of its candidates."""
    ask_key, tell_key = jax.random.split(key)
    candidates = strategy.ask(ask_key, state)
    losses = jax.vmap(lambda c: loss(strategy.decode(state, c)))(candidates)
    return strategy.tell(tell_key, state, candidates, losses), losses


@functools.partial(jax.jit, static_argnames=("loss", "generations"))
def centers(strategy, loss: Callable, begin: jax.Array, generations: int = 40) -> jax.Array:
    """Centers along a search, shape (generations, dimension)."""

    def generation(state, key):
        state, _ = turn(strategy, loss, key, state)
        return state, strategy.center(state)

    keys = jax.random.split(jax.random.key(7), generations)
    return jax.lax.scan(generation, strategy.init(jax.random.key(6), begin), keys)[1]


def check_invariances(strategy_class) -> None:
    """What holds exactly for every method that uses ranks and adapts its distribution."""
    begin = jnp.array([3.0, -1.0, 2.0, 0.5])
    strategy = strategy_class(sigma=0.5, population=8, relative=False)
    path = centers(strategy, ellipsoid, begin)
    # Only the order of the losses counts.
    np.testing.assert_array_equal(centers(strategy, _cube_of_ellipsoid, begin), path)
    # Four times larger in everything; powers of two are exact.
    larger = strategy_class(sigma=2.0, population=8, relative=False)
    np.testing.assert_array_equal(centers(larger, _ellipsoid_of_a_quarter, 4 * begin), 4 * path)
    # Moved elsewhere: the same up to the rounding of the sum.
    moved = centers(strategy, _ellipsoid_around_one, begin + 1, generations=15)
    np.testing.assert_allclose(moved - 1, path[:15], atol=2e-4)


def _cube_of_ellipsoid(x: jax.Array) -> jax.Array:
    return ellipsoid(x) ** 3


def _ellipsoid_of_a_quarter(x: jax.Array) -> jax.Array:
    return ellipsoid(x / 4)


def _ellipsoid_around_one(x: jax.Array) -> jax.Array:
    return ellipsoid(x - 1)
