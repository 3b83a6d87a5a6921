"""Functions that a strategy goes down, and its centers on the way."""

import jax
import jax.numpy as jnp
import numpy as np


def sphere(v):
    return jnp.sum(v**2)


def rosenbrock(v):
    return jnp.sum(100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2)


def losses_of(strategy, state, candidates, function):
    return jax.vmap(lambda c: function(strategy.decode(state, c)))(candidates)


def minimise(strategy, function, start, evaluations):
    """Losses of the centers, one per generation."""

    def step(state, key):
        candidates = strategy.ask(key, state)
        losses = losses_of(strategy, state, candidates, function)
        state = strategy.tell(key, state, candidates, losses)
        return state, function(strategy.center(state))

    keys = jax.random.split(jax.random.key(1), evaluations // strategy.population)
    state = strategy.init(jax.random.key(0), start)
    return np.asarray(jax.jit(lambda s: jax.lax.scan(step, s, keys)[1])(state))
