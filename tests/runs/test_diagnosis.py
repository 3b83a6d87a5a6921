"""A stalled run is recognised by its kind, and a healthy one is left in peace."""

import math
import re
import shlex

import jax
import numpy as np
import pytest

from gradless import strategies
from gradless.objectives import get
from gradless.runs import diagnosis
from gradless.runs.diagnosis import Finding, diagnose
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.strategies import CMAES, HillClimbing, OpenAIES, RandomSearch
from gradless.strategies.wrappers import BestSoFar
from gradless.training.history import History
from gradless.training.loop import Stop, train

ROWS = 400
NOISE = np.random.default_rng(0).normal(size=ROWS)
TIME = np.arange(ROWS) / ROWS
PARAMS = [np.ones(shape, np.float32) for shape in ((2, 3), (3,), (3, 3), (3,))]
KINDS = ("divergence", "flat", "noise", "collapse", "plateau")


def history_of(loss, best_loss=None, accuracy=math.nan) -> History:
    """A run of 100 evaluations in a generation."""
    loss = np.broadcast_to(np.asarray(loss, float), (ROWS,))
    best = np.fmin.accumulate(loss) if best_loss is None else np.broadcast_to(best_loss, (ROWS,))
    generation = 1 + np.arange(ROWS)
    history = History()
    history.append(
        generation=generation,
        evaluations=100 * generation,
        seconds=0.01 * generation,
        loss=loss,
        accuracy=np.full(ROWS, accuracy),
        best_loss=best,
        best_accuracy=np.full(ROWS, accuracy),
    )
    return history


@jax.jit
def first_state(strategy):
    return strategy.init(jax.random.key(0), PARAMS)


def diagnosed(history, strategy=None, *, uses_minibatches=False, **arguments) -> Finding | None:
    """What is found at the strategy's first state."""
    strategy = strategy or OpenAIES()
    state = first_state(strategy)
    return diagnose(history, strategy, state, uses_minibatches=uses_minibatches, **arguments)


def trained(stop: Stop, **recipe) -> Finding | None:
    """What is found after a real run."""
    prepared = prepare(Recipe(**recipe))
    history, not_finite = History(), 0
    for record in train(prepared.problem, prepared.strategy, prepared.begin(), stop):
        history.append(**record.rows)
        not_finite += record.not_finite
    return diagnose(
        history,
        prepared.strategy,
        record.run.state,
        uses_minibatches=prepared.problem.uses_minibatches,
        not_finite=not_finite,
        stopped_because=record.stopped_because,
    )


HEALTHY = {
    "straight": 1 - 0.5 * TIME,
    "exponential": 0.01 + np.exp(-5 * TIME),
    "slow": 1.1 - 0.02 * TIME,
    "noisy": 1 - 0.5 * TIME + 0.2 * NOISE,
    "negative": -TIME,
    "a step after a long plateau": np.where(TIME < 0.7, 1.0, 0.5),
    "a short plateau at the end": np.maximum(1 - TIME, 0.4),
    "a few losses not finite": np.where(np.arange(ROWS) % 50 == 49, math.inf, 1 - 0.5 * TIME),
}


@pytest.mark.parametrize("uses_minibatches", [False, True])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_run_that_still_improves_is_no_finding(name, uses_minibatches) -> None:
    history = history_of(HEALTHY[name])
    if name == "a short plateau at the end" and uses_minibatches:
        history = history_of(HEALTHY[name] + 0.01 * NOISE * (1 - TIME))
    assert diagnosed(history, uses_minibatches=uses_minibatches) is None
    if not uses_minibatches:
        assert diagnosed(history, HillClimbing()) is None


def test_a_run_that_is_done_is_no_finding() -> None:
    loss = np.maximum(1e-7, np.exp(-100 * TIME))
    assert diagnosed(history_of(loss)) is None  # solved
    stuck = 0.1 + np.exp(-100 * TIME)
    assert diagnosed(history_of(stuck)) is not None
    assert diagnosed(history_of(stuck, accuracy=1.0)) is None
    # A batch of which all are right says little.
    assert diagnosed(history_of(stuck, accuracy=1.0), uses_minibatches=True) is not None
    for reached in ("target loss reached", "target accuracy reached"):
        assert diagnosed(history_of(stuck), stopped_because=reached) is None


def test_findings_speak_of_the_objective_by_name_and_direction() -> None:
    best = np.maximum(-0.8, -0.5 - 3 * TIME)  # f1 rises to 0.8 and stays there
    found = diagnosed(history_of(np.minimum(best, -0.5)), HillClimbing(), objective=get("f1"))
    assert found.kind == "plateau"
    assert "the best f1 hardly rose" in found.seen
    assert found.seen.endswith("and is 0.8000")
    flat = diagnosed(history_of(-0.25), objective=get("f1"))
    assert flat.seen.startswith("the f1 was 0.2500 all the time")
    fallen = np.where(TIME < 0.3, -0.5 - TIME, -0.1)
    diverged = diagnosed(history_of(fallen), objective=get("f1"))
    assert "the center's f1 was about 0.1" in diverged.seen
    assert "below the 0.5000 at the start, though 0.7975" in diverged.seen
    as_loss = diagnosed(history_of(0.1 + np.exp(-100 * TIME)), objective=get("squared_error"))
    assert "the best loss hardly fell during" in as_loss.seen


def test_an_objective_at_its_best_is_no_finding() -> None:
    best = np.maximum(-1, -0.5 - 3 * TIME)
    assert diagnosed(history_of(best, accuracy=0.9), objective=get("roc_auc")) is None
    assert diagnosed(history_of(best, accuracy=0.9)) is not None


def test_a_run_too_short_to_tell_is_no_finding() -> None:
    history = History()
    assert diagnosed(history) is None
    for generation in range(1, 10):
        history.append(
            generation=generation,
            evaluations=generation,
            seconds=0,
            loss=1,
            best_loss=1,
        )
    assert diagnosed(history) is None


def test_divergence_when_the_center_is_worse_than_at_the_start() -> None:
    found = diagnosed(history_of(1 + 10 * TIME))
    assert found == Finding(
        "divergence",
        "the center's loss was about 9.738 in the last quarter of the run, above the 1.000 at "
        "the start",
        "with --strategy openai_es, a smaller --learning-rate 0.005",
    )
    risen = 1 + np.abs(TIME - 0.2)
    found = diagnosed(history_of(np.where(TIME < 0.2, 1 - 4 * TIME, 3 * risen)))
    assert found is not None
    assert found.kind == "divergence"
    assert "though 0.21" in found.seen
    assert diagnosed(history_of(1 + 10 * TIME), uses_minibatches=True).kind == "divergence"
    # Where the center is the best candidate, those around it may be any worse.
    assert diagnosed(history_of(1 + 10 * TIME), HillClimbing()).kind == "plateau"


def test_divergence_when_losses_are_not_finite() -> None:
    found = diagnosed(history_of(1 - 0.5 * TIME), not_finite=50 * ROWS)
    assert found is not None
    assert found.kind == "divergence"
    assert found.seen == "50.0% of the losses were not finite"
    assert diagnosed(history_of(1 - 0.5 * TIME), not_finite=ROWS) is None
    assert "no network" in diagnosed(history_of(math.inf, math.inf)).seen
    lost = np.where(TIME < 0.5, 1 - TIME, math.nan)
    assert "was not finite" in diagnosed(history_of(lost)).seen


def test_flat_when_nothing_makes_a_difference() -> None:
    found = diagnosed(history_of(0.6233))
    assert found is not None
    assert found.kind == "flat"
    assert found.seen.startswith("the loss was 0.6233 all the time")
    assert found.advice.endswith("a larger --sigma 1")


@pytest.mark.parametrize("level", [1.0, -1.0])
def test_noise_when_losses_jump_and_lead_nowhere(level) -> None:
    found = diagnosed(history_of(level + 0.2 * NOISE), uses_minibatches=True)
    assert found is not None
    assert found.kind == "noise"
    jump = float(re.search(r"jump by about ([\d.]+)", found.seen)[1])
    assert jump == pytest.approx(0.2, rel=0.2)
    assert found.advice == (
        "a larger --batch-size; or, with --strategy openai_es, a smaller --learning-rate 0.015 or "
        "a larger --population 256"
    )
    # Steps that are too large do the same, in the center's losses.
    found = diagnosed(history_of(level + 0.2 * np.abs(NOISE), level))
    assert found.kind == "noise"
    assert found.advice.startswith("with --strategy openai_es, a smaller --learning-rate")
    assert diagnosed(history_of(level + 0.2 * np.abs(NOISE), level), HillClimbing()).kind != "noise"


def test_collapse_when_candidates_hardly_differ() -> None:
    stuck = history_of(0.1728 + np.exp(-100 * TIME))
    for strategy, shrunk in [
        (CMAES(), {"normal": first_state(CMAES()).normal._replace(sigma=1e-6)}),
        (HillClimbing(adapt=True), {"proposals": np.uint32(1000)}),
    ]:
        state = first_state(strategy)
        assert diagnose(stuck, strategy, state, uses_minibatches=False).kind == "plateau"
        small = state._replace(**shrunk)
        found = diagnose(stuck, strategy, small, uses_minibatches=False)
        assert found.kind == "collapse"
        assert "the steps have become tiny" in found.seen
        assert "the best loss hardly fell during the last" in found.seen
        healthy = history_of(1 - 0.5 * TIME)
        assert diagnose(healthy, strategy, small, uses_minibatches=False) is None


def test_plateau_says_how_long_and_how_much() -> None:
    loss = np.where(TIME < 0.25, 1 - TIME, 0.1729 - 0.0001 * TIME)
    assert diagnosed(history_of(loss)) == Finding(
        "plateau",
        "the best loss hardly fell during the last 74 % of the run (29,900 "
        "evaluations), from 0.1729 to 0.1728",
        "another --seed or more neurons with --hidden; or, with --strategy openai_es, a larger "
        "--sigma 0.2 or a larger --population 256",
    )
    wrapped = diagnosed(history_of(loss), BestSoFar(CMAES()))
    assert "with --strategy cma_es, a larger --sigma 0.6" in wrapped.advice
    assert diagnosed(history_of(loss), RandomSearch()).advice.startswith("--strategy openai_es")


@pytest.mark.parametrize("uses_minibatches", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", strategies.STRATEGIES)
def test_the_strategy_takes_what_is_advised(name, kind, uses_minibatches) -> None:
    strategy = strategies.get(name)
    advice = diagnosis._finding(kind, "", strategy, uses_minibatches).advice
    # Only strategies of which the center is evaluated are noisy without minibatches.
    silent = kind == "noise" and not uses_minibatches and not strategy.samples_around_center
    assert advice or silent
    own = advice.partition(f"with --strategy {name}, ")[2]
    words = shlex.split(own.replace(",", " "))
    for option, value in zip(words, [*words[1:], ""], strict=False):
        if not option.startswith("--"):
            continue
        field = option.removeprefix("--no-").removeprefix("--").replace("-", "_")
        before = getattr(strategy, field)
        if isinstance(before, bool):
            changed = not option.startswith("--no-")
        else:
            changed = value if isinstance(before, str) else type(before)(value)
        assert changed != before
        strategies.get(name, **{field: changed})


@pytest.mark.parametrize(
    ("kind", "evaluations", "recipe"),
    [
        (None, 6_000, {"seed": 3}),
        ("plateau", 60_000, {"seed": 2}),
        ("divergence", 60_000, {"hyperparameters": {"learning_rate": 20.0}}),
        ("noise", 60_000, {"batch_size": 8}),
    ],
)
def test_real_runs(kind, evaluations, recipe) -> None:
    stop = Stop(evaluations=evaluations)
    found = trained(stop, data="vertical", hidden=(3,), strategy="openai_es", **recipe)
    assert (found and found.kind) == kind, found


@pytest.mark.parametrize("constant", [0.0, 8.0, 64.0])
def test_a_plateau_does_not_depend_on_a_constant_added_to_the_loss(constant) -> None:
    # In steps of 2**-10, so that nothing rounds; the fall ends after 30 % of the run.
    best = np.maximum(np.round(1024 * (1 - 3 * TIME)) / 1024, 0.125)
    found = diagnosed(history_of(best + constant), HillClimbing())
    assert found.kind == "plateau"
    assert "during the last 70 % of the run" in found.seen
    creeping = np.round(1024 * (1 - 0.125 * TIME)) / 1024
    assert diagnosed(history_of(creeping + constant), HillClimbing()) is None
