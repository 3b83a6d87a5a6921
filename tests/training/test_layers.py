"""Parts of the parameters that stay as they are, and that are searched in their own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.helpers import walked_models

import gradless
from gradless import InputError
from gradless._core.low_rank import Rank
from gradless.problems.function import FunctionProblem
from gradless.training.factors import fitted
from gradless.training.layers import Layer, described, paths

MLP = walked_models.mlp()


@jax.tree_util.register_pytree_node_class
class Module:
    """A model with a function, a setting and a buffer among its arrays."""

    def __init__(self, weights: Any, activation: Callable[[Any], Any], rate: Any, seen: Any):
        self.weights, self.activation, self.rate, self.seen = weights, activation, rate, seen

    def tree_flatten(self) -> tuple[tuple[Any, ...], None]:
        return (self.weights, self.activation, self.rate, self.seen), None

    @classmethod
    def tree_unflatten(cls, _: None, leaves: Any) -> Module:
        return cls(*leaves)


def loss(params: Any, batch: Any) -> Any:
    return MLP.loss(params, batch)


def of_module(model: Module, batch: Any) -> Any:
    x, labels = batch
    return walked_models.nll(model.activation(x @ model.weights) * model.rate, labels)


def test_functions_settings_and_buffers_stay_as_they_are() -> None:
    start = Module(walked_models.drawn(0, 12, 5), jnp.tanh, 0.5, jnp.arange(3))
    found = gradless.minimize(of_module, start, "openai_es", data=MLP.batch, evaluations=600)
    assert found.best_loss < float(of_module(start, MLP.batch))
    assert found.best_loss == pytest.approx(float(of_module(found.best, MLP.batch)))
    assert (found.best.activation, found.best.rate) == (jnp.tanh, 0.5)
    np.testing.assert_array_equal(found.best.seen, start.seen)
    more = gradless.minimize(
        of_module, found.best, data=MLP.batch, evaluations=900, resume_from=found
    )
    assert more.evaluations > found.evaluations


def test_fixed_arrays_stay_as_they_are() -> None:
    found = gradless.minimize(
        loss, MLP.params, "openai_es", data=MLP.batch, evaluations=600, layers={"w": 0, "[b]": 0}
    )
    for name in "wb":
        np.testing.assert_array_equal(found.best[name], MLP.params[name])
    assert found.best_loss < float(loss(MLP.params, MLP.batch))


def test_a_layer_has_its_own_rank_and_sigma() -> None:
    found = gradless.minimize(
        loss,
        MLP.params,
        "openai_es",
        data=MLP.batch,
        evaluations=256,
        rank=1,
        sigma=0.1,
        layers={"w": {"rank": 2}, "o": {"sigma": 0.02}},
    )
    assert isinstance(found.strategy, gradless.strategies.OpenAIES)
    rank = found.strategy.rank
    assert isinstance(rank, Rank)
    assert paths(MLP.params) == ["b", "o", "w"]
    assert (rank.ranks, rank.sigmas) == ((1, 1, 2), (1.0, pytest.approx(0.2), 1.0))
    scales = found.strategy.init(jax.random.key(0), MLP.params).scales
    usual = gradless.strategies.OpenAIES().init(jax.random.key(0), MLP.params).scales
    np.testing.assert_allclose(scales / usual, rank.sigmas, rtol=1e-6)


@pytest.mark.parametrize("name", ["spsa", "fzoo", "ars"])
def test_other_strategies_have_ranks_and_layers(name: str) -> None:
    found = gradless.minimize(
        loss,
        MLP.params,
        name,
        data=MLP.batch,
        evaluations=400,
        rank=1,
        sigma=0.1,
        layers={"w": {"rank": 2}, "o": {"sigma": 0.02}, "b": 0},
    )
    rank = getattr(found.strategy, "rank", None)
    assert isinstance(rank, Rank)
    assert (rank.ranks, rank.sigmas) == ((1, 2), (pytest.approx(0.2), 1.0))
    assert found.best_loss < float(loss(MLP.params, MLP.batch))
    np.testing.assert_array_equal(found.best["b"], MLP.params["b"])


def test_automatic_ranks_go_by_the_order_of_use_and_not_of_names() -> None:
    keys = jax.random.split(jax.random.key(0), 4)
    shapes = {"d_first": (12, 24), "c_second": (24, 20), "b_third": (20, 16), "a_last": (16, 30)}
    params = {
        name: {"b": jnp.zeros(shape[1]), "w": 0.2 * jax.random.normal(key, shape)}
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }

    def deep(params: Any, x: jax.Array) -> jax.Array:
        for name in shapes:
            x = jnp.tanh(x @ params[name]["w"].astype(x.dtype) + params[name]["b"])
        return jnp.mean((x - 0.5) ** 2)

    problem = FunctionProblem.of(deep, params, jnp.ones((8, 12)))
    strategy: Any = fitted(problem, gradless.strategies.get("openai_es", rank="auto"), params)
    ranks = dict(zip(paths(params), strategy.rank.ranks, strict=True))
    assert {name: rank for name, rank in ranks.items() if name.endswith("/w")} == {
        "d_first/w": 4, "c_second/w": 2, "b_third/w": 1, "a_last/w": 1
    }  # fmt: skip
    found: Any = gradless.minimize(
        deep, params, "fzoo", rank="auto", data=jnp.ones((8, 12)), evaluations=20,
        layers={"d_first/w": {"rank": 1}, "a_last/w": {"rank": 3}, "b_third/*": 0},
    ).strategy  # fmt: skip
    kept = [path for path in paths(params) if not path.startswith("b_third")]
    assert dict(zip(kept, found.rank.ranks, strict=True)) == {
        "a_last/b": 1, "a_last/w": 3, "c_second/b": 1, "c_second/w": 2, "d_first/b": 1,
        "d_first/w": 1,
    }  # fmt: skip


def test_without_a_problem_automatic_ranks_go_by_the_order_of_arrays() -> None:
    strategy = gradless.strategies.OpenAIES(population=4, rank="auto", relative=False)
    params = {"a": jnp.zeros((20, 20)), "b": jnp.zeros(9), "c": jnp.zeros((20, 20))}
    state = strategy.init(jax.random.key(0), params)
    candidate = jax.tree.map(lambda x: x[0], strategy.ask(jax.random.key(1), state))
    found = strategy.decode(state, candidate)
    assert [int(np.linalg.matrix_rank(np.asarray(found[name]))) for name in "ac"] == [4, 2]


@pytest.mark.parametrize("rank", ["automatic", -1, 1.5, None, True])
def test_a_rank_is_a_number_or_automatic(rank: Any) -> None:
    with pytest.raises(InputError, match=r"OpenAIES: rank must be .* or 'auto', got"):
        gradless.strategies.get("openai_es", rank=rank)


def test_the_last_pattern_counts() -> None:
    found = described({"*": {"rank": 1}, "w": 0}, MLP.params)
    assert found == [Layer(rank=1), Layer(rank=1), Layer(fixed=True)]


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ({"v": 0}, "layers must have patterns that fit arrays, got 'v', which fits none of"),
        ({"*": 0}, "layers must leave something to search"),
        ({"w": 3}, r"layers\['w'\] must be 0 for arrays that stay as they are"),
        ({"w": {"sigma": -1}}, "must be a number above 0, got -1"),
        ({"w": {"rank": 1.5}}, "must be a whole number of 0 or more, got 1.5"),
        ({"w": {"lr": 1}}, r"unknown setting in layers\['w'\] 'lr'"),
        (["w"], "layers must be a dict of patterns"),
    ],
)
def test_what_makes_no_sense_is_refused(layers: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        gradless.minimize(loss, MLP.params, "openai_es", data=MLP.batch, layers=layers)


def test_sigma_and_rank_of_layers_go_with_a_strategy_that_has_them() -> None:
    with pytest.raises(
        InputError, match=r"must go with openai_es, spsa, fzoo or ars, .* got cma_es"
    ):
        gradless.minimize(loss, MLP.params, "cma_es", data=MLP.batch, layers={"w": {"rank": 1}})


def test_what_is_written_out_is_said() -> None:
    awkward = walked_models.awkward()
    problem = FunctionProblem.of(awkward.loss, awkward.params, awkward.batch)
    strategy = gradless.strategies.get("openai_es", rank=1)
    with pytest.warns(UserWarning, match=r"a rank saves little for params\['[wo]'\]"):
        fitted(problem, strategy, awkward.params)


def test_pairs_may_see_batches_of_their_own() -> None:
    """Opposite candidates see the same, and the search does not depend on blocks."""
    data = jax.tree.map(lambda x: jnp.concatenate([x] * 8), MLP.batch)
    problem = FunctionProblem.of(
        lambda params, batch: jnp.sum(params["w"]) * 0 + jnp.mean(batch),
        {"w": jnp.ones(3)},
        jnp.arange(64.0),
        4,
        own_batches=True,
    )
    key = problem.batch(jax.random.key(0))
    means = [float(jnp.mean(problem.batch_of(key, jnp.uint32(i)))) for i in range(6)]
    assert len(set(means)) > 4
    found = gradless.minimize(
        loss,
        MLP.params,
        "openai_es",
        data=data,
        batch_size=8,
        own_batches=True,
        rank=1,
        evaluations=2000,
    )
    assert found.best_loss < float(loss(MLP.params, MLP.batch))
    with pytest.raises(InputError, match="own_batches must be given with batch_size"):
        gradless.minimize(loss, MLP.params, "openai_es", data=data, own_batches=True)
