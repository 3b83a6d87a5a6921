"""Algorithms of evosax keep the contract of this library: the same tests, and what is special."""

import dataclasses
import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

# The tests of the contract, run again with the strategies of this file.
from test_contract import (  # noqa: F401
    params,
    test_an_infinite_loss_never_wins,
    test_arguments_are_in_the_order_of_the_contract,
    test_candidates_and_center_are_parameters,
    test_candidates_differ_and_change_with_generation_and_seed,
    test_docstring_lists_every_hyperparameter,
    test_generations_of_infinite_losses_leave_an_answer,
    test_it_minimises,
    test_losses_that_are_not_finite_do_not_poison_the_search,
    test_numbers_do_not_recompile,
    test_population_is_the_leading_axis,
    test_shapes_and_dtypes_are_stable,
    test_the_search_begins_where_it_is_told_to,
    typed_params,
)

from gradless import strategies
from gradless._core import storage, tree
from gradless._core.errors import InputError
from gradless.strategies import Strategy
from gradless.strategies import evosax as wrapped
from gradless.training import loop
from gradless.training.generation import advance
from gradless.training.loop import Stop
from helpers.global_search import generation, sphere

pytest.importorskip("evosax")

pytestmark = pytest.mark.slow

ALGORITHMS = {  # a population, and a distribution
    "DiffusionEvolution": {"num_generations": 60},
    "Sep_CMA_ES": {},
}


@pytest.fixture(scope="module", params=ALGORITHMS)
def strategy(request) -> Strategy:
    return strategies.get(f"evosax:{request.param}", **ALGORITHMS[request.param])


def test_a_class_by_name_is_always_the_same_one() -> None:
    cls = strategies.find("evosax:PSO")
    assert cls is strategies.find("evosax:PSO")
    assert cls.name == "evosax:PSO"
    assert isinstance(cls(), Strategy)
    made = strategies.get("evosax:PSO", population=7, inertia_coeff=0.5)
    assert strategies.get(made.name, **dataclasses.asdict(made)) == made


def test_an_algorithms_own_numbers_are_hyperparameters() -> None:
    fields = {field.name: field for field in dataclasses.fields(strategies.find("evosax:PSO"))}
    assert fields["inertia_coeff"].default == 0.75
    assert "num_generations" in {
        f.name for f in dataclasses.fields(strategies.find("evosax:DiffusionEvolution"))
    }
    # Those that follow from the sizes are left to evosax.
    own = {f.name for f in dataclasses.fields(strategies.find("evosax:CR_FM_NES"))}
    assert "lr_mean" in own
    assert "h_inv" not in own
    with pytest.raises(InputError, match="did you mean 'inertia_coeff'"):
        strategies.get("evosax:PSO", inertia=0.5)


def test_hyperparameters_reach_the_algorithm() -> None:
    # Without inertia and attraction a swarm stands still.
    still = strategies.get(
        "evosax:PSO", population=4, inertia_coeff=0.0, cognitive_coeff=0.0, social_coeff=0.0
    )
    state = still.init(jax.random.key(0), jnp.ones(3))
    told, _ = jax.jit(lambda key: generation(still, key, state, sphere))(jax.random.key(1))
    np.testing.assert_array_equal(told.population, state.population)


def test_sigma_is_relative_to_each_leaf() -> None:
    start = {"a": jnp.full(500, 10.0), "b": jnp.full(500, -2.0)}
    strategy = strategies.get("evosax:Sep_CMA_ES", sigma=0.5, population=64)
    state = strategy.init(jax.random.key(0), start)
    vectors = jax.vmap(lambda c: tree.ravel(strategy.decode(state, c)))(state.population)
    deviations = np.asarray(vectors - tree.ravel(start)).reshape(64, 2, 500).std(axis=(0, 2))
    np.testing.assert_allclose(deviations, [5, 1], rtol=0.05)
    absolute = dataclasses.replace(strategy, relative=False)
    np.testing.assert_array_equal(absolute.init(jax.random.key(0), start).scales, 0.5)


def test_an_infinite_loss_replaces_nobody() -> None:
    # In differential evolution a member gives way to a trial vector that is not worse.
    strategy = strategies.get("evosax:DifferentialEvolution", population=8)
    state = strategy.init(jax.random.key(0), jnp.ones(3))
    tell = jax.jit(strategy.tell)
    told = tell(jax.random.key(1), state, state.population, jnp.arange(8.0))
    losses = jnp.full(8, jnp.inf).at[0].set(-1.0)
    after = tell(jax.random.key(2), told, told.population, losses)
    np.testing.assert_array_equal(after.inner.population[0], told.population[0])
    np.testing.assert_array_equal(after.inner.population[1:7], state.population[1:7])
    assert after.worst == 7


def test_it_trains_in_the_compiled_loop(problem, model) -> None:
    strategy = strategies.get("evosax:Sep_CMA_ES", population=16)
    start = model.init(jax.random.key(0))
    made = []
    for seed in (0, 1):
        run = loop.begin(strategy, start, seed)
        *_, last = loop.train(problem, strategy, run, Stop(evaluations=17 * 60))
        assert last.evaluations[-1] == 17 * 60
        assert last.best_loss[-1] < 0.95
        made.append(advance._cache_size())
        strategy = dataclasses.replace(strategy, sigma=0.2)
    assert made[0] == made[1]


def test_its_state_is_saved_and_loaded(tmp_path) -> None:
    strategy = strategies.get("evosax:PSO", population=4)
    init = jax.jit(strategy.init)
    state = init(jax.random.key(0), jnp.ones(3))
    storage.save_tree(tmp_path / "state", state)
    loaded = storage.load_tree(tmp_path / "state", init(jax.random.key(5), jnp.ones(3)))
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(loaded), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("evosax:DiffusionEvolutoin", "unknown evosax algorithm .* mean 'DiffusionEvolution'"),
        ("evosax:SV_CMA_ES", "also needs num_populations"),
    ],
)
def test_names_that_cannot_be_used(name, said) -> None:
    with pytest.raises(InputError, match=said):
        strategies.get(name)


def test_what_evosax_refuses_is_one_line() -> None:
    with pytest.raises(InputError, match=r"evosax:Open_ES must .* got population=5.*must be even"):
        strategies.get("evosax:Open_ES", population=5).init(jax.random.key(0), jnp.ones(3))


def test_without_evosax_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "evosax.algorithms", None)
    # Without what has been found before.
    monkeypatch.setattr(wrapped, "find", functools.cache(wrapped.find.__wrapped__))
    with pytest.raises(InputError, match=r'pip install "\.\[evosax\]"'):
        strategies.get("evosax:CMA_ES")
