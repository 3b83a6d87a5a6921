"""Shells complete commands, options and names."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gradless.cli import COMMANDS
from helpers.commands import refuse, succeed

SHELLS = ("bash", "zsh", "fish")
_COMPLETED = """
source "$0"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_shtab_gradless
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    return {shell: succeed("completion", shell) for shell in SHELLS}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_of_its_shell(shell, scripts, tmp_path):
    assert all(name in scripts[shell] for name in (*COMMANDS, "checkpoint-every", "hill_climbing"))
    if shutil.which(shell) is not None:
        (tmp_path / "script").write_text(scripts[shell], encoding="utf-8")
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["gradless", "tr"], ["train"]),
        (["gradless", "train", "sp"], ["spiral"]),
        (["gradless", "train", "spiral", "--strategy", "hill"], ["hill_climbing"]),
        (["gradless", "train", "spiral", "--checkp"], ["--checkpoint-every"]),
        (["gradless", "train", "spiral", "--weights", ""], ["float32", "int8"]),
    ],
    ids=["command", "data", "strategy", "option", "choice"],
)
def test_bash_completes(line, expected, scripts, tmp_path):
    (tmp_path / "script").write_text(scripts["bash"], encoding="utf-8")
    ran = subprocess.run(
        ["bash", "-c", _COMPLETED, tmp_path / "script", *line],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [word.strip() for word in ran.stdout.split()] == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_one_command_installs_it(shell, tmp_path, monkeypatch, scripts):
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    for _ in range(2):  # the second time, nothing is added
        told = succeed("completion", "--install")
    written = Path(told.splitlines()[0].removeprefix("written: "))
    assert written.is_relative_to(tmp_path)
    assert written.read_text(encoding="utf-8").strip() == scripts[shell].strip()
    startup = [path.read_text(encoding="utf-8") for path in tmp_path.glob(".*rc")]
    assert len(startup) == (shell != "fish")
    assert all(text.count("completion of gradless") == 1 for text in startup)


def test_another_shell_is_refused(monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert "SHELL must be bash, zsh or fish" in refuse("completion", "--install")
    assert "unknown shell 'tcsh'" in refuse("completion", "tcsh")
