"""``gradless plot``: draw a run's pictures again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from gradless.cli.parse import parse
from gradless.runs import run_folder
from gradless.training.loop import Stop
from gradless.views import report


@dataclass(frozen=True)
class Options:
    """Draw the pictures of a run again from its history and its network."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""


def main(arguments: list[str]) -> int:
    """Parse, load, draw."""
    options = parse(Options, "plot", arguments)
    prepared, saved, _ = run_folder.reopen(options.run)
    network = run_folder.read_network(options.run)
    looks = run_folder.read_looks(options.run)
    for path in report.draw(options.run, saved.history, network, prepared, Stop(), looks):
        print(path)
    return 0
