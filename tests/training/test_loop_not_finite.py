"""A run counts losses that are NaN or infinite, and none of them wins."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import objectives
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset
from gradless.problems.function import FunctionProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import HillClimbing, OpenAIES, RandomSearch
from gradless.training import loop
from gradless.training.loop import Stop, begin
from helpers.searches import Outcome, assert_same_run, follow

RANDOM = RandomSearch(sigma=1.0, population=64)


class Fragile:
    """A model whose outputs are not finite where its only weight is above a threshold.

    The threshold, and what it answers there, are inputs: others compile no other program.
    """

    def init(self, key: jax.Array) -> jax.Array:
        return jnp.full(1, 0.25)

    def apply(self, params: jax.Array, x: jax.Array) -> jax.Array:
        outputs = params * x[:, :2] @ jnp.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
        return jnp.where(params > x[:, 2:3], x[:, 3:], outputs)


FRAGILE = Fragile()


def fragile(vertical: Dataset, threshold: float, value: float) -> SupervisedProblem:
    more = np.broadcast_to(np.float32([threshold, value]), (vertical.n_samples, 2))
    inputs = np.column_stack([vertical.features, more])
    objective = objectives.get("squared_error")
    return SupervisedProblem.of_arrays(
        "classification", inputs, vertical.targets, vertical.n_outputs, FRAGILE, objective
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_losses_that_are_not_finite_are_counted(value: float, vertical) -> None:
    outcome = follow(fragile(vertical, 0.0, value), RANDOM, Stop(evaluations=1280))
    counted = sum(record.not_finite for record in outcome.records)
    assert abs(counted - 640) < 5 * np.sqrt(1280 / 4)
    assert np.isfinite(outcome.best_loss).all()
    assert np.isfinite(outcome.loss).all()
    assert outcome.last.run.best[0] <= 0


def test_a_run_without_any_finite_loss_keeps_its_parameters(vertical) -> None:
    problem = fragile(vertical, -np.inf, np.nan)
    outcome = follow(problem, RANDOM, Stop(evaluations=64_000, stagnation=640))
    assert outcome.last.stopped_because == "no improvement over the last 640 evaluations"
    assert sum(record.not_finite for record in outcome.records) == 640
    assert np.isinf(outcome.best_loss).all()
    np.testing.assert_array_equal(outcome.last.run.best, [0.25])


def falling(x, at):
    return jnp.where(x < at[0], -x, jnp.nan)


def steep(threshold: float):
    """Falls towards a cliff: NaN above a threshold."""
    return FunctionProblem.of(falling, jnp.float32(0.0), np.full(1, threshold, np.float32))


def search(problem, strategy, stop: Stop) -> Outcome:
    run = begin(strategy, jnp.float32(0.0), 0)
    return Outcome(list(loop.train(problem, strategy, run, stop)))


OVER_THE_EDGE = OpenAIES(
    population=20, sigma=1e-6, learning_rate=1e-7, optimizer="sgd", relative=False
)  # fmt: skip


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_a_search_in_which_no_loss_is_finite_any_more_goes_back(seconds, monkeypatch) -> None:
    monkeypatch.setattr(loop, "_SECONDS_PER_CHUNK", seconds)
    problem = steep(1.0)
    outcome = search(problem, OVER_THE_EDGE, Stop(evaluations=10**6))
    assert outcome.last.stopped_because == loop.NOT_FINITE
    good = int(outcome.last.run.generation)
    assert list(outcome.generation) == list(range(1, good + 1))
    assert np.isfinite(outcome.loss).all()
    # 1,000 evaluations in generations of 21, and a few at the edge before.
    assert -(-1000 // 21) * 20 <= sum(record.not_finite for record in outcome.records) < 1500
    # What is left is the run that was asked to stop there.
    short = search(problem, OVER_THE_EDGE, Stop(evaluations=good * 21))
    assert short.last.stopped_because == "evaluations used up"
    assert_same_run(outcome.last.run, short.last.run)
    assert 0 < float(outcome.last.run.best[0]) < 1


def test_a_first_step_to_where_nothing_is_finite_is_taken_back() -> None:
    far = dataclasses.replace(OVER_THE_EDGE, learning_rate=1.0)
    outcome = search(steep(1.0), far, Stop(evaluations=10**6))
    assert outcome.last.stopped_because == loop.NOT_FINITE
    assert list(outcome.generation) == [1]  # its candidates are all that there is
    assert np.isfinite(outcome.last.run.best_loss)


def test_a_few_generations_without_a_finite_loss_are_an_accident() -> None:
    """Hill climbing at the edge fails again and again, and goes on."""
    outcome = search(steep(0.5), HillClimbing(sigma=0.1), Stop(evaluations=900))
    assert outcome.last.stopped_because == "evaluations used up"
    assert list(outcome.generation) == list(range(1, 901))
    assert sum(record.not_finite for record in outcome.records) > 100


def test_how_many_losses_may_fail_can_be_said() -> None:
    far = dataclasses.replace(OVER_THE_EDGE, learning_rate=1.0)
    outcome = search(steep(1.0), far, Stop(evaluations=2000, not_finite=None))
    assert outcome.last.stopped_because == "evaluations used up"
    assert len(outcome.loss) == 2000 // 21
    early = search(steep(1.0), far, Stop(evaluations=2000, not_finite=1))
    assert early.last.stopped_because == loop.NOT_FINITE
    assert sum(record.not_finite for record in early.records) == 10 * 20


def test_a_search_without_any_finite_loss_is_refused() -> None:
    with pytest.raises(InputError, match="every loss so far was NaN or infinite"):
        search(steep(-1e9), HillClimbing(sigma=0.1), Stop(evaluations=10**6))
