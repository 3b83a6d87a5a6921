"""``gradless plot``: draw a run's pictures again."""

from __future__ import annotations

from gradless.cli.commands import Plot
from gradless.runs import run_folder
from gradless.training.loop import Stop
from gradless.views import report


def main(options: Plot) -> int:
    """Load, draw."""
    prepared, saved, _ = run_folder.reopen(options.run)
    network = run_folder.read_network(options.run)
    looks = run_folder.read_looks(options.run)
    for path in report.draw(options.run, saved.history, network, prepared, Stop(), looks):
        print(path)
    return 0
