"""Neighbours of a point: losses of changed networks, and slopes as exact as gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import objectives
from gradless._core import tree
from gradless.evaluation.population import evaluate
from gradless.evaluation.walk.part import with_one_changed
from gradless.evaluation.walk.walking import Traced
from gradless.models.mlp import MLP
from gradless.problems.contract import Layout
from gradless.problems.function import FunctionProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import FDLBFGS

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
CLASSES = (X[:, 0] > X[:, 1]).astype(int) + (X[:, 2] > 0.5)


def supervised(sizes: tuple[int, ...] = (3, 5, 3)) -> tuple[SupervisedProblem, tuple]:
    model = MLP(sizes, activation="tanh")
    objective = objectives.get("cross_entropy")
    problem = SupervisedProblem.of_arrays("classification", X, CLASSES, 3, model, objective)
    return problem, model.init(jax.random.key(0))


def convolutions() -> tuple[FunctionProblem, dict]:
    """A kernel, stacked layers, a table, a number: what is no matrix is written out."""
    key = jax.random.key(1)
    params = {
        "kernel": jax.random.normal(key, (3, 1, 2)) / 3,
        "layers": jax.random.normal(key, (2, 2, 2)) / 2,
        "table": jax.random.normal(key, (4, 2)),
        "scale": jnp.float32(0.7),
    }

    def loss(params, x):
        y = jax.lax.conv_general_dilated(
            x[:, :, None], params["kernel"], (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
        ).mean(1)
        y, _ = jax.lax.scan(lambda y, w: (jnp.tanh(y @ w), None), y, params["layers"])
        y = y + params["table"][jnp.arange(len(x)) % 4]
        return params["scale"] * jnp.mean(jax.nn.logsumexp(y, axis=1) - y[:, 0])

    return FunctionProblem.of(loss, params, X), params


def population_at(problem, params, searches, **layout):
    """Scores of a generation by what changed, and in the ordinary way."""
    size = tree.size(params)
    strategy = FDLBFGS(population=max(99, 2 * size + 33 + 4))
    state = strategy.init(jax.random.key(0), params)
    direction = 0.1 * jax.random.normal(jax.random.key(2), (size,))
    state = state._replace(direction=direction, searches=jnp.bool_(searches))
    candidates = strategy.ask(jax.random.key(1), state)
    batch = problem.batch(jax.random.key(0))
    layout = Layout(**{"written_out": False, "block": 8, "devices": 1, **layout})

    @jax.jit
    def scored(state, candidates, batch):
        return evaluate(problem, strategy, state, candidates, batch, layout)

    @jax.jit
    def ordinary(state, candidates, batch):
        return jax.lax.map(lambda c: problem.score(strategy.decode(state, c), batch), candidates)

    return scored(state, candidates, batch), ordinary(state, candidates, batch), strategy, state


@pytest.mark.parametrize("given", [supervised, convolutions])
@pytest.mark.parametrize("searches", [True, False])
def test_losses_are_those_of_the_changed_networks(given, searches) -> None:
    found, expected, _, _ = population_at(*given(), searches)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=2e-6, atol=1e-6)
    for name, values in expected.measures.items():
        np.testing.assert_allclose(found.measures[name], values, atol=1 / len(X) + 1e-6)


def test_slopes_are_at_least_as_exact_as_from_whole_networks() -> None:
    problem, params = supervised((3, 16, 3))
    found, ordinary, strategy, state = population_at(problem, params, searches=False)
    batch = problem.batch(jax.random.key(0))
    slopes = tree.ravel(jax.grad(lambda p: problem.score(p, batch).loss)(params))
    near = strategy.coordinate_neighbours(state)

    def error(losses) -> float:
        size = slopes.size
        plus = losses[near.first : near.first + size]
        minus = losses[near.second : near.second + size]
        difference = (np.float64(plus) - np.float64(minus)) / (2 * np.float64(near.changes))
        return float(np.sqrt(np.mean((difference - np.float64(slopes)) ** 2)))

    assert error(found.loss) <= 1.1 * error(ordinary.loss)
    assert error(found.loss) < 1e-4


def test_one_weight_changes_one_row_and_nothing_is_written_out() -> None:
    """Of the jaxpr, no array has the size of all members' hidden layers."""
    width, samples, members = 48, 40, 3 * 48 * 2
    problem, params = supervised((3, width, 3))
    batch = problem.batch(jax.random.key(0))

    def walked(place, unit, change):
        traced = Traced(lambda p, b: problem.score(p, b).loss, params, batch)
        return with_one_changed(traced, params, 0, (place, unit), change, batch)[0]

    each = jax.vmap(walked)
    places, units = (x.ravel() for x in jnp.meshgrid(jnp.arange(3), jnp.arange(width)))
    jaxpr = jax.make_jaxpr(each)(places, units, jnp.full(places.shape, 0.1))
    largest = max(np.prod(v.aval.shape) for eqn in jaxpr.jaxpr.eqns for v in eqn.outvars)
    assert largest < members // 2 * width * samples


@pytest.mark.parametrize(
    "layout", [{"block": 200}, pytest.param({"written_out": True}, marks=pytest.mark.slow)]
)
def test_other_layouts_give_the_same(layout) -> None:
    problem, params = supervised()
    found = population_at(problem, params, True, **layout)[0]
    expected = population_at(problem, params, True)[0]
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-5)
