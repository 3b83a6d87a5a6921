"""Observers hear of the beginning, every record and the end of a run, and may end it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from gradless import objectives
from gradless._core.errors import InputError
from gradless.problems.function import FunctionProblem
from gradless.strategies import CMAES, RandomSearch
from gradless.training import loop
from gradless.training.history import History
from gradless.training.loop import begin
from gradless.training.observers import (
    CALLBACK,
    Callback,
    Observer,
    Recorder,
    RunInfo,
    checked,
    watching,
)
from gradless.training.records import Record, Stop
from helpers.records import record

START = np.ones(2, np.float32)
INFO = RunInfo(RandomSearch(population=8), Stop(evaluations=80))


class Diary(Observer):
    """Writes down what it hears."""

    def __init__(self, wish: str | None = None, fails_at: str | None = None) -> None:
        self.heard: list[object] = []
        self.wish, self.fails_at = wish, fails_at

    def hear(self, what: str, *more: object) -> None:
        if what == self.fails_at:
            raise OSError(what)
        self.heard.append((what, *more))

    def begin(self, info: RunInfo) -> None:
        self.hear("begin", info)

    def record(self, record: Record) -> str | None:
        self.hear("record", int(record.generation[-1]))
        return self.wish

    def end(self, reason: str | None) -> None:
        self.hear("end", reason)


def test_all_hear_all_and_why_it_ended():
    first, second = Diary(), Diary()
    with watching([first, second], INFO) as tell:
        assert tell(record(1)) is None
        assert tell(record(2, "time used up")) == "time used up"
    assert first.heard == second.heard
    assert first.heard == [
        ("begin", INFO), ("record", 1), ("record", 2), ("end", "time used up"),
    ]  # fmt: skip


def test_one_with_a_reason_ends_a_run_and_the_runs_own_reason_comes_first():
    first, second, third = Diary(), Diary("enough"), Diary("more than enough")
    with watching([first, second, third], INFO) as tell:
        assert tell(record(1)) == "enough"
        assert third.heard[-1] == ("record", 1)  # all see the record that ends it
        assert tell(record(2, "time used up")) == "time used up"
    with watching([first, second], INFO) as tell:
        tell(record(3))
    assert first.heard[-1] == ("end", "enough")


def test_an_exception_ends_those_that_began_without_a_reason():
    first, second, third = Diary(), Diary(fails_at="begin"), Diary()
    with pytest.raises(OSError, match="begin"), watching([first, second, third], INFO):
        pass
    assert [each.heard[1:] for each in (first, second, third)] == [[("end", None)], [], []]
    first, second = Diary(fails_at="end"), Diary(fails_at="record")
    with pytest.raises(OSError, match="end"), watching([second, first], INFO) as tell:
        tell(record(1))
    assert second.heard == [("begin", INFO), ("end", None)]


def test_a_class_that_inherits_defines_what_it_needs():
    class Silent(Observer):
        pass

    with watching([Silent()], INFO) as tell:
        assert tell(record(1)) is None


def test_a_recorder_fills_a_history():
    history = History()
    with watching([Recorder(history)], INFO) as tell:
        tell(record(1, rows=3))
        tell(record(4))
    assert history.column("evaluations").tolist() == [8, 16, 24, 32]


def test_a_record_of_nothing_is_not_told_but_its_reason_is():
    diary = Diary()
    with watching([diary], INFO) as tell:
        assert tell(record(1, rows=0)) is None
        assert tell(record(1, "time used up", rows=0)) == "time used up"
    assert diary.heard == [("begin", INFO), ("end", "time used up")]


def test_a_callback_ends_a_run_by_true():
    seen: list[Record] = []
    ends = Callback(lambda record: seen.append(record) or len(seen) == 2)
    with watching([ends], INFO) as tell:
        assert tell(record(1)) is None
        assert tell(record(2)) == CALLBACK
    assert [int(each.generation[0]) for each in seen] == [1, 2]


@pytest.mark.parametrize(
    ("given", "shown"),
    [([Diary], "Diary"), (Diary(), "Diary object"), ([print], "built-in function print"), (3, "3")],
)
def test_what_observes_nothing_is_refused(given, shown):
    with pytest.raises(InputError, match="observers must be a list of objects with begin") as error:
        checked(given)
    assert shown in str(error.value)


def test_hyperparameters_are_plain_values():
    info = RunInfo(
        CMAES(sigma=0.5), Stop(evaluations=80, loss=0.1), objectives.get("f1"),
        settings={"seed": 3, "hidden": (64, 64), "target": None},
    )  # fmt: skip
    expected = {
        "strategy": "cma_es", "strategy.sigma": 0.5, "stop.evaluations": 80, "stop.loss": 0.1,
        "objective": "f1", "seed": 3, "hidden": "(64, 64)",
    }  # fmt: skip
    assert expected.items() <= info.hyperparameters.items()
    assert "target" not in info.hyperparameters
    long = RunInfo(CMAES(), Stop(), settings={"scale": list(range(1000))})
    assert len(long.hyperparameters["scale"]) == 250
    assert "stop.seconds" not in info.hyperparameters


def squares(vector):
    return jnp.sum(vector**2)


@pytest.fixture(scope="module")
def search():
    problem, strategy = FunctionProblem.of(squares, START), INFO.strategy
    return problem, strategy, begin(strategy, START, 0)


def test_train_tells_what_it_yields(search):
    diary, history = Diary(), History()
    records = list(loop.train(*search, INFO.stop, observers=[diary, Recorder(history)]))
    assert diary.heard[0] == ("begin", RunInfo(search[1], INFO.stop))
    told = [("record", int(each.generation[-1])) for each in records]
    assert diary.heard[1:] == [*told, ("end", "evaluations used up")]
    assert history.last.evaluations == 80


def test_an_observer_ends_train_at_once_and_changes_nothing_else(search):
    whole = list(loop.train(*search, INFO.stop))
    ended = list(loop.train(*search, INFO.stop, observers=[Diary("enough")]))
    assert len(ended) == 1
    assert ended[0].stopped_because == "enough"
    np.testing.assert_array_equal(ended[0].loss, whole[0].loss)


def test_a_reader_that_leaves_ends_the_observers(search):
    diary = Diary()
    for _ in loop.train(*search, INFO.stop, observers=[diary]):
        break
    assert diary.heard[-1] == ("end", None)
