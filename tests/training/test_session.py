"""A session with two phases is the same however it is cut, and ends with what it should."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from gradless import objectives
from gradless._core.errors import InputError
from gradless.models import first_weights
from gradless.models.mlp import MLP
from gradless.problems.contract import Score
from gradless.problems.function import FunctionProblem
from gradless.strategies import get
from gradless.training import checkpoint
from gradless.training.answer import Judged, answer
from gradless.training.keeping import Keeping
from gradless.training.learning import First, Kind, Learning, planned_first
from gradless.training.observers import Observer
from gradless.training.plan import FIRST, MAIN, Phase, Plan
from gradless.training.records import Stop
from gradless.training.samples import Samples, filled, filled_to_powers
from gradless.training.session import Session

STRATEGY = get("hill_climbing")
MODEL = MLP((2, 3, 2))
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(80, 2))
TARGETS = (INPUTS @ [1.0, 2.0] + RNG.normal(0, 0.7, 80) > 0.8).astype(int)


def plan(evaluations=600, objective="f1", **changes):
    rows = np.arange(80) % 4 > 0
    samples = Samples(INPUTS, TARGETS, np.ones(80))
    learning = Learning(
        Kind("classification", MODEL, objectives.get(objective)),
        samples.at(np.flatnonzero(rows)),
        samples.at(np.flatnonzero(~rows)),
        Stop(evaluations),
        seed=3,
        strategy=STRATEGY,
        first=True,
        size=filled,
    )
    learning = dataclasses.replace(learning, **changes)
    return learning.plan(first_weights.drawn(MODEL, 3))


def bits(params):
    return [leaf.tobytes() for layer in params for leaf in layer]


class Heard(Observer):
    """What observers are told."""

    def __init__(self):
        self.phases, self.evaluations, self.told = [], [], []

    def begin(self, info):
        self.phases.append(info.objective.name)
        self.told.append(info.hyperparameters)

    def record(self, record):
        self.evaluations += record.evaluations.tolist()

    def end(self, reason):
        self.phases.append(reason)


@pytest.fixture(scope="module")
def whole():
    heard = Heard()
    session = Session(plan(), [heard])
    return session, session.train(), heard


def test_observers_hear_of_both_phases_as_of_one_run(whole):
    session, _, heard = whole
    used = "evaluations used up"
    assert heard.phases == ["log loss", "f1", used]
    first, second = heard.told
    assert first.items() >= second.items() - {("stop.evaluations", 300)}
    assert first["stop.evaluations"] == 600
    assert (first["first.objective"], first["first.stop.evaluations"]) == ("log loss", 300)
    assert heard.evaluations == list(range(1, 601))
    assert session.evaluations == 600
    assert session.history.column("evaluations")[0] == 301
    assert [look.evaluations for look in session.validation.looks] == [500]


def test_the_network_is_the_best_one_on_the_rows_held_out(whole):
    session, trained, _ = whole
    assert trained.chosen
    held_out = session.plan.held_out
    assert session.validation.best.loss == float(held_out.score_all(trained.params).loss)
    assert trained.loss == float(session.plan.main.problem.score_all(trained.params).loss)


@pytest.mark.parametrize("cut", [1, 20, 301, 330])
def test_a_session_that_was_interrupted_ends_with_the_same_bits(whole, tmp_path, cut):
    looked = []

    def asked():  # before the chunk that would be too far
        looked.append(first.evaluations)
        return "interrupted" if first.evaluations >= cut else None

    first = Session(plan(), asked_to_stop=asked, keeping=Keeping(tmp_path, 1e9))
    ended = first.train()
    assert ended.stopped_because == "interrupted"
    assert first.phase == (FIRST if first.evaluations <= 300 else MAIN)
    assert np.isfinite(ended.loss)
    assert first.history.last.evaluations == first.evaluations
    again = Session(plan(), keeping=Keeping(tmp_path, 1e9))
    again.restore(checkpoint.newest(tmp_path, again.like))
    assert again.evaluations == first.evaluations
    trained = again.train()
    session, expected, _ = whole
    assert bits(trained.params) == bits(expected.params)
    assert again.evaluations == 600
    assert again.history.column("loss").tobytes() == session.history.column("loss").tobytes()
    assert again.validation.looks == session.validation.looks


def test_a_checkpoint_that_does_not_say_how_far_it_is_is_refused(tmp_path):
    session = Session(plan(), keeping=Keeping(tmp_path, 1e9))
    session.train()
    saved = checkpoint.newest(tmp_path, session.like)
    for change in ({"phase": 2}, {"phase": None}, {"spent": {"more": 1}}, {"not_finite": "0"}):
        with pytest.raises((KeyError, TypeError)):
            Session(plan()).restore(saved._replace(about={**saved.about, **change}))


@pytest.mark.slow
def test_without_rows_held_out_a_metric_that_counts_has_the_center():
    of_f1 = Session(plan(held_out=None, strategy=get("openai_es", population=16)))
    trained = of_f1.train()
    center = of_f1.plan.main.strategy.center(of_f1.run.state)
    assert bits(trained.params) == bits([[np.asarray(leaf) for leaf in layer] for layer in center])
    best = Session(plan(held_out=None, first=None, objective="cross_entropy"))
    assert best.train().loss == float(best.run.best_loss)
    reached = Session(plan(held_out=None, stop=Stop(600, loss=-0.5)))
    trained = reached.train()
    assert trained.stopped_because == "target loss reached"
    assert trained.loss == float(reached.run.best_loss) <= -0.5


def test_a_function_on_minibatches_has_the_better_of_best_and_center_and_what_was_given():
    def distance(x, batch):
        return jnp.mean((x - batch) ** 2)

    data = np.random.default_rng(0).normal(5, 3, 30)
    problem = FunctionProblem.of(distance, np.float32(9), data, 5)
    phase = Phase(problem, STRATEGY, Stop(100))
    given = Plan(phase, np.float32(9), 0, goes_on=True, judges_alike=True)
    session = Session(given)
    session.train()
    found = session.found
    best, center = found.best, found.center
    assert best.loss == pytest.approx(float(distance(best.params, data)), rel=1e-5)
    assert answer(given, MAIN, found, None, compared=False).judged is best
    found.center = center._replace(score=Score(best.loss + 1, {}))
    assert answer(given, MAIN, found, None, compared=False).judged is best
    alone = dataclasses.replace(given, judges_alike=False)
    assert answer(alone, MAIN, found, None, compared=False).judged is found.center
    found.start = Judged(np.float32(1), best.score)  # as good: nothing was learnt
    assert answer(given, MAIN, found, None, compared=True).judged is found.start
    found.has_reached = True  # a measure's target, whatever the loss
    found.start = Judged(np.float32(1), Score(-1.0, {}))
    assert answer(given, MAIN, found, None, compared=True).judged is best


def test_a_first_phase_has_half_of_the_budget_if_that_is_enough_for_both():
    kind = Kind("classification", MODEL, objectives.get("f1"))
    params = first_weights.drawn(MODEL, 0)
    problem = plan().main.problem
    snes = get("snes", population=40)
    assert planned_first(kind, problem, params, Stop(100), snes) == First(snes, Stop(50))
    assert planned_first(kind, problem, params, Stop(79), snes) is None
    found = planned_first(kind, problem, params, Stop(seconds=3.0, stagnation=50, loss=-1.0), None)
    assert found.stop == Stop(seconds=1.5, stagnation=50)
    assert kind.begins_with_log_loss(None)
    assert not kind.begins_with_log_loss(False)
    smooth = dataclasses.replace(kind, objective=objectives.get("cross_entropy"))
    assert not smooth.begins_with_log_loss(None)
    assert smooth.begins_with_log_loss(True)
    assert not dataclasses.replace(kind, task="regression").begins_with_log_loss(True)


def test_a_budget_below_a_generation_is_refused():
    with pytest.raises(InputError, match="generation"):
        Session(plan(3, first=None, strategy=get("snes", population=40))).train()


def test_sizes_are_few_and_not_far_above():
    sizes = [filled(n) for n in range(1, 20_000)]
    assert all(n <= size for n, size in enumerate(sizes, 1))
    assert len(set(sizes)) < 150
    assert all(size <= 1.125 * n + 1 for n, size in enumerate(sizes, 1) if n >= 64)
    assert all(size <= 1.04 * n for n, size in enumerate(sizes, 1) if n > 4096)
    assert [filled_to_powers(n) for n in (3, 65, 200)] == [64, 128, 256]
