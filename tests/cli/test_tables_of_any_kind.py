"""Targets, numbers, gaps and consoles as they come."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from gradless._core.storage import save_tree
from gradless.data.table import read_columns
from gradless.models.mlp import Dense
from gradless.runs import run_folder
from gradless.runs.status import summaries
from gradless.training import checkpoint
from helpers.commands import (
    MEASURED,
    SMALL,
    call,
    read_json,
    refuse,
    rows_of,
    succeed,
    write_table,
)
from helpers.customers import TARGET, churn, few_rows

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
