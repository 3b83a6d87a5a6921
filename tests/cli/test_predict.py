"""``gradless predict`` and ``plot``: what becomes of a run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gradless
from gradless.data.datasets import load
from helpers.commands import (
    SMALL,
    call,
    read_json,
    refuse,
    rows_of,
    succeed,
    write_table,
)


def test_predictions_agree_with_the_networks_own_accuracy(iris, iris_table):
    out = succeed("predict", iris.folder, iris_table)
    predictions = rows_of(out)
    names = load("iris").class_names
    assert list(predictions[0]) == ["prediction", *(f"probability of {name}" for name in names)]
    probabilities = np.array(
        [[float(row[f"probability of {name}"]) for name in names] for row in predictions]
    )
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=2e-6)
    predicted = [row["prediction"] for row in predictions]
    assert predicted == [names[index] for index in probabilities.argmax(1)]
    true = [row["species"] for row in rows_of(iris_table.read_text(encoding="utf-8"))]
    right = np.mean([a == b for a, b in zip(predicted, true, strict=True)])
    # The file has the samples of training, validation and test.
    result = json.loads(iris.out)
    parts = ((90, "accuracy"), (22, "validation_accuracy"), (38, "test_accuracy"))
    expected = sum(rows * result[name] for rows, name in parts) / 150
    assert right == pytest.approx(expected, abs=1e-6)


def test_predictions_can_go_to_a_file(iris, iris_table):
    assert succeed("predict", iris.folder, iris_table, "--out", "predictions.csv") == ""
    written = Path("predictions.csv").read_bytes().decode()
    assert written == succeed("predict", iris.folder, iris_table)
    assert len(written.splitlines()) == 151


@pytest.mark.parametrize("keep", ["row note", "row,note", "row --keep note"])
def test_columns_can_be_kept_beside_the_predictions(iris, iris_table, keep):
    rows = rows_of(succeed("predict", iris.folder, iris_table, "--keep", *keep.split()))
    assert list(rows[0])[:3] == ["row", "note", "prediction"]
    assert [row["row"] for row in rows] == [str(number) for number in range(150)]
    assert {row["note"] for row in rows} == {"cut, dried"}
    plain = rows_of(succeed("predict", iris.folder, iris_table))
    assert [{k: v for k, v in row.items() if k not in ("row", "note")} for row in rows] == plain


def test_columns_to_keep_may_be_features_and_must_exist(numbers):
    table = numbers.folder.parent / "numbers.csv"
    rows = rows_of(succeed("predict", numbers.folder, table, "--keep", "a"))
    assert [row["a"] for row in rows] == [row["a"] for row in rows_of(table.read_text())]
    assert "unknown --keep column 'x'" in refuse("predict", numbers.folder, table, "--keep", "x")


def test_predictions_of_numbers_agree_with_the_networks_own_loss(numbers):
    table = numbers.folder.parent / "numbers.csv"
    predictions = rows_of(succeed("predict", numbers.folder, table))
    assert list(predictions[0]) == ["prediction"]
    predicted = np.array([float(row["prediction"]) for row in predictions])
    rows = rows_of(table.read_text(encoding="utf-8"))
    squares = (predicted - np.array([float(row["target"]) for row in rows])) ** 2
    result = read_json(numbers.folder, "result.json")
    expected = (30 * result["loss"] + 10 * result["test_loss"]) / 40
    assert squares.mean() == pytest.approx(expected, rel=1e-4)


def test_one_unseen_row_without_a_target(numbers, tmp_path):
    table = write_table(tmp_path / "one.csv", ["b", "a"], [[0.5, -1.5]])
    (row,) = rows_of(succeed("predict", numbers.folder, table))
    assert np.isfinite(float(row["prediction"]))
    swapped = write_table(tmp_path / "swapped.csv", ["a", "b"], [[-1.5, 0.5]])
    assert rows_of(succeed("predict", numbers.folder, swapped)) == [row]


@pytest.mark.usefixtures("without_pictures")
def test_prediction_needs_no_training_data(numbers, tmp_path):
    table = shutil.copy(numbers.folder.parent / "numbers.csv", tmp_path / "moved.csv")
    succeed("train", table, *SMALL, "--quiet", "--out", "run")
    Path(table).rename("elsewhere.csv")
    assert len(rows_of(succeed("predict", "run", "elsewhere.csv"))) == 40


def test_plot_draws_the_pictures_again(vertical):
    folder = vertical.copy(Path("run"))
    pictures = {name: folder / name for name in ("loss.png", "accuracy.png")}
    pictures["decision_boundary.png"] = folder / "decision_boundary.png"
    before = {name: path.read_bytes() for name, path in pictures.items()}
    for path in pictures.values():
        path.unlink()
    assert set(succeed("plot", folder).splitlines()) == {str(path) for path in pictures.values()}
    assert {name: path.read_bytes() for name, path in pictures.items()} == before


def test_predictions_can_go_to_a_parquet_file(iris, iris_table):
    text = rows_of(succeed("predict", iris.folder, iris_table, "--keep", "note"))
    assert succeed("predict", iris.folder, iris_table, "--keep", "note", "--out", "p.parquet") == ""
    table = pd.read_parquet("p.parquet")
    assert list(table) == list(text[0])
    assert table["prediction"].tolist() == [row["prediction"] for row in text]
    assert set(table["note"]) == {"cut, dried"}
    name = "probability of setosa"
    assert table[name].dtype == float
    assert table[name].tolist() == [float(row[name]) for row in text]


def test_numbers_far_from_those_of_training_are_named_once(numbers, tmp_path):
    ranges = read_json(numbers.folder, "config.json")["data"]["ranges"]
    rows = rows_of((numbers.folder.parent / "numbers.csv").read_text(encoding="utf-8"))
    for (low, high), name in zip(ranges, "ab", strict=True):
        every = [float(row[name]) for row in rows]
        assert min(every) - 1e-5 <= low < high <= max(every) + 1e-5
    far = write_table(tmp_path / "far.csv", ["a", "b"], [[0, 0], [50, 0], [-99, 0.1]])
    code, out, err = call("predict", numbers.folder, far)
    assert (code, len(rows_of(out))) == (0, 3)
    (line,) = err.splitlines()
    assert "'a' 2 (-99; " in line
    assert "'b'" not in line


# --- In Python ------------------------------------------------------------------------------------


def test_a_run_is_loaded_in_python(iris, iris_table, numbers):
    run = gradless.load_run(iris.folder)
    assert (run.classes, run.target) == (load("iris").class_names, None)
    text = rows_of(succeed("predict", iris.folder, iris_table))
    frame = pd.read_csv(iris_table)
    for table in (iris_table, str(iris_table), frame, frame.to_dict("list")):
        assert run.predict(table).tolist() == [row["prediction"] for row in text]
    shares = [[float(row[f"probability of {name}"]) for name in run.classes] for row in text]
    np.testing.assert_allclose(run.predict_proba(frame), shares, rtol=1e-8)
    of_numbers = gradless.load_run(numbers.folder)
    table = numbers.folder.parent / "numbers.csv"
    expected = [
        float(row["prediction"]) for row in rows_of(succeed("predict", numbers.folder, table))
    ]
    assert of_numbers.predict(pd.read_csv(table)).tolist() == expected
    assert repr(of_numbers) == "TrainedRun(target='target', numbers from 2 columns)"


def test_what_python_cannot_use_is_refused(iris, numbers, tmp_path):
    run = gradless.load_run(numbers.folder)
    for table, said in (
        ({"a": [1.0]}, "none named 'b'"),
        ({"a": [1.0], "b": [1.0, 2.0]}, "columns of one length"),
        (np.ones((3, 2)), "a data frame or a mapping of columns, got ndarray"),
        ({"a": ["x"], "b": [1.0]}, "x"),
    ):
        with pytest.raises(gradless.InputError, match=said):
            run.predict(table)
    with pytest.raises(gradless.InputError, match="numbers; use predict"):
        run.predict_proba({"a": [1.0], "b": [1.0]})
    with pytest.raises(gradless.InputError, match="RUN must be"):
        gradless.load_run(tmp_path / "nothing")
