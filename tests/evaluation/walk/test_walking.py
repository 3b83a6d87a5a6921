"""A walk computes what the changed weights compute, and never writes them out."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.helpers import walked_models
from tests.helpers.walked_models import PLAIN, Case

from gradless._core.low_rank import LowRank, factor_shapes, weighted_sum
from gradless.evaluation.walk.splitting import Chosen, choose
from gradless.evaluation.walk.walking import Traced, Walk

PAIRS = 3
QUICK = ("mlp", "scanned", "channels_first")


def _is_factors(x: Any) -> bool:
    return isinstance(x, LowRank)


def changes(case: Case, chosen: Chosen, rank: int) -> list[Any]:
    """Noise of all pairs for each leaf, as the splits say."""
    found: list[Any] = []
    for i, (leaf, split) in enumerate(
        zip(jax.tree.leaves(case.params), chosen.splits, strict=True)
    ):
        key, shapes = (
            jax.random.fold_in(jax.random.key(7), i),
            factor_shapes(leaf.shape, split, rank),
        )
        if shapes is None:
            found.append(0.1 * jax.random.normal(key, (PAIRS, *leaf.shape)))
            continue
        left, right = (
            jax.random.normal(k, (PAIRS, *s))
            for k, s in zip(jax.random.split(key), shapes, strict=True)
        )
        found.append(LowRank(0.1 / math.sqrt(rank) * left, right))
    return found


def both(case: Case, rank: int, *, alone: bool = False) -> tuple[Any, np.ndarray, Chosen]:
    """Losses (pairs, 2) of the walk, of all together or one by one, and of weights written out."""
    leaves, structure = jax.tree.flatten(case.params)
    chosen = choose(case.loss, case.params, (rank,) * len(leaves), case.batch)
    noise = changes(case, chosen, rank)
    traced = Traced(case.loss, case.params, case.batch)

    def walked(noise: list[Any], sign: Any) -> Any:
        change = jax.tree.unflatten(structure, noise)
        return traced(case.params, change, sign, case.batch, walk=Walk(alone=alone))

    def explicit(noise: list[Any], sign: Any) -> Any:
        each = [n.written_out() if _is_factors(n) else n for n in noise]
        changed = [(x + sign * n).astype(x.dtype) for x, n in zip(leaves, each, strict=True)]
        return case.loss(jax.tree.unflatten(structure, changed), case.batch)

    signs = jnp.array([1.0, -1.0])

    def together(function: Any) -> Any:
        return jax.vmap(jax.vmap(function, (None, 0)), (0, None))

    def one_by_one(noise: list[Any], signs: Any) -> Any:
        return jax.lax.map(lambda n: jax.lax.map(lambda s: walked(n, s), signs), noise)

    one = jax.jit(one_by_one if alone else together(walked))(noise, signs)
    return one, np.asarray(jax.jit(together(explicit))(noise, signs)), chosen


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        pytest.param(name, rank, marks=[] if name in QUICK and rank == 1 else pytest.mark.slow)
        for name in PLAIN
        for rank in (1, 3)
    ],
)
def test_the_walk_computes_what_the_weights_do_and_writes_none_out(name: str, rank: int) -> None:
    walked, explicit, chosen = both(PLAIN[name](), rank)
    assert walked.shape == (PAIRS, 2)
    assert len(np.unique(explicit.round(5))) == 2 * PAIRS
    np.testing.assert_allclose(walked, explicit, rtol=2e-5)
    assert chosen.written_out == {}
    assert any(chosen.splits)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convolutional", "channels_first"])
@pytest.mark.parametrize("rank", [1, 3])
def test_convolutions_of_members_one_by_one(name: str, rank: int) -> None:
    walked, explicit, chosen = both(PLAIN[name](), rank, alone=True)
    np.testing.assert_allclose(walked, explicit, rtol=2e-5)
    assert chosen.written_out == {}


@pytest.mark.slow
def test_numbers_of_eight_bits_lose_no_more_than_they_must() -> None:
    walked, explicit, _ = both(walked_models.mlp(jnp.bfloat16), 1)
    np.testing.assert_allclose(walked, explicit, rtol=0.05)


@pytest.mark.slow
def test_what_has_no_rule_is_written_out_and_named() -> None:
    walked, explicit, chosen = both(walked_models.awkward(), 1)
    np.testing.assert_allclose(walked, explicit, rtol=2e-5)
    assert set(chosen.written_out) == {"['w']", "['o']"}
    assert "integer_pow" in chosen.written_out["['w']"] or "square" in chosen.written_out["['w']"]


def test_layers_of_a_stack_share_no_factor() -> None:
    """Left and right factors both have the axis of the layers."""
    for case in (walked_models.scanned(), walked_models.attention()):
        leaves = jax.tree_util.tree_leaves_with_path(case.params)
        chosen = choose(case.loss, case.params, (1,) * len(leaves), case.batch)
        for (path, leaf), split in zip(leaves, chosen.splits, strict=True):
            if leaf.ndim >= 3:
                shapes = factor_shapes(leaf.shape, split, 1)
                assert shapes is not None, path
                assert shapes[0][0] == shapes[1][0] == leaf.shape[0], path
            elif leaf.ndim == 2 and len(leaf) == 3:
                assert split is None, path  # biases and scales of three layers


def test_no_array_of_members_times_weights_is_made() -> None:
    """Neither in the walk nor in loops inside of it."""
    members, inputs, outputs = 64, 96, 80
    params = {"w": jnp.ones((inputs, outputs)), "v": jnp.ones((outputs, inputs))}

    def loss(p: Any, x: Any) -> Any:
        return jnp.mean((jnp.tanh(x @ p["w"]) @ p["v"]) ** 2)

    x = jnp.ones((5, inputs))
    chosen = choose(loss, params, (1, 1), x)
    traced = Traced(loss, params, x)

    def population(noise: Any) -> Any:
        def one(n: Any, sign: Any) -> Any:
            return traced(params, n, sign, x)

        return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(noise, jnp.array([1.0, -1.0]))

    noise = {}
    for name, split in zip(sorted(params), chosen.splits, strict=True):
        shapes = factor_shapes(params[name].shape, split, 1)
        assert shapes is not None
        noise[name] = LowRank(*(jnp.ones((members, *shape)) for shape in shapes))
    largest = max(_sizes(jax.make_jaxpr(population)(noise).jaxpr))
    assert largest <= members * 2 * 5 * inputs < members * inputs * outputs


def _sizes(jaxpr: Any) -> list[int]:
    found = []
    for eqn in jaxpr.eqns:
        found += [math.prod(v.aval.shape) for v in eqn.outvars if hasattr(v.aval, "shape")]
        for value in eqn.params.values():
            inner = getattr(value, "jaxpr", value)
            found += _sizes(inner) if hasattr(inner, "eqns") else []
    return found


@pytest.mark.parametrize("shape", [(6, 5), (2, 6, 5), (3, 3, 2, 7)])
def test_a_weighted_sum_of_factors_is_that_of_the_arrays(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    for first in range(len(shape) - 1):
        for cut in range(first + 1, len(shape)):
            shapes = factor_shapes(shape, (first, cut), 2) or factor_shapes(
                tuple(9 * n for n in shape), (first, cut), 2
            )
            assert shapes is not None
            left, right = (random.normal(size=(4, *s)) for s in shapes)
            whole = tuple(max(a, b) for a, b in zip(*shapes, strict=True))[:-1]
            weights = random.normal(size=4)
            expected = np.einsum("i,i...r->...", weights, left * right)
            found = weighted_sum(jnp.asarray(left), jnp.asarray(right), jnp.asarray(weights), whole)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
