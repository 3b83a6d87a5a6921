"""Commands that are interrupted, and readers that have seen enough."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import (
    ALWAYS,
    IMPROVEMENT,
    call,
    interruptible,
    read_json,
    succeed,
)


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
    assert err.splitlines()[-1] == "gradless: saved; resume with: gradless resume run"
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
    Path("good.csv").write_text("a,target\n1,x\n", encoding="utf-8")
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
