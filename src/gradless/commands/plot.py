"""``gradless plot``: draw a run's pictures again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from gradless import report, runs


@dataclass(frozen=True)
class Options:
    """Draw the pictures of a run again from its history and its network."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""


def main(arguments: list[str]) -> int:
    """Parse, load, draw."""
    options = tyro.cli(Options, args=arguments, prog="gradless plot")
    prepared, _, history = runs.reopen(options.run)
    for path in report.draw(options.run, history, runs.read_network(options.run), prepared):
        print(path)
    return 0
