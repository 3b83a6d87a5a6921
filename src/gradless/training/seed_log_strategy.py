"""How does a strategy go into a seed log and come back? As its name and hyperparameters in JSON."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import jax
import numpy as np

from gradless import strategies
from gradless._core import words
from gradless._core.errors import InputError
from gradless._core.low_rank import Rank
from gradless.strategies.base import Strategy
from gradless.strategies.scaled import Scaled

REPLAYED = ("openai_es", "pgpe", "snes", "spsa", "fzoo", "ars", "sep_cma_es", "lm_ma_es")
"""Strategies that tests hold to the same bits on replay, whatever the blocks and devices were."""


def described(strategy: Strategy) -> dict[str, Any]:
    """A strategy as JSON can hold it.

    Raises
    ------
    InputError
        If it cannot be made again of that with the same bits.
    """
    if isinstance(strategy, Scaled):
        scales, structure = jax.tree.flatten(strategy.scale)
        if any(np.shape(each) for each in scales):
            raise InputError(
                "scale must be a number for each array where there is a log, got an array of "
                "numbers. Give one number for the whole array"
            )
        one = jax.tree_util.treedef_is_leaf(structure)
        numbers = [float(each) for each in scales]
        return {**described(strategy.strategy), "scale": numbers[0] if one else numbers}
    if type(strategy) is not strategies.STRATEGIES.get(strategy.name) or (
        strategy.name not in REPLAYED
    ):
        raise InputError(
            f"strategy must be {words.either(REPLAYED)} where there is a log, got "
            f"{strategy.name}, which cannot be rebuilt bit for bit. Name one, or leave the log out"
        )
    made: Any = strategy
    fields = {each.name: _plain(getattr(made, each.name)) for each in dataclasses.fields(made)}
    return {"name": strategy.name, "hyperparameters": fields}


def _plain(value: Any) -> Any:
    if isinstance(value, Rank):
        return {
            "rank": int(value),
            "splits": value.splits,
            "ranks": value.ranks,
            "sigmas": value.sigmas,
        }
    return value if isinstance(value, bool | int | str) else float(value)


def made_again(known: dict[str, Any], like: Any) -> Strategy:
    """The strategy that :func:`described` has described, for parameters of this structure."""
    given = dict(known["hyperparameters"])
    rank = given.get("rank")
    if isinstance(rank, dict):
        splits = tuple(None if each is None else tuple(each) for each in rank["splits"])
        given["rank"] = Rank(rank["rank"], splits, tuple(rank["ranks"]), tuple(rank["sigmas"]))
    strategy = strategies.get(known["name"], **given)
    scale = known.get("scale")
    if scale is None:
        return strategy
    if not isinstance(scale, list):
        scales: Any = np.asarray(scale, float)
    else:
        numbers = [np.asarray(each, float) for each in scale]
        scales = jax.tree.unflatten(jax.tree.structure(like), numbers)
    scaled: Any = Scaled(strategy, scales)
    return cast("Strategy", scaled)
