"""Slopes felt at neurons are those of the weights, and weights of rows are repetitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import objectives
from gradless.models.mlp import MLP, Dense
from gradless.objectives import prepared
from gradless.training.regularized import averages
from gradless.training.regularized.settings import shape_of
from gradless.training.regularized.slopes import Data, Layers, first_layer, shares, slopes

ALPHA = 0.1
STEP = 1e-2


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def network(task, objective, classes, rng, activation="tanh"):
    model = MLP((3, 4, classes), activation)
    shape = shape_of(task, model, objectives.get(objective))
    return model, shape, rng.normal(0, 0.7, shape.weights).astype(np.float32)


def slopes_of(shape, vector, data, weight, blocks=2):
    """Slopes of rows in one piece, which are cut into blocks."""

    def cut(values):
        return jnp.stack(jnp.split(values, blocks, axis=-1))

    z = first_layer(shape.layers(vector), data.inputs)
    targets = {name: cut(values) for name, values in data.targets.items() if values.ndim}
    rows, share = Data(cut(data.inputs), targets), shares(cut(weight))
    return slopes(shape, vector, cut(z), rows, share, np.float32(ALPHA))


@pytest.mark.parametrize(
    ("task", "objective", "classes"),
    [
        ("classification", "cross_entropy", 2),
        ("classification", "cross_entropy", 3),
        pytest.param("multilabel", "cross_entropy", 2, marks=pytest.mark.slow),
        ("regression", "squared_error", 2),
        pytest.param("regression", "huber:0.5", 1, marks=pytest.mark.slow),
    ],
)
def test_slopes_are_central_differences_along_each_weight(rng, task, objective, classes):
    model, shape, vector = network(task, objective, classes, rng)
    inputs = rng.normal(size=(20, 3)).astype(np.float32)
    targets = {
        "classification": rng.integers(0, classes, 20),
        "multilabel": rng.integers(0, 2, (20, classes)),
        "regression": rng.normal(size=(20, classes)),
    }[task]
    weight = rng.uniform(0, 2, 20).astype(np.float32)
    weight[:3] = 0
    data = Data(jax.device_put(inputs.T), prepared(task, targets, classes, weight))

    found = np.asarray(jax.jit(lambda v: slopes_of(shape, v, data, weight))(vector))

    steps = STEP * np.eye(shape.weights, dtype=np.float32)
    losses = jax.jit(jax.vmap(lambda v: _mean(shape, v, data, weight)))
    explicit = (losses(vector + steps) - losses(vector - steps)) / (2 * STEP)
    np.testing.assert_allclose(found, explicit, atol=2e-3)

    # The loss is that of the finished network.
    layers = Layers(*map(np.asarray, shape.layers(vector)))
    _, params = averages.mean(shape.halved, model, [layers])
    penalty = ALPHA * ((layers.first**2).sum() + (layers.last**2).sum())
    loss = shape.objective.loss_rows(model.apply_rows(params, data.inputs), data.targets)
    np.testing.assert_allclose(_mean(shape, vector, data, weight), loss + penalty, rtol=1e-4)


def _mean(shape, vector, data, weight):
    layers = shape.layers(vector)
    hidden = shape.activated(first_layer(layers, data.inputs))
    losses = shape.row_losses(shape.last_layer(layers, hidden), data.targets)
    return losses @ shares(weight) + ALPHA * shape.penalty(vector, vector)


def test_weights_of_rows_are_repetitions(rng):
    _, shape, vector = network("classification", "cross_entropy", 2, rng, "relu")
    inputs = rng.normal(size=(10, 3)).astype(np.float32)
    y, times = rng.integers(0, 2, 10), rng.integers(0, 4, 10)
    repeated = np.repeat(np.arange(10), times)

    @jax.jit
    def compiled(data, weight):
        return slopes_of(shape, vector, data, weight, 1)

    def felt(chosen, weight):
        data = Data(
            jax.device_put(inputs[chosen].T), prepared("classification", y[chosen], 2, weight)
        )
        return compiled(data, np.float32(weight))

    weighted = felt(np.arange(10), times.astype(float))
    np.testing.assert_allclose(weighted, felt(repeated, np.ones(len(repeated))), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_mean_of_networks_is_one_network(rng, classes):
    model, shape, _ = network("classification", "cross_entropy", classes, rng, "relu")
    inputs = rng.normal(size=(10, 3)).astype(np.float32)
    each = [
        Layers(*map(np.asarray, shape.layers(rng.normal(size=shape.weights)))) for _ in range(3)
    ]
    whole, params = averages.mean(shape.halved, model, each)
    assert whole.sizes == (3, 12, classes)
    assert all(isinstance(layer, Dense) for layer in params)
    single = [averages.mean(shape.halved, model, [layers]) for layers in each]
    outputs = np.mean([m.apply(p, inputs) for m, p in single], axis=0)
    np.testing.assert_allclose(whole.apply(params, inputs), outputs, atol=1e-5)
