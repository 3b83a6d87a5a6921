"""Objectives that look at more than the answers: costs by class, and columns that are no inputs."""

import json

import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.cli.recipes import recipe_of
from gradless.runs import run_folder
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from helpers.commands import SMALL, read_json, refuse, succeed, write_table

HEADER = ["x1", "x2", "amount", "region", "died", "months", "grade", "bought"]


def rows():
    """Of which some differ in the amount alone."""
    rng = np.random.default_rng(0)
    found = []
    for row in range(60):
        x1, x2 = rng.integers(-3, 4, 2).tolist()
        bought = "yes" if x1 + rng.normal() > 1 else "no"
        amount, region = round(float(rng.uniform(1, 20)), 2), f"region {row % 3}"
        grade = int(np.clip(x1 + 2, 0, 4))
        found.append(
            [x1, x2, amount, region, row % 2, round(x2 + 5 + 2 * rng.normal(), 2), grade, bought]
        )
    return found


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("columns") / "table.csv", HEADER, rows())


def recipe(table, target, objective, drop, **extras):
    return Recipe(
        str(table), target=target, objective=objective, drop=drop, extras=extras, validation=0.2,
        strategy="hill_climbing", hidden=(3,),
    )  # fmt: skip


def test_a_column_of_values_is_no_input_and_goes_with_its_rows(table):
    drop = ("region", "died", "months", "grade")
    found = prepare(recipe(table, "bought", "profit:5", drop, value="amount"))
    assert found.train.feature_names == ("x1", "x2")
    amounts = np.float32([row[HEADER.index("amount")] for row in rows()])
    parts = (found.train, found.validation, found.test)
    kept = np.concatenate([part.extras["value"] for part in parts])
    np.testing.assert_array_equal(np.sort(kept), np.sort(amounts))
    # What is judged is the value of its own row: all rows positive, and no network asked.
    always = (*found.params[:-1], found.params[-1]._replace(biases=np.float32([0, 99])))
    zero = [layer._replace(weights=0 * layer.weights) for layer in always]
    brings = np.mean(found.test.targets * found.test.extras["value"] - 5)
    assert found.judge(tuple(zero), found.test).value == pytest.approx(brings, rel=1e-5)


def test_rows_that_differ_in_their_value_alone_are_not_merged(table):
    drop = ("region", "died", "months", "grade")
    found = prepare(recipe(table, "bought", "profit:5", drop, value="amount"))
    plain = prepare(recipe(table, "bought", "f1", (*drop, "amount")))
    assert len(found.learning.samples.inputs) == found.train.n_samples
    assert len(plain.learning.samples.inputs) < plain.train.n_samples


def test_the_second_class_is_positive_for_costs_and_values_too(table):
    given = recipe(table, "bought", 'costs:{"yes":{"no":5},"no":{"yes":1}}', HEADER[2:-1])
    assert prepare(given).recipe.objective == "cost_matrix:[[0,1],[5,0]]"
    turned = Recipe(**{**vars(given), "positive": "no"})
    assert prepare(turned).recipe.objective == "cost_matrix:[[0,5],[1,0]]"


def test_groups_are_texts_and_relevances_are_as_they_were_given(table):
    drop = ("amount", "died", "months", "bought")
    given = recipe(table, "grade", "ndcg_at_k:3", drop, group="region")
    found = prepare(Recipe(**{**vars(given), "task": "regression"}))
    assert {*found.train.extras["group"].tolist()} == {0, 1, 2}
    np.testing.assert_array_equal(found.train.extras["relevance"], found.train.targets)
    relevance = np.asarray(found.problem.targets["relevance"])
    assert {*relevance.tolist()} <= {0, 1, 2, 3, 4}  # and not shifted as the targets are


def test_a_number_of_rows_is_their_share_of_the_table(table):
    found = prepare(recipe(table, "bought", "precision_at_k:15", HEADER[2:-1]))
    assert found.recipe.objective == "precision_at_k:0.25"
    with pytest.raises(InputError, match="of fewer rows than there are, got 60 rows"):
        prepare(recipe(table, "bought", "precision_at_k:60", HEADER[2:-1]))


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
def test_costs_from_the_command_line_are_in_the_run(table, tmp_path):
    run = tmp_path / "run"
    out = succeed(
        "train", table, "--target", "bought", "--drop", *HEADER[2:-1], "--costs",
        "yes:no=5 no:yes=1", *SMALL, "--out", run,
    )  # fmt: skip
    assert "loss (cost_matrix:[[0,1],[5,0]])" in out
    assert read_json(run, "config.json")["recipe"]["objective"] == "cost_matrix:[[0,1],[5,0]]"
    assert run_folder.read_network(run).class_names == ("no", "yes")


@pytest.mark.usefixtures("without_pictures")
def test_the_share_of_rows_below_a_quantile_is_shown(table, tmp_path):
    run = tmp_path / "run"
    out = succeed(
        "train", table, "--target", "months", "--drop", *HEADER[2:5], "grade", "bought",
        "--objective", "quantile:0.9", "--alpha", 0, *SMALL, "--out", run,
    )  # fmt: skip
    assert "coverage" in out
    measures = read_json(run, "result.json")["measures"]
    assert 0 < measures["test"]["coverage"] <= 1
    card = (run / "model_card.md").read_text()
    assert f"coverage {measures['test']['coverage']:.4f}"[:12] in card
    assert "coverage" in (run / "history.csv").read_text().splitlines()[0]


@pytest.mark.parametrize("ending", ["csv", "json", "txt"])
def test_costs_from_a_file(tmp_path, ending):
    text = {
        "csv": ",no,yes\nno,0,1\nyes,5,\n",
        "json": json.dumps({"no": {"yes": 1}, "yes": {"no": 5.0}}),
        "txt": "no:yes=1\nyes:no=5\n",
    }[ending]
    path = tmp_path / f"costs.{ending}"
    path.write_text(text)
    from gradless.cli.commands import Train  # noqa: PLC0415 - as a command does

    found = recipe_of(Train(data="iris", costs=str(path)))
    from gradless import objectives  # noqa: PLC0415

    named = objectives.get(found.objective).for_classes(["no", "yes"])
    assert named.name == "cost_matrix:[[0,1],[5,0]]"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--objective", "profit:5"], "'profit:5' must have a value for each row, got none. For"),
        (["--objective", "f1", "--value-column", "amount"], "for objective 'f1', which takes no"),
        (
            ["--objective", "profit:5", "--value-column", "region"],
            "(--value-column) must be a finite number in each row, got 'region 0'",
        ),
        (["--objective", "profit:5", "--value-column", "amont"], "did you mean 'amount'?"),
        (["--objective", "profit:5", "--value-column", "bought"], "the target must be a column of"),
        (["--costs", "yes:no=5", "--objective", "f1"], "--costs is an objective of its own"),
        (["--costs", "yes:maybe=5"], "unknown class 'maybe'"),
        (["--costs", "yes:no=much"], "a cost must be a finite number, got much"),
        (["--costs", "yes=5"], "costs must be pairs TRUE:PREDICTED=COST, got yes=5"),
        (["--costs", "nowhere.csv"], "--costs must be pairs such as"),
        (["--costs", "[[0,1,2],[1,0,2]]"], "a row and a column for each class"),
        (["--costs", "[[0,1,2],[1,0,2],[1,2,0]]"], "must be used for 3 classes, got 2"),
        (["--costs", "[[0,0],[5,5]]"], "costs must depend on the predicted class"),
    ],
)
def test_what_cannot_be_is_refused(table, options, said):
    # Words and numbers of other columns are inputs here.
    err = refuse("train", table, "--target", "bought", "--evaluations", 10, *options)
    assert said in " ".join(err.split())


def test_an_event_is_zero_or_one(table):
    err = refuse(
        "train", table, "--target", "months", "--objective", "concordance", "--event-column", "x2",
        "--evaluations", 10,
    )  # fmt: skip
    assert "sample_event must be 0 or 1 in each row" in err


@pytest.mark.usefixtures("without_pictures")
def test_a_run_does_not_go_on_with_other_values(tmp_path):
    path = write_table(tmp_path / "table.csv", HEADER, rows())
    drop = ("--drop", "region", "died", "months", "grade")
    arguments = ("--target", "bought", "--objective", "profit:5", "--value-column", "amount")
    succeed("train", path, *arguments, *drop, *SMALL, "--quiet", "--out", tmp_path / "run")
    changed = [[*row[:2], row[2] + 1, *row[3:]] for row in rows()]
    write_table(path, HEADER, changed)
    line = refuse("resume", tmp_path / "run", "--evaluations", 400)
    assert "have changed since it began" in line


def test_folds_of_a_penalty_keep_groups_together(table):
    grouped = Recipe(str(table), target="bought", group="region", alpha=None, validation=None)
    found = prepare(grouped)
    assert found.recipe.regularization is not None
    samples = found.learning.samples
    assert samples.groups.shape == (len(samples.inputs),)
    assert len(set(samples.groups.tolist())) == 2  # of three regions, one tests
