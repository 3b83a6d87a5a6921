"""What a network of a table says of new rows: predict and evaluate."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn import metrics
from sklearn.preprocessing import FunctionTransformer

from gradless.data.datasets import split_rows
from helpers.commands import (
    SMALL,
    call,
    read_json,
    refuse,
    rows_of,
    succeed,
)
from helpers.customers import churn, few_rows

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
