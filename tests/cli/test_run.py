"""``gradless run``: the best settings of a program, and nothing lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.commands import call, read_json, refuse, rows_of, succeed

PROGRAM = """
import sys
x, n = float(sys.argv[1]), int(sys.argv[2])
if x > 9:
    sys.exit("too much")
print("squares:", (x - 1) ** 2 + (n - 3) ** 2)
"""


@pytest.fixture(autouse=True)
def _program():
    Path("program.py").write_text(PROGRAM, encoding="utf-8")


def line(*more: object) -> tuple[object, ...]:
    command = f"{sys.executable} program.py {{x}} {{n}}"
    return "run", command, "--bounds", "x=0.01:100:log", "n=0:9:int", *more


def table(folder: str) -> list[dict[str, str]]:
    return rows_of((Path(folder) / "evaluations.csv").read_text(encoding="utf-8"))


def without_seconds(rows: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return sorted((row["x"], row["n"], row["value"]) for row in rows)


def test_the_best_settings_are_found_told_and_kept():
    told = json.loads(succeed(*line("--evaluations", 80, "--json")))
    assert told["value"] < 0.1
    assert told["values"]["n"] == 3
    assert told["folder"] == "runs/command-1"
    assert read_json(Path(told["folder"]), "best.json")["values"] == told["values"]
    rows = table(told["folder"])
    assert len(rows) >= 80
    assert min(float(row["value"]) for row in rows if row["value"]) == told["value"]
    failed = [row for row in rows if not row["value"]]
    assert failed
    assert told["failed"] == len(failed)
    assert all("too much" in row["error"] for row in failed)
    assert "too much" in (Path(told["folder"]) / "failures.log").read_text(encoding="utf-8")


def test_jobs_change_nothing_and_the_same_line_goes_on():
    succeed(*line("--evaluations", 24, "--out", "alone"))
    succeed(*line("--evaluations", 24, "--out", "both", "--jobs", 2))
    assert without_seconds(table("alone")) == without_seconds(table("both"))
    before = len(table("alone"))
    assert f"{before} evaluations of alone known" in succeed(
        *line("--evaluations", 40, "--out", "alone")
    )
    succeed(*line("--evaluations", 40, "--out", "whole"))
    assert without_seconds(table("alone")) == without_seconds(table("whole"))
    # By the other command: nothing is left to do, so no program is run.
    Path("program.py").unlink()
    assert "known" in succeed("resume", "alone", "--evaluations", 40)
    assert len(table("alone")) == len(table("whole"))


def test_more_may_be_better():
    Path("up.py").write_text("import json, sys\nprint(5 - json.load(sys.stdin)['x'] ** 2)")
    told = json.loads(
        succeed("run", f"{sys.executable} up.py", "--bounds", "x=-2:3", "--maximize", "--json",
                "--target", 4.9)
    )  # fmt: skip
    assert 4.9 <= told["value"] <= 5
    assert told["stopped_because"] == "target loss reached"


def test_a_mistake_shows_at_once_and_leaves_no_folder():
    code, out, err = call("run", f"{sys.executable} nowhere.py", "--bounds", "x=0:1", "--out", "a")
    assert (code, out) == (2, "")
    assert "nowhere.py" in err
    assert "see what it does: echo" in err
    assert not Path("a").exists()
    assert "--bounds" in refuse("run", "echo 1")


def test_another_search_in_the_same_folder_is_refused():
    succeed("run", "echo {x}", "--bounds", "x=0:1", "--evaluations", 4, "--out", "a")
    assert "another seed, 0, got 1" in refuse(
        "run", "echo {x}", "--bounds", "x=0:1", "--seed", 1, "--out", "a"
    )
    assert "x=0:1 from 0.5, got x=0:2 from 1" in refuse(
        "run", "echo {x}", "--bounds", "x=0:2", "--out", "a"
    )
    Path("b").mkdir()
    Path("b/mine").touch()
    assert "has other files" in refuse("run", "echo {x}", "--bounds", "x=0:2", "--out", "b")


def test_a_line_that_a_crash_cut_off_is_run_again():
    succeed("run", "echo {x}", "--bounds", "x=0:1", "--evaluations", 8, "--out", "a")
    path = Path("a/evaluations.csv")
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:-7], encoding="utf-8")
    succeed("resume", "a", "--evaluations", 8)
    last, others = (sorted(text.splitlines()) for text in (path.read_text(encoding="utf-8"), whole))
    assert [row.rsplit(",", 2)[0] for row in last] == [row.rsplit(",", 2)[0] for row in others]


@pytest.mark.slow
def test_an_interrupt_ends_the_programs_and_keeps_what_they_found():
    Path("slow.py").write_text("import time\ntime.sleep(0.2)\nprint(1)")
    running = subprocess.Popen(
        [sys.executable, "-m", "gradless", "run", f"{sys.executable} slow.py", "--bounds", "x=0:1",
         "--jobs", "2", "--evaluations", "1000", "--out", "a"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (Path("a/evaluations.csv").exists() and len(table("a")) > 5):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.1)
    os.kill(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "to go on: gradless resume a" in err
    assert all(row["value"] == "1.0" for row in table("a"))
