"""``gradless completion``: let a shell complete commands, options and names."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, NamedTuple

import shtab

from gradless import objectives, strategies
from gradless._core import words
from gradless._core.errors import InputError, known_name
from gradless.cli.commands import COMMANDS, Completion
from gradless.cli.parse import parser_of
from gradless.data.named import DATASETS
from gradless.models.mlp import ACTIVATIONS, INITIALIZERS

SHELLS = ("bash", "zsh", "fish")


class _Place(NamedTuple):
    """Where a shell finds the script, and the line of its start-up file that it takes."""

    script: Path
    startup: Path | None
    line: str


def main(options: Completion) -> int:
    """Print the script, or install it."""
    shell = known_name("shell", options.shell or _shell_in_use(), SHELLS)
    text = script(shell)
    if options.install:
        _install(shell, text)
    else:
        print(text)
    return 0


def script(shell: str) -> str:
    """The script that completes commands, options and their values in a shell."""
    parser = argparse.ArgumentParser("gradless", add_help=False)
    parser.add_argument("-h", "--help", action="help", help="Show the commands.")
    parser.add_argument("-V", "--version", action="version", version="", help="Show the version.")
    commands = parser.add_subparsers()
    for name, about in COMMANDS.items():
        own = parser_of(name, about)
        commands.add_parser(
            name, help=about.summary, parents=[own], add_help=False, conflict_handler="resolve"
        )
        _complete(own)
    text: str = shtab.complete(parser, shell)
    return text


def _complete(parser: argparse.ArgumentParser) -> None:
    """Say which values the options of a command take."""
    named = {
        "strategy": ["auto", *strategies.STRATEGIES],
        "strategies": [*strategies.STRATEGIES],
        "name": [*strategies.STRATEGIES],
        "objective": [name for name in objectives.NAMES if "[" not in name],
        "activation": [*ACTIVATIONS],
        "initializer": [*INITIALIZERS],
        "shell": [*SHELLS],
        "search": ["random-search", "hill-climb"],
    }
    for action in parser._actions:
        one: Any = action
        if values := getattr(action, "completions", None) or named.get(action.dest):
            action.choices = list(map(str, values))
        elif action.metavar == "DATA":
            one.complete = _names_and_files(DATASETS)
        elif action.metavar in ("RUN", "FOLDER"):
            one.complete = shtab.DIRECTORY
        elif action.metavar == "FILE":
            one.complete = shtab.FILE


def _names_and_files(names: Any) -> dict[str, Any]:
    """Completes data sets by name, and files."""
    known = " ".join(names)
    return {
        "bash": "_gradless_data",
        "zsh": f"{{_alternative 'names:data set:({known})' 'files:file:_files'}}",
        "fish": "(_gradless_data)",
        "preamble": {
            "bash": f'_gradless_data() {{\n  compgen -W "{known}" -- $1\n  compgen -f -- $1\n}}\n',
            "fish": f"function _gradless_data\n  printf '%s\\n' {known}\n"
            "  __fish_complete_path (commandline -ct)\nend\n",
        },
    }


def _shell_in_use() -> str:
    found = Path(os.environ.get("SHELL", "")).name
    if found not in SHELLS:
        raise InputError(
            f"SHELL must be {words.either(SHELLS)}. For example: gradless completion bash --install"
        )
    return found


def _place(shell: str) -> _Place:
    """Where a shell looks for scripts of this user."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":  # which looks there by itself
        return _Place(config / "fish" / "completions" / "gradless.fish", None, "")
    if shell == "zsh":
        folder = data / "zsh" / "site-functions"
        line = f"fpath=({folder} $fpath); autoload -Uz compinit && compinit"
        startup = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        return _Place(folder / "_gradless", startup, line)
    file = data / "bash-completion" / "completions" / "gradless"
    return _Place(file, home / ".bashrc", f"[ -r {file} ] && . {file}")


def _install(shell: str, text: str) -> None:
    """Write the script, and one line that loads it where the shell does not by itself."""
    place = _place(shell)
    try:
        place.script.parent.mkdir(parents=True, exist_ok=True)
        place.script.write_text(text, encoding="utf-8")
        print(f"written: {place.script}")
        if place.startup is not None:
            before = place.startup.read_text(encoding="utf-8") if place.startup.exists() else ""
            if place.line not in before:
                with place.startup.open("a", encoding="utf-8") as file:
                    file.write(f"\n# completion of gradless\n{place.line}\n")
                print(f"one line added to {place.startup}")
    except OSError as error:
        raise InputError(
            f"{place.script} cannot be written ({error.strerror}). Print the script instead: "
            f"gradless completion {shell}"
        ) from None
    print(f"Begins with the next {shell}.")
