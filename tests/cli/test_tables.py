"""From a table as people have it to a network and its model card."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradless
from gradless._core.errors import InputError
from gradless.runs import run_folder
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from helpers.commands import (
    MEASURED,
    SMALL,
    call,
    is_picture,
    read_json,
    refuse,
    rows_of,
    succeed,
)
from helpers.customers import TARGET, card_of, churn, few_rows

# --- train ----------------------------------------------------------------------------------------


def test_a_run_leaves_card_preprocessing_and_pictures(trained):
    pictures = {"loss.png", "accuracy.png", "confusion.png", "roc.png", "reliability.png"}
    pictures |= {"importance.png", "dependence.png"}
    expected = MEASURED | pictures | {"validation.csv"}
    assert {path.name for path in trained.folder.iterdir()} == expected
    assert all(is_picture(trained.folder / name) for name in pictures)


def test_the_config_names_columns_kinds_and_inputs(trained):
    data = read_json(trained.folder, "config.json")["data"]
    assert data["features"] == ["age", "city", "plan", "newsletter", "spend"]
    assert data["kinds"] == ["number", "category", "category", "category", "number"]
    assert data["inputs"][:3] == ["age", "spend", "age is missing"]
    assert data["target"] == "churn"
    assert set(data["columns"]) == {*data["features"], "the target"}


@pytest.mark.usefixtures("without_pictures")
def test_a_parquet_file_gives_the_same_run(trained, place):
    succeed("train", place / "churn.parquet", *TARGET, *SMALL, "--quiet", "--out", "run")
    weights = [folder / "model.safetensors" for folder in (Path("run"), trained.folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_the_test_rows_are_reported_once_with_intervals(trained):
    result = read_json(trained.folder, "result.json")
    accuracy = result["test_metrics"]["accuracy"]
    assert accuracy["value"] == pytest.approx(result["test_accuracy"])
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert result["test_metrics"]["log loss"]["value"] == pytest.approx(result["test_loss"], 1e-5)
    assert f"{result['test_loss']:.4f}" in trained.out.split("log loss")[1].split("\n")[0]
    assert "60 rows kept aside to test:" in trained.out
    assert "F1 of 'yes'" in trained.out
    assert f"model card: {trained.folder / 'model_card.md'}" in trained.out


@pytest.mark.usefixtures("without_pictures")
def test_columns_of_no_use_are_left_out_and_said_and_dates_are_used(place):
    rows = churn()
    rows["since"] = [f"2020-{k % 12 + 1:02}-{k % 28 + 1:02}" for k in range(len(rows))]
    rows["notes"] = None
    rows["left on"] = [f"day {answer}" for answer in rows["churn"]]
    rows.loc[3:5, "churn"] = None
    rows.to_csv("a table.csv", sep=";", decimal=",")
    code, out, err = call("train", "a table.csv", "--target", "churn", *SMALL, "--out", "run")
    assert code == 0
    facts = " ".join(out.split())
    assert "table 237 rows, 7 columns: 2 numbers, 4 categories, 1 date" in facts
    assert "'column 1' (row numbers, an index), 'customer id' (names or identifiers, 240" in facts
    assert "'notes' (no filled cell)" in facts
    assert "target 'churn', 2 classes: 'no' " in facts
    assert "to learn from, " in facts
    assert "read with semicolons between cells, decimal commas" in err
    assert "3 rows without a value in the target 'churn' are left out, the first in line 5" in err
    assert facts.index("objective ") < facts.index("Caution: column 'left on' predicts 'churn' al")
    data = read_json(Path("run"), "config.json")["data"]
    assert data["kinds"] == ["number", *["category"] * 3, "number", "date", "category"]
    assert "since: month, sine" in data["inputs"]
    card = Path("run/model_card.md").read_text(encoding="utf-8")
    assert "Not used, since nothing general can be learned from them: `column 1` (row num" in card
    assert "**Caution:** column 'left on' predicts" in card
    # With points in its decimals, commas between cells, and without the answers.
    rows.drop(columns="churn").to_csv("new.csv", index=False)
    answers = rows_of(succeed("predict", "run", "new.csv"))
    rows["churn"] = rows["churn"].fillna("no")
    rows.to_parquet("new.parquet")
    assert rows_of(succeed("predict", "run", "new.parquet")) == answers


def test_columns_of_groups_and_times_are_no_inputs():
    rows = churn()
    rows["who"] = [f"p{k % 60}" for k in range(len(rows))]
    rows["when"] = [f"2020-01-{k % 28 + 1:02}" for k in range(len(rows))]
    rows.to_csv("table.csv", index=False)
    recipe = Recipe("table.csv", target="churn", hidden=(3,), drop=("customer id",))
    prepared = prepare(dataclasses.replace(recipe, group="who", time_column="when"))
    names = ["age", "city", "plan", "newsletter", "spend"]
    assert [column.name for column in prepared.table] == names
    with pytest.raises(InputError, match="'whom'; did you mean 'who'"):
        prepare(dataclasses.replace(recipe, group="whom"))
    with pytest.raises(InputError, match="--time-column must name a column of dates or numbers"):
        prepare(dataclasses.replace(recipe, time_column="city"))


@pytest.mark.usefixtures("without_pictures")
def test_a_file_without_names_is_asked_about_and_then_read():
    rows = (f"{k % 7}.5,{k % 5},{k % 3},{k % 11},{k % 13},{'uv'[k % 2]}\n" for k in range(40))
    Path("bare.csv").write_text("".join(rows))
    few = ("--target", "column 6")
    assert "pass --no-header if this is the first row" in refuse("look", "bare.csv", *few)
    out = succeed("look", "bare.csv", *few, "--no-header")
    assert "40 rows, 5 columns: 5 numbers" in out
    succeed("train", "bare.csv", *few, "--no-header", *SMALL, "--quiet", "--out", "run")
    assert len(rows_of(succeed("predict", "run", "bare.csv"))) == 40


def test_a_look_says_what_training_would_and_loads_no_jax(place):
    code = (
        "import sys; from gradless.cli import main; main(['look', sys.argv[1], '--target', "
        "'churn']); assert 'jax' not in sys.modules"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(place / "churn.csv")], capture_output=True, text=True,
        check=True, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip
    assert "240 rows, 5 columns: 2 numbers, 3 categories" in ran.stdout
    assert "'customer id' (names or identifiers, 240 different texts in 240 cells)" in ran.stdout
    assert "age" in ran.stdout
    assert "18 to 79" in ran.stdout


@pytest.mark.usefixtures("without_pictures")
def test_resume_repeat_and_plot_go_on_with_a_table(place):
    table = Path(shutil.copy(place / "churn.csv", "table.csv"))
    succeed("train", table, *TARGET, *SMALL, "--quiet", "--out", "run")
    succeed("resume", "run", "--evaluations", "400", "--quiet")
    assert "the same bit for bit" in succeed("repeat", "run")
    assert succeed("plot", "run") == ""
    text = table.read_text(encoding="utf-8")
    # Its first rows, where not all are test rows.
    table.write_text(text.replace(",Rome,", ",Bonn,", 9), encoding="utf-8")
    assert "other values in 'city'" in refuse("resume", "run", "--evaluations", "600")
    table.write_text(text.replace("newsletter", "letter"), encoding="utf-8")
    line = refuse("plot", "run")
    assert "features 'letter' are new and features 'newsletter' are gone" in line


# --- The model card -------------------------------------------------------------------------------


def test_the_card_says_what_was_trained_on_what_and_how_good_it_is(trained, place):
    card, data = card_of(trained), churn()
    result = read_json(trained.folder, "result.json")
    counts = data["churn"].value_counts()
    for part in (
        "predicts `churn` from 5 columns of a table: `no` or `yes`",
        "on 60 rows that were kept aside and took no part in training",
        f"| accuracy | {result['test_accuracy']:.1%} | ",
        f"`{place / 'churn.csv'}`: 240 rows, 60 of them kept aside to test",
        "Of the others, 36 selected the network and stopped the training",
        f"network kept | that of evaluation {result['kept_at']:,}, the best on 36 validation rows",
        "Left out: `customer id`.",
        f"| no | {counts['no']} | {counts['no'] / 240:.1%} |",
        f"| age | numbers | {data['age'].isna().sum()} |",
        f"| city | 3 categories: Lyon \\| Sud, Oslo, Rome | {data['city'].isna().sum()} |",
        "| newsletter | 2 categories: false, true | 0 |",
        "The network also receives an indicator for each missing number.",
        "| strategy | hill_climbing |",
        "200 networks evaluated",
        f"gradless predict {trained.folder} NEW.csv",
        f"run = gradless.load_run({str(trained.folder)!r})",
        "![roc](roc.png)",
        "![confusion](confusion.png)",
        "It decides for `yes` where that is the more likely class",
        "| **0.5000, as it is** | ",
        "## Which columns count?",
        "![importance](importance.png)",
    ):
        assert part in card
    page = (trained.folder / "card.html").read_text(encoding="utf-8")
    assert page.count("<img ") == card.count("![") > 5
    assert page.count('src="data:image/png;base64,') == page.count("src=")
    assert f"as a page:  {trained.folder / 'card.html'}" in trained.out
    rows = [line for line in card.splitlines() if line.startswith("| true ")]
    matrix = np.array([[int(cell) for cell in row.split("|")[2:-1]] for row in rows])
    assert matrix.sum() == 60
    assert np.trace(matrix) / 60 == pytest.approx(result["test_accuracy"], abs=1e-6)


def test_a_run_in_python_reads_gaps_and_categories_as_files_do(trained, place):
    run = gradless.load_run(trained.folder)
    frame = churn()
    expected = run.predict_proba(place / "churn.csv")
    np.testing.assert_array_equal(run.predict_proba(frame), expected)
    np.testing.assert_array_equal(run.predict_proba(place / "churn.parquet"), expected)
    gaps = {name: [None, None] for name in run.columns}
    assert run.predict(gaps | {"age": [31, None]}).shape == (2,)


def test_a_category_that_was_probably_meant_is_named(trained):
    rows = churn(3).assign(plan=["PRO", "basc", "qq"])
    rows.to_csv("new.csv", index=False)
    _, _, err = call("predict", trained.folder, "new.csv")
    named = "'PRO' (1; perhaps 'pro'), 'basc' (1; perhaps 'basic'), 'qq' (1); treated as unknown"
    assert named in err


def test_the_card_of_numbers(priced):
    card, result = card_of(priced), json.loads(priced.out)
    assert "predicts the number `spend` from 5 columns" in card
    assert f"| MSE | {result['test_metrics']['MSE']['value']:,.0f} | " in card
    assert "every row alike: the mean, " in card
    assert "![predictions](predictions.png)" in card
    assert "churn" in card  # a column like others


@pytest.mark.usefixtures("without_pictures")
def test_without_test_rows_the_card_says_that_it_is_flattered():
    churn(180).to_csv("table.csv", index=False)  # as many training rows as elsewhere
    few = (*SMALL, "--test-fraction", "0", "--out", "run")
    out = succeed("train", "table.csv", *TARGET, *few)
    card = Path("run/model_card.md").read_text(encoding="utf-8")
    assert "**Not known.** No rows were kept aside" in card
    assert "180 rows, none of them kept aside." in card
    assert "kept aside to test" not in out
    assert read_json(Path("run"), "result.json")["test_metrics"] is None


# --- Validation -----------------------------------------------------------------------------------


def test_the_network_that_is_best_on_validation_rows_is_kept(trained):
    result = read_json(trained.folder, "result.json")
    looks = run_folder.read_looks(trained.folder)
    best = min(looks, key=lambda look: look.loss)
    assert result["validation_loss"] == pytest.approx(best.loss, rel=1e-6)
    assert result["kept_at"] == best.generation  # one evaluation each
    assert read_json(trained.folder, "config.json")["data"]["validation_samples"] == 36
    assert "the best on 36 validation rows" in trained.out
    heads = next(line for line in trained.out.splitlines() if line.split()[:1] == ["training"])
    assert heads.split() == ["training", "validation", "test", "baseline", "linear"]
    assert result["baseline"]["answer"] == "the shares of the classes"
    assert result["linear"]["model"] == "logistic regression"
    assert f"logistic regression, fitted to {result['linear']['rows']} training rows" in trained.out
    advantage = result["linear"]["advantage"]
    assert advantage["value"] == pytest.approx(
        result["linear"]["loss"] - result["test_loss"], abs=1e-6
    )
    said = [line for line in result["verdict"] if "logistic regression" in line]
    assert len(said) == (advantage["low"] <= 0)


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
def test_a_longer_run_is_the_same_in_one_or_two_parts(place):
    few = (place / "churn.csv", *TARGET, "--strategy", "fd_lbfgs", "--hidden", "3", "--quiet")
    for folder, evaluations in (("whole", 4000), ("parts", 1500)):
        succeed("train", *few, "--evaluations", evaluations, "--out", folder)
    first = read_json(Path("parts"), "result.json")
    succeed("resume", "parts", "--evaluations", "4000", "--quiet")
    results = [read_json(Path(folder), "result.json") for folder in ("whole", "parts")]
    kept = [each["kept_at"] for each in results]
    assert kept[0] == kept[1]
    assert first["evaluations"] < results[1]["evaluations"]
    for name in ("model.safetensors", "validation.csv", "rows.safetensors"):
        assert Path("whole", name).read_bytes() == Path("parts", name).read_bytes()
    assert "the same bit for bit" in succeed("repeat", "parts")


@pytest.mark.usefixtures("without_pictures")
def test_more_evaluations_than_validation_rows_let_are_refused_with_what_to_do(place):
    few = (*SMALL, "--patience", "1.01", "--quiet")
    arguments = (place / "churn.csv", *TARGET, *few, "--evaluations", "200000", "--out", "run")
    succeed("train", *arguments)
    result = read_json(Path("run"), "result.json")
    assert result["stopped_because"] == "no improvement on the 36 validation rows"
    assert result["kept_at"] < result["evaluations"] < 100_000
    assert result["stalled"] is None
    assert "--patience 4" in refuse("resume", "run", "--evaluations", "300000")
    more = str(result["evaluations"] + 500)
    succeed("resume", "run", "--evaluations", more, "--patience", "99", "--quiet")
    assert read_json(Path("run"), "result.json")["evaluations"] > result["evaluations"]
    assert "--patience must be above 1, got 0.5" in refuse("train", *arguments, "--patience", "0.5")


@pytest.mark.usefixtures("without_pictures")
def test_without_validation_all_other_rows_are_for_training():
    churn(192).to_csv("table.csv", index=False)  # as many training rows as elsewhere
    few = (*SMALL, "--validation", "0", "--out", "run")
    out = succeed("train", "table.csv", *TARGET, *few)
    assert "validation" not in out
    result = read_json(Path("run"), "result.json")
    assert (result["validation_loss"], result["kept_at"]) == (None, None)
    assert not Path("run/validation.csv").exists()
    assert read_json(Path("run"), "config.json")["data"]["training_samples"] == 144


@pytest.mark.usefixtures("without_pictures")
def test_few_rows_are_trained_on_with_a_word_about_it():
    few_rows("table.csv")
    out = succeed("train", "table.csv", *SMALL, "--out", "run")
    assert "30 training rows are too few to hold some out for validation" in out
    assert "Too few" not in out
    assert "30 training rows are too few" in Path("run/model_card.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("without_pictures")
def test_a_network_that_reached_the_target_is_the_one_that_was_asked_for(place):
    few = (*SMALL, "--target-accuracy", "0.6", "--quiet", "--out", "run")
    succeed("train", place / "churn.csv", *TARGET, *few)
    result = read_json(Path("run"), "result.json")
    assert result["stopped_because"] == "target accuracy reached"
    assert result["accuracy"] >= 0.6
    assert (result["kept_at"], run_folder.read_looks(Path("run"))) == (None, [])
