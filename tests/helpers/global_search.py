"""Functions whose minimum is zero, several with many minima, and what a search finds on them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import tree


def sphere(x):
    return jnp.sum(x**2)


def ellipsoid(x):
    """Axes differ by a factor of 1000, curvatures by a million."""
    return jnp.sum(10.0 ** (6 * jnp.arange(x.size) / (x.size - 1)) * x**2)


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rastrigin(x):
    """A local minimum near every point of the integer grid."""
    return 10 * x.size + jnp.sum(x**2 - 10 * jnp.cos(2 * jnp.pi * x))


# Starts are drawn evenly from cubes of this half width.
HALF_WIDTH = {sphere: 2.0, ellipsoid: 2.0, rosenbrock: 2.0, rastrigin: 5.12}


def generation(strategy, key, state, function):
    """State after one turn of ask, evaluate, tell; and the losses."""
    ask_key, tell_key = jax.random.split(key)
    candidates = strategy.ask(ask_key, state)
    losses = jax.vmap(lambda c: function(tree.ravel(strategy.decode(state, c))))(candidates)
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    return strategy.tell(tell_key, state, candidates, losses), losses


def losses_found(strategy, function, dimension: int, evaluations: int, seeds: int = 3):
    """Loss of the center after a budget, ascending, for several starts and seeds."""
    which = list(HALF_WIDTH).index(function)
    generations = evaluations // strategy.population
    return _losses_found(strategy, which, HALF_WIDTH[function], dimension, generations, seeds)


@functools.partial(jax.jit, static_argnames=("dimension", "seeds"))
def _losses_found(strategy, which, half, dimension: int, generations, seeds: int):
    """All functions in one program, which takes longer to compile than to run."""

    def function(x):
        return jax.lax.switch(which, list(HALF_WIDTH), x)

    def one(seed):
        key = jax.random.fold_in(jax.random.key(20), seed)
        start_key, init_key, key = jax.random.split(key, 3)
        start = jax.random.uniform(start_key, (dimension,), minval=-half, maxval=half)

        def step(index, state):
            return generation(strategy, jax.random.fold_in(key, index), state, function)[0]

        state = jax.lax.fori_loop(0, generations, step, strategy.init(init_key, start))
        return function(tree.ravel(strategy.center(state)))

    return jnp.sort(jax.vmap(one)(jnp.arange(seeds)))


@functools.partial(jax.jit, static_argnames=("function", "generations"))
def after(strategy, key, params, function, generations: int):
    """State after some generations."""

    def step(state, index):
        return generation(strategy, jax.random.fold_in(key, index), state, function)[0], None

    return jax.lax.scan(step, strategy.init(key, params), jnp.arange(generations))[0]


def short_run(strategy):
    """Center and its loss after 8 generations on a Rosenbrock function in three dimensions."""
    start = {"a": jnp.array([-1.0, 0.5]), "b": jnp.array([2.0])}
    state = after(strategy, jax.random.key(2), start, rosenbrock, 8)
    center = np.asarray(tree.ravel(strategy.center(state)))
    x = center.astype(float)
    return center, float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
