import dataclasses
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import load_file

import gradless
from gradless._core.storage import load_about, save_tree
from gradless._core.tree import Structure
from gradless.cli import COMMANDS
from gradless.data.datasets import load
from gradless.data.named import DATASETS
from gradless.runs import run_folder
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.strategies import STRATEGIES
from helpers.commands import (
    ALWAYS,
    IMPROVEMENT,
    MEASURED,
    SMALL,
    Trained,
    call,
    compiled_quickly,
    history_without_seconds,
    improvements,
    interruptible,
    is_picture,
    read_json,
    refuse,
    rows_of,
    succeed,
    write_table,
)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    """Where the default run folders go."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly():
    with compiled_quickly():
        yield


@pytest.fixture(scope="module")
def vertical(tmp_path_factory) -> Trained:
    """The chapter's easy data, in the plane."""
    folder = tmp_path_factory.mktemp("vertical") / "run"
    return Trained(folder, succeed("train", "vertical", *SMALL, "--out", folder))


@pytest.fixture(scope="module")
def iris(tmp_path_factory) -> Trained:
    """Measured data of four features and three classes."""
    folder = tmp_path_factory.mktemp("iris") / "run"
    return Trained(folder, succeed("train", "iris", *SMALL, "--json", "--out", folder))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory) -> Trained:
    """A regression, from a CSV file beside the run folder."""
    place = tmp_path_factory.mktemp("numbers")
    x = np.random.default_rng(0).normal(size=(40, 2)).round(3)
    rows = [[a, b, round(2 * a - b, 4)] for a, b in x.tolist()]
    table = write_table(place / "numbers.csv", ["a", "b", "target"], rows)
    folder = place / "run"
    return Trained(folder, succeed("train", table, *SMALL, "--out", folder))


@pytest.fixture
def iris_table(tmp_path) -> Path:
    """The iris as a CSV file, its columns in another order and some more among them."""
    data = load("iris")
    header = ["species", "note", *reversed(data.feature_names), "row"]
    rows = [
        [data.class_names[target], "cut, dried", *reversed(features.tolist()), row]
        for row, (features, target) in enumerate(
            zip(data.features.astype(float).round(1), data.targets, strict=True)
        )
    ]
    return write_table(tmp_path / "iris.csv", header, rows)


# --- train ----------------------------------------------------------------------------------------


def test_a_run_in_the_plane_leaves_its_files(vertical):
    pictures = {"loss.png", "accuracy.png", "decision_boundary.png"}
    assert {path.name for path in vertical.folder.iterdir()} == ALWAYS | pictures
    assert all(is_picture(vertical.folder / name) for name in pictures)


def test_a_run_of_several_features_leaves_a_confusion_matrix(iris):
    pictures = {"loss.png", "accuracy.png", "confusion.png"}
    expected = MEASURED | pictures | {"validation.csv"}
    assert {path.name for path in iris.folder.iterdir()} == expected
    assert is_picture(iris.folder / "confusion.png")


def test_a_regression_leaves_predictions_against_targets(numbers):
    pictures = {"loss.png", "predictions.png"}
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


# --- resume ---------------------------------------------------------------------------------------


def last_checkpoint(folder: Path) -> Path:
    return max((folder / "checkpoints").iterdir())


def state_of(folder: Path) -> dict[str, bytes]:
    """Everything in the last checkpoint but the seconds."""
    arrays = load_file(last_checkpoint(folder))
    return {name: array.tobytes() for name, array in arrays.items() if name != "history.seconds"}


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    "options",
    [
        ["--strategy", "hill_climbing"],
        ["--strategy", "fd_lbfgs"],
        ["--strategy", "openai_es", "--population", "20", "--batch-size", "32"],
        ["--strategy", "hill_climbing", "--weights", "int8"],
    ],
    ids=["hill climbing", "quasi-Newton", "evolution strategy on minibatches", "eight bits"],
)
def test_resuming_is_as_if_it_had_never_stopped(options):
    train = ["train", "vertical", "--hidden", "3", *options, "--quiet", "--evaluations"]
    succeed(*train, "6000", "--out", "whole")
    succeed(*train, "2000", "--out", "parts")
    assert Path("whole/model.safetensors").read_bytes() != (
        Path("parts/model.safetensors").read_bytes()
    )
    succeed("resume", "parts", "--evaluations", "6000", "--quiet")
    name = "model.safetensors"
    assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()
    assert state_of(Path("parts")) == state_of(Path("whole"))
    history = history_without_seconds(Path("parts"))
    assert history == history_without_seconds(Path("whole"))
    assert 5900 <= int(history[-1]["evaluations"]) <= 6000
    parts, whole = (read_json(Path(folder), "result.json") for folder in ("parts", "whole"))
    for name in ("run", "seconds", "compile_seconds"):
        parts.pop(name)
        whole.pop(name)
    assert parts == whole


@pytest.mark.usefixtures("without_pictures")
def test_a_resumed_run_goes_on_in_time_and_shows_only_what_is_better(vertical):
    folder = vertical.copy(Path("run"))
    before = rows_of((folder / "history.csv").read_text(encoding="utf-8"))
    out = succeed("resume", folder, "--evaluations", "400")
    shown = improvements(out)
    assert shown
    assert shown[0][0] > 200
    assert shown[0][1] < round(float(before[-1]["best_loss"]), 6)
    after = rows_of((folder / "history.csv").read_text(encoding="utf-8"))
    assert after[:200] == before
    seconds = [float(row["seconds"]) for row in after]
    assert seconds == sorted(seconds)


@pytest.mark.usefixtures("without_pictures")
def test_a_target_that_is_reached_already_stops_at_once(vertical):
    folder = vertical.copy(Path("run"))
    out = succeed("resume", folder, "--target-accuracy", "0.1", "--json")
    result = json.loads(out)
    assert result["stopped_because"] == "target accuracy reached"
    assert result["evaluations"] == 200
    assert (folder / "model.safetensors").read_bytes() == (
        vertical.folder / "model.safetensors"
    ).read_bytes()


@pytest.mark.usefixtures("without_pictures")
def test_without_limits_a_run_goes_on_to_those_that_it_had(vertical):
    folder = vertical.copy(Path("run"))
    assert "made its 200 evaluations; give more" in refuse("resume", folder)
    assert read_json(folder, "status.json")["status"] == "finished"
    shutil.copytree(folder, "saving")  # as if it had been killed before its network was written
    Path("saving/model.safetensors").unlink()
    Path("saving/status.json").write_text('{"status": "running"}', encoding="utf-8")
    succeed("resume", "saving", "--quiet")
    assert state_of(Path("saving")) == state_of(folder)
    name = "model.safetensors"
    assert Path("saving", name).read_bytes() == (folder / name).read_bytes()
    shutil.copytree(folder, "cut")
    newest, before = sorted(Path("cut/checkpoints").iterdir(), reverse=True)
    newest.unlink()  # as if it had been killed before the end
    Path("cut/model.safetensors").unlink()
    assert "end it with: gradless resume cut" in refuse("predict", "cut", "none.csv")
    succeed("resume", "cut", "--quiet")
    assert state_of(Path("cut")) == state_of(folder)
    data = last_checkpoint(folder).read_bytes()
    last_checkpoint(folder).write_bytes(data[:-1])
    code, _, err = call("resume", folder, "--quiet")
    assert code == 0
    assert "going on from the checkpoint before" in err
    assert before.name in {path.name for path in before.parent.iterdir()}


@pytest.mark.usefixtures("without_pictures")
def test_a_second_process_on_a_run_folder_is_refused(vertical):
    folder = vertical.copy(Path("run"))
    with FileLock(folder / "lock"):
        line = refuse("resume", folder, "--evaluations", "400")
        assert f"run is in use by process {os.getpid()}" in line
        assert "delete run/lock" in line
    (folder / "status.json").write_text('{"status": "running"}', encoding="utf-8")
    with FileLock(folder / "lock"):
        assert runs_listed(".")["run"]["status"] == "running"
    assert runs_listed(".")["run"]["status"] == "interrupted"
    succeed("resume", folder, "--evaluations", "400", "--quiet")
    assert runs_listed(".")["run"]["status"] == "finished"


@pytest.mark.usefixtures("without_pictures")
def test_a_config_that_no_longer_fits_the_checkpoints_is_refused_with_the_difference(vertical):
    folder = vertical.copy(Path("run"))
    config = read_json(folder, "config.json")
    config["recipe"]["hyperparameters"]["sigma"] = 0.5
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    line = refuse("resume", folder, "--evaluations", "400")
    assert "sigma is 0.5, its checkpoint has " in line


@pytest.mark.parametrize("given", ["0", "30x", "-1s", "s", "", "nan", "1e999"])
def test_times_between_checkpoints_that_make_no_sense(given):
    line = refuse("train", "vertical", *SMALL, f"--checkpoint-every={given}")
    assert "30s, 5m or 1h" in line


# --- runs, repeat ---------------------------------------------------------------------------------


def runs_listed(directory: str) -> dict[str, dict]:
    return {run["run"]: run for run in json.loads(succeed("runs", directory, "--json"))}


def test_runs_are_listed_with_what_they_reached(vertical):
    vertical.copy(Path("one"))
    Path("broken").mkdir()
    Path("broken/config.json").write_text("{", encoding="utf-8")
    found = runs_listed(".")
    assert found["broken"]["status"] == "unknown"
    history = rows_of(Path("one/history.csv").read_text(encoding="utf-8"))
    one = found["one"]
    assert (one["status"], one["evaluations"]) == ("finished", 200)
    assert (one["strategy"], one["data"]) == ("hill_climbing", "vertical")
    assert one["best_loss"] == pytest.approx(float(history[-1]["best_loss"]))
    shown = succeed("runs", ".")
    assert "hill_climbing" in shown
    assert shown.splitlines()[0].split() == [
        "run", "status", "strategy", "evaluations", "best", "time",
    ]  # fmt: skip
    assert f"loss: {one['best_loss']:.6f}" in shown
    Path("empty").mkdir()
    assert succeed("runs", "empty") == "no runs in empty\n"
    assert "is not a folder" in refuse("runs", "nowhere")


def test_repeating_a_run_finds_the_same_bits_or_says_what_differs(vertical):
    folder = vertical.copy(Path("run"))
    out = succeed("repeat", folder)
    assert "the same bit for bit as run: 200 evaluations" in out.replace("\n", " ")
    same = {"run": "run", "evaluations": 200, "differs": []}
    assert json.loads(succeed("repeat", folder, "--json")) == same
    newest = last_checkpoint(folder)
    arrays, about = load_file(newest), load_about(newest)
    arrays["run.best"] += np.float32(1e-6)
    save_tree(newest, arrays, about)
    code, out, _ = call("repeat", folder)
    assert code == 1
    assert "differs from run: best" in out.replace("\n", " ")


# --- Weights in eight bits ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def eight(tmp_path_factory) -> Trained:
    """A network of weights in eight bits."""
    folder = tmp_path_factory.mktemp("eight") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradless.views.pictures.draw", lambda *_: [])
        out = succeed("train", "vertical", *SMALL, "--weights", "int8", "--out", folder)
    return Trained(folder, out)


def test_a_file_of_eight_bits_is_the_network_that_was_trained(eight):
    arrays = load_file(eight.folder / "model.safetensors")
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        f"layers.{layer}.{name}": dtype
        for layer in (0, 1)
        for name, dtype in (
            ("weights.values", "int8"), ("weights.scale", "float32"), ("biases", "float32"),
        )
    }  # fmt: skip
    network = run_folder.read_network(eight.folder)
    trained = Structure.of(network.params).unravel(
        load_file(last_checkpoint(eight.folder))["run.best"]
    )
    assert not np.array_equal(trained[0].weights, network.params[0].weights)  # not rounded
    features = load("vertical").features
    np.testing.assert_array_equal(
        dataclasses.replace(network, params=trained).outputs_of_inputs(features),
        network.outputs_of_inputs(features),
    )
    loss = read_json(eight.folder, "result.json")["loss"]
    prepared = prepare(Recipe.from_json(read_json(eight.folder, "config.json")["recipe"]))
    assert prepared.judge(network.params, prepared.train).value == loss
    assert "the same bit for bit" in succeed("repeat", eight.folder)


@pytest.mark.parametrize(
    ("damage", "fragment"),
    [
        ({"values": np.int8(1)}, "expected a scale of 16 bits"),
        ({"values": np.int8(-128)}, "from -128 to"),
        ({"scale": np.float32(np.nan)}, "a scale of nan"),
        ({"values": np.float32(1)}, "'layers.0.weights.values' is float32[2, 3], expected int8"),
        ({"scale": np.float64(1)}, "'layers.0.weights.scale' is float64[], expected float32[]"),
    ],
    ids=["all ones", "-128", "not a number", "numbers", "digits"],
)
def test_weights_that_training_cannot_have_made_are_refused(eight, tmp_path, damage, fragment):
    folder = eight.copy(Path("run"))
    arrays = load_file(folder / "model.safetensors")
    for name, value in damage.items():
        where = f"layers.0.weights.{name}"
        arrays[where] = np.full(arrays[where].shape, value)
    save_tree(folder / "model.safetensors", arrays)
    line = refuse("predict", folder, write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]]))
    assert fragment in line
    assert str(folder / "model.safetensors") in line


def test_a_network_of_other_weights_is_refused(eight, vertical, tmp_path):
    table = write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]])
    for run, other in ((eight, vertical), (vertical, eight)):
        folder = run.copy(tmp_path / run.folder.parent.name)
        shutil.copy(other.folder / "model.safetensors", folder)
        assert "model.safetensors holds other arrays" in refuse("predict", folder, table)


@pytest.mark.usefixtures("without_pictures")
def test_a_run_of_before_there_were_other_weights_goes_on(vertical):
    folder = vertical.copy(Path("run"))
    config = read_json(folder, "config.json")
    del config["recipe"]["weights"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for path in (folder / "checkpoints").iterdir():
        about = load_about(path)
        del about["recipe"]["weights"]
        save_tree(path, load_file(path), about)
    succeed("resume", folder, "--evaluations", "400", "--quiet")


# --- predict --------------------------------------------------------------------------------------


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


# --- plot -----------------------------------------------------------------------------------------


def test_plot_draws_the_pictures_again(vertical):
    folder = vertical.copy(Path("run"))
    pictures = {name: folder / name for name in ("loss.png", "accuracy.png")}
    pictures["decision_boundary.png"] = folder / "decision_boundary.png"
    before = {name: path.read_bytes() for name, path in pictures.items()}
    for path in pictures.values():
        path.unlink()
    assert set(succeed("plot", folder).splitlines()) == {str(path) for path in pictures.values()}
    assert {name: path.read_bytes() for name, path in pictures.items()} == before


# --- Lists, help, version -------------------------------------------------------------------------


def test_strategies_lists_every_strategy_with_its_options():
    text = succeed("strategies")
    assert set(text.split()) >= set(STRATEGIES)
    assert "--sigma 0.05" in text
    assert "--speculation 1" in text


def test_datasets_lists_every_data_set():
    text = succeed("datasets")
    assert set(text.split()) >= set(DATASETS)
    (line,) = (line for line in text.splitlines() if line.startswith("iris "))
    assert line.split()[1:4] == ["150", "4", "3"]


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (
            "train",
            "target task drop categories positive hidden activation initializer weights objective "
            "strategy "
            "batch-size test-fraction standardize precision seed out evaluations time "
            "target-loss target-score target-accuracy "
            "stagnation checkpoint-every quiet json",
        ),
        ("explain", "hidden objective strategy batch-size precision evaluations measure json"),
        (
            "resume",
            "evaluations time target-loss target-accuracy stagnation checkpoint-every quiet json",
        ),
        ("repeat", "quiet json"),
        ("runs", "quiet json"),
        ("predict", "out"),
        ("evaluate", "target quiet json"),
        ("plot", "help"),
        ("strategies", "help"),
        ("datasets", "help"),
        ("book", "data iterations seed out"),
    ],
)
def test_help_of_each_command_mentions_its_options(command, options):
    text = succeed(command, "--help")
    assert f"gradless {command}" in text
    for option in options.split():
        assert re.search(rf"--(no-)?{option}\b", text)


def test_help_of_train_has_the_options_of_the_strategy():
    assert "--population" not in succeed("train", "--help")
    text = succeed("train", "--strategy", "random_search", "--help")
    assert "--population" in text
    assert "--speculation" not in text


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_names_every_command(arguments):
    text = succeed(*arguments)
    assert set(text.split()) >= set(COMMANDS)
    assert "gradless train spiral" in text


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2():
    code, out, _ = call()
    assert code == 2
    assert "gradless COMMAND" in out


def test_the_version():
    assert succeed("--version") == f"gradless {gradless.__version__}\n"


def test_the_installed_command():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="gradless")
    assert entry.value == "gradless.__main__:main"  # which handles signals before all else
    script = Path(sysconfig.get_path("scripts")) / "gradless"
    ran = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == (f"gradless {gradless.__version__}\n", "")


# --- book -----------------------------------------------------------------------------------------


def test_the_books_random_search():
    out = succeed("book", "random-search", "--iterations", "130")
    assert out.splitlines()[:4] == [
        "New set of weights found, iteration: 0, loss: 1.098656415939331, "
        "accuracy: 0.3333333333333333",
        "New set of weights found, iteration: 3, loss: 1.0981379747390747, "
        "accuracy: 0.3333333333333333",
        "New set of weights found, iteration: 117, loss: 1.0980114936828613, "
        "accuracy: 0.3333333333333333",
        "New set of weights found, iteration: 124, loss: 1.0977516174316406, accuracy: 0.6",
    ]
    folder = Path("runs/book-random-search-vertical")
    assert {path.name for path in folder.iterdir()} == {
        "history.csv",
        "loss_over_iterations.png",
        "acc_smooth.png",
    }
    assert all(is_picture(path) for path in folder.glob("*.png"))
    history = rows_of((folder / "history.csv").read_text(encoding="utf-8"))
    assert [int(row["generation"]) for row in history] == list(range(130))
    assert [int(row["evaluations"]) for row in history] == list(range(1, 131))
    assert float(history[-1]["best_loss"]) == pytest.approx(1.0977516174316406, abs=1e-7)
    assert float(history[-1]["best_accuracy"]) == pytest.approx(0.6)
    assert float(history[123]["best_loss"]) == pytest.approx(1.0980114936828613, abs=1e-7)


def test_the_books_hill_climb_on_other_data_in_another_folder():
    out = succeed(
        "book", "hill-climb", "--data", "spiral", "--iterations", "20", "--out", "deep/er"
    )
    assert out.startswith("New set of weights found, iteration: 0, loss: 1.1")
    assert len(rows_of(Path("deep/er/history.csv").read_text(encoding="utf-8"))) == 20
    assert Path("deep/er/acc_smooth.png").exists()


# --- Bad input ------------------------------------------------------------------------------------

TABLES = {
    "good.csv": "a,b,target\n" + "".join(f"{i},{i % 3},{'xy'[i % 2]}\n" for i in range(30)),
    "numbers.csv": "a,b,target\n" + "".join(f"{i},{i % 3},{i / 2}\n" for i in range(30)),
    "empty.csv": "",
    "header.csv": "a,b,target\n",
    "ragged.csv": "a,b,target\n1,2,x\n1,2\n",
    "text.csv": "a,b,target\n1,2,x\n1,red,y\n",
    "missing.csv": "a,b,target\n1,,x\n1,,y\n1,,y\n",
    "unlabelled.csv": "a,b,target\n1,2,x\n1,2,\n",
    "one.csv": "a,b,target\n1,2,x\n1,3,x\n",
    "inf.csv": "a,b,target\n1,2,x\n1,inf,y\n",
    "few.csv": "a,b,target\n1,2,x\n1,2,y\n1,1,z\n",
    "file": "text",
}
LONG = "x" * 300
ES = ("--strategy", "openai_es")

BAD_TRAINING = {
    "no data": ([], ["Missing", "gradless train --help"]),
    "missing file": (["none.csv"], ["none.csv", "no such file"]),
    "empty file": (["empty.csv"], ["empty.csv", "empty, expected a header"]),
    "no rows": (["header.csv"], ["header.csv", "no rows"]),
    "ragged rows": (["ragged.csv"], ["line 3", "2, expected 3"]),
    "text": (["text.csv"], ["line 3", "'b'", "'red' is not a number", "--drop b"]),
    "no value": (["missing.csv"], ["'b' has no filled cell", "--drop b"]),
    "missing target": (["unlabelled.csv"], ["line 3", "'target'", "missing value"]),
    "one class": (["one.csv"], ["'x'", "expected two classes"]),
    "inf": (["inf.csv"], ["line 3", "'inf' must be a finite number"]),
    "fewer rows than classes": (["few.csv"], ["3 rows", "classes that repeat"]),
    "target": (["good.csv", "--target", "targt"], ["'targt'", "did you mean 'target'"]),
    "drop": (["good.csv", "--drop", "c"], ["'c'", "Known: 'a', 'b', 'target'"]),
    "drop the target": (["good.csv", "--drop", "target"], ["--drop names the target"]),
    "drop of a data set": (["iris", "--drop", "petal"], ["'iris'", "files only"]),
    "categories": (["good.csv", "--categories", "targe"], ["did you mean 'target'"]),
    "target of a data set": (["vertical", "--target", "x"], ["'x'", "'vertical'"]),
    "data set": (["verticle"], ["'verticle'", "did you mean 'vertical'"]),
    "data of a long name": ([LONG], ["xxx"]),
    "two data sets": (["vertical", "spiral"], ["spiral"]),
    "strategy": (
        ["vertical", "--strategy", "hill_climb"],
        ["'hill_climb'", "did you mean 'hill_climbing'"],
    ),
    "strategy left out": (["vertical", "--strategy"], ["strategy"]),
    "objective": (["vertical", "--objective", "cross_entrop"], ["did you mean 'cross_entropy'"]),
    "objective for classes": (["numbers.csv", "--objective", "accuracy"], ["classes", "--task"]),
    "objective for another task": (
        ["numbers.csv", "--task", "regression", "--objective", "accuracy"],
        ["'accuracy'", "regression", "choose another"],
    ),
    "activation": (["vertical", "--activation", "rel"], ["'rel'", "did you mean 'relu'"]),
    "precision": (["vertical", "--precision", "float16"], ["float16", "bfloat16"]),
    "weights": (["vertical", "--weights", "int4"], ["int4", "int8"]),
    "initializer": (["vertical", "--initializer", "hee"], ["'hee'", "did you mean 'he'"]),
    "task": (["vertical", "--task", "regresion"], ["'regresion'", "regression"]),
    "task of a data set": (["vertical", "--task", "regression"], ["3 classes"]),
    "classes as numbers": (["good.csv", "--task", "regression"], ["'x' is not a number"]),
    "hidden 0": (["vertical", "--hidden", "0"], ["0", "expected", "1 or more"]),
    "hidden below 0": (["vertical", "--hidden", "3", "-3"], ["-3", "1 or more"]),
    "hidden a fraction": (["vertical", "--hidden", "3.5"], ["--hidden", "3.5"]),
    "hidden too large": (
        ["vertical", "--hidden", "100000", "100000"],
        ["10,000,700,003 parameters", "GiB", "use hidden layers of"],
    ),
    "hidden far too large": (["vertical", "--hidden", "9" * 30], ["GiB"]),
    "evaluations below 0": (["vertical", "--evaluations", "-5"], ["-5", "more than 0"]),
    "evaluations 0": (["vertical", "--evaluations", "0"], ["=0", "more than 0"]),
    "evaluations a word": (["vertical", "--evaluations", "abc"], ["--evaluations", "'abc'"]),
    "evaluations below a generation": (
        ["vertical", "--strategy", "random_search", "--evaluations", "20"],
        ["20 evaluations", "1024", "smaller population"],
    ),
    "time below 0": (["vertical", "--time", "-1"], ["-1", "more than 0"]),
    "time nan": (["vertical", "--time", "nan"], ["nan", "more than 0"]),
    "accuracy in percent": (["vertical", "--target-accuracy", "95"], ["95", "divide by 100"]),
    "a loss for a score": (
        ["vertical", "--objective", "f1", "--target-loss", "0.9"],
        ["--target-loss 0.9", "f1", "more is better", "--target-score"],
    ),
    "a score for a loss": (
        ["vertical", "--target-score", "0.9"],
        ["--target-score 0.9", "less is better", "--target-loss"],
    ),
    "loss nan": (["vertical", "--target-loss", "nan"], ["NaN", "expected a number"]),
    "stagnation 0": (["vertical", "--stagnation", "0"], ["stagnation=0", "more than 0"]),
    "sigma below 0": (["vertical", *ES, "--sigma", "-1"], ["sigma=-1", "above 0"]),
    "sigma nan": (["vertical", *ES, "--sigma", "nan"], ["sigma=nan"]),
    "sigma infinite": (["vertical", *ES, "--sigma", "inf"], ["sigma=inf"]),
    "sigma a word": (["vertical", *ES, "--sigma", "abc"], ["--sigma", "'abc'"]),
    "population 1": (["vertical", *ES, "--population", "1"], ["population=1", "at least 2"]),
    "batch too large": (["vertical", "--batch-size", "301"], ["301", "1 to 300"]),
    "batch of nothing": (["vertical", "--batch-size", "0"], ["0", "1 to 300"]),
    "batch larger than a split": (["iris", "--batch-size", "150"], ["150", "1 to 90"]),
    "test fraction 1": (["vertical", "--test-fraction", "1"], ["1", "expected"]),
    "test fraction below 0": (["vertical", "--test-fraction", "-0.1"], ["-0.1", "expected"]),
    "test fraction nan": (["vertical", "--test-fraction", "nan"], ["nan", "expected"]),
    "seed below 0": (["vertical", "--seed", "-1"], ["-1", "from 0"]),
    "seed too large": (["iris", "--seed", "5000000000"], ["5000000000", "from 0"]),
    "seed without a split": (
        ["good.csv", "--seed", "-1", "--test-fraction", "0"],
        ["-1", "from 0"],
    ),
    "out a file": (["vertical", "--out", "file"], ["--out file", "expected a folder"]),
    "out below a file": (["vertical", "--out", "file/run"], ["--out file/run"]),
    "out of a long name": (["vertical", "--out", LONG], ["--out"]),
    "unknown option": (["vertical", "--bogus"], ["--bogus", "gradless train --help"]),
    "nearly an option": (["vertical", *ES, "--sgma", "1"], ["--sgma", "--sigma"]),
    "an option of no named strategy": (
        ["vertical", "--sigma", "1"],
        ["--sigma", "--strategy openai_es"],
    ),
    "another strategy's option": (["vertical", "--crossover-rate", "1"], ["--crossover-rate"]),
}
BAD_BOOKS = {
    "search": (["random"], ["'random'", "did you mean 'random-search'"]),
    "no search": ([], ["gradless book --help"]),
    "data": (["random-search", "--data", "moons"], ["'moons'", "spiral, vertical"]),
    "iterations": (["random-search", "--iterations", "0"], ["0", "at least 1"]),
    "seed": (["random-search", "--seed", "-1"], ["-1", "from 0"]),
    "out a file": (["random-search", "--iterations", "2", "--out", "file"], ["--out file"]),
    "out below a file": (["random-search", "--iterations", "2", "--out", "file/x"], ["file/x"]),
}
BAD_COMMANDS = {
    "command": (["trian"], ["'trian'", "did you mean 'train'"]),
    "option": (["--bogus"], ["--bogus"]),
    "strategies of something": (["strategies", "vertical"], ["vertical"]),
    "data sets with an option": (["datasets", "--all"], ["--all"]),
    "resume nothing": (["resume"], ["gradless resume --help"]),
    "resume a name": (["resume", "nowhere"], ["nowhere", "is not a folder"]),
    "resume a file": (["resume", "file"], ["file", "is not a folder"]),
    "resume another folder": (["resume", "."], ["config.json", "expected the folder of a run"]),
    "predict without rows": (["predict", "nowhere"], ["gradless predict --help"]),
    "predict by a name": (["predict", "nowhere", "good.csv"], ["nowhere", "is not a folder"]),
    "predict by another folder": (["predict", ".", "good.csv"], ["config.json"]),
    "plot a name": (["plot", "nowhere"], ["nowhere", "is not a folder"]),
    "plot another folder": (["plot", "."], ["config.json"]),
    "plot a long name": (["plot", LONG], ["xxx"]),
}
BAD = {
    **{f"train: {name}": (["train", *a], f) for name, (a, f) in BAD_TRAINING.items()},
    **{f"book: {name}": (["book", *a], f) for name, (a, f) in BAD_BOOKS.items()},
    **BAD_COMMANDS,
}


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(("arguments", "fragments"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_exit_code_2(arguments, fragments):
    for name, text in TABLES.items():
        Path(name).write_text(text, encoding="utf-8")
    # Not to train for long where bad input is accepted; before it, so that it counts.
    limits = ["--evaluations", "200"] if arguments[:1] == ["train"] else []
    line = refuse(*arguments[:1], *limits, *arguments[1:])
    for fragment in fragments:
        assert fragment in line


def test_errors_of_the_parser_are_plain_text_in_a_plain_terminal():
    line = refuse("train", "vertical", "--bogus", encoding="ascii")
    assert "--bogus; see" in line
    assert "---" not in line


def test_a_folder_that_holds_something_is_left_alone(vertical):
    folder = vertical.copy(Path("run"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "another run" in refuse("train", "vertical", *SMALL, "--out", folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine", encoding="utf-8")
    assert "other files" in refuse("train", "vertical", *SMALL, "--out", "other")


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["--evaluations", "200"], ["200", "more than the 200", "from its beginning"]),
        (["--evaluations", "150"], ["150", "more than the 200"]),
        (["--evaluations", "-1"], ["-1", "more than 0"]),
        (["--time", "-1"], ["-1", "more than 0"]),
        (["--sigma", "0.1"], ["--sigma", "gradless resume --help"]),
    ],
)
def test_resume_refuses_limits_that_it_cannot_keep(vertical, arguments, fragments):
    line = refuse("resume", vertical.folder, *arguments)
    for fragment in fragments:
        assert fragment in line


@pytest.mark.usefixtures("without_pictures")
def test_resume_and_plot_refuse_data_that_have_changed(numbers, tmp_path):
    table = Path(shutil.copy(numbers.folder.parent / "numbers.csv", tmp_path / "table.csv"))
    succeed("train", table, *SMALL, "--quiet", "--out", "run")
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("\n0", "\n1", 1), encoding="utf-8")
    assert table.read_text(encoding="utf-8") != text
    assert "have changed" in refuse("resume", "run", "--evaluations", "400")
    assert "have changed" in refuse("plot", "run")
    table.unlink()
    assert "no such file" in refuse("resume", "run", "--evaluations", "400")


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoints", "config.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "nonsense"])
def test_a_damaged_run_is_refused_by_whatever_needs_it(vertical, tmp_path, name, damage):
    folder = vertical.copy(Path("run"))
    path = last_checkpoint(folder) if name == "checkpoints" else folder / name
    data = path.read_bytes()
    path.unlink()
    for older in folder.glob("checkpoints/*"):
        if name == "checkpoints":
            older.unlink()
    if damage != "missing":
        path.write_bytes({"empty": b"", "cut": data[:-9], "nonsense": b"nonsense" * 99}[damage])
    table = write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]])
    if name != "checkpoints":
        assert name in refuse("predict", folder, table)
    if name != "model.safetensors":
        line = refuse("resume", folder, "--evaluations", "400")
        assert ("checkpoint" if damage == "missing" else path.name) in line or name in line


@pytest.mark.parametrize(
    "damage",
    [
        lambda config: config.pop("network"),
        lambda config: config.pop("recipe"),
        lambda config: config["data"].pop("features"),
        lambda config: config["data"].pop("classes"),
        lambda config: config["data"].update(classes=["only one"]),
        lambda config: config["recipe"].update(activation=7),
        lambda config: config["recipe"].update(activation="none"),
        lambda config: config["network"].update(sizes=[2, 4, 3]),
        lambda config: config["network"].update(sizes="2-3-3"),
    ],
    ids=["network", "recipe", "features", "classes", "class", "type", "name", "sizes", "text"],
)
def test_a_config_that_was_edited_is_refused(vertical, tmp_path, damage):
    folder = vertical.copy(Path("run"))
    config = read_json(folder, "config.json")
    damage(config)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    table = write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]])
    refuse("predict", folder, table)


def test_the_network_of_another_run_is_refused(iris, vertical, iris_table):
    folder = iris.copy(Path("run"))
    shutil.copy(vertical.folder / "model.safetensors", folder)
    assert "model.safetensors" in refuse("predict", folder, iris_table)


def test_prediction_refuses_rows_that_it_cannot_use(iris, iris_table):
    text = iris_table.read_text(encoding="utf-8")
    Path("renamed.csv").write_text(text.replace("petal width (cm)", "width"), encoding="utf-8")
    line = refuse("predict", iris.folder, "renamed.csv")
    assert "'petal width (cm)'" in line
    assert "found" in line
    Path("gap.csv").write_text(text.replace("5.1", "", 1), encoding="utf-8")
    code, out, err = call("predict", iris.folder, "gap.csv")
    assert (code, len(rows_of(out))) == (0, 150)
    assert "'sepal length (cm)': 1 cell without a value" in err
    Path("word.csv").write_text(text.replace("5.1", "long", 1), encoding="utf-8")
    assert "line 2" in refuse("predict", iris.folder, "word.csv", "--out", "predictions.csv")
    assert "no such file" in refuse("predict", iris.folder, "none.csv")
    assert "--out ." in refuse("predict", iris.folder, iris_table, "--out", ".")


# --- Interruptions --------------------------------------------------------------------------------


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gradless", *map(str, arguments)]


def test_ctrl_c_saves_the_run_and_says_how_to_go_on():
    training = subprocess.Popen(
        interruptible(
            "train",
            "vertical",
            "--strategy",
            "hill_climbing",
            "--hidden",
            "3",
            "--time",
            "300",
            "--out",
            "run",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert IMPROVEMENT.fullmatch(training.stdout.readline().rstrip())
        training.send_signal(signal.SIGINT)
        out, err = training.communicate(timeout=120)
    finally:
        training.kill()
    assert training.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "gradless: saved; go on with: gradless resume run"
    assert "interrupted" in out
    folder = Path("run")
    assert {path.name for path in folder.iterdir()} >= ALWAYS
    result = read_json(folder, "result.json")
    assert result["stopped_because"] == "interrupted"
    done = result["evaluations"]
    succeed("resume", folder, "--evaluations", done + 100, "--quiet")
    assert read_json(folder, "result.json")["evaluations"] == done + 100


def test_a_keyboard_interrupt_elsewhere_is_exit_code_130(monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gradless.data.datasets.read_table", interrupt)
    Path("good.csv").write_text(TABLES["good.csv"], encoding="utf-8")
    assert call("train", "good.csv") == (130, "", "gradless: interrupted\n")


@pytest.mark.parametrize(
    "arguments",
    [["strategies"], ["--version"], ["--help"], ["book", "hill-climb", "--iterations", "2"]],
    ids=lambda arguments: arguments[0],
)
def test_a_reader_that_has_seen_enough_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run(
            command(*arguments), stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")
