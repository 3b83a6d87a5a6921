"""A run ends when it should and finds the same however it is cut."""

from __future__ import annotations

import dataclasses
import time
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from sklearn import metrics

from gradless import objectives
from gradless._core import tree
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset
from gradless.evaluation.layout import choose_layout
from gradless.problems.contract import Layout
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import HillClimbing, RandomSearch
from gradless.strategies.base import hyperparameter, strategy
from gradless.training import loop
from gradless.training.checkpoint import Keeper
from gradless.training.generation import advance
from gradless.training.history import History
from gradless.training.loop import Stop, begin
from helpers.searches import Outcome, assert_same_rows, assert_same_run, follow

RANDOM = RandomSearch(sigma=1.0, population=64)


def judged(problem: SupervisedProblem, best: jax.Array, data: Dataset) -> tuple[float, float]:
    """Log loss and accuracy of a network, by NumPy and scikit-learn."""
    structure = tree.Structure.of(jax.eval_shape(problem.model.init, jax.random.key(0)))
    hidden, last = jax.tree.map(np.float64, structure.unravel(np.asarray(best)))
    within = np.maximum(data.features @ hidden.weights + hidden.biases, 0)
    outputs = within @ last.weights + last.biases
    loss = metrics.log_loss(data.targets, scipy.special.softmax(outputs, axis=1))
    return loss, metrics.accuracy_score(data.targets, outputs.argmax(1))


@pytest.fixture(scope="module")
def climb(problem) -> Outcome:
    """1,000 steps of the chapter's second approach."""
    return follow(problem, HillClimbing(), Stop(evaluations=1000))


# --- Records --------------------------------------------------------------------------------------


def test_records_have_a_row_for_every_generation(climb) -> None:
    np.testing.assert_array_equal(climb.generation, np.arange(1, 1001))
    np.testing.assert_array_equal(climb.evaluations, np.arange(1, 1001))
    assert np.all(np.diff(climb.seconds) > 0)
    assert climb.seconds[0] > 0
    assert tuple(climb.last.rows) == (
        "generation", "evaluations", "seconds", "loss", "accuracy", "best_loss", "best_accuracy"
    )  # fmt: skip
    assert len(climb.records) > 1
    assert [record.stopped_because for record in climb.records[:-1]] == [None] * (
        len(climb.records) - 1
    )
    assert {record.not_finite for record in climb.records} == {0}
    assert climb.last.compile_seconds > 0


def test_best_is_the_best_so_far(climb) -> None:
    np.testing.assert_array_equal(climb.best_loss, np.minimum.accumulate(climb.loss))
    improved = np.diff(climb.best_loss, prepend=np.inf) < 0
    np.testing.assert_array_equal(climb.best_accuracy[improved], climb.accuracy[improved])
    held = ~improved[1:]
    np.testing.assert_array_equal(climb.best_accuracy[1:][held], climb.best_accuracy[:-1][held])
    assert climb.best_accuracy[-1] > 0.6


def test_the_run_holds_what_it_found(climb, problem, vertical) -> None:
    run = climb.last.run
    loss, accuracy = judged(problem, run.best, vertical)
    assert float(run.best_loss) == climb.best_loss[-1] == pytest.approx(loss, rel=1e-5)
    share = float(run.best_measures["accuracy"])
    assert share == climb.best_accuracy[-1] == pytest.approx(accuracy)
    assert int(run.generation) == 1000


def test_of_several_candidates_the_row_shows_the_best(problem) -> None:
    outcome = follow(problem, RANDOM, Stop(evaluations=640))
    assert len(outcome.loss) == 10
    np.testing.assert_array_equal(outcome.evaluations, 64 * np.arange(1, 11))
    np.testing.assert_array_equal(outcome.best_loss, np.minimum.accumulate(outcome.loss))


# --- What it finds --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hill_climbing_learns_the_vertical_data(seed: int, problem) -> None:
    outcome = follow(problem, HillClimbing(), Stop(evaluations=20_000), seed)
    assert outcome.best_loss[-1] < 0.18
    assert outcome.best_accuracy[-1] > 0.9


def test_random_search_hardly_beats_chance(problem) -> None:
    outcome = follow(problem, RandomSearch(population=64), Stop(evaluations=10_000))
    assert 1.09 < outcome.best_loss[-1] < 1.0986  # ln 3 is what equal outputs cost


# --- When it stops --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evaluations", "used"), [(64, 64), (127, 64), (128, 128), (1000, 960), (6400, 6400)]
)
def test_evaluations_are_never_exceeded(evaluations: int, used: int, problem) -> None:
    outcome = follow(problem, RANDOM, Stop(evaluations=evaluations))
    assert outcome.evaluations[-1] == used
    assert outcome.last.stopped_because == "evaluations used up"


def test_every_evaluation_is_used(climb) -> None:
    assert climb.evaluations[-1] == 1000
    assert climb.last.stopped_because == "evaluations used up"


def test_target_loss_ends_the_run_at_once(problem) -> None:
    outcome = follow(problem, HillClimbing(), Stop(loss=0.7, evaluations=20_000))
    assert outcome.last.stopped_because == "target loss reached"
    assert outcome.best_loss[-1] <= 0.7
    assert (outcome.best_loss[:-1] > 0.7).all()


def test_the_network_that_reaches_the_target_accuracy_is_kept(problem, vertical) -> None:
    # Of 64 candidates a generation, one with a higher loss than the best one gets there first.
    outcome = follow(problem, RANDOM, Stop(accuracy=0.6, evaluations=20_000))
    loss, accuracy = judged(problem, outcome.last.run.best, vertical)
    assert accuracy == pytest.approx(outcome.best_accuracy[-1])
    assert accuracy >= 0.6
    assert loss == pytest.approx(outcome.best_loss[-1], rel=1e-4)


def test_target_accuracy_ends_the_run_at_once(problem) -> None:
    outcome = follow(problem, HillClimbing(), Stop(accuracy=0.8, evaluations=20_000))
    assert outcome.last.stopped_because == "target accuracy reached"
    assert outcome.best_accuracy[-1] >= 0.8
    assert (outcome.best_accuracy[:-1] < 0.8).all()


def test_stagnation_ends_the_run(problem) -> None:
    outcome = follow(problem, HillClimbing(), Stop(stagnation=150, evaluations=20_000))
    assert outcome.last.stopped_because == "no improvement over the last 150 evaluations"
    best = outcome.best_loss
    assert 150 < len(best) < 20_000
    assert (best[150:-1] < best[:-151]).all()
    assert int(outcome.last.run.progress.waited) == 150
    reference = len(best) - 150
    assert best[reference - 1] < best[reference - 2]
    assert best[-1] > 0.999 * best[reference - 1]


def test_stagnation_is_counted_in_evaluations(problem) -> None:
    outcome = follow(problem, RANDOM, Stop(stagnation=640, evaluations=64_000))
    assert outcome.last.stopped_because == "no improvement over the last 640 evaluations"
    assert int(outcome.last.run.progress.waited) == 10


def test_seconds_end_the_run(problem) -> None:
    begun = time.perf_counter()
    outcome = follow(problem, HillClimbing(), Stop(seconds=0.3))
    took = time.perf_counter() - begun - outcome.last.compile_seconds
    assert outcome.last.stopped_because == "time used up"
    assert 0.3 <= outcome.seconds[-1] <= took


def test_asking_ends_the_run(problem) -> None:
    answers = iter([None, None, "asked to"])
    outcome = follow(
        problem, HillClimbing(), Stop(evaluations=10**9), asked_to_stop=lambda: next(answers)
    )
    assert [record.stopped_because for record in outcome.records] == [None, None, "asked to"]


def test_the_first_limit_that_is_reached_counts(problem) -> None:
    outcome = follow(
        problem, HillClimbing(), Stop(loss=1e-9, accuracy=1.0, seconds=1e6, evaluations=300)
    )
    assert outcome.last.stopped_because == "evaluations used up"
    reached = Stop(loss=10.0, evaluations=1)
    assert follow(problem, HillClimbing(), reached).last.stopped_because == "target loss reached"


# --- What must not matter -------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_length_of_the_chunks_does_not_matter(seconds: float, climb, problem, monkeypatch) -> None:
    monkeypatch.setattr(loop, "_SECONDS_PER_CHUNK", seconds)
    outcome = follow(problem, HillClimbing(), Stop(evaluations=1000))
    if seconds == 0:
        assert len(outcome.records) == 1000
    assert_same_rows(outcome, climb)
    assert_same_run(outcome.last.run, climb.last.run)


def test_capacity_of_the_chunks_does_not_matter(climb, problem, monkeypatch) -> None:
    # What `climb` compiled keeps its room for more.
    monkeypatch.setattr(loop, "CAPACITY", 7)
    outcome = follow(problem, HillClimbing(), Stop(evaluations=1000))
    assert max(len(record.loss) for record in outcome.records) == 7
    assert_same_rows(outcome, climb)
    assert_same_run(outcome.last.run, climb.last.run)


def test_limits_that_are_not_reached_do_not_matter(climb, problem) -> None:
    stop = Stop(evaluations=1000, loss=0.0, accuracy=1.0, seconds=1e6, stagnation=10_000)
    outcome = follow(problem, HillClimbing(), stop)
    assert_same_rows(outcome, climb)
    assert_same_run(outcome.last.run, climb.last.run)


@pytest.mark.slow
def test_number_of_devices_does_not_matter_for_minibatches(vertical, model) -> None:
    problem = SupervisedProblem.of(vertical, model, objectives.get("cross_entropy"), batch_size=50)
    one, two = (
        follow(problem, RANDOM, Stop(evaluations=1280), layout=Layout(True, 128, devices))
        for devices in (1, 2)
    )
    assert two.last.run.best.sharding.device_set == set(jax.devices()[:2])
    assert_same_rows(one, two, rtol=1e-6)
    np.testing.assert_allclose(one.last.run.best, two.last.run.best, rtol=1e-6)


def test_the_chosen_layout_is_the_default(problem) -> None:
    chosen = follow(
        problem, RANDOM, Stop(evaluations=640), layout=choose_layout(problem, RANDOM.population)
    )
    assert_same_rows(follow(problem, RANDOM, Stop(evaluations=640)), chosen)


def test_the_seed_decides(climb, problem) -> None:
    again = follow(problem, HillClimbing(), Stop(evaluations=1000))
    assert_same_rows(again, climb)
    assert_same_run(again.last.run, climb.last.run)
    params = problem.model.init(jax.random.key(0))
    run = begin(HillClimbing(), params, 1)
    other = Outcome(list(loop.train(problem, HillClimbing(), run, Stop(evaluations=1000))))
    assert np.mean(other.loss != climb.loss) > 0.99


def test_each_generation_sees_its_own_minibatch(vertical, model) -> None:
    problem = SupervisedProblem.of(vertical, model, objectives.get("cross_entropy"), batch_size=50)
    # A step of almost nothing: what changes is the batch.
    losses = follow(problem, HillClimbing(sigma=1e-12), Stop(evaluations=100)).loss
    assert len(np.unique(losses)) > 90


@pytest.mark.parametrize("strategy", [HillClimbing(), RANDOM], ids=lambda s: s.name)
def test_going_on_is_the_same_as_not_stopping(strategy, problem) -> None:
    budget = 20 * strategy.population
    whole = follow(problem, strategy, Stop(evaluations=budget))
    first = follow(problem, strategy, Stop(evaluations=7 * strategy.population))
    rest = Outcome(list(loop.train(problem, strategy, first.last.run, Stop(evaluations=budget))))
    assert rest.generation[0] == 8
    assert_same_rows(Outcome(first.records + rest.records), whole)
    assert_same_run(rest.last.run, whole.last.run)


def test_going_on_from_a_folder(problem, climb, tmp_path) -> None:
    run = begin(HillClimbing(), problem.model.init(jax.random.key(0)), 0)
    history = History()
    with Keeper(tmp_path, every=1e-9) as keeper:
        for record in loop.train(problem, HillClimbing(), run, Stop(evaluations=400)):
            history.append(**record.rows)
            keeper.offer(record.run, history, dict)
    rest = loop.train(problem, HillClimbing(), run, Stop(evaluations=1000), resume_from=tmp_path)
    assert_same_run(list(rest)[-1].run, climb.last.run)
    with pytest.raises(InputError, match="must hold a checkpoint to resume from, got none"):
        loop.train(problem, HillClimbing(), run, Stop(evaluations=9), resume_from=tmp_path / "no")


def test_going_on_from_the_middle_and_after_the_end(problem) -> None:
    whole = follow(problem, HillClimbing(), Stop(evaluations=1000))
    middle = whole.records[2].run
    rest = Outcome(list(loop.train(problem, HillClimbing(), middle, Stop(evaluations=1000))))
    assert_same_run(rest.last.run, whole.last.run)
    ended = whole.last.run
    (nothing,) = loop.train(problem, HillClimbing(), ended, Stop(evaluations=1000))
    assert len(nothing.loss) == 0
    assert nothing.stopped_because == "evaluations used up"
    assert_same_run(nothing.run, ended)


def test_numbers_do_not_recompile(problem) -> None:
    follow(problem, HillClimbing(), Stop(evaluations=10))
    compiled = advance._cache_size()
    follow(problem, HillClimbing(sigma=0.3), Stop(evaluations=10))
    follow(problem, HillClimbing(), Stop(evaluations=20, loss=0.1, accuracy=0.99))
    follow(problem, HillClimbing(), Stop(seconds=0.01, stagnation=100))
    outcome = follow(problem, HillClimbing(), Stop(evaluations=10), seed=5)
    list(loop.train(problem, HillClimbing(), outcome.last.run, Stop(evaluations=20)))
    assert advance._cache_size() == compiled


# --- Strategies whose center is not among their candidates ----------------------------------------


class Position(NamedTuple):
    center: jax.Array
    structure: tree.Structure


@strategy
class Outward:
    """Its center shrinks by a factor in every generation; its candidates are ten times as far."""

    factor: float = hyperparameter(0.5, above=0.0)

    name: ClassVar[str] = "outward"
    samples_around_center: ClassVar[bool] = True
    population: ClassVar[int] = 3

    def init(self, key: jax.Array, params) -> Position:
        return Position(tree.ravel(params), tree.Structure.of(params))

    def ask(self, key: jax.Array, state: Position) -> jax.Array:
        return jnp.stack([10 * state.center, 11 * state.center, 12 * state.center])

    def decode(self, state: Position, candidate: jax.Array):
        return state.structure.unravel(candidate)

    def tell(self, key: jax.Array, state: Position, candidates, losses) -> Position:
        return state._replace(center=self.factor * state.center)

    def center(self, state: Position):
        return state.structure.unravel(state.center)


class Weight:
    """One number for every sample and class."""

    def init(self, key: jax.Array) -> jax.Array:
        return jnp.full(1, 1.0)

    def apply(self, params: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.broadcast_to(params, (len(x), 1))


@pytest.fixture(scope="module")
def to_zero(vertical: Dataset) -> SupervisedProblem:
    """The loss of a number is its square."""
    zeros = np.zeros(vertical.n_samples, np.float32)
    dataset = dataclasses.replace(vertical, targets=zeros, class_names=None)
    return SupervisedProblem.of(dataset, Weight(), objectives.get("squared_error"))


def test_a_center_is_evaluated_counted_and_recorded(to_zero) -> None:
    outcome = follow(to_zero, Outward(), Stop(evaluations=23))
    np.testing.assert_array_equal(outcome.evaluations, [4, 8, 12, 16, 20])
    centers = 0.5 ** np.arange(1, 6)
    np.testing.assert_allclose(outcome.loss, centers**2, rtol=1e-6)
    np.testing.assert_allclose(outcome.best_loss, centers**2, rtol=1e-6)
    np.testing.assert_allclose(outcome.last.run.best, centers[-1:], rtol=1e-6)
    assert "accuracy" not in outcome.last.rows

    # With a growing center its candidates of the first generation stay the best but for one.
    outcome = follow(to_zero, Outward(factor=20.0), Stop(evaluations=8))
    np.testing.assert_allclose(outcome.loss, [20.0**2, 400.0**2], rtol=1e-6)
    np.testing.assert_allclose(outcome.best_loss, [100, 100], rtol=1e-6)


def test_a_center_that_always_comes_closer_does_not_stagnate(to_zero) -> None:
    # The loss falls by 0.006 % in each generation of four evaluations.
    slow = Outward(factor=0.99997)
    outcome = follow(to_zero, slow, Stop(stagnation=4, evaluations=400))
    assert outcome.last.stopped_because == "evaluations used up"


# --- What cannot be a run -------------------------------------------------------------------------


def test_a_run_without_limits(problem) -> None:
    run = begin(RANDOM, problem.model.init(jax.random.key(0)), 0)
    with pytest.raises(InputError, match="a run must have a limit, got none"):
        next(loop.train(problem, RANDOM, run, Stop()))


def test_less_than_one_generation(problem) -> None:
    run = begin(RANDOM, problem.model.init(jax.random.key(0)), 0)
    with pytest.raises(InputError, match=r"evaluations must be at least the 64 .*, got 63"):
        next(loop.train(problem, RANDOM, run, Stop(evaluations=63)))
    with pytest.raises(InputError, match=r"evaluations must be at least the 4 .*, got 3"):
        next(loop.train(problem, Outward(), run, Stop(evaluations=3)))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"evaluations": 0}, "evaluations must be more than 0, got 0"),
        ({"evaluations": -5}, "evaluations must be more than 0, got -5"),
        ({"seconds": 0.0}, r"seconds must be more than 0, got 0\.0"),
        ({"seconds": np.nan}, "seconds must be more than 0, got nan"),
        ({"stagnation": 0}, "stagnation must be more than 0, got 0"),
        ({"accuracy": 95}, "accuracy must be a share from 0 to 1, got 95. Divide percent by 100"),
        ({"accuracy": -0.1}, r"accuracy must be a share from 0 to 1, got -0\.1"),
        ({"loss": np.nan}, "a target loss must be a number, got NaN"),
    ],
)
def test_limits_that_no_run_can_have(limits: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stop(**limits)


def test_a_class_that_jax_does_not_know_is_refused_with_what_to_write() -> None:
    class Mine(RandomSearch):
        pass

    with pytest.raises(InputError, match=r"got Mine, .* write @gradless.strategies.strategy above"):
        loop.check_budget(Mine(), Stop(evaluations=1000))
