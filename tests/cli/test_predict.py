"""``gradless predict`` and ``plot``: what becomes of a run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gradless.data.datasets import load
from helpers.commands import (
    SMALL,
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
