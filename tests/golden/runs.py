"""A case to its digests."""

from __future__ import annotations

import functools
import gc
import hashlib
from typing import Any, NamedTuple

import jax
import numpy as np
from tests.golden import cases
from tests.golden.cases import GENERATIONS, SEED, Case, Kind

from gradless._core.tree import bits
from gradless.strategies.base import Strategy
from gradless.training.generation import begin
from gradless.training.loop import Stop, evaluations_per_generation, train

_begin = jax.jit(begin)
searches, kinds = functools.cache(cases.searches), functools.cache(cases.kinds)
gc.freeze()  # what was imported stays: not looked through again with each case that is traced


class Found(NamedTuple):
    """What a search ends with."""

    digests: str  # of state, best and history
    loss: float  # the best one


def search(strategy: Strategy, kind: Kind) -> Found:
    """Run a case."""
    run = _begin(strategy, kind.params, np.uint32(SEED))
    stop = Stop(evaluations=GENERATIONS * evaluations_per_generation(strategy))
    records = list(train(kind.problem, strategy, run, stop, layout=kind.layout))
    last = records[-1].run
    rows = [{k: v for k, v in each.rows.items() if k != "seconds"} for each in records]
    history = {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}
    # Digests are of a column of accuracies for every problem, NaN where there is none.
    unknown = np.full_like(history["loss"], np.nan)
    history = {"accuracy": unknown, "best_accuracy": unknown, **history}
    best = {
        "best": last.best,
        "best_loss": last.best_loss,
        "best_accuracy": last.best_measures.get("accuracy", np.float32(np.nan)),
    }
    parts = {"state": last.state, "best": best, "history": history}
    digests = ", ".join(f"{name} {digest(part)}" for name, part in parts.items())
    return Found(digests, float(last.best_loss))


def twice(case: Case) -> tuple[Found, Found]:
    """A case, run again with what was compiled."""
    of = searches()[case.strategy], kinds()[case.kind]
    return search(*of), search(*of)


def all_twice(group: list[Case]) -> list[tuple[Found, Found]]:
    """Each of some cases; of this module, so that processes find it."""
    return [twice(case) for case in group]


def digest(values: Any) -> str:
    """Of the bits of a pytree's leaves, with their paths, types and shapes, by path."""
    leaves = jax.tree_util.tree_flatten_with_path(values)[0]
    named = sorted((jax.tree_util.keystr(path), leaf) for path, leaf in leaves)
    whole = hashlib.sha256()
    for path, leaf in named:
        whole.update(f"{path} {leaf.dtype} {leaf.shape}\n".encode())
        whole.update(bits(leaf))
    return whole.hexdigest()[:12]
