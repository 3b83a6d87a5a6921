"""Comparisons are those of the runs that gradless train makes, at budgets that all of them had."""

import dataclasses
import math
from dataclasses import asdict

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from gradless._core.errors import InputError
from gradless.runs.comparison import files
from gradless.runs.comparison.contest import Contest, Plan
from gradless.runs.comparison.entrants import entrant, entrants, named
from gradless.runs.comparison.one_run import OneRun
from gradless.runs.comparison.outcomes import Quartiles, Target, quartiles
from gradless.runs.comparison.summary import Difference, difference
from gradless.runs.comparison.tasks import RecipeTask
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.strategies import CMAES, STRATEGIES, HillClimbing, OpenAIES
from gradless.training import gradient_descent, loop, sessions
from gradless.training.generation import advance
from gradless.training.gradient_descent import NAME, Adam
from gradless.training.history import History
from gradless.training.records import Stop
from gradless.training.regularized_session import RegularizedSession
from gradless.training.validation import VALIDATED
from helpers.comparisons import NAMES, RECIPE, curve, finished, plan, small


@pytest.fixture(scope="module")
def compared() -> Contest:
    return small()


@pytest.fixture(scope="module")
def histories() -> dict[tuple[str, int], History]:
    """The same runs by the loop itself."""
    runs = {}
    for name in NAMES:
        for seed in range(3):
            prepared = prepare(dataclasses.replace(RECIPE, strategy=name, seed=seed))
            history = runs[name, seed] = History(10_000)
            stop = Stop(evaluations=2100)
            for record in loop.train(prepared.problem, prepared.strategy, prepared.begin(), stop):
                history.append(**record.rows)
    return runs


# --- Runs -----------------------------------------------------------------------------------------


def test_every_strategy_runs_under_every_seed(compared):
    pairs = {(run.name, run.seed) for run in compared.outcomes}
    assert pairs == {(name, seed) for name in (*NAMES, NAME) for seed in range(3)}
    assert len(compared.outcomes) == compared.plan.runs == 9
    # Seeds are the outer loop.
    assert [run.seed for run in compared.outcomes] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_runs_are_those_of_the_loop(compared, histories):
    for run in compared.outcomes:
        if run.name == NAME:
            continue
        history = histories[run.name, run.seed]
        assert run.evaluations == history.last.evaluations
        assert run.loss == run.best_loss == history.last.best_loss
        assert run.accuracy == history.last.best_measures["accuracy"]
        marks = history.column("evaluations")
        np.testing.assert_array_equal(
            run.curve.at("evaluations", marks), history.column("best_loss")
        )


@pytest.mark.parametrize(
    ("objective", "given", "evaluations"),
    [
        (None, HillClimbing(sigma=0.2), 1200),
        pytest.param("f1_macro", HillClimbing(sigma=0.2), 1200, marks=pytest.mark.slow),
        pytest.param("f1_macro", "auto", 1200, marks=pytest.mark.slow),
        pytest.param(None, "auto", 20_000, marks=pytest.mark.slow),  # a fit with a penalty
    ],
)
def test_a_run_is_that_of_train_and_test_rows_judge_it(objective, given, evaluations, monkeypatch):
    """With rows held out and, for what counts rows, a first phase on log loss."""
    recipe = Recipe("iris", hidden=(2,), validation=None, objective=objective)
    kept, judge = [], OneRun._outcome

    def judged(self, trial, params, *more):
        kept.append(params)
        return judge(self, trial, params, *more)

    monkeypatch.setattr(OneRun, "_outcome", judged)
    stop = Stop(evaluations=evaluations)
    contest = Contest(Plan(RecipeTask(recipe), named({"one": given}), 2, stop, first_seed=3))
    contest.run()
    named_so = {} if given == "auto" else {"strategy": given.name, "hyperparameters": asdict(given)}
    for outcome, found in zip(contest.outcomes, kept, strict=True):
        prepared = prepare(dataclasses.replace(recipe, seed=outcome.seed, **named_so), stop)
        session = sessions.begun(prepared.plan(stop))
        alone = session.train()
        assert bool(contest.fitted) == isinstance(session, RegularizedSession)
        ours, theirs = jax.tree.leaves(found), jax.tree.leaves(alone.params)
        assert [each.tobytes() for each in ours] == [each.tobytes() for each in theirs]
        assert outcome.evaluations == session.evaluations
        assert outcome.stopped_because == alone.stopped_because
        judged_alone = prepared.judge(alone.params, prepared.test)
        assert prepared.problem.objective.value(outcome.loss) == judged_alone.value
        assert outcome.accuracy == judged_alone.accuracy
        assert outcome.curve.evaluations[0] > session.spent.evaluations
    summary = contest.summarise()
    assert summary.on_test
    assert summary.rows[0].judged == Quartiles.of([run.loss for run in contest.outcomes])


@pytest.mark.slow
def test_gradients_end_by_the_same_rows():
    recipe = Recipe("iris", hidden=(3,), validation=None)
    stop = Stop(evaluations=60_000)
    contest = Contest(Plan(RecipeTask(recipe), named("hill_climbing"), 1, stop, adam=Adam(0.1)))
    contest.run()
    (found,) = [run for run in contest.outcomes if run.name == NAME]
    assert found.stopped_because == VALIDATED
    assert found.evaluations < 60_000
    assert math.isfinite(found.loss)


def test_only_the_first_seed_of_a_strategy_compiles(compared):
    before = advance._cache_size(), gradient_descent._steps._cache_size()
    finished(plan(seeds=2, adam=Adam(), recipe=dataclasses.replace(RECIPE, seed=7), first_seed=7))
    assert (advance._cache_size(), gradient_descent._steps._cache_size()) == before


def test_what_cannot_go_on_does_not_lose_the_others(monkeypatch):
    plan_of = Prepared.plan
    asked = []

    def plan_or_not(self, *arguments):
        asked.append(self.strategy)
        if isinstance(self.strategy, HillClimbing) and len(asked) > 2:
            raise InputError("too large for it")
        return plan_of(self, *arguments)

    monkeypatch.setattr(Prepared, "plan", plan_or_not)
    comparison = finished(plan(seeds=2))
    assert {(run.name, run.seed) for run in comparison.outcomes} == {
        ("random_search", 0),
        ("random_search", 1),
    }
    summary = comparison.summarise()
    assert summary.failures == {"hill_climbing": "too large for it"}
    assert [row.name for row in summary.rows] == ["random_search"]


def test_a_run_that_is_interrupted_is_left_out():
    comparison = Contest(plan())
    comparison.run(asked_to_stop=lambda: "interrupted" if len(comparison.outcomes) == 2 else None)
    assert [run.seed for run in comparison.outcomes] == [0, 0]
    assert {row.runs for row in comparison.summarise().rows} == {1}


def test_nothing_finished_is_no_summary():
    comparison = Contest(plan(stop=Stop(seconds=60)))
    shown = []
    comparison.run(shown.append, lambda: "interrupted")
    assert shown
    assert comparison.outcomes == []
    assert comparison.summarise() is None


@pytest.mark.slow
def test_with_minibatches_the_center_is_judged_on_all_the_data():
    recipe = dataclasses.replace(RECIPE, batch_size=16, strategy="hill_climbing")
    comparison = finished(plan(("hill_climbing",), 1, Stop(evaluations=1), recipe=recipe))
    prepared = prepare(recipe)
    *_, record = loop.train(
        prepared.problem, prepared.strategy, prepared.begin(), Stop(evaluations=1)
    )
    judged = prepared.judge(prepared.strategy.center(record.run.state), prepared.train)
    (run,) = comparison.outcomes
    assert run.loss == pytest.approx(judged.value, rel=1e-5)
    assert run.accuracy == pytest.approx(judged.accuracy)
    assert run.loss != pytest.approx(record.best_loss[-1], rel=1e-3)


# --- Yardstick ------------------------------------------------------------------------------------


def test_the_yardstick_is_adam():
    prepared = prepare(dataclasses.replace(RECIPE, strategy="hill_climbing"))
    params = prepared.structure.unravel(prepared.begin().best)
    x, y = jnp.asarray(prepared.train.features), jnp.asarray(prepared.train.targets)

    def loss(params):
        (w1, b1), (w2, b2) = params
        logits = jax.nn.relu(x @ w1 + b1) @ w2 + b2
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    optimizer = optax.adam(0.05)

    @jax.jit
    def step(at, moments):
        value, gradient = jax.value_and_grad(loss)(at)
        updates, moments = optimizer.update(gradient, moments)
        return value, optax.apply_updates(at, updates), moments

    moments, expected, at = jax.jit(optimizer.init)(params), [], params
    for _ in range(30):
        value, at, moments = step(at, moments)
        expected.append(float(value))

    adam = Adam(0.05)
    records = list(
        gradient_descent.descend(
            prepared.problem, adam, adam.begin(params, 0), Stop(evaluations=92)
        )
    )
    losses = np.concatenate([record.loss for record in records])
    np.testing.assert_allclose(losses, expected, rtol=2e-4)
    assert np.concatenate([r.evaluations for r in records]).tolist() == list(range(3, 91, 3))
    assert np.concatenate([r.best_loss for r in records]).tolist() == (
        np.minimum.accumulate(losses).tolist()
    )
    best = prepared.judge(prepared.structure.unravel(records[-1].run.best), prepared.train)
    assert best.value == pytest.approx(losses.min(), rel=1e-5)
    assert records[-1].stopped_because == "evaluations used up"


def test_the_yardstick_stops_in_time():
    prepared = prepare(dataclasses.replace(RECIPE, strategy="hill_climbing"))
    adam = Adam()
    begun = adam.begin(prepared.structure.unravel(prepared.begin().best), 0)
    *_, last = gradient_descent.descend(prepared.problem, adam, begun, Stop(seconds=0.05))
    assert last.stopped_because == "time used up"
    assert last.seconds[-1] >= 0.05


# --- Summary --------------------------------------------------------------------------------------


def test_equal_budgets_are_those_asked_for_and_what_ended_before_counts_on(compared, histories):
    summary = compared.summarise()
    assert summary.evaluations == 2100  # of which random search has used two generations
    assert summary.seconds == min(run.seconds for run in compared.outcomes if run.name != NAME)
    for row in summary.rows:
        if row.uses_gradients:
            continue
        losses = [histories[row.name, seed].last.best_loss for seed in range(3)]
        assert row.at_evaluations == pytest.approx(np.quantile(losses, [0.25, 0.5, 0.75]))
        assert row.judged == row.at_evaluations


def test_rows_are_ordered_and_the_yardstick_is_last(compared):
    assert [row.name for row in compared.summarise().rows] == [
        "hill_climbing",
        "random_search",
        NAME,
    ]


def test_success_is_the_median_run_unless_a_target_is_given(compared):
    summary = compared.summarise()
    searches = [run.loss for run in compared.outcomes if run.name != NAME]
    assert summary.target == Target("loss", pytest.approx(np.median(searches)), False)
    assert [row.successes for row in summary.rows[:2]] == [3, 0]
    again = Contest(plan(stop=Stop(evaluations=2100, accuracy=0.9)))
    again.outcomes = compared.outcomes
    reached = {run.name: 0 for run in compared.outcomes}
    for run in compared.outcomes:
        reached[run.name] += bool((run.curve.accuracy >= 0.9).any())
    assert {row.name: row.successes for row in again.summarise().rows} == reached


def test_a_curve_is_a_step_function():
    one = curve([10, 20, 40], [3.0, 2.0, 1.0], [0.1, 0.5, 0.4])
    assert one.at("evaluations", [9, 10, 19.9, 20, 1000]).tolist() == [math.inf, 3, 3, 2, 1]
    assert one.at("seconds", 0.02) == 2
    assert one.reached(Target("loss", 2.5, True)) == 1
    assert one.reached(Target("loss", 0.5, True)) is None
    assert one.reached(Target("accuracy", 0.4, True)) == 1
    assert curve([], []).at("seconds", [1.0]).tolist() == [math.inf]
    assert curve([], []).reached(Target("loss", 1.0, True)) is None


def test_quartiles_are_numpys_and_infinity_is_the_worst():
    values = np.random.default_rng(0).normal(size=(7, 5))
    expected = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(quartiles(values), expected)
    assert Quartiles.of([1, 2, math.inf]) == (1.5, 2, math.inf)
    assert Quartiles.of([1, math.nan, math.inf, 3, 2]) == (2, 3, math.inf)
    assert Quartiles.of([math.inf] * 2) == (math.inf,) * 3
    assert Quartiles.of([4.0]) == (4, 4, 4)


def test_differences_are_taken_over_the_same_seeds(compared):
    summary = compared.summarise()
    first, second, _ = summary.rows
    assert first.behind is None
    losses = {
        row.name: {run.seed: run.loss for run in compared.outcomes if run.name == row.name}
        for row in summary.rows
    }
    pairs = [losses[second.name][seed] - losses[first.name][seed] for seed in range(3)]
    expected = stats.t.interval(0.95, 2, np.mean(pairs), stats.sem(pairs))
    assert second.behind.mean == pytest.approx(np.mean(pairs))
    assert (second.behind.low, second.behind.high) == pytest.approx(expected)
    assert second.behind.seeds == 3
    back = difference(compared.outcomes, first.name, second.name)
    assert back.mean == pytest.approx(-second.behind.mean)


def test_seeds_that_only_one_of_them_has_do_not_count():
    found = Difference.of({0: 2.0, 1: 3.0, 2: math.inf, 3: 9.0}, {0: 1.0, 1: 2.5, 2: 1.0})
    assert (found.mean, found.seeds) == (0.75, 2)
    assert Difference.of({0: 2.0}, {0: 1.0})[:1] == (1.0,)
    assert math.isnan(Difference.of({0: 2.0}, {0: 1.0}).low)
    assert math.isnan(Difference.of({0: 2.0}, {1: 1.0}).mean)
    assert Difference(1.0, 0.5, 1.5, 3).is_clear
    assert not Difference(1.0, -0.5, 2.5, 3).is_clear


# --- Who takes part -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["snes", "hill-climbing"], ["snes", "hill_climbing"]),
        (["snes,cma_es", "snes"], ["snes", "cma_es"]),
        (["snes:sigma=0.1,snes:sigma=0.3"], ["snes:sigma=0.1", "snes:sigma=0.3"]),
        (["openai_es:sigma=0.1,rank=1", "snes"], ["openai_es:sigma=0.1:rank=1", "snes"]),
        (["openai_es:sigma=0.1", "rank=1"], ["openai_es:sigma=0.1:rank=1"]),
        (["openai_es:learning-rate=0.1"], ["openai_es:learning_rate=0.1"]),
    ],
)  # fmt: skip
def test_strategies_and_their_variants_by_name(texts, names):
    found = entrants(texts)
    assert [each.name for each in found] == names
    assert [each.family for each in found] == [name.partition(":")[0] for name in names]


def test_a_variant_has_its_hyperparameters():
    one = entrant("openai_es:sigma=0.25:rank=1:relative=no")
    assert one.strategy == OpenAIES(sigma=0.25, rank=1, relative=False)
    assert len(entrants(["all"])) == len(STRATEGIES)
    assert entrant("auto").strategy is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("openai_es:sigmo=0.1", "did you mean 'sigma'"),
        ("openai_es:sigma=x", "sigma must be a number, got 'x'"),
        ("opena_es:sigma=0.1", "openai_es"),
        ("openai_es:population=3.5", "whole number"),
    ],
)
def test_what_no_strategy_takes_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        entrant(text)


def test_python_names_what_it_compares():
    given = {"a": CMAES(sigma=0.1), "b": "openai_es:sigma=0.5", "c": "snes"}
    found = named(given)
    assert [(each.name, each.family) for each in found] == [
        ("a", "cma_es"),
        ("b", "openai_es"),
        ("c", "snes"),
    ]
    assert found[1].strategy == OpenAIES(sigma=0.5)
    assert [each.name for each in named([CMAES(), "snes"])] == ["cma_es", "snes"]
    with pytest.raises(InputError, match="different names"):
        named([CMAES(sigma=0.1), CMAES(sigma=0.2)])
    for wrong in ({"a": CMAES}, [3], 3):
        with pytest.raises(InputError, match=r"must be"):
            named(wrong)


# --- Files ----------------------------------------------------------------------------------------


def test_what_is_written_is_read_again(compared, tmp_path):
    summary = compared.summarise()
    files.write(tmp_path, compared, summary)
    assert files.is_comparison(tmp_path)
    kept = files.read(tmp_path)
    assert kept.names == list(NAMES)
    assert kept.families == {name: name for name in NAMES}
    assert kept.target == summary.target
    assert kept.about["data"] == "vertical"
    assert len(kept.outcomes) == 9
    for run, again in zip(compared.outcomes, kept.outcomes, strict=True):
        assert again[:2] == run[:2]
        assert np.float32(again.loss) == np.float32(run.loss)  # as many digits as that needs
        marks = run.curve.evaluations
        before, after = (each.curve.at("evaluations", marks) for each in (run, again))
        assert (np.float32(after) >= np.float32(before)).all()


@pytest.mark.parametrize("damage", ["{}", '{"entrants": 3}', "not JSON"])
def test_a_damaged_folder_is_refused(compared, damage, tmp_path):
    files.write(tmp_path, compared, compared.summarise())
    (tmp_path / files.SUMMARY).write_text(damage, encoding="utf-8")
    with pytest.raises(InputError):
        files.read(tmp_path)
