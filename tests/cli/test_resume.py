"""``gradless resume``, ``runs`` and ``repeat``: runs that go on, are listed, and are run again."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import load_file

from gradless._core import words
from gradless._core.storage import load_about, save_tree
from helpers.commands import (
    SMALL,
    call,
    history_without_seconds,
    improvements,
    last_checkpoint,
    read_json,
    refuse,
    rows_of,
    succeed,
)


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
        ["--strategy", "hill_climbing", "--restarts", "yes"],
        ["--restarts", "bipop"],
    ],
    ids=[
        "hill climbing",
        "quasi-Newton",
        "evolution strategy on minibatches",
        "eight bits",
        "restarts",
        "restarts of CMA-ES",
    ],
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
def test_restarts_are_kept_shown_and_go_with_a_strategy_that_can():
    train = ["train", "iris", "--hidden", "3", "--evaluations", "300", "--strategy"]
    said = succeed(*train, "snes", "--restarts", "yes", "--out", "run")
    assert re.search(r"restarts +yes", said)
    recipe = read_json(Path("run"), "config.json")["recipe"]
    assert (recipe["strategy"], recipe["restarts"]) == ("snes", "yes")
    assert "restarts" in Path("run/model_card.md").read_text(encoding="utf-8")
    refused = refuse(*train, "snes", "--restarts", "ipop", "--out", "other")
    assert "restarts must be yes or none for snes" in refused


@pytest.mark.usefixtures("without_pictures")
def test_a_resumed_run_goes_on_in_time_and_shows_only_what_is_better(vertical):
    folder = vertical.copy(Path("run"))
    before = rows_of((folder / "history.csv").read_text(encoding="utf-8"))
    out = succeed("resume", folder, "--evaluations", "400")
    shown = improvements(out)
    assert shown
    assert shown[0][0] > 200
    assert shown[0][1] < float(before[-1]["best_loss"])
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
    assert "made its 200 evaluations. Use --evaluations with more" in refuse("resume", folder)
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
    assert "resuming from the checkpoint before" in err
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
    assert "--checkpoint-every must be " in line
    assert "For example: --checkpoint-every 30s" in line


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
    assert re.split("  +", shown.splitlines()[0]) == [
        "run", "status", "strategy", "evaluations", "training", "test", "time",
    ]  # fmt: skip
    assert f"loss: {words.loss(one['best_loss'])}" in shown
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
