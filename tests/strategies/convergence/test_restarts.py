"""Attempts with growing populations find what one attempt with a small population misses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import tree
from gradless._core.cost import Cost
from gradless._core.errors import InputError
from gradless.problems.contract import Score
from gradless.problems.python import PythonProblem
from gradless.strategies import CMAES
from gradless.strategies.wrappers import BestSoFar
from gradless.training import loop
from gradless.training.loop import Stop
from gradless.training.restarts import _Attempt, _Attempts, train_with_restarts
from helpers.global_search import HALF_WIDTH, rastrigin

pytestmark = pytest.mark.slow


@tree.as_pytree(traced=[], static=["function"])
@dataclass(frozen=True)
class Landscape:
    """A function of a vector as a problem."""

    function: Callable
    cost = Cost(operations=100.0, held=10, written_out=True)
    uses_minibatches = False
    measures = ()

    def batch(self, key) -> None:
        """There are no data."""

    def laid_out(self, layout):
        return self

    def score(self, params, batch: Any) -> Score:
        return Score(self.function(params), {})


def start(dimension: int, seed: int) -> jax.Array:
    half = HALF_WIDTH[rastrigin]
    return jax.random.uniform(jax.random.key(seed), (dimension,), minval=-half, maxval=half)


def cma_es(dimension: int) -> CMAES:
    return CMAES.for_dimension(dimension, sigma=2.0, relative=False)


def records(dimension: int, seed: int, stop: Stop, **options) -> list:
    return list(
        train_with_restarts(
            Landscape(rastrigin), cma_es(dimension), start(dimension, seed), stop, seed, **options
        )
    )


@pytest.mark.parametrize(("dimension", "budget", "seeds"), [(2, 10_000, 3), (10, 100_000, 1)])
def test_ipop_solves_rastrigin_where_one_attempt_fails(dimension, budget, seeds) -> None:
    stop = Stop(evaluations=budget, loss=1e-3)
    alone = []
    for seed in range(seeds):
        *_, last = records(dimension, seed, stop)
        assert last.stopped_because == "target loss reached"
        once = loop.begin(cma_es(dimension), start(dimension, seed), seed)
        *_, last = loop.train(Landscape(rastrigin), cma_es(dimension), once, stop)
        alone.append(last.best_loss[-1])
    # Two parameters may begin beside the minimum, or be carried there by chance.
    assert sum(loss <= 1e-3 for loss in alone) <= (1 if dimension == 2 else 0)


@pytest.mark.parametrize("schedule", ["ipop", "bipop"])
def test_all_attempts_are_counted_together(schedule) -> None:
    made = records(2, 0, Stop(evaluations=4_000), schedule=schedule, patience=30)
    evaluations, generations, seconds, best = (
        np.concatenate([getattr(record, name) for record in made])
        for name in ("evaluations", "generation", "seconds", "best_loss")
    )
    assert (np.diff(generations) == 1).all()
    assert (np.diff(evaluations) > 0).all()
    assert len(np.unique(np.diff(evaluations))) > 2  # populations
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(best) <= 0).all()
    assert [record.stopped_because for record in made[:-1]] == [None] * (len(made) - 1)
    assert made[-1].stopped_because == "evaluations used up"
    assert evaluations[-1] <= 4_000
    run = made[-1].run
    assert run.best_loss == best[-1]
    np.testing.assert_allclose(rastrigin(run.best), best[-1], rtol=1e-5)


@tree.as_pytree(traced=["constant"], static=["function"])
@dataclass(frozen=True)
class Raised(Landscape):
    """A function plus a constant."""

    constant: float

    def laid_out(self, layout):
        return self

    def score(self, params, batch: Any) -> Score:
        return Score(self.function(params) + self.constant, {})


def rosenbrock(x: jax.Array) -> jax.Array:
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


STILL = "the steps no longer change the parameters"
WAITED = "no improvement over the last 770 evaluations"


@pytest.mark.parametrize(
    ("constant", "reached", "why"),
    [(0.0, 1e-9, STILL), (8.0, 2e-6, WAITED), (1000.0, 6e-5, WAITED)],
)
def test_attempts_last_as_long_with_a_constant_added_to_the_loss(constant, reached, why) -> None:
    strategy, begun = CMAES.for_dimension(10, sigma=0.5, relative=False), jnp.zeros(10)
    stop = Stop(evaluations=20_000)
    made = list(train_with_restarts(Raised(rosenbrock, constant), strategy, begun, stop, 0))
    # As exactly as the loss is known: its last place is 5e-7 and 6e-5.
    assert rosenbrock(made[-1].run.best) < reached
    ends = [record for record in made if record.attempt_ended]
    assert len(ends) > 1
    assert ends[0].attempt_ended == why
    assert 4_000 < ends[0].evaluations[-1] < 9_000
    assert made[-1].attempt_ended == made[-1].stopped_because == "evaluations used up"


def test_a_loss_in_python_may_have_a_large_constant() -> None:
    def raised(x) -> float:
        return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2) + 1e6)

    start = np.zeros(5)
    strategy = CMAES.for_dimension(5, sigma=0.5, relative=False)
    *_, last = train_with_restarts(
        PythonProblem(raised, start), strategy, start, Stop(evaluations=3_000), 0
    )
    # Its last place is 1e-10.
    assert float(last.run.best_loss) - 1e6 < 1e-9


def test_the_first_attempt_is_the_run_without_restarts() -> None:
    stop = Stop(evaluations=7 * 20)
    *_, last = records(2, 5, stop)
    once = loop.begin(cma_es(2), start(2, 5), 5)
    *_, alone = loop.train(Landscape(rastrigin), cma_es(2), once, stop)
    np.testing.assert_array_equal(last.run.best, alone.run.best)


def test_attempts_begin_elsewhere_and_the_same_seed_repeats_them() -> None:
    centers = []
    for _ in range(2):
        made = records(2, 3, Stop(evaluations=150), patience=2)
        centers.append([np.asarray(record.run.state.mean) for record in made])
    np.testing.assert_array_equal(centers[0], centers[1])
    # Attempts of two generations end within a step of where they began.
    ends = np.array([record.run.state.mean for record in made if record.evaluations[-1] > 20])
    assert np.linalg.norm(ends - start(2, 3), axis=1).max() > 3


def sequence(two_regimes: bool, used: list[int]) -> list[_Attempt]:
    attempts = _Attempts(CMAES(population=8), 2, two_regimes, np.random.default_rng(0))
    made = [_Attempt(attempts.strategy, np.inf, True)]
    for evaluations in used:
        made.append(attempts.after(made[-1], evaluations))
    return made


def test_ipop_doubles_the_population() -> None:
    assert [a.strategy.population for a in sequence(False, [500] * 4)] == [8, 16, 32, 64, 128]


def test_bipop_spends_as_much_on_small_populations() -> None:
    # The large attempts use 1000, 4000 and so on; the small ones 600 each.
    made = sequence(True, [100, 1000, 600, 600, 4000, *[600] * 7])
    assert [a.large for a in made] == [True] * 2 + [False] * 2 + [True] + [False] * 7 + [True]
    large = [a.strategy.population for a in made if a.large]
    assert large == [8, 16, 32, 64]
    small = [a for a in made if not a.large]
    assert {a.strategy.population for a in small} <= {8, 16}
    assert [a.evaluations for a in small] == [500] * 2 + [2000] * 7
    sigmas = [a.strategy.sigma / CMAES().sigma for a in small]
    assert 0.01 <= min(sigmas) < 0.5 < max(sigmas) <= 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"strategy": strategies.get("hill_climbing")},
            "hyperparameter population, .* got hill_climbing",
        ),
        ({"strategy": strategies.get("spsa")}, "hyperparameter population, .* got spsa"),
        ({"strategy": strategies.get("random_search")}, "got random_search: .* nothing to restart"),
        ({"strategy": BestSoFar(CMAES())}, "hyperparameter population, .* got best_so_far"),
        ({"schedule": "ipob"}, "did you mean 'ipop'"),
        ({"patience": 0}, "patience .* got 0"),
        ({"growth": 1}, "growth .* got 1"),
        ({"spread": 0.0}, "spread .* got 0.0"),
        ({"stop": Stop()}, "must have a limit, got none"),
        ({"stop": Stop(evaluations=100, stagnation=10)}, "give patience"),
    ],
)
def test_what_cannot_be_restarted_is_refused_at_once(given, said) -> None:
    arguments = {"strategy": cma_es(2), "stop": Stop(evaluations=100), **given}
    with pytest.raises(InputError, match=said):
        train_with_restarts(Landscape(rastrigin), params=start(2, 0), seed=0, **arguments)
