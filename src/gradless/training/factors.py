"""How does a strategy with a rank learn how a problem uses its parameters?"""

from __future__ import annotations

import warnings
from typing import Any

import jax

from gradless._core import words
from gradless._core.low_rank import Rank
from gradless._core.tree import Params
from gradless.evaluation.walk.splitting import Chosen, choose
from gradless.problems.contract import HostProblem, Problem, Score, batch_of
from gradless.strategies.base import Strategy, perturbation
from gradless.strategies.wrappers import with_hyperparameter


def fitted(problem: Any, strategy: Strategy, params: Params) -> Strategy:
    """The strategy with a rank that knows how the problem uses each array, if it has a rank.

    Without that, matrices are cut into rows and columns, and other arrays not at all.
    """
    rank = perturbation(strategy).rank
    if not rank or isinstance(rank, Rank) or isinstance(problem, HostProblem):
        return strategy
    chosen = chosen_splits(problem, params, rank)
    for path, primitives in chosen.written_out.items():
        warnings.warn(
            f"rank={rank} saves little for params{path}: {words.either([*primitives], 'and')} in "
            "the loss cannot be computed from factors, so each candidate gets a copy of its own",
            stacklevel=2,
        )
    found: Strategy = with_hyperparameter(strategy, "rank", Rank(rank, chosen.splits))
    return found


def chosen_splits(problem: Problem, params: Params, rank: int) -> Chosen:
    """How arrays of parameters are cut into factors of this rank, and which had to be whole."""
    shapes = jax.eval_shape(lambda: params)
    batch = jax.eval_shape(lambda key: batch_of(problem, problem.batch(key), 0), jax.random.key(0))
    ranks = (int(rank),) * len(jax.tree.leaves(params))
    return choose(_score, shapes, ranks, problem, batch)


def _score(params: Params, problem: Problem, batch: Any) -> Score:
    return problem.score(params, batch)
