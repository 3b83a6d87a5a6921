"""What a function says besides its loss is told by its name, and may end a search."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import FunctionProblem, PythonProblem, minimize
from gradless._core import tree
from gradless._core.errors import InputError
from gradless.problems.contract import checked_measures
from gradless.strategies import SNES, HillClimbing
from gradless.training.checkpoint import Keeper
from gradless.training.history import History
from gradless.training.loop import Run, Stop, begin, train

X0 = np.float32([2.0, -1.0])
CLIMB = HillClimbing(speculation=4, sigma=0.3)


def episode(x):
    """A loss that falls as the return rises, but for what the second number adds."""
    return jnp.sum(x**2), {"return": 10 - jnp.abs(x[0]), "length": jnp.int32(jnp.sum(x > 0))}


def episode_in_python(x):
    loss = float(np.sum(x.astype(np.float64) ** 2))
    return loss, {"return": 10 - abs(float(x[0])), "length": int(np.sum(x > 0))}


def same_measures(measures, x) -> None:
    expected = episode_in_python(np.asarray(x, np.float32))[1]
    assert list(measures) == ["length", "return"]
    assert measures == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def found():
    records = []
    found = minimize(episode, X0, CLIMB, evaluations=200, callback=records.append)
    return found, records


@pytest.fixture(scope="module")
def found_in_python():
    return minimize(episode_in_python, X0, CLIMB, evaluations=200, compiled=False)


def test_minimize_tells_the_measures_of_the_best(found, found_in_python) -> None:
    for each in (found[0], found_in_python):
        same_measures(each.best_measures, each.best)
        last = each.history.last
        assert last.best_measures == pytest.approx(each.best_measures)
        assert each.best_measures["return"] > 9.5
        assert "\nbest length 2\nbest return 9.9" in str(each)
    assert found_in_python.best_loss == pytest.approx(found[0].best_loss, rel=1e-5)


def test_measures_change_nothing_of_what_is_found(found) -> None:
    alone = minimize(lambda x: episode(x)[0], X0, CLIMB, evaluations=200)
    assert tree.bits(alone.best) == tree.bits(found[0].best)
    losses = (each.history.column("loss") for each in (alone, found[0]))
    np.testing.assert_array_equal(*losses)
    assert alone.best_measures == {}


def test_records_and_histories_have_columns_of_their_names(found, tmp_path) -> None:
    result, records = found
    names = "generation,evaluations,seconds,loss,length,return,best_loss,best_length,best_return"
    assert ",".join(records[-1].rows) == ",".join(result.history.columns) == names
    result.history.to_csv(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text().startswith(names + "\n")
    read = History.from_csv(tmp_path / "history.csv")
    for name in ("loss", "length", "best_return"):
        np.testing.assert_array_equal(read.column(name), result.history.column(name))
    best = [np.concatenate([each.rows[name] for each in records]) for name in ("best_loss",)]
    improved = np.flatnonzero(np.diff(best[0]) < 0) + 1
    for name in ("length", "return"):
        told = np.concatenate([each.measures[name] for each in records])
        kept = np.concatenate([each.best_measures[name] for each in records])
        np.testing.assert_array_equal(told[improved], kept[improved])


def test_a_histories_measures_stay_the_same() -> None:
    row: dict[str, Any] = {"evaluations": 1, "seconds": 0, "loss": 1, "best_loss": 1}
    history = History()
    history.append(generation=1, **row, share=0.5, best_share=0.5)
    with pytest.raises(ValueError, match="expected the columns"):
        history.append(generation=2, **row)
    assert history.measures == ("share",)
    assert len(history) == 1


# --- Targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False])
def test_a_target_of_a_measure_ends_a_search(compiled: bool) -> None:
    loss = episode if compiled else episode_in_python
    found = minimize(
        loss, X0, CLIMB, evaluations=4000, target_measures={"return": 9.0}, compiled=compiled
    )
    assert found.stopped_because == "target return reached"
    assert found.evaluations < 4000
    assert found.best_measures["return"] >= 9
    same_measures(found.best_measures, found.best)
    before = found.history.column("best_return")[:-1]
    assert (before < 9).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_a_search_may_begin_at_its_target(compiled: bool) -> None:
    loss = episode if compiled else episode_in_python
    found = minimize(loss, X0, CLIMB, target_measures={"return": 8.0}, compiled=compiled)
    assert (found.evaluations, found.stopped_because) == (0, "target return reached")
    assert found.best_measures == found.history.last.best_measures == {"length": 1, "return": 8}


def test_what_reaches_a_target_is_kept_however_high_its_loss() -> None:
    def loss(x):
        return jnp.sum(x**2), {"far": jnp.max(jnp.abs(x))}

    found = minimize(
        loss, np.zeros(2), CLIMB, evaluations=400, seed=1,
        target_measures={"far": 0.2},
    )  # fmt: skip
    assert found.stopped_because == "target far reached"
    assert found.best_measures["far"] >= 0.2
    assert found.best_loss == pytest.approx(float(np.sum(found.best**2)))


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=pytest.mark.slow), False])
def test_with_minibatches_all_data_decide(compiled: bool) -> None:
    data = np.random.default_rng(0).normal(3, 2, 24).astype(np.float32)
    numpy = jnp if compiled else np

    def loss(x, batch):
        distance = numpy.mean((x - batch) ** 2)
        return distance, {"closeness": -distance}

    found = minimize(
        loss, 9.0, SNES(population=4), data=data, batch_size=4, evaluations=4000,
        target_measures={"closeness": -float(data.var()) - 0.5}, compiled=compiled,
    )  # fmt: skip
    assert found.stopped_because == "target closeness reached"
    exact = np.mean((np.asarray(found.best, float) - data) ** 2)
    assert -found.best_measures["closeness"] == pytest.approx(exact, rel=1e-5)
    assert found.best_measures["closeness"] == pytest.approx(-found.best_loss, rel=1e-6)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_measure_that_is_infinite_meets_no_target_that_nobody_gave(compiled: bool) -> None:
    def boundless(x):
        return (jnp if compiled else np).sum(x**2), {"ratio": math.inf}

    found = minimize(boundless, X0, CLIMB, evaluations=40, compiled=compiled)
    assert found.evaluations == 40
    assert found.best_measures == {"ratio": math.inf}


def test_an_accuracy_is_a_measure_like_others() -> None:
    assert Stop(accuracy=0.9).targets == Stop(measures={"accuracy": 0.9}).targets
    assert Stop(measures={"return": 1.0}).has_target
    assert Stop(measures={"return": 1.0}).ends
    assert hash(Stop(measures={"return": 1.0})) == hash(Stop())


# --- Runs -----------------------------------------------------------------------------------------


def test_a_run_gets_the_names_of_its_problem_and_goes_on_from_a_folder(tmp_path) -> None:
    problem, history = FunctionProblem.of(episode, X0), History()
    run = begin(CLIMB, X0, 3)
    assert run.best_measures == {}
    with Keeper(tmp_path, every=1e-9) as keeper:
        for record in train(problem, CLIMB, run, Stop(evaluations=100)):
            history.append(**record.rows)
            keeper.offer(record.run, history, dict)
    assert list(record.run.best_measures) == ["length", "return"]
    whole, rest = (
        list(train(problem, CLIMB, run, Stop(evaluations=200), resume_from=folder))[-1].run
        for folder in (None, tmp_path)
    )
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(rest), strict=True):
        assert tree.bits(one) == tree.bits(other)


def test_a_failed_call_in_python_has_no_measures() -> None:
    calls = iter(range(10**6))

    def loss(x):
        number = next(calls)
        if number == 5:
            raise RuntimeError("no such state")
        if number == 6:
            return 0.0, {"other": 1.0}
        return episode_in_python(x)

    problem = PythonProblem(loss, X0)
    assert problem.measures == ("length", "return")
    judged = problem.judge([np.tile(X0, (8, 1))], None)[0]
    assert np.flatnonzero(np.isnan(judged.loss)).tolist() == [4, 5]
    assert np.flatnonzero(np.isnan(judged.measures["return"])).tolist() == [4, 5]
    assert judged.measures["length"].dtype == np.float32
    assert judged.faults.raised == 2
    assert "the same measures each time, 'length', 'return', got 'other'" in judged.faults.error


# --- What cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loss", "differ from other columns"),
        ("best_return", "differ from other columns"),
        ("a,b", "leave out ','"),
        ("", "must be a text"),
        (3, "must be a text"),
    ],
)
def test_names_that_no_column_can_have_are_refused(name, message) -> None:
    for loss, compiled in ((lambda x: (x, {name: x}), True), (lambda x: (x, {name: x}), False)):
        with pytest.raises(InputError, match=message):
            minimize(loss, 1.0, compiled=compiled, evaluations=100)
    assert checked_measures(["b", "top-5 share", "a"]) == ("a", "b", "top-5 share")


@pytest.mark.parametrize("compiled", [True, False])
def test_measures_that_are_no_number_are_refused(compiled: bool) -> None:
    with pytest.raises(InputError, match=r"its measure 'x' .* got an array of shape \(2,\)"):
        minimize(lambda x: (x[0], {"x": x}), X0, compiled=compiled, evaluations=100)


def test_targets_of_what_is_not_measured_are_refused() -> None:
    with pytest.raises(InputError, match="unknown measure 'retrun'; did you mean 'return'"):
        minimize(episode, X0, CLIMB, target_measures={"retrun": 1.0})
    with pytest.raises(InputError, match="a target return needs a problem with measures"):
        minimize(lambda x: jnp.sum(x), X0, CLIMB, target_measures={"return": 1.0})
    with pytest.raises(InputError, match="a target return must be a number, got NaN"):
        Stop(measures={"return": math.nan})


def test_a_problem_that_says_other_names_than_it_has_is_refused() -> None:
    problem = dataclasses.replace(FunctionProblem.of(episode, X0), measures=("return",))
    run: Run = begin(CLIMB, X0, 0)
    with pytest.raises(InputError, match="measures that it names, 'return', got 'length', 'ret"):
        next(train(problem, CLIMB, run, Stop(evaluations=100)))


@pytest.mark.parametrize("target", [3, ["return"]])
def test_targets_that_have_no_names_are_refused(target) -> None:
    with pytest.raises(InputError, match=r"target_measures must be a dict .* got"):
        minimize(episode, X0, CLIMB, target_measures=target)
