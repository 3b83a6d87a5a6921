"""One parameter at a time: which one changes, and where that is the way to search."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless.strategies import CoordinateSearch
from helpers.global_search import after, rastrigin

START = jnp.array([2.0, -1.0, 0.5, 3.0])
STRATEGY = CoordinateSearch(population=32)


def test_each_candidate_changes_one_parameter() -> None:
    state = STRATEGY.init(jax.random.key(0), START)
    changed = np.asarray(STRATEGY.ask(jax.random.key(1), state)) != np.asarray(START)
    assert (changed.sum(axis=1) <= 1).all()
    assert changed.any(axis=0).all()


def test_steps_are_of_every_size() -> None:
    state = CoordinateSearch(population=512).init(jax.random.key(0), START)
    asked = CoordinateSearch(population=512, anywhere=0.0).ask(jax.random.key(1), state)
    sizes = np.abs(np.asarray(asked - START)).max(axis=1)
    powers = np.log10(sizes[sizes > 0])
    assert np.histogram(powers, bins=[-6, -4, -2, 0])[0].min() > 50


def test_a_function_of_many_minima_that_is_a_sum_is_solved() -> None:
    """Rastrigin's in ten dimensions, where nearly all other searches end in a local minimum."""
    start = jnp.linspace(-4, 4, 10)
    strategy = CoordinateSearch(population=10)
    state = after(strategy, jax.random.key(0), start, rastrigin, 1_000)
    assert float(state.best_loss) < 1e-2


def test_it_begins_elsewhere_and_keeps_the_best() -> None:
    strategy = CoordinateSearch(population=8, patience=1)
    state = after(strategy, jax.random.key(0), START, rastrigin, 60)
    assert float(rastrigin(strategy.center(state))) == pytest.approx(
        float(state.best_loss), abs=1e-4
    )
    assert float(state.best_loss) <= float(state.current_loss)
