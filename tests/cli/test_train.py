"""``gradless train``: what a run leaves and shows."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gradless.data.datasets import load
from helpers.commands import (
    ALWAYS,
    MEASURED,
    SMALL,
    history_without_seconds,
    improvements,
    is_picture,
    read_json,
    succeed,
    write_table,
)


def test_a_run_in_the_plane_leaves_its_files(vertical):
    pictures = {"loss.png", "accuracy.png", "decision_boundary.png"}
    assert {path.name for path in vertical.folder.iterdir()} == ALWAYS | pictures
    assert all(is_picture(vertical.folder / name) for name in pictures)


def test_a_run_of_several_features_leaves_a_confusion_matrix(iris):
    pictures = {"loss.png", "accuracy.png", "confusion.png", "reliability.png"}
    pictures |= {"importance.png", "dependence.png"}
    expected = MEASURED | pictures | {"validation.csv"}
    assert {path.name for path in iris.folder.iterdir()} == expected
    assert is_picture(iris.folder / "confusion.png")


def test_a_regression_leaves_predictions_against_targets(numbers):
    pictures = {"loss.png", "predictions.png", "importance.png", "dependence.png"}
    assert {path.name for path in numbers.folder.iterdir()} == MEASURED | pictures
    assert is_picture(numbers.folder / "predictions.png")


def test_the_history_is_that_of_the_run(vertical):
    history = history_without_seconds(vertical.folder)
    assert [int(row["evaluations"]) for row in history] == list(range(1, 201))
    best = [float(row["best_loss"]) for row in history]
    assert best == sorted(best, reverse=True)
    assert best == np.minimum.accumulate([float(row["loss"]) for row in history]).tolist()
    result = read_json(vertical.folder, "result.json")
    assert result["evaluations"] == 200
    assert result["loss"] == pytest.approx(best[-1], rel=1e-5)
    assert result["accuracy"] == pytest.approx(float(history[-1]["best_accuracy"]), abs=1e-6)


def test_improvements_and_the_closing_table_are_shown(vertical):
    shown = improvements(vertical.out)
    assert len(shown) >= 3
    assert [loss for _, loss in shown] == sorted({loss for _, loss in shown}, reverse=True)
    result = read_json(vertical.folder, "result.json")
    for part in (
        "2-3-3, 21 parameters",
        "hill_climbing",
        "evaluations used up",
        f"{result['loss']:.4f}",
        f"{result['accuracy']:.1%}",
        f"run folder: {vertical.folder}",
    ):
        assert part in vertical.out


def test_json_is_one_object_and_nothing_else(iris):
    assert iris.out.endswith("}\n")
    assert iris.out.count("\n") == 1
    result = json.loads(iris.out)
    assert result == read_json(iris.folder, "result.json")
    assert result.keys() >= {
        "run",
        "strategy",
        "objective",
        "evaluations",
        "seconds",
        "compile_seconds",
        "loss",
        "accuracy",
        "stopped_because",
    }
    assert result["run"] == str(iris.folder)
    assert result["strategy"] == "hill_climbing"
    assert result["objective"] == "cross_entropy"
    assert result["evaluations"] == 200
    assert result["stopped_because"] == "evaluations used up"
    assert result["seconds"] > 0
    assert 0 < result["loss"] < 1.2
    assert 0.3 < result["accuracy"] <= 1


@pytest.mark.usefixtures("without_pictures")
def test_quiet_prints_nothing():
    assert succeed("train", "vertical", *SMALL, "--quiet", "--out", "run") == ""
    assert Path("run/result.json").exists()


@pytest.mark.usefixtures("without_pictures")
def test_the_default_folder_is_the_next_free_one():
    for _ in range(2):
        succeed("train", "vertical", *SMALL, "--quiet")
    assert {str(path.parent) for path in Path().rglob("config.json")} == {
        "runs/vertical-hill_climbing-1",
        "runs/vertical-hill_climbing-2",
    }


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("name", ["table.csv", "table.CSV", "table.txt"])
def test_the_default_folder_is_in_runs_wherever_the_table_is(name, tmp_path, numbers):
    place = tmp_path / "elsewhere"
    place.mkdir()
    table = shutil.copy(numbers.folder.parent / "numbers.csv", place / name)
    succeed("train", table, *SMALL, "--quiet")
    assert [path.parent.parent for path in Path().rglob("config.json")] == [Path("runs")]


@pytest.mark.usefixtures("without_pictures")
def test_strategies_have_their_own_options():
    succeed(
        "train", "vertical", *SMALL, "--sigma", "0.1", "--adapt", "--speculation", "4",
        "--seed", "3", "--out", "run", "--quiet",
    )  # fmt: skip
    recipe = read_json(Path("run"), "config.json")["recipe"]
    assert recipe["strategy"] == "hill_climbing"
    assert recipe["hyperparameters"] == {"sigma": 0.1, "adapt": True, "speculation": 4}
    assert recipe["hidden"] == [3]
    assert recipe["seed"] == 3


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--strategy=hill_climbing", "--speculation", "4"],
        ["--speculation", "4", "--strategy", "hill_climbing"],
        # As with any option, the last one counts.
        ["--strategy", "random_search", "--strategy", "hill_climbing", "--speculation", "4"],
    ],
)
def test_the_strategy_may_be_named_anywhere(arguments):
    # Adapting as above, so that nothing more is compiled.
    few = (*SMALL[2:], "--adapt", "--out", "run", "--quiet")
    succeed("train", "vertical", *few, *arguments)
    recipe = read_json(Path("run"), "config.json")["recipe"]
    assert recipe["strategy"] == "hill_climbing"
    assert recipe["hyperparameters"]["speculation"] == 4


@pytest.mark.usefixtures("without_pictures")
def test_standardising_can_be_turned_on_and_off(iris):
    assert read_json(iris.folder, "config.json")["recipe"]["standardize"] is True
    succeed("train", "iris", *SMALL, "--standardize", "no", "--out", "off", "--quiet")
    assert read_json(Path("off"), "config.json")["recipe"]["standardize"] is False
    succeed("train", "vertical", *SMALL, "--standardize", "yes", "--out", "on", "--quiet")
    assert read_json(Path("on"), "config.json")["recipe"]["standardize"] is True


@pytest.mark.usefixtures("without_pictures")
def test_a_table_trains_as_the_data_set_that_it_holds(iris, tmp_path):
    data = load("iris")
    rows = [
        [*features, data.class_names[target]]
        for features, target in zip(
            data.features.astype(float).round(1).tolist(), data.targets, strict=True
        )
    ]
    table = write_table(tmp_path / "flowers.csv", [*data.feature_names, "species"], rows)
    succeed("train", table, "--target", "species", *SMALL, "--quiet", "--out", "run")
    assert history_without_seconds(Path("run")) == history_without_seconds(iris.folder)
    weights = [folder / "model.safetensors" for folder in (Path("run"), iris.folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (["--target-accuracy", "0.5", "--time", "60"], "target accuracy reached"),
        (["--target-loss", "1.1", "--time", "60"], "target loss reached"),
        (["--time", "0.05"], "time used up"),
        (["--stagnation", "300"], "no improvement"),
    ],
)
def test_each_limit_stops(limits, reason):
    result = json.loads(succeed("train", "vertical", *SMALL[:4], *limits, "--json", "--out", "run"))
    assert result["stopped_because"].startswith(reason)
    if "accuracy" in reason:
        assert result["accuracy"] >= 0.5
    if "loss" in reason:
        assert result["loss"] <= 1.1 + 1e-6
