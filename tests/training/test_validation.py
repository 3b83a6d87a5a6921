import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.problems.function import FunctionProblem
from gradless.strategies import get
from gradless.training.loop import Record, Stop, begin, train
from gradless.training.validation import (
    VALIDATED,
    GrowingLooks,
    Look,
    Validation,
    answers,
    looks_of,
    watched,
)


def schedule(plan, end):
    return list(itertools.takewhile(lambda g: g <= end, itertools.accumulate(
        itertools.repeat(0), lambda number, _: plan.following(number)
    )))[1:]  # fmt: skip


def test_looks_grow_with_the_run_and_do_not_depend_on_a_budget():
    assert schedule(GrowingLooks(200), 24) == [*range(1, 21), 22, 24]
    assert schedule(GrowingLooks(1), 2500) == [*range(200, 2001, 200), 2200, 2420]
    assert len(schedule(GrowingLooks(100), 10**7)) < 200


def test_a_run_ends_at_three_times_its_best_network_but_not_soon():
    plan = GrowingLooks(1000)
    assert not plan.is_over(20, 1)
    assert plan.is_over(21, 1)  # 20 generations more, of 1,000 evaluations
    assert not plan.is_over(299, 100)
    assert plan.is_over(300, 100)
    slow = GrowingLooks(10)
    assert not slow.is_over(509, 10)
    assert slow.is_over(510, 10)  # 5,000 evaluations more


class EvenLooks(NamedTuple):
    """After every so many generations, of which the patience is a number."""

    every: int
    patience: float
    per_generation: int = 10

    def following(self, generation):
        return generation + self.every

    def is_over(self, generation, best):
        return generation - best >= self.patience * self.every


class Still:
    """A run of which nothing but the generation matters."""

    def __init__(self, generation):
        self.generation = generation


def validation_of(losses, plan=None):
    """The network after generation g is the vector (g,), and its loss that of the list."""
    return Validation(
        plan or EvenLooks(1, 3),
        lambda vector: losses[int(vector[0]) - 1],
        lambda run: [np.array([run.generation], np.float32)],
    )


def seen(validation, first, last, reason=None):
    """Show it the ends of generations; the one at which it says that it is enough, if it does."""
    for generation in range(first, last + 1):
        validation.pause_after(generation - 1)
        nothing = np.zeros(0)
        record = Record(
            *[nothing] * 7, 0, 0.0, Still(generation), reason if generation == last else None
        )  # type: ignore[arg-type]
        if validation.look(record):
            return generation
    return None


def test_the_first_of_the_best_networks_is_kept():
    losses = [4.0, np.nan, 2.0, 3.0, 2.0, np.inf, 1.0]
    validation = validation_of(losses)
    assert seen(validation, 1, 7) == 6  # three looks after the third
    assert validation.best == Look(3, 2.0, 30)
    assert validation.network.tolist() == [3.0]
    assert [look.loss for look in validation.looks] == [4, np.inf, 2, 3, 2, np.inf]


def test_nothing_is_kept_if_no_loss_was_finite():
    validation = validation_of([np.nan] * 9)
    assert seen(validation, 1, 9) == 4
    assert validation.best is None
    assert validation.network is None


def test_a_look_at_the_end_is_for_the_result_alone():
    validation = validation_of([3.0, 2.0, 1.0, 0.5], EvenLooks(2, 3))
    assert seen(validation, 1, 3, "time used up") is None
    assert validation.best == Look(3, 1.0, 30)
    assert validation.network.tolist() == [3.0]
    assert validation.kept.tolist() == [2.0]  # what a checkpoint holds
    assert validation.described()["looks"] == [(2, 2.0)]
    again = validation_of([3.0, 2.0, 1.0, 0.5], EvenLooks(2, 3))
    again.restore(validation.described(), validation.kept)
    seen(again, 4, 4)
    assert again.looks == [Look(2, 2.0, 20), Look(4, 0.5, 40)]


def test_looks_are_read_as_they_were_written():
    validation = validation_of([0.1, np.inf, 1 / 3])
    seen(validation, 1, 3)
    assert looks_of(validation.csv()) == validation.looks
    with pytest.raises(InputError, match="damaged"):
        looks_of("generation,evaluations,loss\n1,2\n")


# --- In the loop ----------------------------------------------------------------------------------


def sphere(x):
    return jnp.sum((x - 1.0) ** 2)


START = np.zeros(4, np.float32)
PROBLEM = FunctionProblem.of(sphere, START)
STRATEGY = get("openai_es", population=16)


def observer():
    """Its loss is lowest on the way to the minimum."""
    return Validation(
        GrowingLooks(17), lambda x: float(np.sum((x - 0.5) ** 2)), answers(STRATEGY, False)
    )


def watch(stop, run=None, validation=None):
    """Records of a run, and what judged it."""
    validation = validation or observer()
    run = begin(STRATEGY, START, 0) if run is None else run
    return list(watched(PROBLEM, STRATEGY, run, stop, validation)), validation


@pytest.fixture(scope="module")
def whole():
    return watch(Stop(evaluations=100_000))


def test_training_ends_when_samples_held_out_show_no_improvement(whole):
    records, validation = whole
    assert records[-1].stopped_because == VALIDATED
    assert [record.stopped_because for record in records[:-1]] == [None] * (len(records) - 1)
    end, best = int(records[-1].run.generation), validation.best.generation
    assert validation.plan.is_over(end, best)
    assert not validation.plan.is_over(validation.looks[-2].generation, best)
    assert [look.generation for look in validation.looks] == schedule(GrowingLooks(17), end)
    np.testing.assert_allclose(validation.network, 0.5, atol=0.2)


@pytest.mark.parametrize("cut", [1, 150, 600])
def test_an_interrupted_run_keeps_the_same_network(whole, cut):
    first, before = watch(Stop(evaluations=17 * cut))
    after = observer()
    after.restore(before.described(), before.kept)
    records, after = watch(Stop(evaluations=100_000), first[-1].run, validation=after)
    assert after.looks == whole[1].looks
    assert after.network.tobytes() == whole[1].network.tobytes()
    assert records[-1].run.best.tobytes() == whole[0][-1].run.best.tobytes()


def test_a_run_that_had_ended_makes_no_other_generation(whole):
    records, validation = whole
    again, _ = watch(Stop(evaluations=100_000), records[-1].run, validation=validation)
    assert [record.stopped_because for record in again] == [VALIDATED]
    assert int(again[-1].run.generation) == int(records[-1].run.generation)


def test_pauses_change_nothing_but_the_records():
    plain = list(train(PROBLEM, STRATEGY, begin(STRATEGY, START, 0), Stop(evaluations=1700)))
    paused = list(train(
        PROBLEM, STRATEGY, begin(STRATEGY, START, 0), Stop(evaluations=1700),
        pauses=lambda done: done + 7,
    ))  # fmt: skip
    ends = [int(record.run.generation) for record in paused]
    assert all(b - a <= 7 for a, b in itertools.pairwise([0, *ends]))
    assert plain[-1].run.best.tobytes() == paused[-1].run.best.tobytes()
    losses = [np.concatenate([record.loss for record in each]) for each in (plain, paused)]
    np.testing.assert_array_equal(*losses)


def test_evaluations_of_phases_before_count():
    validation = validation_of([3.0, 2.0])
    validation.before = 500
    seen(validation, 1, 2)
    assert [look.evaluations for look in validation.looks] == [510, 520]
    again = validation_of([3.0, 2.0])
    again.before = 500
    again.restore(validation.described(), validation.kept)
    assert again.looks == validation.looks


def test_the_answers_of_a_search():
    run = begin(STRATEGY, START, 0)
    assert len(answers(STRATEGY, False)(run)) == 2  # the center is none of the candidates
    (center,) = answers(STRATEGY, True)(run)
    np.testing.assert_array_equal(center, START)
    (best,) = answers(get("hill_climbing"), False)(run)
    np.testing.assert_array_equal(best, START)
    lost = run._replace(state=jax.tree.map(lambda x: x * np.nan, run.state))
    (best,) = answers(STRATEGY, True)(lost)
    np.testing.assert_array_equal(best, START)
