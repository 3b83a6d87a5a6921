"""Folders of runs, as runs leave them, without training any."""

import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

# Without the dependency group web there is nothing to drive a browser with.
if importlib.util.find_spec("playwright") is None:
    collect_ignore_glob = ["test_page_*.py"]
if importlib.util.find_spec("starlette") is None:
    collect_ignore_glob = ["test_*.py"]

HEADER = "evaluations,seconds,loss,best_loss,accuracy,best_accuracy\n"
CONFIG = {
    "recipe": {"data": "spiral", "strategy": "openai_es", "objective": "cross_entropy", "seed": 0},
    "data": {"training_samples": 300},
    "network": {"sizes": [2, 64, 3]},
}
# The smallest picture that there is.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002"
    "000001e221bc330000000049454e44ae426082"
)


def rows(begin: int, end: int) -> str:
    """Lines of live.csv."""
    return "".join(
        f"{100 * i},{i / 10},{1 / (i + 1) + 0.01 * (i % 3)},{1 / (i + 1)},0.5,0.6\n"
        for i in range(begin, end)
    )


def make_run(folder: Path, *, status: str = "finished", count: int = 50) -> Path:
    """A run folder; one that is running is held by this process."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "status.json").write_text(json.dumps({"status": status, "why": "time used up"}))
    (folder / "live.csv").write_text(HEADER + rows(1, count + 1))
    (folder / "lock").write_text(f"process {os.getpid()} on {platform.node()}")
    (folder / "loss.png").write_bytes(PICTURE)
    (folder / "result.json").write_text(json.dumps({"stalled": "It stands still.", "advice": "x"}))
    return folder


@pytest.fixture
def runs(tmp_path):
    """Two runs, one of which is running in this process, in a folder of their own."""
    folder = tmp_path / "runs"
    make_run(folder / "first")
    held = make_run(folder / "deep" / "second", status="running")
    with (held / "lock").open():
        yield folder


@pytest.fixture
def watching():
    """A function that starts ``gradless watch`` and gives its address and its process."""
    started = []

    def start(folder, *more):
        command = [sys.executable, "-m", "gradless", "watch", str(folder), "--no-browser", *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        line = process.stdout.readline()
        return line.split(": ", 1)[1].strip(), process

    yield start
    for process in started:
        process.terminate()
        process.wait(20)
        process.stdout.close()
