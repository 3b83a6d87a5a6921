"""Scores of whole populations: as an evaluation computes them, and as NumPy does."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import log_softmax

from gradless._core import tree
from gradless._core.tree import Structure
from gradless.data.datasets import Dataset
from gradless.evaluation.population import evaluate, on_every_device
from gradless.models.mlp import Dense
from gradless.problems.contract import Layout, Score


@tree.as_pytree(traced=[])
@dataclasses.dataclass(frozen=True)
class Given:
    """Decodes candidates that are vectors; the state is their structure."""

    def decode(self, state: Structure, candidate: jax.Array):
        return state.unravel(candidate)


class Linear:
    """A model of someone else: without feature-major arithmetic."""

    def init(self, key: jax.Array) -> dict:
        return {"w": jnp.zeros((2, 3))}

    def apply(self, params: dict, x: jax.Array) -> jax.Array:
        return jnp.tanh(x) @ params["w"]


def small(dataset: Dataset, samples: int) -> Dataset:
    """Some samples of every class."""
    chosen = np.linspace(0, dataset.n_samples - 1, samples).astype(int)
    return dataclasses.replace(
        dataset, features=dataset.features[chosen], targets=dataset.targets[chosen]
    )


@functools.partial(jax.jit, static_argnames="layout")
def scores(problem, strategy, state, candidates, layout: Layout) -> Score:
    batch = problem.batch(jax.random.key(0))
    judge = functools.partial(evaluate, layout=layout)
    return on_every_device(judge, layout)(problem, strategy, state, candidates, batch)


def given_scores(problem, params, layout: Layout) -> Score:
    """Scores of parameters, arrays of NumPy with the population on the leading axis."""
    structure = Structure.of(jax.tree.map(lambda x: x[0], params))
    vectors = np.concatenate([x.reshape(len(x), -1) for x in jax.tree.leaves(params)], axis=1)
    return scores(problem, Given(), structure, vectors, layout)


def random_network(sizes: tuple[int, ...], *population: int) -> tuple[Dense, ...]:
    """Parameters of one network or of a population, all of them different from zero."""
    rng = np.random.default_rng(0)
    return tuple(
        Dense(*(rng.normal(size=(*population, *of)).astype(np.float32) for of in ((i, o), (o,))))
        for i, o in itertools.pairwise(sizes)
    )


def numpy_loss(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy; samples and classes on the last axes."""
    return -log_softmax(logits, axis=-1)[..., np.arange(len(labels)), labels].mean(-1)


def numpy_scores(dataset: Dataset, population) -> Score:
    """Loss and accuracy of every network with one hidden layer."""
    hidden, last = [
        [np.asarray(p, np.float64) for p in (layer.weights, layer.biases[:, None])]
        for layer in population
    ]
    logits = np.maximum(dataset.features @ hidden[0] + hidden[1], 0) @ last[0] + last[1]
    accuracies = (logits.argmax(-1) == dataset.targets).mean(-1)
    return Score(numpy_loss(logits, dataset.targets), {"accuracy": accuracies})


@jax.jit
def asked(strategy, start):
    """State and candidates of a strategy at its beginning, and the networks that they stand for."""
    state = strategy.init(jax.random.key(0), start)
    candidates = strategy.ask(jax.random.key(2), state)
    return state, candidates, jax.vmap(lambda one: strategy.decode(state, one))(candidates)
