"""Do the lines of a run that is watched tell one story, whatever happened to the run?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from gradless.runs.live_rows import LiveRows
from gradless.strategies import RandomSearch
from gradless.training.observers import RunInfo
from gradless.training.records import Record, Stop

INFO = RunInfo(RandomSearch(population=8), Stop(evaluations=800))


def record(evaluations: list[float], loss: float = 0.5) -> Record:
    count = np.array(evaluations)
    losses = np.full(len(count), loss)
    anything: Any = None
    return Record(
        count / 8, count, count / 100, losses, {"accuracy": losses}, losses, {"accuracy": losses},
        0, 0.0, anything, None,
    )  # fmt: skip


def written(folder: Path) -> list[list[str]]:
    text = (folder / "live.csv").read_text()
    assert text.endswith("\n")
    return [line.split(",") for line in text.splitlines()]


def follow(folder: Path, *records: Record, info: RunInfo = INFO) -> None:
    rows = LiveRows(folder)
    rows.begin(info)
    for each in records:
        rows.record(each)
    rows.end("evaluations")


def test_a_line_a_second_and_where_it_ended(tmp_path: Path) -> None:
    follow(tmp_path, record([8, 16]), record([24]), record([32, 40]))
    header, *lines = written(tmp_path)
    assert header[:3] == ["evaluations", "seconds", "loss"]
    assert [line[0] for line in lines] == ["16", "40"]


def test_a_run_that_was_killed_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    follow(tmp_path, record([8, 16]), record([32, 40]))
    with (tmp_path / "live.csv").open("a") as file:
        file.write("4")  # it was writing when it was killed
    follow(tmp_path, record([24, 32]), record([48]))
    assert [line[0] for line in written(tmp_path)[1:]] == ["16", "32", "48"]


def test_lines_before_the_checkpoint_stay_as_they_are(tmp_path: Path) -> None:
    follow(tmp_path, record([8, 16]))
    before = (tmp_path / "live.csv").stat().st_ino
    follow(tmp_path, record([24]))
    assert [line[0] for line in written(tmp_path)[1:]] == ["16", "24"]
    assert (tmp_path / "live.csv").stat().st_ino == before  # whoever follows reads on


def test_another_loss_of_a_first_phase_is_not_told(tmp_path: Path) -> None:
    rows = LiveRows(tmp_path)
    rows.begin(dataclasses.replace(INFO, following=INFO))
    rows.record(record([8], loss=2.0))
    rows.begin(INFO)
    rows.record(record([16], loss=-0.5))
    rows.end("evaluations")
    header, *lines = written(tmp_path)
    told = [dict(zip(header, line, strict=True)) for line in lines]
    assert [row["loss"] for row in told] == ["nan", "-0.5"]
    assert [row["accuracy"] for row in told] == ["2", "-0.5"]
