"""What ``minimize`` chooses for functions, and how any strategy begins again there."""

import numpy as np
import pytest

from gradless import InputError, minimize
from gradless._core import tree
from gradless.strategies import BIPOPCMAES, CMAES, SNES, restarting
from gradless.strategies.scaled import Scaled
from gradless.strategies.wrappers import Restarts
from gradless.training import auto

START, BOUNDS = np.array([3.0, -2.0]), (-5, 5)


def waves(x: np.ndarray) -> float:
    """Many minima, of which the lowest is at 1."""
    y = x - 1
    return float(20 + np.sum(y**2 - 10 * np.cos(2 * np.pi * y)))


@pytest.fixture(scope="module")
def found():
    return minimize(waves, START, bounds=BOUNDS, compiled=False, evaluations=12_000)


def test_a_function_of_two_numbers_with_many_minima_is_solved(found) -> None:
    np.testing.assert_allclose(found.best, 1, atol=1e-5)
    assert found.best_loss == waves(found.best) < 1e-8
    assert "begins again" in found.why


def test_it_is_resumed_to_the_bit(found) -> None:
    part = minimize(waves, START, bounds=BOUNDS, compiled=False, evaluations=3_000)
    rest = minimize(
        waves, START, bounds=BOUNDS, compiled=False, evaluations=12_000, resume_from=part
    )
    assert tree.bits(rest.best) == tree.bits(found.best)
    assert rest.evaluations == found.evaluations


@pytest.mark.parametrize(
    ("strategy", "restarts", "kind"),
    [
        ("cma_es", True, BIPOPCMAES),
        ("cma_es", None, CMAES),
        ("snes", True, Restarts),
        ("auto", False, CMAES),
        ("cma_es", "ipop", BIPOPCMAES),
        ("auto", "bipop", BIPOPCMAES),
        ("snes", "none", SNES),
    ],
)
def test_restarts_are_one_option_for_all(strategy, restarts, kind) -> None:
    again = minimize(
        waves, START, strategy, restarts=restarts, bounds=BOUNDS, compiled=False, evaluations=200
    )
    assert isinstance(again.strategy, Scaled)
    assert isinstance(again.strategy.strategy, kind)


def test_what_was_said_of_cma_es_stays() -> None:
    again = minimize(
        waves, START, CMAES(sigma=0.7, population=9), restarts=True, compiled=False, evaluations=90
    )
    assert again.strategy == BIPOPCMAES(sigma=0.7, population=9)


@pytest.mark.parametrize("evaluations", [100, 5_000, 10**9])
@pytest.mark.parametrize("dimension", [1, 5, 40])
def test_the_choice_for_few_parameters_does_not_depend_on_the_budget(
    dimension: int, evaluations: int
) -> None:
    choice = auto.choose(
        dimension=dimension,
        evaluations=evaluations,
        seconds=None,
        operations=100.0,
        smooth=True,
        minibatches=False,
        is_function=True,
    )
    assert choice.strategy.name == "portfolio"


def test_the_same_call_with_restarts_goes_on() -> None:
    given = {"restarts": True, "compiled": False}
    part = minimize(waves, START, "cma_es", evaluations=160, **given)
    rest = minimize(waves, START, "cma_es", evaluations=320, resume_from=part, **given)
    whole = minimize(waves, START, "cma_es", evaluations=320, **given)
    assert tree.bits(rest.best) == tree.bits(whole.best)


@pytest.mark.parametrize(
    ("strategy", "restarts", "message"),
    [("cma_es", "often", "restarts must be True or 'yes'"), ("snes", "ipop", "yes or none for")],
)
def test_other_restarts_are_refused(strategy, restarts, message) -> None:
    with pytest.raises(InputError, match=message):
        minimize(waves, START, strategy, restarts=restarts, compiled=False, evaluations=100)


def test_ipop_has_no_small_populations() -> None:
    assert not restarting.restarting(CMAES(), "ipop").small
    assert restarting.restarting(CMAES(), "bipop").small
    assert not restarting.restarting(BIPOPCMAES(), "ipop").small


def test_what_was_chosen_reads_in_one_line(found) -> None:
    text = str(found)
    assert "portfolio of bipop_cma_es, differential_evolution and coordinate_search" in text
    assert "BIPOPCMAES(" not in text


def test_another_seed_is_refused_where_a_search_goes_on() -> None:
    given = {"compiled": False, "strategy": "cma_es"}
    part = minimize(waves, START, evaluations=51, seed=3, **given)
    with pytest.raises(InputError, match="seed must be left out with resume_from"):
        minimize(waves, START, evaluations=102, seed=4, resume_from=part, **given)
    for seed in (0, 3):
        more = minimize(waves, START, evaluations=102, seed=seed, resume_from=part, **given)
        assert more.evaluations == 102
