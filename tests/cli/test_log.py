"""--log writes a run for a tracker, beside what every run leaves."""

import os
import sys
import typing
from pathlib import Path

import pytest

from gradless._core.errors import InputError
from gradless.cli import logs
from gradless.cli.options import Logging
from gradless.views.loggers import MLflow, Trackio
from helpers.commands import ALWAYS, SMALL, read_json, refuse, succeed

NAMES = typing.get_args(typing.get_args(typing.get_type_hints(Logging)["log"])[0])


@pytest.fixture(scope="module")
def logged(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("logged") / "runs" / "one"
    out = succeed("train", "vertical", *SMALL, "--out", folder, "--log", "tensorboard")
    assert f"log: tensorboard --logdir {folder.parent}" in out
    return folder


def files_of(folder: Path) -> list[Path]:
    return list((folder / "tensorboard").glob("events.out.tfevents.*"))


def test_a_run_leaves_a_file_of_events(logged):
    assert {path.name for path in logged.iterdir()} >= ALWAYS | {"tensorboard"}
    assert len(files_of(logged)) == 1


@pytest.mark.slow
def test_a_run_that_goes_on_leaves_another_one(logged):
    resumed = ("--evaluations", "300", "--log", "tensorboard", "--quiet")
    assert succeed("resume", logged, *resumed) == ""
    assert len(files_of(logged)) == 2
    assert read_json(logged, "result.json")["evaluations"] == 300


def test_a_package_that_is_missing_is_said_before_there_is_a_run_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert refuse("train", "vertical", *SMALL, "--log", "tensorboard") == (
        "gradless: logging to tensorboard needs tensorboardX, which is not installed. "
        'Install it with: pip install ".[tensorboard]"'
    )


def test_names_are_spelled_as_people_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refuse("train", "vertical", "--log", "wandb")
    assert said.startswith("gradless: --log must be tensorboard, mlflow or trackio, got wandb.")


def test_every_name_is_a_logger_or_says_what_it_needs():
    assert len(NAMES) == 3
    for name in NAMES:
        with pytest.MonkeyPatch.context() as patch:
            for package in ("tensorboardX", "mlflow", "trackio"):
                patch.setitem(sys.modules, package, None)
            with pytest.raises(InputError, match=f"logging to {name} needs"):
                logs.observers(name, Path("runs/one"))
        assert name in logs.how_to_look(name, Path("runs/one"))
    assert logs.observers(None, Path("runs/one")) == []


@pytest.mark.slow
def test_runs_of_a_folder_share_a_database_unless_mlflow_is_told_where_to_write(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (logger,) = logs.observers("mlflow", Path("runs/one"))
    assert isinstance(logger, MLflow)
    assert (logger.where, logger.name) == (Path("runs"), "one")
    assert f"sqlite:///{Path('runs') / 'mlflow.db'}" in logs.how_to_look("mlflow", Path("runs/one"))
    monkeypatch.setitem(os.environ, "MLFLOW_TRACKING_URI", "http://localhost:5000")
    (logger,) = logs.observers("mlflow", Path("runs/one"))
    assert logger.where is None
    assert logs.how_to_look("mlflow", Path("runs/one")) == "mlflow ui"
    (logger,) = logs.observers("trackio", Path("runs/one"))
    assert isinstance(logger, Trackio)
    assert logger.name == "one"
