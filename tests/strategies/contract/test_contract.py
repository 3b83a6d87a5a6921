"""Every strategy in the registry keeps the contract; a new one is tested by its entry there."""

import dataclasses
import inspect
import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import tree
from gradless._core.errors import InputError
from gradless.evaluation.population import evaluate, on_every_device
from gradless.problems.contract import Layout, Score
from gradless.strategies import STRATEGIES, Strategy

# Where a default is not for a sphere in five dimensions.
HYPERPARAMETERS: dict[str, dict] = {
    "random_search": {"sigma": 0.5, "population": 64},
    "hill_climbing": {"sigma": 0.2, "speculation": 4},
    "fd_lbfgs": {"population": 10},
    "coordinate_search": {"magnitudes": 3.0},  # in float32, losses of smaller steps are equal
    "fzoo": {"probes": 2},  # of more random signs in five dimensions, some are the same
}

# Chance decides nothing before a minimum is found; its candidates lie alike around the start.
SYSTEMATIC = {"fd_lbfgs"}

OPTIMUM = jnp.array([0.3, -0.3, 0.2, -0.1, 0.4])
EVALUATIONS = 4000

METHODS = {
    "init": ["self", "key", "params"],
    "ask": ["self", "key", "state"],
    "decode": ["self", "state", "candidate"],
    "tell": ["self", "key", "state", "candidates", "losses"],
    "center": ["self", "state"],
}


def make(name: str) -> Strategy:
    return strategies.get(name, **HYPERPARAMETERS.get(name, {}))


# Of module scope, so that the tests of one strategy share what was compiled.
@pytest.fixture(scope="module", params=STRATEGIES)
def strategy(request) -> Strategy:
    return make(request.param)


@pytest.fixture(scope="module")
def params() -> dict:
    """Five numbers at distance 1 from the optimum."""
    vector = OPTIMUM + jnp.array([1.0, -1.0, 1.0, -1.0, 1.0]) / math.sqrt(5)
    return {"a": vector[:2], "b": (vector[2:].reshape(3, 1),)}


def sphere(params) -> jax.Array:
    return jnp.sum((tree.ravel(params) - OPTIMUM) ** 2)


class Search(NamedTuple):
    """A search between two generations."""

    state: Any
    center: jax.Array  # as a vector
    losses: jax.Array  # of the last generation
    best: jax.Array  # lowest loss of any candidate
    finite: jax.Array  # whether the center was finite in all generations

    @property
    def center_loss(self) -> float:
        return float(sphere(self.center))


@jax.jit
def begin(strategy: Strategy, key, params) -> Search:
    state = strategy.init(key, params)
    center = tree.ravel(strategy.center(state))
    infinite = jnp.full(strategy.population, jnp.inf, jnp.float32)
    return Search(state, center, infinite, infinite.min(), jnp.bool_(True))


def go_on(
    strategy: Strategy, seed: int, search: Search, generations: int, failing=0, hole=0.0, slope=1.0
):
    """Search on, on a sphere times ``slope`` that is NaN where its value is below ``hole``.

    In the first ``failing`` generations every loss is +inf, in as many more every second one.
    """
    return _go_on(strategy, jax.random.key(seed), search, generations, failing, hole, slope)


@jax.jit
def _go_on(strategy: Strategy, key, search: Search, generations, failing, hole, slope) -> Search:
    def loss(params):
        value = sphere(params)
        return jnp.where(value < hole, jnp.nan, slope * value)

    def step(generation, search):
        ask_key, tell_key = jax.random.split(jax.random.fold_in(key, generation))
        state = search.state
        candidates = strategy.ask(ask_key, state)
        losses = jax.vmap(lambda candidate: loss(strategy.decode(state, candidate)))(candidates)
        every_second = jnp.arange(strategy.population) % 2 == 0
        fails = (generation < failing) | ((generation < 2 * failing) & every_second)
        losses = jnp.where(fails | jnp.isnan(losses), jnp.inf, losses)
        state = strategy.tell(tell_key, state, candidates, losses)
        center = tree.ravel(strategy.center(state))
        finite = search.finite & jnp.all(jnp.isfinite(center))
        return Search(state, center, losses, jnp.minimum(search.best, losses.min()), finite)

    return jax.lax.fori_loop(0, generations, step, search)


def searched(strategy: Strategy, seed: int, params, **conditions) -> Search:
    """A search with the whole budget."""
    search = begin(strategy, jax.random.key(seed), params)
    generations = EVALUATIONS // strategy.population
    return go_on(strategy, seed + 1, search, generations, **conditions)


def shapes(values) -> list[tuple]:
    """Everything that a compiled loop keeps constant."""
    leaves, structure = jax.tree.flatten(values)
    return [structure, *((leaf.shape, leaf.dtype) for leaf in leaves)]


# --- Form -----------------------------------------------------------------------------------------


def test_hyperparameters_are_of_registered_strategies() -> None:
    assert HYPERPARAMETERS.keys() <= STRATEGIES.keys()


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_is_registered_by_its_name(name: str) -> None:
    assert STRATEGIES[name].name == name
    assert isinstance(STRATEGIES[name](), Strategy)
    assert isinstance(STRATEGIES[name].samples_around_center, bool)


@pytest.mark.parametrize("method", METHODS)
def test_arguments_are_in_the_order_of_the_contract(strategy, method: str) -> None:
    arguments = list(inspect.signature(getattr(type(strategy), method)).parameters)
    assert arguments == METHODS[method]


def test_docstring_lists_every_hyperparameter(strategy) -> None:
    parameters = inspect.getdoc(type(strategy)).split("Parameters\n----------\n")[1]
    documented = re.findall(r"^(\w+(?:, \w+)*)$", parameters, re.MULTILINE)
    documented = [name for line in documented for name in line.split(", ")]
    assert documented == [field.name for field in dataclasses.fields(strategy)]


@pytest.mark.parametrize("method", [*METHODS, "population"])
def test_methods_have_docstrings(strategy, method: str) -> None:
    if method in vars(type(strategy)) and not isinstance(vars(type(strategy))[method], int):
        assert inspect.getdoc(vars(type(strategy))[method])


def test_hyperparameters_cannot_be_changed_in_place(strategy) -> None:
    field = dataclasses.fields(strategy)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(strategy, field, getattr(strategy, field))


# --- Shapes and dtypes ----------------------------------------------------------------------------


@pytest.fixture(params=[jnp.float32, jnp.bfloat16], ids=["float32", "bfloat16"])
def typed_params(request, params):
    """Parameters of which some are in another precision."""
    return {**params, "a": params["a"].astype(request.param)}


def test_shapes_and_dtypes_are_stable(strategy, typed_params) -> None:
    key = jax.random.key(0)
    state = jax.eval_shape(strategy.init, key, typed_params)
    candidates = jax.eval_shape(strategy.ask, key, state)
    losses = jax.ShapeDtypeStruct((strategy.population,), jnp.float32)
    told = jax.eval_shape(strategy.tell, key, state, candidates, losses)
    assert shapes(told) == shapes(state)
    assert shapes(jax.eval_shape(strategy.ask, key, told)) == shapes(candidates)


def test_population_is_the_leading_axis(strategy, params) -> None:
    assert isinstance(strategy.population, int)
    state = jax.eval_shape(strategy.init, jax.random.key(0), params)
    candidates = jax.eval_shape(strategy.ask, jax.random.key(0), state)
    assert {leaf.shape[0] for leaf in jax.tree.leaves(candidates)} == {strategy.population}


def test_candidates_and_center_are_parameters(strategy, typed_params) -> None:
    key = jax.random.key(0)
    state = jax.eval_shape(strategy.init, key, typed_params)
    candidates = jax.eval_shape(strategy.ask, key, state)
    decoded = jax.eval_shape(lambda s, c: strategy.decode(s, tree.member(c, 0)), state, candidates)
    assert shapes(decoded) == shapes(typed_params)
    assert shapes(jax.eval_shape(strategy.center, state)) == shapes(typed_params)


# --- Functions of their arguments -----------------------------------------------------------------


def test_the_search_begins_where_it_is_told_to(strategy, params) -> None:
    center = begin(strategy, jax.random.key(0), params).center
    np.testing.assert_allclose(center, tree.ravel(params), rtol=1e-6)


def test_candidates_differ_and_change_with_generation_and_seed(strategy, params) -> None:
    def losses(seed: int) -> np.ndarray:
        """Of three generations."""
        search = begin(strategy, jax.random.key(seed), params)
        rows = []
        for generation in range(3):
            search = go_on(strategy, 10 * seed + generation, search, 1)
            rows.append(search.losses)
        return np.stack(rows)

    first = losses(0)
    assert len(np.unique(first, axis=0)) == 3
    if strategy.name in SYSTEMATIC:
        np.testing.assert_array_equal(losses(1), first)
        return
    assert len(np.unique(first[0])) == strategy.population
    assert np.any(first != losses(1), axis=1).sum() >= 2
    np.testing.assert_array_equal(losses(0), first)


def test_numbers_do_not_recompile(strategy, params) -> None:
    floats = {
        field.name: getattr(strategy, field.name)
        for field in dataclasses.fields(strategy)
        if isinstance(getattr(strategy, field.name), float)
    }
    assert sorted(jax.tree.leaves(strategy)) == sorted(floats.values())
    search = go_on(strategy, 0, begin(strategy, jax.random.key(0), params), 1)
    compiled = begin._cache_size(), _go_on._cache_size()
    go_on(strategy, 1, search, 2)
    for name, value in floats.items():
        other = dataclasses.replace(strategy, **{name: 0.9 * value})
        go_on(other, 1, begin(other, jax.random.key(1), params), 1)
    assert (begin._cache_size(), _go_on._cache_size()) == compiled


# --- Searching ------------------------------------------------------------------------------------


def test_it_minimises(strategy, params) -> None:
    search = searched(strategy, 0, params)
    assert float(sphere(params)) == pytest.approx(1)
    assert search.best < 0.1
    assert search.center_loss < 0.1
    if not strategy.samples_around_center:
        assert search.center_loss == pytest.approx(float(search.best), rel=1e-5)


class Sphere:
    """The sphere as a problem."""

    def laid_out(self, layout):
        return self

    def score(self, params, batch) -> Score:
        return Score(sphere(params), {})


DEVICES = Layout(written_out=False, block=1, devices=min(2, jax.device_count()))


@jax.jit
def in_three_ways(strategy: Strategy, key, params):
    """Losses of a population decoded at once, one by one, and spread over devices; the center."""

    def generation(strategy, key, params):
        state = strategy.init(key, params)
        candidates = strategy.ask(key, state)
        losses = evaluate(Sphere(), strategy, state, candidates, None, DEVICES).loss
        return losses, tree.ravel(strategy.center(strategy.tell(key, state, candidates, losses)))

    spread, center = on_every_device(generation, DEVICES)(strategy, key, params)
    state = strategy.init(key, params)
    candidates = strategy.ask(key, state)
    arrays = jax.vmap(lambda candidate: tree.ravel(strategy.decode(state, candidate)))(candidates)
    one_by_one = jax.lax.map(
        lambda candidate: sphere(strategy.decode(state, candidate)), candidates
    )
    at_once = jax.vmap(sphere)(arrays)
    told = strategy.tell(key, state, candidates, at_once)
    return (at_once, one_by_one, spread), (tree.ravel(strategy.center(told)), center)


@pytest.mark.slow
def test_candidates_are_the_same_as_arrays_one_by_one_and_spread_over_devices(
    strategy, params
) -> None:
    losses, centers = in_three_ways(strategy, jax.random.key(3), params)
    for others in losses[1:]:
        np.testing.assert_allclose(others, losses[0], rtol=1e-5)
    # Candidates that lie alike around the start may change places by rounding.
    np.testing.assert_allclose(sphere(centers[1]), sphere(centers[0]), rtol=1e-4)


@pytest.mark.parametrize("failing", [1, 5])
def test_losses_that_are_not_finite_do_not_poison_the_search(strategy, params, failing) -> None:
    search = searched(strategy, 1, params, failing=failing)
    assert search.finite
    assert search.best < 0.1
    assert search.center_loss < 0.1


def test_generations_of_infinite_losses_leave_an_answer(strategy, params) -> None:
    search = begin(strategy, jax.random.key(2), params)
    after = go_on(strategy, 2, search, 3, failing=3)
    assert np.isinf(after.losses).all()
    assert after.finite
    if not strategy.samples_around_center:
        np.testing.assert_array_equal(after.center, search.center)


def test_constant_losses_leave_finite_candidates_and_a_finite_answer(strategy, params) -> None:
    search = searched(strategy, 7, params, slope=0.0)
    assert search.finite
    np.testing.assert_array_equal(search.losses, 0)
    state = search.state
    asked = strategy.ask(jax.random.key(0), state)
    decoded = jax.vmap(lambda candidate: strategy.decode(state, candidate))(asked)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(decoded))


def test_an_infinite_loss_never_wins(strategy, params) -> None:
    # Lower and lower towards the optimum, but not finite close to it.
    search = searched(strategy, 3, params, hole=0.25)
    assert search.finite
    assert search.best < 0.4
    if not strategy.samples_around_center:
        assert search.center_loss >= 0.25
        assert search.center_loss == pytest.approx(float(search.best), rel=1e-5)


# --- Hyperparameters ------------------------------------------------------------------------------


def out_of_range(field: dataclasses.Field) -> list:
    limits = field.metadata
    values = []
    if "above" in limits:
        values += [limits["above"], limits["above"] - 1, math.nan]
    if "at_least" in limits:
        values += [limits["at_least"] - 1]
    if "at_most" in limits:
        values += [limits["at_most"] + 1]
    if "choices" in limits:
        values += ["no such choice"]
    if field.type == "int":
        values += [1.5, 2.0]
    return values


def test_hyperparameters_out_of_range_are_refused(strategy) -> None:
    for field in dataclasses.fields(strategy):
        for value in out_of_range(field):
            with pytest.raises(
                InputError, match=rf"{field.name} must be .*, got {re.escape(repr(value))}$"
            ):
                dataclasses.replace(strategy, **{field.name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("sigma", 0.0), ("sigma", -0.1), ("population", 0), ("population", -1)]
)
def test_no_step_and_no_population_are_refused(strategy, name: str, value: float) -> None:
    if name in {field.name for field in dataclasses.fields(strategy)}:
        with pytest.raises(InputError, match=rf"{name} must be .*, got {value}"):
            dataclasses.replace(strategy, **{name: value})


def test_a_strategy_by_name_with_hyperparameters() -> None:
    strategy = strategies.get("random_search", sigma=2.0, population=7)
    assert strategy == STRATEGIES["random_search"](sigma=2.0, population=7)


def test_unknown_names_suggest_the_closest() -> None:
    with pytest.raises(InputError, match=r"'hillclimbing'; did you mean 'hill_climbing'"):
        strategies.get("hillclimbing")
    with pytest.raises(InputError, match="of hill_climbing 'sigmal'; did you mean 'sigma'"):
        strategies.get("hill_climbing", sigmal=0.1)
