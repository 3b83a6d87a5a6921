"""A program as a function: what it gets, what it prints, and how it may fail."""

import math
import sys
import time

import psutil
import pytest

from gradless._core.errors import InputError
from gradless.problems.command import Command, ProgramError


def script(tmp_path, text: str) -> str:
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_arguments_are_put_in_without_a_shell(tmp_path):
    program = script(tmp_path, "import sys\nprint(sys.argv[1:])\nprint(len(sys.argv[1]), 2.5)")
    command = Command([sys.executable, program, "; echo {a} $HOME", "{b:.1f}{{}}"], ["a", "b"])
    assert command({"a": 0.1, "b": 3}) == 2.5
    assert command.line({"a": 0.1, "b": 3}).endswith("'; echo 0.1 $HOME' '3.0{}'")


def test_without_a_name_in_braces_values_come_as_json(tmp_path):
    program = script(
        tmp_path, "import json, sys\nprint('loss:', json.load(sys.stdin)['a'] * 2)\n\n"
    )
    command = Command(f"{sys.executable} {program}", ["a"])
    assert command({"a": 0.125}) == 0.25
    assert command.line({"a": 1}).startswith("""echo '{"a": 1}' | """)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise SystemExit('no such data')", "ended with exit code 1: no such data"),
        ("print('done')", "a number in its last line, and printed 'done'"),
        ("pass", "and printed nothing"),
        ("import os\nos.abort()", "was ended by signal 6"),
    ],
)
def test_a_program_that_fails_is_run_once_more(tmp_path, text, said):
    told = []
    command = Command([sys.executable, script(tmp_path, text)], ["a"], failed=told.append)
    with pytest.raises(ProgramError, match=said):
        command({"a": 1})
    assert len(told) == 2
    assert said.split(":")[0] in told[0]


def test_one_that_fails_now_and_then_gives_its_loss(tmp_path):
    text = """
import pathlib
been = pathlib.Path(__file__).with_name("been")
if not been.exists():
    been.touch()
    raise SystemExit(1)
print(7)
"""
    assert Command([sys.executable, script(tmp_path, text)], ["a"])({"a": 1}) == 7


def test_losses_need_not_be_finite():
    assert Command("echo inf", ["a"])({"a": 1}) == math.inf
    assert math.isnan(Command("echo nan", ["a"])({"a": 1}))


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    text = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(__file__ + ".pid", "w").write(str(child.pid))
time.sleep(60)
"""
    program = script(tmp_path, text)
    command = Command([sys.executable, program], ["a"], timeout=1.5, retries=0)
    begun = time.monotonic()
    with pytest.raises(ProgramError, match=r"took more than 1.50? s and was ended"):
        command({"a": 1})
    assert time.monotonic() - begun < 30
    child = int((tmp_path / "program.py.pid").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"


def test_nothing_is_begun_after_the_end():
    command = Command("echo 1", ["a"])
    command.stop()
    with pytest.raises(ProgramError, match="stopped"):
        command({"a": 1})


@pytest.mark.parametrize(
    ("command", "names", "said"),
    [
        ("", ["a"], "must be a program to run"),
        ("run {b}", ["a"], r"COMMAND has \{b\}, but no parameter has that name"),
        ("run {rato}", ["rate"], r"Did you mean \{rate\}"),
        ("run {a}", ["a", "b"], r"got no \{b\}"),
        ("run {a", ["a"], "cannot be read"),
        ("run {0}", ["a"], "is no name"),
        ("run 'a", ["a"], "cannot be read"),
    ],
)
def test_what_cannot_be_run_is_refused(command, names, said):
    with pytest.raises(InputError, match=said):
        Command(command, names)


def test_a_program_that_is_not_there_says_so():
    with pytest.raises(ProgramError, match="no-such-program cannot be run"):
        Command("no-such-program {a}", ["a"])({"a": 1})
