"""From a table as people have it to answers: train, model card, predict, evaluate."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import metrics
from sklearn.preprocessing import FunctionTransformer

import gradless
from gradless._core.errors import InputError
from gradless._core.storage import save_tree
from gradless.data.datasets import split_rows
from gradless.data.table import read_columns
from gradless.models.mlp import Dense
from gradless.runs import run_folder
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.runs.status import summaries
from gradless.training import checkpoint
from helpers.commands import (
    MEASURED,
    SMALL,
    Trained,
    call,
    compiled_quickly,
    is_picture,
    read_json,
    refuse,
    rows_of,
    succeed,
    write_table,
)

TARGET = ("--target", "churn", "--drop", "customer id")


def churn(rows: int = 240) -> pd.DataFrame:
    """Customers of whom some leave: numbers, categories, booleans, gaps and an identifier."""
    random = np.random.default_rng(0)
    age, plan = random.integers(18, 80, rows).astype(float), random.choice(["basic", "pro"], rows)
    spend = random.gamma(2, 30, rows).round(2)
    score = 0.06 * (age - 50) + 2 * (plan == "basic") - 0.03 * spend
    leaves = random.random(rows) < 1 / (1 + np.exp(-score))
    age[random.random(rows) < 0.1] = np.nan
    city = random.choice(["Oslo", "Rome", "Lyon | Sud"], rows).astype(object)
    city[random.random(rows) < 0.1] = None
    return pd.DataFrame(
        {
            "customer id": [f"C{k:04}" for k in range(rows)],
            "age": age,
            "city": city,
            "plan": plan,
            "newsletter": random.random(rows) < 0.5,
            "spend": spend,
            "churn": np.where(leaves, "yes", "no"),
        }
    )


def few_rows(name: str, classes: tuple[str, str] = ("0", "1")) -> None:
    """Write 40 rows of five inputs and two classes: the same shapes wherever such rows will do."""
    rows = (f"{k % 7},{k % 5},{k % 3},{k % 11},{k % 13},{classes[k % 2]}\n" for k in range(40))
    Path(name).write_text("a,b,c,d,e,y\n" + "".join(rows), encoding="utf-8")


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly():
    with compiled_quickly():
        yield


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """The table as CSV and Parquet."""
    folder = tmp_path_factory.mktemp("churn")
    churn().to_csv(folder / "churn.csv", index=False)
    churn().to_parquet(folder / "churn.parquet", index=False)
    return folder


@pytest.fixture(scope="module")
def trained(place) -> Trained:
    folder = place / "run"
    return Trained(folder, succeed("train", place / "churn.csv", *TARGET, *SMALL, "--out", folder))


@pytest.fixture(scope="module")
def priced(place) -> Trained:
    """A regression with a category and gaps."""
    folder = place / "priced"
    arguments = ("--target", "spend", "--drop", "customer id", "--json", *SMALL, "--out", folder)
    return Trained(folder, succeed("train", place / "churn.csv", *arguments))


def card_of(run: Trained) -> str:
    return (run.folder / "model_card.md").read_text(encoding="utf-8")


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


# --- predict --------------------------------------------------------------------------------------


def test_predict_takes_columns_in_any_order_and_ignores_others(trained, place):
    whole = succeed("predict", trained.folder, place / "churn.csv")
    data = churn()
    other = data[["spend", "city", "age", "newsletter", "plan"]].assign(more="x", when="2020-01-01")
    other.to_csv("other.csv", index=False)
    assert succeed("predict", trained.folder, "other.csv") == whole
    assert succeed("predict", trained.folder, place / "churn.parquet") == whole
    # As in training, whatever other rows there are.
    other.head(3).to_csv("few.csv", index=False)
    few = rows_of(succeed("predict", trained.folder, "few.csv"))
    for row, expected in zip(few, rows_of(whole)[:3], strict=True):
        assert row.pop("prediction") == expected.pop("prediction")
        # But for rounding, which depends on how many rows are computed together.
        chances = {name: float(value) for name, value in expected.items()}
        assert {name: float(value) for name, value in row.items()} == pytest.approx(chances, 1e-5)


def test_predict_refuses_missing_columns_by_name(trained):
    churn().drop(columns=["city", "spend"]).to_csv("other.csv", index=False)
    line = refuse("predict", trained.folder, "other.csv")
    assert "no column named 'city', 'spend'. There must be one for each of the 5 features" in line


def test_predict_tells_of_what_training_did_not_have(trained):
    data = churn().head(20)
    data.loc[:3, "city"] = "Bonn"
    data.loc[7, "plan"] = "2024-01-01"
    data.loc[9, "spend"] = np.nan
    data.to_csv("other.csv", index=False)
    code, out, err = call("predict", trained.folder, "other.csv")
    assert (code, len(rows_of(out))) == (0, 20)
    spend, city, plan = err.splitlines()
    assert spend.startswith("gradless: column 'spend': 1 cell without a value")
    assert "column 'city': 4 cells with categories that the training data did not have" in city
    assert "'2024-01-01' (1)" in plan


# --- evaluate -------------------------------------------------------------------------------------


def test_evaluate_agrees_with_scikit_learn_on_what_predict_says(trained, place):
    facts = json.loads(succeed("evaluate", trained.folder, place / "churn.parquet", "--json"))
    predictions = rows_of(succeed("predict", trained.folder, place / "churn.csv"))
    true = churn()["churn"].to_numpy()
    predicted = [row["prediction"] for row in predictions]
    score = [float(row["probability of yes"]) for row in predictions]
    expected = {
        "accuracy": metrics.accuracy_score(true, predicted),
        "balanced accuracy": metrics.balanced_accuracy_score(true, predicted),
        "F1": metrics.f1_score(true, predicted, pos_label="yes"),
        "log loss": metrics.log_loss(true, score),
        "Brier score": metrics.brier_score_loss(true == "yes", score),
        "ROC AUC": metrics.roc_auc_score(true == "yes", score),
        "average precision": metrics.average_precision_score(true == "yes", score),
    }
    assert set(facts["metrics"]) == set(expected)
    for name, value in expected.items():
        assert facts["metrics"][name]["value"] == pytest.approx(value, abs=1e-4), name
    assert facts["confusion"] == metrics.confusion_matrix(true, predicted).tolist()
    assert (facts["rows"], facts["classes"]) == (240, ["no", "yes"])


def test_evaluate_says_which_rows_a_network_was_trained_on(trained, place):
    result = read_json(trained.folder, "result.json")
    changed = churn()[["spend", "churn", "city", "age", "newsletter", "plan"]].assign(more="x")
    changed["spend"] = [f"{value:.4e}" for value in changed["spend"]]
    changed.to_csv("changed.csv", index=False)
    for data in (place / "churn.csv", "changed.csv"):
        facts = json.loads(succeed("evaluate", trained.folder, data, "--json"))
        assert (facts["rows"], facts["trained_on"], facts["new_rows"]["rows"]) == (240, 180, 60)
        for name, metric in facts["new_rows"]["metrics"].items():
            assert metric["value"] == pytest.approx(result["test_metrics"][name]["value"]), name
    out = succeed("evaluate", trained.folder, "changed.csv")
    assert "trained on 180 of these rows (75.0%); figures for those flatter the network" in out
    assert "all rows" in out


def test_evaluate_of_rows_that_are_all_new_or_all_old(trained):
    rows = churn()
    targets = (rows["churn"] == "yes").to_numpy(np.int32)
    is_new = np.isin(np.arange(240), split_rows("churn", targets, ("no", "yes"), 0.25, 0)[1])
    rows[is_new].to_csv("new.csv", index=False)
    assert "trained on" not in succeed("evaluate", trained.folder, "new.csv")
    rows[~is_new].to_csv("old.csv", index=False)
    out = succeed("evaluate", trained.folder, "old.csv")
    assert "It was trained on all of these rows" in out
    facts = json.loads(succeed("evaluate", trained.folder, "old.csv", "--json"))
    assert (facts["trained_on"], facts["new_rows"]) == (180, None)


def test_evaluate_prints_a_table(trained, place):
    out = succeed("evaluate", trained.folder, place / "churn.csv")
    for part in ("240 rows", "95 % interval", "ROC AUC of 'yes'", "true class", "predicted"):
        assert part in out
    assert succeed("evaluate", trained.folder, place / "churn.csv", "--quiet") == ""


def test_evaluate_numbers(priced, place):
    facts = json.loads(succeed("evaluate", priced.folder, place / "churn.csv", "--json"))
    predictions = rows_of(succeed("predict", priced.folder, place / "churn.csv"))
    predicted = [float(row["prediction"]) for row in predictions]
    true = churn()["spend"]
    assert facts["metrics"]["MSE"]["value"] == pytest.approx(
        metrics.mean_squared_error(true, predicted), rel=1e-4
    )
    assert facts["metrics"]["R²"]["value"] == pytest.approx(
        metrics.r2_score(true, predicted), rel=1e-3
    )
    assert facts["classes"] is None


def test_evaluate_takes_some_classes_and_refuses_unknown_ones(trained):
    data = churn()
    data[data["churn"] == "no"].to_csv("only.csv", index=False)
    facts = json.loads(succeed("evaluate", trained.folder, "only.csv", "--json"))
    assert facts["metrics"]["ROC AUC"] == {"value": None, "low": None, "high": None}
    data.loc[4, "churn"] = "perhaps"
    data.to_csv("other.csv", index=False)
    line = refuse("evaluate", trained.folder, "other.csv")
    assert "line 6, column 'churn': the class must be one that the network knows" in line
    data.rename(columns={"churn": "left"}).drop(index=4).to_csv("other.csv", index=False)
    assert "no column 'churn' with the answers, found: 'customer id'" in refuse(
        "evaluate", trained.folder, "other.csv"
    )
    succeed("evaluate", trained.folder, "other.csv", "--target", "left")


@pytest.mark.slow
def test_evaluate_a_data_set_by_name_on_a_file():
    """Its classes are words; here they are found under one of the usual names."""
    succeed("train", "iris", *SMALL, "--quiet", "--out", "run")
    text = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),class\n"
    Path("iris.csv").write_text(text + "5.1,3.5,1.4,.2,setosa\n6.3,3.3,6,2.5,virginica\n")
    facts = json.loads(succeed("evaluate", "run", "iris.csv", "--json"))
    assert facts["rows"] == 2


@pytest.mark.usefixtures("without_pictures")
def test_numeric_classes_are_the_same_however_they_are_written():
    few_rows("table.csv")
    succeed("train", "table.csv", *SMALL, "--quiet", "--out", "run")
    rows = "".join(f"{k},0,0,0,0,{y}\n" for k, y in enumerate(("0.0", "1.0", "01")))
    Path("other.csv").write_text("a,b,c,d,e,y\n" + rows)
    facts = json.loads(succeed("evaluate", "run", "other.csv", "--json"))
    assert np.sum(facts["confusion"], axis=1).tolist() == [1, 2]


# --- Damaged and foreign preprocessing ------------------------------------------------------------


@pytest.mark.parametrize("state", ["missing", "empty", "cut", "foreign", "of another run"])
def test_preprocessing_that_does_not_belong_is_refused(trained, priced, place, state):
    folder = trained.copy(Path("run"))
    path = folder / "preprocessing.skops"
    data = path.read_bytes()
    path.unlink()
    if state == "of another run":
        shutil.copy(priced.folder / "preprocessing.skops", path)
    elif state == "foreign":
        skops.io.dump(FunctionTransformer(func=print), path)
    elif state != "missing":
        path.write_bytes({"empty": b"", "cut": data[:-9]}[state])
    for command in ("predict", "evaluate"):
        assert "preprocessing.skops" in refuse(command, folder, place / "churn.csv")


# --- Objectives and targets of any kind -----------------------------------------------------------

QUICK = ("--hidden", "8", "--strategy", "hill_climbing", "--evaluations", "4000")


def houses(size: float) -> pd.DataFrame:
    """Prices of some size, nearly linear in two columns."""
    random = np.random.default_rng(1)
    area, age = random.uniform(40, 200, 300).round(1), random.integers(0, 80, 300)
    price = size * (2 + area / 100 - age / 100 + random.normal(0, 0.05, 300))
    return pd.DataFrame({"area": area, "age": age, "price": price})


def share_explained(folder: str, table: pd.DataFrame) -> float:
    answers = [float(row["prediction"]) for row in rows_of(succeed("predict", folder, "table.csv"))]
    return float(metrics.r2_score(table["price"], answers))


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("size", [1e5, 1e-5])
def test_numbers_of_any_size_are_learned_and_answered_in_their_units(size):
    table = houses(size)
    table.to_csv("table.csv", index=False)
    succeed("train", "table.csv", "--target", "price", *QUICK, "--quiet", "--out", "run")
    assert share_explained("run", table) > 0.9
    result = read_json(Path("run"), "result.json")
    assert result["test_metrics"]["MSE"]["value"] == pytest.approx(result["test_loss"], rel=1e-3)
    measured = json.loads(succeed("evaluate", "run", "table.csv", "--json"))["metrics"]
    assert measured["R²"]["value"] == pytest.approx(share_explained("run", table), abs=1e-5)
    assert measured["MSE"]["value"] < 0.1 * size**2
    arguments = ("--target", "price", *QUICK, "--standardize", "no", "--quiet", "--out", "as it is")
    succeed("train", "table.csv", *arguments)
    assert share_explained("as it is", table) < 0.5


@pytest.mark.usefixtures("without_pictures")
def test_a_run_with_scaled_outputs_goes_on_and_repeats_bit_for_bit():
    houses(1e5).to_csv("table.csv", index=False)
    arguments = ("table.csv", "--target", "price", *QUICK, "--quiet")
    succeed("train", *arguments, "--out", "whole")
    succeed("train", *arguments, "--evaluations", "2000", "--out", "run")
    succeed("resume", "run", "--evaluations", "4000", "--quiet")
    weights = [Path(name, "model.safetensors").read_bytes() for name in ("run", "whole")]
    assert weights[0] == weights[1]
    assert "the same bit for bit" in succeed("repeat", "run")


@pytest.mark.usefixtures("without_pictures")
def test_a_run_of_before_is_used_but_does_not_go_on(priced, place, monkeypatch):
    folder = priced.copy(Path("before"))
    config = read_json(folder, "config.json")
    config["recipe"]["numbers"] = "float32"
    for unknown in ("log_loss_first", "first"):
        del config["recipe"][unknown]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert call("resume", folder, "--evaluations", "400", "--quiet").code == 0
    monkeypatch.setattr(checkpoint, "_FORMAT", checkpoint._FORMAT + 1)
    told = refuse("resume", folder, "--evaluations", "100000")
    assert "written by an earlier version of gradless, whose runs this one cannot" in told
    rows = place / "churn.csv"
    assert succeed("predict", folder, rows).count("\n") == 241


# --- Numbers far from zero ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
def test_times_in_seconds_tell_early_from_late():
    """In float32, 128 seconds around 1.7e9 are one number."""
    rows = "".join(f"{1_700_000_000 + k},{'early' if k < 60 else 'late'}\n" for k in range(120))
    Path("table.csv").write_text("time,y\n" + rows)
    succeed("train", "table.csv", *QUICK, "--quiet", "--out", "run")
    facts = json.loads(succeed("evaluate", "run", "table.csv", "--json"))
    assert facts["metrics"]["accuracy"]["value"] > 0.95
    predictions = [row["prediction"] for row in rows_of(succeed("predict", "run", "table.csv"))]
    assert (predictions[0], predictions[-1]) == ("early", "late")


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("offset", [1e8, 1e15])
def test_targets_with_a_large_offset_are_learned_and_written_with_all_digits(offset):
    low = [k % 8 for k in range(300)]
    rows = "".join(f"{k},{row % 3},{offset + k:.0f}\n" for row, k in enumerate(low))
    Path("table.csv").write_text("a,b,y\n" + rows)  # of the shape of the houses
    arguments = ("--task", "regression", *QUICK, "--quiet", "--out", "run")
    succeed("train", "table.csv", *arguments)
    answers = [float(row["prediction"]) for row in rows_of(succeed("predict", "run", "table.csv"))]
    assert metrics.r2_score(low, np.subtract(answers, offset)) > 0.9
    facts = json.loads(succeed("evaluate", "run", "table.csv", "--json"))
    assert facts["metrics"]["MSE"]["value"] == pytest.approx(
        np.mean(np.subtract(np.subtract(answers, offset), low) ** 2), rel=1e-9
    )
    # What is written is what was answered, to the last bit.
    network = run_folder.read_network(Path("run"))
    columns = read_columns("table.csv", network.feature_names, network.kinds)
    assert answers == network.outputs(columns)[:, 0].tolist()
    card = Path("run/model_card.md").read_text(encoding="utf-8")
    assert f"runs from {offset:.0f}.0 to {offset + 7:.0f}.0 in" in card


@pytest.mark.usefixtures("without_pictures")
def test_a_network_of_before_with_the_scale_in_its_last_layer_is_used_as_it_was(priced, place):
    network = run_folder.read_network(priced.folder)
    *before, last = jax.tree.map(np.asarray, network.params)
    scale, shift = network.scale
    folded = Dense(np.float32(last.weights * scale), np.float32(last.biases * scale + shift))
    folder = priced.copy(Path("before"))
    save_tree(folder / "model.safetensors", {"layers": (*before, folded)})
    now, then = (
        [float(row["prediction"]) for row in rows_of(succeed("predict", run, place / "churn.csv"))]
        for run in (priced.folder, folder)
    )
    np.testing.assert_allclose(then, now, rtol=1e-5)


# --- What is missing, and notes -------------------------------------------------------------------


@pytest.mark.usefixtures("without_pictures")
def test_what_was_said_to_be_missing_is_kept_for_predict_evaluate_and_resume():
    countries = ("NA", "DE", "unknown", "-1")
    rows = "".join(f"{k % 7 or -1},{countries[k % 4]},{'uv'[k % 2]}\n" for k in range(40))
    Path("table.csv").write_text("a,country,y\n" + rows)
    arguments = ("table.csv", *SMALL, "--quiet", "--out", "run", "--missing", "unknown", "-1")
    succeed("train", *arguments)
    data = read_json(Path("run"), "config.json")
    assert data["recipe"]["missing"] == ["unknown", "-1"]
    assert data["data"]["inputs"] == [
        *("a", "a is missing"),
        *("country = DE", "country = NA", "country = missing"),
    ]
    gap, said = (
        succeed("predict", "run", Path(name))
        for name, text in (("gap.csv", "a,country\n,\n"), ("said.csv", "a,country\n-1,unknown\n"))
        if Path(name).write_text(text)
    )
    assert gap == said
    succeed("evaluate", "run", "table.csv", "--quiet")
    succeed("resume", "run", "--evaluations", "400", "--quiet")
    code, _, err = call(
        "predict", "run", write_table(Path("na.csv"), ["a", "country"], [[1, "NA"]])
    )
    assert (code, err) == (0, "")
    assert "remove target, task, drop, categories, text and missing" in refuse(
        "train", "iris", "--missing"
    )


@pytest.mark.usefixtures("without_pictures")
def test_merged_spellings_and_quoted_gaps_are_said_before_training():
    spelt = ("True", "TRUE", "False")
    rows = "".join(f'{k},"NA",{k % 5},{k % 7},{spelt[k % 3]}\n' for k in range(38))
    more = "38,DE,1,2,False\n39,DE,3,4,TRUE\n"
    Path("table.csv").write_text("a,b,c,d,y\n" + rows + more)
    code, _, err = call(
        "train", "table.csv", *SMALL, "--quiet", "--out", "run", "--positive", "TRUE"
    )
    assert code == 0
    assert err.splitlines() == [
        "gradless: column 'b': 'NA' is read as text, since it is in quotes or in a column of text. "
        "Use --missing NA if it means a missing value",
        "gradless: column 'y': 'True' and 'TRUE' are one class",
    ]
    assert read_json(Path("run"), "config.json")["data"]["classes"] == ["False", "True"]


# --- Consoles -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_a_run_is_shown_and_used_in_a_console_of_any_encoding(place, priced, encoding):
    names = churn().replace({"city": {"Oslo": "S\u00e3o \u0141"}})
    names.to_csv("names.csv", index=False)
    arguments = ("--target", "spend", "--drop", "customer id", *SMALL, "--out", "run")
    code, out, err = call("train", "names.csv", *arguments, encoding=encoding)
    assert (code, err) == (0, "")
    assert "R2 " in out
    assert read_json(Path("run"), "status.json")["status"] == "finished"
    assert "R\u00b2" in Path("run/model_card.md").read_text(encoding="utf-8")
    code, out, _ = call("evaluate", "run", "names.csv", encoding=encoding)
    assert code == 0
    assert "R2 " in out
    assert call("predict", "run", "names.csv", encoding=encoding).code == 0
    assert (
        call("explain", "names.csv", *arguments[:4], "--measure", "0", encoding=encoding).code == 0
    )
    assert "R\\xb2" not in out


@pytest.mark.usefixtures("without_pictures")
def test_classes_that_a_console_cannot_show_are_escaped_and_that_is_said():
    few_rows("table.csv", classes=("Gdańsk", "Oslo"))
    succeed("train", "table.csv", *SMALL, "--quiet", "--out", "run")
    code, out, err = call("predict", "run", "table.csv", encoding="ascii")
    assert code == 0
    assert {row["prediction"] for row in rows_of(out)} <= {r"Gda\u0144sk", "Oslo"}
    assert "standard output is ascii, which does not have all letters of these names" in err
    code, _, err = call("predict", "run", "table.csv", "--out", "out.csv", encoding="ascii")
    assert (code, err) == (0, "")
    assert "Gda\u0144sk" in Path("out.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_another_process_in_a_narrow_console(place):
    environment = {**os.environ, "PYTHONIOENCODING": "cp1250"}
    arguments = [place / "churn.csv", "--target", "spend", "--drop", "customer id", *SMALL]
    command = [sys.executable, "-m", "gradless", "train", *map(str, arguments), "--out", "run"]
    ran = subprocess.run(command, check=False, capture_output=True, env=environment)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "R2 " in ran.stdout.decode("cp1250")


@pytest.mark.usefixtures("without_pictures")
def test_a_score_that_is_wanted_ends_a_run(place):
    arguments = (*TARGET, "--objective", "f1", *SMALL, "--target-score", "0.3", "--json")
    result = json.loads(succeed("train", place / "churn.csv", *arguments, "--out", "run"))
    assert result["stopped_because"] == "target f1 reached"
    assert 0.3 <= -result["loss"] < 1


def test_a_run_for_f1_says_f1_everywhere(place):
    arguments = (*TARGET, "--objective", "f1", *SMALL, "--out", "runs/run")
    text = succeed("train", place / "churn.csv", *arguments)
    reached = -read_json(Path("runs/run"), "result.json")["loss"]
    assert 0 < reached <= 1
    assert "first half of the budget: log loss, by hill_climbing" in text
    assert re.search(r"New best network, evaluation: \d+, log loss: 0\.\d+, accuracy: \d", text)
    assert re.search(r"New best network, evaluation: \d+, f1: 0\.\d+, accuracy: \d\d\.\d%", text)
    assert re.search(f"^f1 +{reached:.4f} ", text, re.MULTILINE)
    assert "loss" not in text.replace("log loss", "")
    pictures = {"f1.png", "accuracy.png", "confusion.png", "roc.png", "reliability.png"}
    pictures |= {"importance.png", "dependence.png"}
    expected = MEASURED | pictures | {"validation.csv"}
    assert {path.name for path in Path("runs/run").iterdir()} == expected
    card = Path("runs/run/model_card.md").read_text(encoding="utf-8")
    assert f"| on the training rows | f1 {reached:.4f}, accuracy" in card
    assert "![f1](f1.png)" in card
    best = -summaries(Path("runs"))[0].best_loss  # on training rows, of all networks
    found = read_json(Path("runs/run"), "result.json")["test_loss"]
    shown = succeed("runs")
    assert f"f1: {best:.4f} {-found:.4f} " in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    succeed("plot", "runs/run")
