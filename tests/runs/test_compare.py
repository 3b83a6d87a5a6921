"""Comparisons are those of the runs that gradless train makes, at budgets that all of them had."""

import csv
import dataclasses
import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gradless.runs.compare import Comparison, Curve, Outcome, Plan, Quartiles, Target
from sklearn.isotonic import IsotonicRegression

from gradless import objectives
from gradless._core.errors import InputError
from gradless.cli import main
from gradless.cli.compare import announcement, duration, number
from gradless.runs import compare
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.strategies import HillClimbing
from gradless.training import gradient_descent, loop
from gradless.training.generation import advance
from gradless.training.gradient_descent import NAME, Adam
from gradless.training.history import History
from gradless.training.loop import Stop
from gradless.views import compare_plots, plots
from helpers.commands import compiled_quickly

RECIPE = Recipe("vertical", hidden=(3,))
NAMES = ("random_search", "hill_climbing")
PLAN = Plan(RECIPE, NAMES, seeds=3, stop=Stop(evaluations=2100), adam=Adam())


def finished(plan: Plan) -> Comparison:
    comparison = Comparison(plan)
    for _ in comparison.run():
        pass
    return comparison


def curve(evaluations, loss, accuracy=None) -> Curve:
    evaluations, loss = np.asarray(evaluations, float), np.asarray(loss, float)
    accuracy = np.full_like(loss, np.nan) if accuracy is None else np.asarray(accuracy, float)
    return Curve(evaluations, evaluations / 1000, loss, accuracy)


def outcome(name, seed, *points, end=100) -> Outcome:
    return Outcome(name, seed, curve(*zip(*points, strict=True)), end, end / 1000, 0.0)


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly():
    with compiled_quickly():
        yield


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return finished(PLAN)


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


@pytest.fixture
def unsaved(monkeypatch):
    monkeypatch.setattr(plots, "_save", lambda figure, path: figure)


# --- Runs -----------------------------------------------------------------------------------------


def test_every_strategy_runs_under_every_seed(compared):
    pairs = {(run.name, run.seed) for run in compared.outcomes}
    assert pairs == {(name, seed) for name in (*NAMES, NAME) for seed in range(3)}
    assert len(compared.outcomes) == PLAN.runs == 9
    # Seeds are the outer loop.
    assert [run.seed for run in compared.outcomes] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_runs_are_those_of_the_loop(compared, histories):
    for run in compared.outcomes:
        if run.name == NAME:
            continue
        history = histories[run.name, run.seed]
        assert run.evaluations == history.last.evaluations
        assert run.loss == history.last.best_loss
        assert run.accuracy == history.last.best_accuracy
        marks = history.column("evaluations")
        np.testing.assert_array_equal(
            run.curve.at("evaluations", marks), history.column("best_loss")
        )


def test_only_the_first_seed_of_a_strategy_compiles(compared):
    before = advance._cache_size(), gradient_descent._steps._cache_size()
    finished(dataclasses.replace(PLAN, recipe=dataclasses.replace(RECIPE, seed=7), seeds=2))
    assert (advance._cache_size(), gradient_descent._steps._cache_size()) == before


def test_what_cannot_go_on_does_not_lose_the_others(monkeypatch):
    begin = Prepared.begin

    def begin_or_not(self):
        if isinstance(self.strategy, HillClimbing):
            raise InputError("too large for it")
        return begin(self)

    monkeypatch.setattr(Prepared, "begin", begin_or_not)
    comparison = finished(dataclasses.replace(PLAN, seeds=2, adam=None))
    assert {(run.name, run.seed) for run in comparison.outcomes} == {
        ("random_search", 0),
        ("random_search", 1),
    }
    summary = comparison.summarise()
    assert summary.failures == {"hill_climbing": "too large for it"}
    assert [row.name for row in summary.rows] == ["random_search"]


def test_a_run_that_is_interrupted_is_left_out():
    comparison = Comparison(dataclasses.replace(PLAN, adam=None))
    list(comparison.run(lambda: "interrupted" if len(comparison.outcomes) == 2 else None))
    assert [run.seed for run in comparison.outcomes] == [0, 0]
    assert {row.runs for row in comparison.summarise().rows} == {1}


def test_nothing_finished_is_no_summary():
    comparison = Comparison(dataclasses.replace(PLAN, stop=Stop(seconds=60)))
    assert list(comparison.run(lambda: "interrupted"))
    assert comparison.outcomes == []
    assert comparison.summarise() is None


def test_with_minibatches_the_center_is_judged_on_all_the_data():
    recipe = dataclasses.replace(RECIPE, batch_size=16, strategy="hill_climbing")
    comparison = finished(Plan(recipe, ("hill_climbing",), 1, Stop(evaluations=1)))
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


def test_equal_budgets_are_the_largest_that_every_search_had(compared, histories):
    summary = compared.summarise()
    assert summary.evaluations == 2048  # two generations of random search
    assert summary.seconds == min(run.seconds for run in compared.outcomes if run.name != NAME)
    for row in summary.rows:
        if row.uses_gradients:
            continue
        losses = []
        for seed in range(3):
            history = histories[row.name, seed]
            within = history.column("evaluations") <= 2048
            losses.append(history.column("loss")[within].min())
        assert row.at_evaluations == pytest.approx(np.quantile(losses, [0.25, 0.5, 0.75]))


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
    again = Comparison(dataclasses.replace(PLAN, stop=Stop(evaluations=2100, accuracy=0.9)))
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
    np.testing.assert_allclose(compare.quartiles(values), expected)
    assert Quartiles.of([1, 2, math.inf]) == (1.5, 2, math.inf)
    assert Quartiles.of([1, math.nan, math.inf, 3, 2]) == (2, 3, math.inf)
    assert Quartiles.of([math.inf] * 2) == (math.inf,) * 3
    assert Quartiles.of([4.0]) == (4, 4, 4)


# --- Files and pictures ---------------------------------------------------------------------------


def test_the_command_leaves_its_files(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    arguments = ["--strategies", *NAMES, "--evaluations", "2100", "--seeds", "3", "--hidden", "3"]
    assert main(["compare", "vertical", *arguments, "--gradient"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    for part in ("hill_climbing", "3/3", NAME, "a step counts as", "2,048", "median of all runs"):
        assert part in out
    folder = Path("compare/vertical-1")
    assert {path.name for path in folder.iterdir()} == {
        "compare.csv",
        "curves.csv",
        "summary.json",
        "comparison.png",
    }
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "compare.csv").open(encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    assert len(runs) == 9
    assert {run["success"] for run in runs if run["strategy"] == "hill_climbing"} == {"1"}
    assert {run["evaluations_to_target"] for run in runs if run["success"] == "0"} == {""}
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for run in runs:
        own = [row for row in rows if (row["strategy"], row["seed"]) == (
            run["strategy"], run["seed"]
        )]  # fmt: skip
        assert (own[-1]["best_loss"], own[-1]["evaluations"]) == (run["loss"], run["evaluations"])
        losses = [float(row["best_loss"]) for row in own]
        assert losses == sorted(losses, reverse=True)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["equal_evaluations"] == 2048
    assert [row["name"] for row in summary["strategies"]][-1] == NAME


def test_json_is_the_summary_and_nothing_else(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gradless.cli.compare._draw", lambda *_: None)
    out = tmp_path / "out"
    arguments = ["--strategies", "hill_climbing", "--evaluations", "50", "--seeds", "1"]
    assert main(
        ["compare", "vertical", *arguments, "--hidden", "3", "--json", "--out", str(out)]
    ) == 0  # fmt: skip
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads((out / "summary.json").read_text(encoding="utf-8"))


@pytest.mark.usefixtures("unsaved")
def test_the_picture_has_a_labelled_line_for_each_and_a_dashed_yardstick():
    runs = [
        outcome(name, seed, (1, 1.0 + seed / 10), (50, 0.5 + place + seed / 10))
        for place, name in enumerate(("snes", "cma_es", NAME))
        for seed in range(3)
    ]
    figure = compare_plots.comparison(runs, ["snes", "cma_es", NAME], "p.png", title="")
    for axes in figure.axes:
        assert axes.get_xscale() == "log"
        assert {"snes", "cma_es", NAME} <= {text.get_text() for text in axes.texts}
        lines = {line.get_label(): line for line in axes.lines}
        assert lines["snes"].get_ydata()[[0, -1]].tolist() == [1.1, 0.6]
        assert lines["snes"].is_dashed() is False
        assert lines[NAME].is_dashed() is True
        assert lines[NAME].get_color() == compare_plots._YARDSTICK_COLOR
    assert figure.axes[0].lines[0].get_xdata()[-1] == 100
    assert figure.axes[1].lines[0].get_xdata()[-1] == 0.1


@pytest.mark.usefixtures("unsaved")
def test_the_picture_shows_an_objective_that_rises_as_it_is():
    losses = [(-0.1 - seed / 10, -0.5 - seed / 10) for seed in range(3)]
    runs = [outcome("snes", seed, (1, a), (50, b)) for seed, (a, b) in enumerate(losses)]
    figure = compare_plots.comparison(
        runs, ["snes"], "p.png", title="", objective=objectives.get("f1"), target=-0.55
    )
    for axes in figure.axes:
        line = {line.get_label(): line for line in axes.lines}["snes"]
        np.testing.assert_allclose(line.get_ydata()[[0, -1]], [0.2, 0.6])
        assert axes.get_yscale() == "linear"
    assert " target 0.55" in {text.get_text() for text in figure.axes[0].texts}


def test_a_comparison_speaks_of_the_objective(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(compare_plots.plots, "_save", lambda figure, path: figure)
    arguments = ["compare", "vertical", "--strategies", "hill_climbing", "--evaluations", "50"]
    more = ["--seeds", "2", "--hidden", "3", "--objective", "f1", "--target-score", "0.2"]
    assert main([*arguments, *more, "--out", str(tmp_path / "out")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "f1 at 50" in text
    assert "success: seeds that reached a value of 0.200 or more." in text
    (low, median, high) = Quartiles(-0.9, -0.8, -math.inf).values(objectives.get("f1"))
    assert (low, median, high) == (0.8, 0.9, math.inf)
    assert "loss" not in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["target"] == {"quantity": "loss", "value": -0.2, "given": True}


@pytest.mark.usefixtures("unsaved")
def test_pictures_of_little_or_strange_data_can_be_drawn():
    empty = Outcome("snes", 0, curve([], []), 10, 0.1, 0.0)
    alone = outcome("cma_es", 0, (100, 1e-9))
    for runs in ([empty], [empty, alone], [outcome("snes", 0, (1, -0.5), (9, -0.9)), alone]):
        compare_plots.comparison(runs, ["snes", "cma_es"], "p.png", title="$", target=0.5)


def test_labels_are_moved_apart_as_little_as_needed():
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 15):
        wanted = random.uniform(0.3, 0.5, count)
        places = compare_plots.spread(wanted, 0.05)
        order = np.argsort(wanted)
        assert np.diff(places[order]).min(initial=1) >= 0.05 - 1e-12
        assert places.min() >= 0
        assert places.max() <= 1
        ranks = np.arange(count)
        shift = IsotonicRegression().fit_transform(ranks, wanted[order] - 0.05 * ranks)
        if places.min() > 0:
            np.testing.assert_allclose(places[order], shift + 0.05 * ranks)
    apart = [0.9, 0.1, 0.5]
    np.testing.assert_allclose(compare_plots.spread(apart, 0.05), apart)
    np.testing.assert_allclose(compare_plots.spread([0.5] * 3, 0.6), [0, 0.5, 1])


# --- What is said ---------------------------------------------------------------------------------


def test_the_time_is_announced():
    plan = Plan(RECIPE, ("snes",) * 7, 10, Stop(seconds=5.0))
    assert announcement(plan) == ("7 strategies x 10 seeds x 5 s: about 6 minutes, and compilation")
    both = dataclasses.replace(plan, stop=Stop(evaluations=1000, seconds=1.0), adam=Adam())
    assert announcement(both) == (
        "7 strategies and gradient descent x 10 seeds x 1,000 evaluations or 1 s: "
        "at most about 80 s, and compilation"
    )
    assert duration(9000) == "about 2.5 hours"


def test_numbers_are_short():
    values = (0.16543, -0.9333, 1234.5, 0.00123, 0.0, math.inf)
    assert [number(value) for value in values] == [
        "0.165", "-0.933", "1.2e+03", "0.0012", "0.000", "-",
    ]  # fmt: skip


BAD = {
    "strategy": (["--strategies", "snes", "hill_climb"], ["did you mean 'hill_climbing'"]),
    "no strategy": (["--strategies"], ["expected names"]),
    "seeds 0": (["--seeds", "0"], ["--seeds 0", "1 or more"]),
    "seeds beyond the last": (["--seed", "4294967295", "--seeds", "2"], ["2**32"]),
    "a large population": (
        ["--evaluations", "500"],
        ["500 evaluations", "1,024", "random_search", "leave out"],
    ),
    "two targets": (
        ["--target-loss", "1", "--target-accuracy", "0.5"],
        ["expected one of them"],
    ),
    "percent": (["--target-accuracy", "95"], ["divide by 100"]),
    "learning rate": (["--gradient", "--adam-learning-rate", "0"], ["0.0", "above 0"]),
    "time": (["--time", "0"], ["more than 0"]),
    "out a file": (["--out", "file"], ["--out file", "expected a folder"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_before_any_work(case, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("", encoding="utf-8")
    arguments, parts = BAD[case]
    assert main(["compare", "vertical", "--hidden", "3", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert all(part in err for part in parts), err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
