"""evosax: https://github.com/RobertTLange/evosax, its loop of ask, evaluate and tell in a scan."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from evosax import algorithms

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task

_CHUNK_SECONDS = 0.1


def loss_function(task: Task):
    """The loss of a population, (population, dimension) -> (population,): jit of vmap."""
    features, targets = jnp.asarray(task.features), jnp.asarray(task.targets)

    def loss(vector):
        activations, begin = features, 0
        for layer, (inputs, outputs) in enumerate(zip(task.sizes, task.sizes[1:], strict=False)):
            middle, end = begin + inputs * outputs, begin + (inputs + 1) * outputs
            weights = vector[begin:middle].reshape(inputs, outputs)
            activations = jax.nn.relu(activations) if layer else activations
            activations = activations @ weights + vector[middle:end]
            begin = end
        chosen = jnp.take_along_axis(jax.nn.log_softmax(activations), targets[:, None], axis=1)
        return jnp.mean(jnp.clip(-chosen, 1.1920929e-07, 16.118095))

    return jax.vmap(loss)


def make(method: Method, dimension: int):
    """The algorithm with its parameters."""
    settings = dict(method.settings)
    std = settings.pop("std")
    arguments = {"population_size": settings.pop("population"), "solution": jnp.zeros(dimension)}
    if method.name == "Open_ES":
        arguments["optimizer"] = optax.adam(settings.pop("learning_rate"))
        arguments["std_schedule"] = optax.constant_schedule(std)
    algorithm = getattr(algorithms, method.name)(**arguments)
    params = algorithm.default_params
    if hasattr(params, "std_init"):
        params = params.replace(std_init=std)
    return algorithm, params


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Search."""
    algorithm, params = make(method, task.dimension)
    losses_of = loss_function(task)

    def generation(carry):
        state, key, best, best_loss, left = carry
        key, ask_key, tell_key = jax.random.split(key, 3)
        population, state = algorithm.ask(ask_key, state, params)
        losses = losses_of(population)
        state, _ = algorithm.tell(tell_key, population, losses, state, params)
        winner = jnp.argmin(jnp.where(jnp.isfinite(losses), losses, jnp.inf))
        better = losses[winner] < best_loss
        best = jnp.where(better, population[winner], best)
        best_loss = jnp.where(better, losses[winner], best_loss)
        return state, key, best, best_loss, left - 1

    @jax.jit
    def advance(carry, generations):
        return jax.lax.while_loop(lambda c: c[-1] > 0, generation, (*carry, generations))[:-1]

    key = jax.random.key(seed)
    start = jnp.asarray(task.start)
    carry = (algorithm.init(key, start, params), key, start, jnp.float32(jnp.inf))
    # Twice: what comes out differs from what went in by a weak type, and is compiled apart.
    jax.block_until_ready(advance(advance(carry, 1), 1))
    recorder.start()
    size, length = algorithm.population_size, 1
    while True:
        count = length
        for end in (recorder.mark, recorder.limit):  # a point of the curve at each
            if end is not None and 0 < (end - recorder.evaluations) // size < count:
                count = (end - recorder.evaluations) // size
        if not recorder.affords(count * size):
            return
        begun = recorder.now
        carry = jax.block_until_ready(advance(carry, count))
        recorder.note(count * size, float(carry[3]), np.asarray(carry[2]))
        pace = (recorder.now - begun) / count
        left = min(_CHUNK_SECONDS, recorder.seconds - recorder.now)
        length = max(1, min(4 * length, int(left / pace)))
