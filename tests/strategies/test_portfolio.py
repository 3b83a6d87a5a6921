"""Several strategies search one function in turn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.strategies import BIPOPCMAES, CMAES, CoordinateSearch, DifferentialEvolution
from gradless.strategies.portfolio import Portfolio, for_functions
from helpers.global_search import generation, rastrigin, sphere

START = jnp.array([2.0, -1.0, 0.5])
FIRST, ALONG = BIPOPCMAES(population=6, doublings=2), CoordinateSearch(population=6)


@pytest.fixture(scope="module")
def search():
    """Spent blocks and best losses after each generation."""
    strategy = Portfolio((FIRST, ALONG), (0.75, 0.25))

    @jax.jit
    def run(strategy):
        def step(state, number):
            key = jax.random.fold_in(jax.random.key(5), number)
            state = generation(strategy, key, state, rastrigin)[0]
            return state, (state.spent, state.best_loss, state.inner[0].attempts)

        begun = strategy.init(jax.random.key(0), START)
        return jax.lax.scan(step, begun, jnp.arange(1_500))

    return strategy, run(strategy)


def test_the_first_goes_alone_until_its_first_attempt_has_ended(search) -> None:
    _, (_, (spent, _, attempts)) = search
    alone = np.asarray(attempts) == 1
    assert alone.sum() > 20
    assert (np.asarray(spent)[alone] == 0).all()


def test_then_they_take_turns_by_their_shares(search) -> None:
    _, (state, _) = search
    spent = np.asarray(state.spent, float)
    assert spent[0] / spent.sum() == pytest.approx(0.75, abs=0.01)


def test_the_answer_is_the_best_of_all(search) -> None:
    strategy, (state, (_, best, _)) = search
    assert (np.diff(np.asarray(best)) <= 0).all()
    assert float(state.best_loss) == min(float(each.best_loss) for each in state.inner)
    assert float(rastrigin(strategy.center(state))) == pytest.approx(
        float(state.best_loss), abs=1e-4
    )


def test_a_function_with_one_minimum_is_searched_by_the_first_alone() -> None:
    strategy = Portfolio((FIRST, ALONG), (0.5, 0.5))
    alone, both = FIRST.init(jax.random.key(0), START), strategy.init(jax.random.key(0), START)
    key = jax.random.key(3)
    both, _ = jax.jit(lambda key, state: generation(strategy, key, state, sphere))(key, both)
    alone, _ = jax.jit(lambda key, state: generation(FIRST, key, state, sphere))(key, alone)
    np.testing.assert_allclose(both.inner[0].attempt.normal.mean, alone.attempt.normal.mean)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (((FIRST, ALONG), (1.0,)), "a number above 0 for each of the 2"),
        (((FIRST, ALONG), (1.0, 0.0)), "a number above 0 for each of the 2"),
        (((FIRST, CoordinateSearch(population=8)), (1.0, 1.0)), "must have one population"),
        (((ALONG, FIRST), (1.0, 1.0)), "must count its attempts"),
        (((CMAES(population=6), ALONG), (1.0, 1.0)), "must count its attempts"),
    ],
)
def test_what_cannot_take_turns_is_refused(given, message) -> None:
    with pytest.raises(InputError, match=message):
        Portfolio(*given)


def test_that_for_functions_has_the_populations_of_the_field() -> None:
    found = for_functions(10)
    assert [type(each) for each in found.strategies] == [
        BIPOPCMAES,
        DifferentialEvolution,
        CoordinateSearch,
    ]
    assert {each.population for each in found.strategies} == {10}
