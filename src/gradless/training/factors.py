"""How does a strategy with a rank learn how a problem uses its parameters?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax

from gradless._core import free_memory, words
from gradless._core.errors import InputError
from gradless._core.low_rank import Rank
from gradless._core.tree import Params
from gradless.evaluation.layout import layout_for
from gradless.evaluation.walk.splitting import Chosen, choose
from gradless.problems.contract import HostProblem, Problem, batch_of, score_of
from gradless.strategies.base import Strategy, perturbation
from gradless.strategies.parts.layer_ranks import by_layer
from gradless.strategies.wrappers import with_hyperparameter
from gradless.training.layers import Layer

_MOST = 0.9  # of the free memory


def fitted(
    problem: Any,
    strategy: Strategy,
    params: Params,
    layers: Sequence[Layer] = (),
    sigma: float = 1.0,
) -> Strategy:
    """The strategy with a rank that knows how the problem uses each array, if it has a rank.

    Without that, matrices are cut into rows and columns, and other arrays not at all.

    Parameters
    ----------
    problem
        What is searched.
    strategy
        How.
    params
        Where it begins.
    layers
        What is said of each array.
    sigma
        Of the strategy, for those with one of their own.
    """
    rank = perturbation(strategy).rank
    if isinstance(rank, Rank) or isinstance(problem, HostProblem) or not (rank or layers):
        return strategy
    leaves = len(jax.tree.leaves(params))
    if isinstance(rank, str):
        usual = by_layer(chosen_splits(problem, params, (1,) * leaves).order, leaves)
    else:
        usual = (rank,) * leaves
    said = [each.rank for each in layers] or [None] * leaves
    ranks = tuple(u if s is None else s for u, s in zip(usual, said, strict=True))
    sigmas = tuple(1.0 if each.sigma is None else each.sigma / sigma for each in layers)
    chosen = chosen_splits(problem, params, ranks)
    known = Rank(max(ranks), chosen.splits, ranks, sigmas or None)
    found: Strategy = with_hyperparameter(strategy, "rank", known)
    for path, primitives in chosen.written_out.items():
        _check_copies(path, primitives, problem, found, params)
        warnings.warn(
            f"a rank saves little for params{path}: {words.either([*primitives], 'and')} in the "
            "loss cannot be computed from factors, so each candidate gets a copy of its own",
            stacklevel=2,
        )
    return found


def _check_copies(
    path: str, primitives: Sequence[str], problem: Any, strategy: Strategy, params: Params
) -> None:
    """Refuse copies of an array, one for each candidate that is evaluated, that do not fit."""
    sizes = {
        jax.tree_util.keystr(at): leaf.size * leaf.dtype.itemsize
        for at, leaf in jax.tree_util.tree_leaves_with_path(jax.eval_shape(lambda: params))
    }
    layout, free = layout_for(problem, strategy), free_memory.free()
    copies = layout.devices * layout.block * (2 if layout.pairs else 1)
    if free is not None and copies * sizes[path] > _MOST * free:
        raise InputError(
            f"params{path} must fit into memory {words.plural(copies, 'time')}, since "
            f"{words.either([*primitives], 'and')} in the loss cannot be computed from factors: "
            f"{words.size(copies * sizes[path])}, got {words.size(free)} free. Write the loss "
            f"without that, or leave the array as it is with layers"
        )


def chosen_splits(problem: Problem, params: Params, ranks: tuple[int, ...]) -> Chosen:
    """How arrays of parameters are cut into factors of ranks, and which had to be whole."""
    shapes = jax.eval_shape(lambda: params)
    batch = jax.eval_shape(lambda key: batch_of(problem, problem.batch(key), 0), jax.random.key(0))
    return choose(score_of, shapes, ranks, problem, batch)
