"""What goes wrong around a run loses nothing and is said in one line."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gradless import cli
from gradless._core import storage
from gradless._core.storage import load_about, save_tree
from gradless.training import checkpoint
from helpers.commands import interruptible

RUN = ("vertical", "--hidden", "3", "--strategy", "hill_climbing", "--quiet")


@pytest.fixture(autouse=True)
def _quick(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradless.views.pictures.draw", lambda *_: [])


def call(capsys, *arguments: object) -> tuple[int, list[str]]:
    """Exit code, and what is said of errors and warnings."""
    code = cli.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err.splitlines()


def refused(capsys, *arguments: object) -> str:
    code, lines = call(capsys, *arguments)
    assert (code, len(lines)) == (2, 1)
    return lines[0]


def started(*arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        interruptible(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


# --- Ctrl-C ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_twice_ends_at_once_and_the_last_checkpoint_goes_on() -> None:
    # The first chunk with finite losses never comes: the first Ctrl-C waits for its end.
    training = started(
        "train", "spiral", "--strategy", "openai_es", "--time", "300", "--out", "run",
        "--checkpoint-every", "0.1s",
    )  # fmt: skip
    try:
        assert training.stdout.readline()
        while len(list(Path("run/checkpoints").glob("*.safetensors"))) < 2:
            time.sleep(0.05)
        # Stopped, it cannot answer the first before the second comes.
        training.send_signal(signal.SIGSTOP)
        training.send_signal(signal.SIGINT)
        training.send_signal(signal.SIGCONT)
        assert "again to quit now" in training.stderr.readline()
        time.sleep(0.7)  # two at once are one
        training.send_signal(signal.SIGINT)
        _, err = training.communicate(timeout=60)
    finally:
        training.kill()
    assert training.returncode == 130
    assert "Traceback" not in err
    status = json.loads(Path("run/status.json").read_text(encoding="utf-8"))["status"]
    assert status == "interrupted"
    made = load_about(checkpoint.found(Path("run"))[0])["evaluations"]
    assert made > 0
    resume = ["resume", "run", "--evaluations", str(made + 10_000), "--quiet"]
    assert cli.main(resume) == 0


# --- Disks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_fails_during_a_run_costs_nothing(error: int, capsys, monkeypatch) -> None:
    assert cli.main(["train", *RUN, "--evaluations", "8000", "--out", "whole"]) == 0
    assert cli.main(["train", *RUN, "--evaluations", "2000", "--out", "run"]) == 0
    good = {path: path.read_bytes() for path in Path("run/checkpoints").iterdir()}
    write_bytes = storage.write_bytes

    def fail(path: Path, data: bytes) -> None:
        if path.name != "status.json":
            raise OSError(error, os.strerror(error))
        write_bytes(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_bytes", fail)
        resume = ["resume", "run", "--evaluations", "8000", "--checkpoint-every", "0.001s"]
        code, lines = call(capsys, *resume, "--quiet")
    assert code == 2
    assert "no checkpoint could be written" in lines[0]  # once
    assert "the run continues without" in lines[0]
    assert "could not be written to run" in lines[1]
    assert os.strerror(error) in lines[1]
    assert "Make room, then continue from its last checkpoint with: gradless resume run" in lines[1]
    assert len(lines) == 2
    assert {path: path.read_bytes() for path in Path("run/checkpoints").iterdir()} == good
    assert cli.main(["resume", "run", "--evaluations", "8000", "--quiet"]) == 0
    name = "model.safetensors"
    assert Path("run", name).read_bytes() == Path("whole", name).read_bytes()


# Root may write what is read-only, unless it gives that up: PR_CAPBSET_DROP, CAP_DAC_OVERRIDE.
OBEYING_MODES = """
import ctypes, os, sys
if os.geteuid() == 0:
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""
COMMANDS = """
import json, sys
from gradless import cli
print([cli.main(words) for words in json.loads(sys.argv[1])])
"""


def test_a_read_only_folder_is_refused_before_any_work() -> None:
    assert cli.main(["train", *RUN, "--evaluations", "200", "--out", "place/run"]) == 0
    good = {path: path.read_bytes() for path in Path("place").rglob("*") if path.is_file()}
    for folder in (Path("place/run/checkpoints"), Path("place/run"), Path("place")):
        folder.chmod(0o555)
    try:
        Path("place/run/lock").chmod(0o444)
        commands = [
            ["resume", "place/run", "--evaluations", "400"],
            ["train", *RUN, "--evaluations", "200", "--out", "place/other"],
        ]
        done = subprocess.run(
            [sys.executable, "-c", OBEYING_MODES, COMMANDS, json.dumps(commands)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == "[2, 2]\n", done.stderr
        lines = done.stderr.splitlines()
        assert len(lines) == 2
        assert all("Permission denied" in line for line in lines)
    finally:
        for folder in (Path("place"), Path("place/run"), Path("place/run/checkpoints")):
            folder.chmod(0o755)
    assert {path: path.read_bytes() for path in Path("place").rglob("*") if path.is_file()} == good


# --- Files that are not what they should be -------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradless.views.pictures.draw", lambda *_: [])
        assert cli.main(["train", *RUN, "--evaluations", "200", "--out", str(folder)]) == 0
    return folder


def test_a_checkpoint_of_a_newer_version_is_refused(finished, capsys) -> None:
    folder = Path(shutil.copytree(finished, "run"))
    for path in checkpoint.found(folder):
        about = load_about(path)
        save_tree(path, {"new": np.zeros(3)}, {**about, "format": about["format"] + 1})
    line = refused(capsys, "resume", folder, "--evaluations", "400")
    assert "must have format 3 or lower, got 4 of a newer version of gradless; update" in line
    assert "checkpoint-" in line


def test_a_newer_checkpoint_beside_one_that_can_be_read_is_passed_over(finished, capsys) -> None:
    folder = Path(shutil.copytree(finished, "run"))
    newest = checkpoint.found(folder)[0]
    save_tree(newest, {"new": np.zeros(3)}, {"format": 99})
    code, lines = call(capsys, "resume", folder, "--evaluations", "400", "--quiet")
    assert code == 0
    assert "newer version" in lines[0]
    assert "resuming from the checkpoint before" in lines[0]


# --- Data that have changed -----------------------------------------------------------------------


def table(path: Path, header: str, rows: list[list[object]]) -> Path:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


ROWS = [[k % 7, k % 3, "yes" if k % 2 else "no"] for k in range(40)]


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("a,b,target", [[9, *ROWS[0][1:]], *ROWS[1:]], "other values in 'a'; restore"),
        ("a,b,target", [[*r[:2], "yes" if r[1] else "no"] for r in ROWS], "in 'the target'"),
        ("a,b,target", ROWS[:36], "training samples, were 30"),
        ("a,c,target", ROWS, "features 'c' are new and features 'b' are gone"),
        ("b,a,target", ROWS, "the features are in another order"),
    ],
)
def test_data_that_have_changed_are_refused_with_the_difference(
    header: str, rows: list, said: str, capsys
) -> None:
    path = table(Path("table.csv"), "a,b,target", ROWS)
    options = ("--standardize", "no", "--hidden", "3", "--strategy", "hill_climbing", "--quiet")
    assert cli.main(["train", str(path), *options, "--evaluations", "200", "--out", "run"]) == 0
    table(path, header, rows)
    if said.startswith("other values in 'a'"):  # of the row that is in the training part
        rows = [[k if k < 39 else 5, *r[1:]] for k, r in enumerate(rows)]
        table(path, header, rows)
    assert said in refused(capsys, "resume", "run", "--evaluations", "400")


# --- Losses that are not finite -------------------------------------------------------------------


def test_a_run_in_which_no_loss_is_finite_says_so(capsys) -> None:
    path = table(Path("big.csv"), "a,target", [[k * 1e37, k] for k in range(-20, 20)])
    options = ("--standardize", "no", "--task", "regression", "--hidden", "3")
    line = refused(
        capsys, "train", path, *options, "--strategy", "hill_climbing", "--time", "60",
        "--out", "run",
    )  # fmt: skip
    assert "every loss so far was NaN or infinite. Check data and loss" in line
    status = json.loads(Path("run/status.json").read_text(encoding="utf-8"))
    assert status["status"] == "failed"
    assert "every loss so far" in status["why"]


@pytest.mark.slow
def test_a_run_that_ends_in_nan_keeps_what_it_had(capsys, monkeypatch) -> None:
    """The learning rate throws the center to where products overflow."""
    path = table(Path("steep.csv"), "a,target", [[k * 1e17, k] for k in range(-20, 20)])
    code = cli.main(
        ["train", str(path), "--standardize", "no", "--task", "regression", "--hidden", "3",
         "--strategy", "openai_es", "--optimizer", "sgd", "--learning-rate", "1e30",
         "--evaluations", "100000", "--out", "run"]
    )  # fmt: skip
    out = capsys.readouterr().out
    result = json.loads(Path("run/result.json").read_text(encoding="utf-8"))
    assert code == 0
    assert result["stopped_because"] == "losses no longer finite"
    assert "from some generation on, every loss was NaN or infinite" in result["stalled"]
    assert "--learning-rate 1e+29" in result["advice"]
    assert "not finite; these candidates were ranked last" in out
    assert np.isfinite(result["loss"])
    assert cli.main(["repeat", "run", "--quiet"]) == 0
