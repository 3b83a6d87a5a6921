"""A run is shown where someone looks, and nowhere else."""

import io
import sys
import types

import numpy as np
import pytest
from rich.console import Console

from gradless import objectives
from gradless.strategies import RandomSearch
from gradless.training import progress
from gradless.training.observers import RunInfo, watching
from gradless.training.progress import ProgressLine, Status, progress_lines
from gradless.training.records import Stop
from helpers.records import record

INFO = RunInfo(RandomSearch(population=8), Stop(evaluations=800))


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal() -> Console:
    return Console(file=Tty(), force_terminal=True, width=100, color_system=None)


def follow(line: ProgressLine, *records) -> None:
    with watching([line], INFO) as tell:
        for each in records:
            tell(each)


RUN = (record(1, rows=2), record(3, rows=8), record(11, "time used up", rows=2))


# --- What is said ---------------------------------------------------------------------------------


def test_a_status_is_evaluations_pace_best_and_what_is_left():
    line = Status(Stop(evaluations=800)).line(record(1, rows=11))
    assert line == "88 evaluations  80 a second  best loss: 0.09091  about 9 s left"
    line = Status(Stop(seconds=3.0)).line(record(1, rows=11))
    assert line.endswith("about 2 s left")
    assert (
        Status(Stop(), on_batches=True).line(record(1)).split("  ")[2] == "best batch loss: 1.000"
    )


def test_a_score_has_its_name_and_an_accuracy_is_said_once():
    share = np.array([0.75])
    of_classes = record(1, best_loss=-share, best_measures={"accuracy": share})
    f1, accuracy = (objectives.get(name) for name in ("f1", "accuracy"))
    assert "best f1: 0.7500  accuracy 75.0%" in Status(Stop(), f1).line(of_classes)
    assert "75.0%" not in Status(Stop(), accuracy).line(of_classes)


def test_a_run_that_goes_on_has_the_time_that_it_is_given_now():
    later = record(101, rows=10, seconds=100 + 0.1 * np.arange(10))
    assert Status(Stop(seconds=3.0)).line(later).endswith("about 2 s left")


# --- Where it is shown ----------------------------------------------------------------------------


def test_in_a_terminal_a_line_changes_and_its_last_state_stays(capsys):
    console = terminal()
    follow(ProgressLine(console=console), *RUN)
    shown = console.file.getvalue()
    assert "compiling" in shown
    assert shown.endswith("96 evaluations  80 a second  best loss: 0.08333  "
                          "time used up\n")  # fmt: skip
    assert capsys.readouterr() == ("", "")


def test_one_that_is_cut_off_says_so():
    console = terminal()
    with watching([ProgressLine(console=console)], INFO) as tell:
        tell(RUN[0])
    assert console.file.getvalue().rstrip().endswith("cut off")


def test_unasked_it_comes_when_a_search_takes_long_and_goes_at_the_end(monkeypatch):
    console = terminal()
    follow(ProgressLine(unasked=True, console=console), *RUN)
    assert console.file.getvalue() == ""
    monkeypatch.setattr(progress, "_WORTH_A_LINE", 0.0)
    follow(ProgressLine(unasked=True, console=console), *RUN)
    shown = console.file.getvalue()
    assert "16 evaluations" in shown or "80 evaluations" in shown or "96 evaluations" in shown
    assert shown.endswith("\x1b[2K")  # the line is erased
    assert "time used up" not in shown


@pytest.mark.parametrize("unasked", [False, True])
def test_in_a_pipe_there_are_lines_if_they_are_asked_for(unasked, monkeypatch, capsys):
    monkeypatch.setattr(progress, "_WORTH_A_LINE", 0.0)
    monkeypatch.setattr(progress, "_LINE_EVERY", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")  # which makes no terminal of a pipe
    worse = record(11, rows=1, best_loss=RUN[1].best_loss[-1:])
    follow(ProgressLine(unasked=unasked), *RUN[:2], worse, RUN[2], record(13, "x", rows=0))
    out, err = capsys.readouterr()
    assert err == ""
    starts = ["16 evaluations", "80 evaluations", "96 evaluations"]
    assert [line.split("  ")[0] for line in out.splitlines()] == ([] if unasked else starts)


def test_in_a_notebook_the_output_of_the_cell_changes(monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw):
            assert raw
            shown.append(data["text/plain"])

    def display(data, raw, display_id):
        Handle().update(data, raw)
        return Handle()

    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    console = Console(file=io.StringIO(), force_jupyter=True)
    follow(ProgressLine(console=console), *RUN)
    assert shown[0] == "compiling"
    assert [line.split("  ")[0] for line in shown[1:4]] == [
        "16 evaluations", "80 evaluations", "96 evaluations",
    ]  # fmt: skip
    assert shown[-1].endswith("time used up")
    follow(ProgressLine(unasked=True, console=console), *RUN)
    assert len(shown) == 5  # unasked, there is nothing more


def test_verbose_chooses():
    assert progress_lines(False) == progress_lines(0) == []
    assert [line._unasked for line in (*progress_lines(None), *progress_lines(1))] == [True, False]
