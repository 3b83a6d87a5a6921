"""``gradless plot``: draw a run's pictures again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from gradless import report, runs
from gradless.commands.parse import parse
from gradless.train import Stop


@dataclass(frozen=True)
class Options:
    """Draw the pictures of a run again from its history and its network."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""


def main(arguments: list[str]) -> int:
    """Parse, load, draw."""
    options = parse(Options, "plot", arguments)
    prepared, saved, _ = runs.reopen(options.run)
    network = runs.read_network(options.run)
    looks = runs.read_looks(options.run)
    for path in report.draw(options.run, saved.history, network, prepared, Stop(), looks):
        print(path)
    return 0
