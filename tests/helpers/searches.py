"""Whole searches, and whether two of them are the same."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless.training import loop
from gradless.training.loop import Record, Run, Stop, begin


class Outcome(NamedTuple):
    """All records of a run."""

    records: list[Record]

    @property
    def last(self) -> Record:
        return self.records[-1]

    def __getattr__(self, name: str) -> np.ndarray:
        return np.concatenate([record.rows[name] for record in self.records])


def follow(problem, strategy, stop: Stop, seed: int = 0, **others) -> Outcome:
    """A whole run from its beginning."""
    run = begin(strategy, problem.model.init(jax.random.key(seed)), seed)
    return Outcome(list(loop.train(problem, strategy, run, stop, **others)))


def assert_same_run(first: Run, second: Run) -> None:
    """Equal to the last bit."""
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)


def assert_same_rows(first: Outcome, second: Outcome, **tolerance) -> None:
    for name in first.last.rows:
        if name == "seconds":
            continue
        a, b = getattr(first, name), getattr(second, name)
        if tolerance:
            np.testing.assert_allclose(a, b, **tolerance)
        else:
            np.testing.assert_array_equal(a, b)
