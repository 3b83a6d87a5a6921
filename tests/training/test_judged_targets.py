"""With minibatches, a run has reached its target when all of the data say so."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import minimize, objectives
from gradless._core import tree
from gradless._core.errors import InputError
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import OpenAIES
from gradless.training import judged_targets, loop
from gradless.training.loop import Stop, begin
from helpers.searches import Outcome, assert_same_rows, assert_same_run

SEARCH = OpenAIES(population=16, sigma=0.1, learning_rate=0.01)
STOP = Stop(accuracy=0.8, evaluations=40_000)


_begin = jax.jit(
    lambda strategy, model: begin(strategy, model.init(jax.random.key(0)), 0), static_argnums=1
)


def follow(problem, strategy, stop: Stop) -> Outcome:
    """A whole run from its beginning."""
    run = _begin(strategy, problem.model)
    return Outcome(list(loop.train(problem, strategy, run, stop)))


@pytest.fixture(scope="module")
def batches(vertical, model) -> SupervisedProblem:
    """The chapter's task, 10 of 300 samples at a time."""
    return SupervisedProblem.of(vertical, model, objectives.get("cross_entropy"), batch_size=10)


@pytest.fixture(scope="module")
def reached(batches):
    return follow(batches, SEARCH, STOP)


def test_a_lucky_batch_does_not_end_a_run(reached, vertical) -> None:
    assert reached.last.stopped_because == "target accuracy reached"
    assert (reached.accuracy[:-20] >= 0.8).any()  # and would have ended it
    run = reached.last.run
    one, one_bias, other, other_bias = np.split(np.asarray(run.best), [6, 9, 18])
    hidden = np.maximum(vertical.features @ one.reshape(2, 3) + one_bias, 0)
    outputs = hidden @ other.reshape(3, 3) + other_bias
    assert objectives.get("accuracy")(outputs, vertical.targets) >= 0.8
    assert float(run.best_measures["accuracy"]) == pytest.approx(
        float(objectives.get("accuracy")(outputs, vertical.targets))
    )
    assert float(run.best_loss) == pytest.approx(
        float(objectives.get("cross_entropy")(outputs, vertical.targets)), rel=1e-5
    )
    # It is the network that a run with minibatches ends with.
    center = jax.tree.leaves(SEARCH.center(run.state))
    np.testing.assert_array_equal(run.best, np.concatenate([np.ravel(x) for x in center]))


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_chunks_do_not_matter(seconds: float, reached, batches, monkeypatch) -> None:
    monkeypatch.setattr(loop, "_SECONDS_PER_CHUNK", seconds)
    outcome = follow(batches, SEARCH, STOP)
    assert_same_rows(outcome, reached)
    assert_same_run(outcome.last.run, reached.last.run)


def test_going_on_does_not_matter(reached, batches) -> None:
    part = follow(batches, SEARCH, dataclasses.replace(STOP, evaluations=17 * 60))
    assert part.last.stopped_because == "evaluations used up"
    *_, last = loop.train(batches, SEARCH, part.last.run, STOP)
    assert_same_run(last.run, reached.last.run)
    # And what is reached already is seen at once.
    (only,) = loop.train(batches, SEARCH, last.run, STOP)
    assert only.stopped_because == "target accuracy reached"
    assert len(only.loss) == 0
    assert_same_run(only.run, last.run)


def test_all_data_are_asked_now_and_then(batches, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(
        SupervisedProblem, "score_all", lambda *_: asked.append(0) or train_score(2.0, 0.0)
    )
    outcome = follow(batches, SEARCH, Stop(accuracy=0.5, evaluations=17 * 2000))
    assert outcome.last.stopped_because == "evaluations used up"
    assert 20 < len(asked) < 100


def train_score(loss: float, accuracy: float):
    return judged_targets.Score(np.float32(loss), {"accuracy": np.float32(accuracy)})


def test_a_target_loss_is_that_of_all_data(batches) -> None:
    outcome = follow(batches, SEARCH, Stop(loss=0.5, evaluations=40_000))
    assert outcome.last.stopped_because == "target loss reached"
    run = outcome.last.run
    start = jax.eval_shape(batches.model.init, jax.random.key(0))
    best = tree.Structure.of(start).unravel(run.best)
    assert float(batches.score_all(best).loss) == run.best_loss <= 0.5
    assert (outcome.loss[:-20] <= 0.5).any()


def distance(params, batch):
    return jnp.mean((params - batch) ** 2)


def python_distance(params, batch):
    return float(np.mean((params - batch) ** 2))


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "compiled"), [(distance, True), (python_distance, False)])
def test_minimize_returns_what_reached_the_target(loss, compiled) -> None:
    data = np.random.default_rng(0).normal(5, 3, 60).astype(np.float32)
    target = float(data.var()) + 0.3
    found = minimize(
        loss, 9.0, "snes", data=data, batch_size=4, target_loss=target,
        evaluations=4000, compiled=compiled,
    )  # fmt: skip
    assert found.stopped_because == "target loss reached"
    # Fifteen batches without a common sample are all the data.
    assert found.best_loss <= target
    assert python_distance(found.best, data) == pytest.approx(found.best_loss, rel=1e-5)
    assert found.best_loss == found.center_loss
    losses = found.history.column("loss")
    assert (losses[:-1] <= target).any()


class Unjudged:
    """A problem with minibatches of someone's own."""

    uses_minibatches = True


def test_a_target_that_nothing_can_judge_is_refused(batches) -> None:
    run = _begin(SEARCH, batches.model)
    with pytest.raises(InputError, match=r"must have a method score_all.* got Unjudged without it"):
        loop.train(Unjudged(), SEARCH, run, STOP)


@pytest.mark.usefixtures("without_pictures")
def test_the_command_line_reports_what_it_stopped_for(tmp_path, capfd) -> None:
    from gradless.cli import main  # noqa: PLC0415

    arguments = (
        "train vertical --hidden 3 --batch-size 10 "
        "--strategy openai_es --population 16 --sigma 0.1 --learning-rate 0.01"
    )
    limits = f"--target-accuracy 0.8 --evaluations 100000 --json --out {tmp_path / 'run'}"
    assert main([*arguments.split(), *limits.split()]) == 0
    result = json.loads(capfd.readouterr().out)
    assert result["stopped_because"] == "target accuracy reached"
    assert result["accuracy"] >= 0.8
