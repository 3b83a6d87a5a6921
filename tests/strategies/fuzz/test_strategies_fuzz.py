"""Told anything, every strategy stays finite, keeps its form and the best, and searches on.

The long form is ``benchmarks.reliability.strategies.ask_tell``, whose checks these are.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from benchmarks.reliability import strategies as campaign
from benchmarks.reliability.strategies import HARMLESS_TO_THE_BEST, KINDS, STARTS, USUAL, Case
from hypothesis import given, settings
from hypothesis import strategies as drawn

from gradless import strategies
from gradless._core import tree
from gradless.strategies import RandomSearch, Strategy
from gradless.strategies.wrappers import BestSoFar

few = functools.partial(settings, deadline=None, derandomize=True, database=None)
seeds = drawn.integers(0, 2**31)


def sequences(kinds: tuple[str, ...]) -> drawn.SearchStrategy[tuple[str, ...]]:
    return drawn.lists(drawn.sampled_from(kinds), min_size=1, max_size=5).map(tuple)


def named(strategy: Any) -> str:
    inner = getattr(strategy, "strategy", None)
    return strategy.name if inner is None else f"{strategy.name} {inner.name}"


# --- Sequences of losses --------------------------------------------------------------------------


def holds_soundness(strategy: Strategy, dimension: int) -> None:
    @few(max_examples=12)
    @given(seeds, drawn.sampled_from(STARTS), sequences(tuple(KINDS)))
    def holds(seed: int, start: str, kinds: tuple[str, ...]) -> None:
        campaign.check(Case(strategy, dimension, seed, start, kinds), recovers=False)

    holds()


# Two kinds; the others, which take as long to compile, run with the slow tests.
QUICK = {"openai_es", "cma_es"}


@pytest.mark.parametrize(
    "strategy",
    [
        each if named(each) in QUICK else pytest.param(each, marks=pytest.mark.slow)
        for each in USUAL
    ],
    ids=named,
)
def test_any_losses_leave_it_sound(strategy) -> None:
    holds_soundness(strategy, 10)


# One compiled program each, so only some whose rates and matrices depend on the dimension.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["cma_es", "lm_ma_es", "xnes"])
def test_any_losses_leave_it_sound_in_one_dimension(name) -> None:
    holds_soundness(strategies.get(name), 1)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", USUAL, ids=named)
def test_it_searches_on_after_bad_losses(strategy) -> None:
    kinds = tuple(KINDS) if strategy.samples_around_center else HARMLESS_TO_THE_BEST

    @few(max_examples=3)
    @given(seeds, sequences(kinds))
    def holds(seed: int, kinds: tuple[str, ...]) -> None:
        assert campaign.may_recover(strategy, 10, "ordinary", kinds)
        campaign.check(Case(strategy, 10, seed, "ordinary", kinds), recovers=True)

    holds()


# --- Told by hand ---------------------------------------------------------------------------------


LOSSES = [np.nan, 2.0, -np.inf]


@pytest.mark.parametrize(
    ("strategy", "losses"),
    [
        (strategies.get("random_search", population=3), LOSSES),
        (strategies.get("hill_climbing", speculation=3), np.array(LOSSES)),
        (BestSoFar(strategies.get("random_search", population=3)), jnp.bfloat16(LOSSES)),
    ],
    ids=["list", "float64", "bfloat16"],
)
def test_what_is_not_finite_never_wins(strategy, losses) -> None:
    key = jax.random.key(0)
    state = strategy.init(key, {"a": jnp.ones(3)})
    candidates = strategy.ask(key, state)
    told = strategy.tell(key, state, candidates, losses)
    best = strategy.decode(state, tree.member(candidates, 1))
    np.testing.assert_allclose(strategy.center(told)["a"], best["a"], rtol=1e-6)
    assert told.best_loss == 2
    assert told.best_loss.dtype == jnp.float32


# --- The checks themselves ------------------------------------------------------------------------


class Careless(RandomSearch):
    """Takes the last candidate, and whatever was told."""

    def tell(self, key, state, candidates, losses):
        last = self._drawn(state, tree.member(candidates, -1))
        return state._replace(best=last, best_loss=losses[-1])


class Poisoned(RandomSearch):
    """Lets a loss into its parameters."""

    def tell(self, key, state, candidates, losses):
        return state._replace(best=state.best + losses[0])


class Widened(RandomSearch):
    """Returns a state of another type."""

    def tell(self, key, state, candidates, losses):
        return state._replace(best_loss=losses.astype(jnp.bfloat16).min())


class Still(RandomSearch):
    """Has given up."""

    samples_around_center = True

    def tell(self, key, state, candidates, losses):
        return state


@pytest.mark.parametrize(
    ("broken", "kind", "said"),
    [
        (Careless, "ordinary", "not keeps the best"),
        (Poisoned, "nan", "not finite center"),
        (Widened, "ordinary", "another form of the state"),
        (Still, "ordinary", "loss on a sphere"),
    ],
)
def test_a_broken_strategy_is_found(broken, kind, said) -> None:
    floats = [f.name for f in dataclasses.fields(broken) if f.type == "float"]
    tree.as_pytree(floats, ["population"])(broken)
    case = Case(broken(population=4), 3, 0, "ordinary", (kind,))
    with pytest.raises(campaign.BrokenPromiseError, match=said):
        campaign.check(case, recovers=True)


@pytest.mark.slow
def test_the_campaign_says_what_it_did() -> None:
    done = campaign.ask_tell(1)
    assert done["sequences"] == 1
    assert done["strategies"] == 1
    assert done["generations"] >= 2 * campaign.EPISODE
    assert set(done["dimensions"]) <= set(campaign.DIMENSIONS)
