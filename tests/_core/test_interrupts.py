"""Ctrl-C and SIGTERM end the command with their exit codes, and nothing is left half done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gradless import cli, minimize
from gradless._core import interrupts

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def program(text: str, *arguments: str, before: str = "") -> subprocess.Popen:
    """A process that is told what to do; SIGINT is as a shell leaves it, whoever runs the tests."""
    text = f"import signal\nsignal.signal(2, signal.default_int_handler)\n{before}\n{text}"
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def watched(text: str) -> subprocess.Popen:
    """A process that is watched over, and has printed that it is ready."""
    process = program(
        "import sys, time\nfrom gradless._core import interrupts\ninterrupts.install()\n" + text
    )
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: subprocess.Popen) -> tuple[int, str]:
    try:
        _, said = process.communicate(timeout=300)
    finally:
        process.kill()
    return process.returncode, said


# --- The watching thread --------------------------------------------------------------------------


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_process_whose_main_thread_does_not_hear(number):
    # As a compiler: one call for minutes that lets other threads run and never looks at signals.
    text = "import hashlib\nprint('ready', flush=True)\nhashlib.pbkdf2_hmac('md5', b'', b'', 10**9)"
    process = watched(text)
    process.send_signal(number)
    assert ended(process) == (CODES[number], "gradless: interrupted\n")


def test_what_is_being_written_is_written_whole_and_farewells_are_said(tmp_path):
    place = tmp_path / "file"
    text = f"""
from pathlib import Path
place = Path({str(place)!r})
def farewell():
    place.with_name("said").write_text(place.read_text())
    return "go on"
interrupts.add_farewell(farewell)
interrupts.add_farewell(lambda: 1 / 0)
for number in range(10**6):
    with interrupts.whole():
        place.write_text("half")
        if not number:
            print("ready", flush=True)
        time.sleep(0.01)
        place.write_text("whole")
"""
    process = watched(text)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, "gradless: interrupted; go on\n")
    assert place.read_text() == "whole"
    assert (tmp_path / "said").read_text() == "whole"


SAVING = """
interrupts.save_first()
print("ready", flush=True)
while not interrupts.asked():
    time.sleep(0.01)
print("asked", flush=True)
time.sleep({seconds})
interrupts.leave(0)
"""


@pytest.mark.parametrize("number", CODES)
def test_once_there_is_something_to_save_the_first_signal_asks(number):
    process = watched(SAVING.format(seconds=0.3))
    process.send_signal(number)
    process.send_signal(number)  # as timeout does: to the process, and to its group
    code, said = ended(process)
    assert code == CODES[number]
    assert said.startswith("gradless: stopping and saving")
    assert len(said.splitlines()) == 1


def test_the_second_signal_ends():
    process = watched(SAVING.format(seconds=60))
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "asked\n"
    time.sleep(1.2 * interrupts._SECONDS_OF_ONE)
    process.send_signal(signal.SIGTERM)
    text = "gradless: stopping and saving; press Ctrl-C again to quit now\ngradless: interrupted\n"
    assert ended(process) == (143, text)


def test_a_reader_that_never_reads_does_not_hold_a_process():
    text = "print('ready', flush=True)\nwhile True: sys.stdout.write('x' * 10**6)"
    process = watched(text)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    try:
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.communicate()
    assert time.monotonic() - begun < 30


def test_a_signal_that_is_ignored_stays_so():
    process = program(
        "from gradless.__main__ import main\nimport os\nos.kill(os.getpid(), 2)\nmain()",
        "--version",
        before="signal.signal(2, signal.SIG_IGN)",
    )
    assert ended(process) == (0, "")


# --- The command ----------------------------------------------------------------------------------

# Each sends the signal from within, so that its moment is the same on every machine.
IMPORTED = """
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {!r}:
            send()
sys.meta_path.insert(0, Finder())
"""
MOMENTS = {
    "gradless._core.interrupts": IMPORTED.format("gradless._core.interrupts"),  # the first import
    "numpy": IMPORTED.format("numpy"),
    "compilation": """
from gradless.training import generation
turn = generation.CompiledLoop.turn
def turned(self, run, chunk):
    if not chunk:
        send()
        time.sleep(0.5)
    return turn(self, run, chunk)
generation.CompiledLoop.turn = turned
""",
    "drawing": """
from gradless.views import pictures
draw = pictures.draw
def drawn(*arguments):
    from gradless._core import interrupts
    send()
    while not interrupts.asked():
        time.sleep(0.01)
    return draw(*arguments)
pictures.draw = drawn
""",
}


def run_interrupted(moment: str, number: int) -> tuple[int, str]:
    text = f"""
import os, sys, time
def send():
    os.kill(os.getpid(), {int(number)})
from gradless.__main__ import main
{MOMENTS[moment]}
main()
"""
    return ended(
        program(
            text, "train", "vertical", "--hidden", "3", "--strategy", "hill_climbing",
            "--evaluations", "4000", "--quiet", "--out", "runs/new",
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("gradless._core.interrupts", 2),
        ("numpy", 15),
        pytest.param("compilation", 2, marks=pytest.mark.slow),
    ],
)
def test_before_there_is_anything_to_save_nothing_is_left(moment, number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = run_interrupted(moment, number)
    go_on = "; resume with: gradless resume runs/new" if moment == "compilation" else ""
    assert (code, said) == (128 + number, f"gradless: interrupted{go_on}\n")
    if moment != "compilation":
        assert not list(tmp_path.iterdir())
        return
    (run,) = Path("runs").iterdir()
    status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    assert status["status"] == "interrupted"
    assert cli.main(["resume", str(run), "--quiet"]) == 0


@pytest.mark.slow
def test_a_signal_while_pictures_are_drawn_lets_them_be_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = run_interrupted("drawing", signal.SIGTERM)
    assert (code, said) == (143, "gradless: stopping and saving (SIGTERM)\n")
    assert Path("runs/new/decision_boundary.png").exists()
    status = json.loads(Path("runs/new/status.json").read_text(encoding="utf-8"))
    assert status["status"] == "finished"


def test_an_interrupted_command_leaves_no_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = """
import os, time
from gradless import book
from gradless.__main__ import main
def searched(*_):
    assert os.path.isdir("some/where/else")
    os.kill(os.getpid(), 2)
    time.sleep(60)
book.hill_climb = searched
main()
"""
    process = program(text, "book", "hill-climb", "--out", "some/where/else")
    assert ended(process) == (130, "gradless: interrupted\n")
    assert not list(tmp_path.iterdir())


# --- The library ----------------------------------------------------------------------------------


def test_without_the_command_nothing_is_watched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradless.views.pictures.draw", lambda *_: [])
    handlers = [signal.getsignal(number) for number in CODES]
    arguments = ["train", "vertical", "--hidden", "3", "--evaluations", "4000", "--quiet"]
    assert cli.main([*arguments, "--strategy", "hill_climbing"]) == 0
    assert [signal.getsignal(number) for number in CODES] == handlers
    assert interrupts.asked() is None
    assert interrupts.exit_code() == 0


def test_in_python_ctrl_c_is_a_keyboard_interrupt():
    def loss(params):
        if threading.current_thread() is threading.main_thread():
            os.kill(os.getpid(), signal.SIGINT)
        return float(params.sum())

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            minimize(loss, [0.0], compiled=False, evaluations=100)
    finally:
        signal.signal(signal.SIGINT, before)
