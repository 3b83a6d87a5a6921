"""Losses of changed weights: as the walk computes them, and with the weights written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradless import strategies
from gradless._core.low_rank import LowRank
from gradless.evaluation.walk.splitting import choose
from gradless.evaluation.walk.walking import Traced
from gradless.problems.function import FunctionProblem
from gradless.training.factors import fitted


def _is_factors(leaf: Any) -> bool:
    return isinstance(leaf, LowRank)


def check_walk(
    params: Any,
    loss: Callable[[Any, Any], Any],
    batch: Any,
    rtol: float = 2e-5,
    written_out: dict[str, str] | None = None,
) -> None:
    """Losses of both signs are those of the weights written out.

    ``written_out`` are the paths of leaves that have to be, with what in the loss they have to be
    for.
    """
    leaves = jax.tree.leaves(params)
    chosen = choose(loss, params, (1,) * len(leaves), batch)
    assert chosen.written_out.keys() == (written_out or {}).keys()
    for path, primitive in (written_out or {}).items():
        assert primitive in chosen.written_out[path]
    assert any(chosen.splits)
    strategy = strategies.OpenAIES(population=2, rank=1)
    if written_out is None:
        strategy = fitted(FunctionProblem.of(loss, params, batch), strategy, params)
    state = strategy.init(jax.random.key(0), params)
    one = jax.tree.map(lambda x: x[0], strategy.ask(jax.random.key(1), state))
    change = strategy.change(state, one)
    assert any(map(_is_factors, jax.tree.leaves(change, is_leaf=_is_factors)))
    traced = Traced(loss, params, batch)

    def walked(sign: Any) -> Any:
        return traced(params, change, sign, batch)

    def explicit(sign: Any) -> Any:
        each = jax.tree.leaves(change, is_leaf=_is_factors)
        made = [x.written_out() if _is_factors(x) else x for x in each]
        both = zip(leaves, made, strict=True)
        moved = [(x + sign * noise).astype(x.dtype) for x, noise in both]
        return loss(jax.tree.unflatten(jax.tree.structure(params), moved), batch)

    signs = jnp.array([1.0, -1.0])
    found, wanted = (np.asarray(jax.jit(jax.vmap(f))(signs)) for f in (walked, explicit))
    assert wanted[0] != wanted[1]
    np.testing.assert_allclose(found, wanted, rtol=rtol)
