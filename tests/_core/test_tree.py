"""Parameters become a vector and come back; members come out of a population."""

import copy
import itertools
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import tree
from gradless._core.tree import Structure


class Layer(NamedTuple):
    weights: jax.Array
    biases: jax.Array


@pytest.fixture(scope="module")
def params() -> dict:
    return {
        "scale": jnp.float32(7.0),
        "layers": [Layer(jnp.arange(6.0).reshape(2, 3), jnp.array([10.0, 11.0, 12.0]))],
        "half": jnp.array([0.5, 0.25], jnp.bfloat16),
        "empty": jnp.zeros((0, 4)),
    }


def test_ravel_is_the_leaves_one_after_another(params) -> None:
    vector = tree.ravel(params)
    expected = np.concatenate([np.asarray(x, np.float32).ravel() for x in jax.tree.leaves(params)])
    np.testing.assert_array_equal(vector, expected)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_ravel_is_never_narrower_than_float32(dtype) -> None:
    assert tree.ravel({"a": jnp.ones(2, dtype), "b": jnp.ones((), dtype)}).dtype == jnp.float32


def test_unravel_gives_back_values_shapes_dtypes_and_containers(params) -> None:
    again = Structure.of(params).unravel(tree.ravel(params))
    assert jax.tree.structure(again) == jax.tree.structure(params)
    for leaf, original in zip(jax.tree.leaves(again), jax.tree.leaves(params), strict=True):
        assert leaf.dtype == original.dtype
        np.testing.assert_array_equal(leaf, original)


def test_size_counts_numbers(params) -> None:
    assert tree.size(params) == 12
    assert Structure.of(params).size == 12
    assert len(tree.ravel(params)) == 12


def test_structure_of_numpy_arrays_and_numbers() -> None:
    structure = Structure.of({"a": np.zeros((3, 2), np.float32), "b": 1.0})
    assert structure.shapes == ((3, 2), ())
    assert structure.unravel(jnp.arange(7.0))["b"] == 6


def test_structure_is_static(params) -> None:
    structure = Structure.of(params)
    assert jax.tree.leaves(structure) == []
    assert hash(structure) == hash(Structure.of(params))
    traces = []

    @jax.jit
    def third(structure: Structure, vector: jax.Array) -> jax.Array:
        traces.append(structure.size)
        return structure.unravel(vector)["layers"][0].biases[2]

    vector = jnp.arange(12.0)
    assert third(structure, vector) == third(Structure.of(params), 2 * vector) / 2
    assert traces == [12]


def test_structures_of_other_shapes_differ() -> None:
    a = Structure.of({"a": jnp.zeros(2)})
    assert a == Structure.of({"a": jnp.ones(2)})
    assert a != Structure.of({"a": jnp.zeros((2, 1))})
    assert a != Structure.of({"a": jnp.zeros(2, jnp.bfloat16)})
    assert a != Structure.of({"b": jnp.zeros(2)})


def test_members_of_a_population() -> None:
    population = {"x": jnp.arange(12).reshape(4, 3), "y": jnp.arange(4)}
    assert tree.population_size(population) == 4
    third = tree.member(population, 2)
    np.testing.assert_array_equal(third["x"], [6, 7, 8])
    assert third["y"] == 2
    assert jax.jit(tree.member)(population, 3)["y"] == 3


@pytest.mark.parametrize("condition", [True, False])
def test_where_chooses_the_whole_tree(condition: bool) -> None:
    one, other = {"x": jnp.zeros(3), "y": jnp.float32(1)}, {"x": jnp.ones(3), "y": jnp.float32(2)}
    chosen = tree.where(jnp.bool_(condition), one, other)
    expected = one if condition else other
    np.testing.assert_array_equal(chosen["x"], expected["x"])
    assert chosen["y"] == expected["y"]


# --- Classes as pytrees ---------------------------------------------------------------------------


@tree.as_pytree(traced=["center", "sigma"], static=["population"])
@dataclass(frozen=True)
class Search:
    center: jax.Array
    population: int
    sigma: float


def test_a_class_is_a_pytree_with_named_leaves() -> None:
    search = Search(jnp.ones(3), 8, 0.5)
    leaves, structure = jax.tree_util.tree_flatten_with_path(search)
    assert [jax.tree_util.keystr(path) for path, _ in leaves] == [".center", ".sigma"]
    back = jax.tree.unflatten(structure, [leaf for _, leaf in leaves])
    assert back.center is search.center
    assert (back.population, back.sigma) == (8, 0.5)
    assert jax.tree.structure(Search(0, 8, 0)) == structure
    assert jax.tree.structure(Search(0, 9, 0)) != structure
    assert hash(jax.tree.structure(Search(0, 8, 0))) == hash(structure)


def test_what_leaves_become_is_not_checked_again() -> None:
    assert jax.tree.map(lambda _: None, Search(1, 8, 0.5)) == Search(None, 8, None)
    assert copy.copy(Search(1, 8, 0.5)) == Search(1, 8, 0.5)


def test_fields_left_out_are_refused() -> None:
    with pytest.raises(TypeError, match="must be the fields of Search, "):
        tree.as_pytree(traced=["center"])(Search)


def test_two_classes_with_equal_fields_have_different_structures() -> None:
    def made(name: str) -> type:
        cls = type(name, (), {"__annotations__": {"sigma": float, "population": int}})
        return tree.as_pytree(["sigma"], ["population"])(dataclass(frozen=True)(cls))

    # The same name twice, as in a notebook whose cell is run again.
    one, other, again = (made(name)(0.5, 8) for name in ("One", "Other", "One"))
    structures = [jax.tree.structure(each) for each in (one, other, again)]
    assert all(a != b for a, b in itertools.combinations(structures, 2))

    @jax.jit
    def name_of(strategy):
        names.append(type(strategy))
        return strategy.sigma

    names: list[type] = []
    for each in (one, other, again):
        name_of(each)
    assert names == [type(one), type(other), type(again)]
