"""A class becomes a strategy: checked hyperparameters, of which the floats are traced."""

from __future__ import annotations

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core.errors import InputError
from gradless.strategies import evosax, wrappers
from gradless.strategies.base import Strategy, hyperparameter, strategy


@strategy
class Example:
    """Has one hyperparameter of every kind."""

    rate: float = hyperparameter(0.5, above=0.0, at_most=1.0)
    decay: float = hyperparameter(0.0, at_least=0.0)
    count: int = hyperparameter(4, at_least=1, at_most=8)
    shape: str = hyperparameter("ranks", choices=("ranks", "values"))
    mirrored: bool = True


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rate": 0.0}, "rate must be a number above 0, got 0.0"),
        ({"rate": np.ones(3)}, "rate must be one number, got array([1., 1., 1.])"),
        ({"rate": -1}, "rate must be a number above 0, got -1.0"),
        ({"rate": 1.5}, "rate must be at most 1, got 1.5"),
        ({"rate": math.nan}, "rate must be a finite number, got nan"),
        ({"decay": math.inf}, "decay must be a finite number, got inf"),
        ({"rate": np.float64(2)}, "rate must be at most 1, got 2.0"),
        ({"decay": -1e-3}, "decay must be 0 or more, got -0.001"),
        ({"count": 0}, "count must be 1 or more, got 0"),
        ({"count": 9}, "count must be at most 8, got 9"),
        ({"count": 2.0}, "count must be a whole number, got 2.0"),
        ({"shape": "rank"}, "shape must be one of 'ranks', 'values', got 'rank'"),
    ],
)
def test_out_of_range(given: dict, expected: str) -> None:
    with pytest.raises(InputError) as error:
        Example(**given)
    assert str(error.value).startswith("Example: ")
    assert str(error.value).endswith(expected)


def test_ends_of_the_ranges_are_inside() -> None:
    example = Example(rate=1.0, decay=0.0, count=8, shape="values", mirrored=False)
    assert dataclasses.astuple(example) == (1.0, 0.0, 8, "values", False)
    assert Example(rate=1, count=1) == Example(1.0, 0.0, 1)


def test_floats_are_traced_and_all_else_is_static() -> None:
    traces = []

    @jax.jit
    def scaled(example: Example) -> jax.Array:
        traces.append(example.count)
        return example.rate * jnp.ones(example.count)

    assert jax.tree.leaves(Example()) == [0.5, 0.0]
    np.testing.assert_array_equal(scaled(Example()), [0.5] * 4)
    np.testing.assert_array_equal(scaled(Example(rate=0.25, decay=3.0)), [0.25] * 4)
    assert traces == [4]
    assert scaled(Example(count=2)).shape == (2,)
    assert traces == [4, 2]


def test_one_tree_of_strategies_with_arrays_for_numbers() -> None:
    rates = jax.vmap(lambda rate: Example(rate=rate))(jnp.array([0.1, 0.2]))
    np.testing.assert_array_equal(jax.vmap(lambda e: 2 * e.rate)(rates), np.float32([0.2, 0.4]))


def test_it_is_frozen_and_without_the_methods_no_strategy() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Example().rate = 0.1
    assert not isinstance(Example(), Strategy)


def same_fields(name: str) -> type:
    """A strategy class with the fields of Example and another name."""
    fields = {field.name: field for field in dataclasses.fields(Example)}
    return strategy(type(name, (), {**fields, "__annotations__": Example.__annotations__}))


def evosax_names() -> list[str]:
    """Every evosax algorithm for which a population size is enough."""
    pytest.importorskip("evosax")
    names = []
    for name in evosax._algorithms():
        try:
            evosax.find(name)
        except InputError:
            continue
        names.append(evosax.PREFIX + name)
    return names


def test_no_two_classes_have_equal_structures() -> None:
    # JAX looks a compiled program up by the structure of a strategy: equal ones share programs.
    made = [cls() for cls in strategies.STRATEGIES.values()]
    made += [cls() for cls in (Example, same_fields("Twin"), same_fields("Twin"))]
    made += [wrappers.BestSoFar(made[0]), wrappers.BestSoFar(made[1]), wrappers.Restarts(made[1])]
    check_structures(made)


@pytest.mark.slow
def test_no_two_evosax_algorithms_have_equal_structures() -> None:
    names = evosax_names()
    assert len(names) > 20
    made = [strategies.get(name) for name in names]
    check_structures(made)
    # Made anew it is the same, or each search would compile.
    assert jax.tree.structure(strategies.get(names[0])) == jax.tree.structure(made[0])


def check_structures(made: list[Strategy]) -> None:
    """All of them differ."""
    structures = [jax.tree.structure(each) for each in made]
    for (a, one), (b, other) in itertools.combinations(zip(made, structures, strict=True), 2):
        assert one != other, f"{type(a).__name__} and {type(b).__name__}"


def test_as_many_losses_as_candidates_are_told() -> None:
    method = strategies.get("random_search", population=4)
    state = method.init(jax.random.key(0), jnp.zeros(2))
    candidates = method.ask(jax.random.key(1), state)
    for wrong in (jnp.zeros(3), jnp.zeros(5), jnp.zeros((4, 1)), jnp.float32(0)):
        with pytest.raises(InputError, match=r"each of the 4 candidates, got shape \("):
            method.tell(jax.random.key(1), state, candidates, wrong)
    method.tell(jax.random.key(1), state, candidates, [3.0, 2.0, 1.0, 2.0])
