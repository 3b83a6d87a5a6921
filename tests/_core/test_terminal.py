"""Consoles of any encoding."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from gradless._core.terminal import lacks, make_streams_patient
from gradless.cli import COMMANDS
from helpers.commands import call

ENCODINGS = ("ascii", "cp1250", "cp1252", "cp932", "cp437", "utf-8", "utf-16")


def written(text: str, encoding: str, errors: str = "strict") -> str:
    """What a console of an encoding shows of a text."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        make_streams_patient()
        print(text, end="", flush=True)
    return stream.buffer.getvalue().decode(encoding, "backslashreplace")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_character_can_be_written(encoding, errors):
    everything = "".join(map(chr, range(32, 0x3000))) + "\ud800\U0001f600"
    shown = written(everything, encoding, errors)
    assert shown.startswith(everything[:90])


def test_what_an_encoding_does_not_have_is_written_in_ascii():
    assert written("R² 2×3 a · b … 1 ± 2 — “x”", "ascii") == 'R2 2x3 a * b ... 1 +- 2 - "x"'  # noqa: RUF001
    assert written("R² 2×3", "cp1250") == "R2 2×3"  # noqa: RUF001
    assert written("╭─┬─╮│x│╰─┴─╯ ━━ ⠋", "ascii") == "+-+-+|x|+-+-+ -- *"
    # A letter without its accent might be another name.
    assert written("Zürich", "ascii") == r"Z\xfcrich"
    assert written("Zürich", "cp1250") == "Zürich"
    assert written("a\udcff.csv", "utf-8") == r"a\udcff.csv"


def test_a_stream_that_was_told_what_to_do_is_left_alone():
    assert written("R²", "ascii", "replace") == "R?"


@pytest.mark.parametrize(
    ("command", "encoding"),
    [*((name, "ascii") for name in (*COMMANDS, None)), ("train", "cp1250"), ("train", "cp932")],
)
def test_help_of_every_command_in_any_encoding(command, encoding):
    code, out, _ = call(*filter(None, [command]), "--help", encoding=encoding)
    assert code == 0
    assert "gradless" in out


@pytest.mark.parametrize("encoding", ["ascii", "cp1250", "cp932"])
@pytest.mark.parametrize("arguments", [["strategies"], ["datasets"], ["cache"], ["runs"]])
def test_commands_that_list_in_any_encoding(arguments, encoding, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    code, out, err = call(*arguments, encoding=encoding)
    assert (code, err) == (0, "")
    assert out


@pytest.mark.slow
def test_closed_streams_are_no_error():
    code = "import sys; from gradless.cli import main; sys.exit(main(['strategies']))"
    for streams in (">&-", ">&- 2>&-", "2>&-"):
        ran = subprocess.run(
            ["sh", "-c", f'exec "$0" -c "$1" {streams}', sys.executable, code],
            stdout=subprocess.PIPE,
            check=False,
        )
        assert ran.returncode == 0
        assert (b"hill_climbing" in ran.stdout) == (">&-" not in streams.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_ends_what_is_shown_and_nothing_else():
    code = "import sys; from gradless.cli import main; sys.exit(main(['strategies']))"
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (ran.returncode, ran.stderr.splitlines()[1:]) == (0, [])
    assert b"standard output cannot be written (No space left on device); continuing" in ran.stderr


def test_names_that_standard_output_cannot_show(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    assert lacks("Łódź")
    assert not lacks("Zürich")
