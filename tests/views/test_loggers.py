"""Loggers write what the real packages read again."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from gradless import objectives
from gradless._core.errors import InputError
from gradless.strategies import CMAES
from gradless.training.observers import RunInfo, Watch, watching
from gradless.training.records import Stop
from gradless.views.loggers import Logger, MLflow, TensorBoard, Trackio
from helpers.records import record

INFO = RunInfo(CMAES(sigma=0.25), Stop(evaluations=400), settings={"seed": 7})
NO_ACCURACY = {"loss", "best_loss", "seconds", "not_finite"}


class Notes(Logger):
    """Remembers what it should write."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.points: dict[int, dict[str, float]] = {}
        self.closed: list[str | None] = []
        self.fails_at = fails_at

    def open(self, hyperparameters):
        self.hyperparameters = hyperparameters

    def write(self, metrics, evaluations):
        if evaluations == self.fails_at:
            raise OSError("disk full")
        self.points[evaluations] = metrics

    def close(self, reason):
        self.closed.append(reason)


def follow(logger: Logger, *records, info: RunInfo = INFO) -> Logger:
    with watching([logger], info) as tell:
        for each in records:
            tell(each)
    return logger


# --- What is logged, and when ---------------------------------------------------------------------


def test_a_point_is_the_last_generation_of_a_record():
    notes = follow(Notes(), record(1, rows=3), record(4, "time used up", rows=2))
    assert list(notes.points) == [24, 40]
    assert notes.points[40] == pytest.approx(
        {"loss": 0.2, "best_loss": 0.2, "seconds": 0.5, "not_finite": 0}
    )
    assert notes.hyperparameters["strategy.sigma"] == 0.25
    assert notes.closed == ["time used up"]


def test_two_phases_are_one_run():
    first = RunInfo(CMAES(sigma=0.5), Stop(evaluations=8), following=INFO, settings={"seed": 7})
    notes = Notes()
    with Watch([notes]) as watch:
        watch.begin(first)
        watch.tell(record(1, "evaluations used up"))
        watch.begin(INFO)
        notes.hyperparameters |= {"opened": 1}
        watch.tell(record(2, "time used up"))
    assert notes.closed == ["time used up"]
    assert list(notes.points) == [8, 16]
    assert notes.hyperparameters["strategy.sigma"] == 0.25
    assert notes.hyperparameters["first.strategy.sigma"] == 0.5
    assert "first.seed" not in notes.hyperparameters
    assert "opened" in notes.hyperparameters  # once
    assert follow(notes, record(1, "again")).closed == ["time used up", "again"]


def test_a_long_run_has_few_points_and_its_last():
    records = [record(generation) for generation in range(1, 2001)]
    notes = follow(Notes(), *records)
    assert len(notes.points) < 500
    assert list(notes.points)[:3] == [8, 16, 24]
    assert list(notes.points)[-1] == 16_000
    gaps = np.diff(list(notes.points)[:-1]) / list(notes.points)[:-2]
    assert gaps[200:].max() < 0.015


def test_a_score_has_its_name_and_sign_and_nothing_that_is_not_finite_is_logged():
    info = RunInfo(INFO.strategy, INFO.stop, objectives.get("f1"))
    share, nan = np.array([0.75]), np.array([np.nan])
    of_classes = record(
        1, loss=nan, best_loss=-share, measures={"accuracy": nan}, best_measures={"accuracy": share}
    )
    notes = follow(Notes(), of_classes._replace(not_finite=3), of_classes, info=info)
    assert notes.points[8] == pytest.approx(
        {"best_f1": 0.75, "best_accuracy": 0.75, "seconds": 0.1, "not_finite": 3}
    )
    assert notes.hyperparameters["objective"] == "f1"


def test_a_run_without_generations_is_opened_and_closed():
    notes = follow(Notes(), record(1, "time used up", rows=0))
    assert (notes.points, notes.closed) == ({}, ["time used up"])


def test_what_cannot_be_written_ends_no_run():
    notes = Notes(fails_at=16)
    with pytest.warns(UserWarning, match=r"Notes can no longer be written \(disk full\); the run"):
        follow(notes, record(1), record(2), record(3, "time used up"))
    assert list(notes.points) == [8]
    assert notes.closed == []


@pytest.mark.parametrize(
    ("make", "package", "extra"),
    [
        (lambda: TensorBoard("logs"), "tensorboardX", "tensorboard"),
        (lambda: MLflow("logs"), "mlflow", "mlflow"),
        (lambda: Trackio(), "trackio", "trackio"),
    ],
)
def test_a_package_that_is_missing_is_named_before_any_work(make, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError) as error:
        make()
    assert str(error.value) == (
        f"logging to {extra} needs {package}, which is not installed. "
        f'Install it with: pip install ".[{extra}]"'
    )


# --- The real packages ----------------------------------------------------------------------------


def events_of(folder: Path) -> list[Event]:
    """Of the one event file: length, checksum, an event and its checksum, again and again."""
    (file,) = folder.iterdir()
    content, events = file.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return events


def test_tensorboard_reads_curves_and_hyperparameters(tmp_path):
    follow(TensorBoard(tmp_path / "logs"), record(1), record(2), record(5, "time used up"))
    curves: dict[str, list] = {}
    texts = {}
    for event in events_of(tmp_path / "logs"):
        for value in event.summary.value:
            if value.HasField("simple_value"):
                curves.setdefault(value.tag, []).append((event.step, value.simple_value))
            else:
                texts[value.tag.removesuffix("/text_summary")] = value.tensor.string_val[0].decode()
    assert curves.keys() == NO_ACCURACY
    assert curves["loss"] == [(8, 1.0), (16, 0.5), (40, np.float32(0.2))]
    assert "| strategy.sigma | 0.25 |" in texts["hyperparameters"]
    assert texts["stopped because"] == "time used up"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of MLflow's own use of SQLAlchemy
def test_mlflow_reads_curves_and_hyperparameters(tmp_path, capfd):
    import mlflow  # noqa: PLC0415 - which takes seconds

    logger = MLflow(tmp_path / "logs", experiment="bowl", name="first")
    follow(logger, record(1), record(2), record(5, "time used up"))
    with watching([MLflow(tmp_path / "logs")], INFO) as tell:
        tell(record(1))  # and its reader leaves
    assert capfd.readouterr() == ("", "")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'logs' / 'mlflow.db'}")
    numbers = [each.experiment_id for each in client.search_experiments()]
    by_status = {run.info.status: run for run in client.search_runs(numbers)}
    assert by_status.keys() == {"FINISHED", "FAILED"}
    run = by_status["FINISHED"]
    assert run.info.run_name == "first"
    assert run.data.params["strategy.sigma"] == "0.25"
    assert run.data.tags["stopped because"] == "time used up"
    assert run.data.metrics.keys() == NO_ACCURACY
    points = client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in points] == [(8, 1.0), (16, 0.5), (40, 0.2)]


TO_TRACKIO = """
from gradless.views.loggers import Trackio
from helpers.records import record
from views.test_loggers import follow
follow(Trackio("bowl", name="first"), record(1), record(2), record(5, "time used up"))
import json, trackio
run = trackio.Api().runs("bowl")[0]
print(json.dumps([run.name, run.config, trackio.SQLiteStorage.get_logs("bowl", "first")]))
"""


@pytest.mark.slow
def test_trackio_reads_curves_and_hyperparameters(tmp_path):
    tests = Path(__file__).parents[1]
    ran = subprocess.run(  # it looks for its folder once, when it is imported
        [sys.executable, "-c", TO_TRACKIO],
        capture_output=True,
        text=True,
        check=True,
        cwd=tests,
        env=os.environ | {"TRACKIO_DIR": str(tmp_path), "HF_HUB_OFFLINE": "1"},
    )
    name, config, points = json.loads(ran.stdout)
    assert name == "first"
    assert config["strategy.sigma"] == 0.25
    assert [(point["step"], point["loss"]) for point in points] == [(8, 1.0), (16, 0.5), (40, 0.2)]
    assert (tmp_path / "bowl.db").exists()
