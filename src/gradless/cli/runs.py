"""``gradless runs``: which runs are there, and how did they end?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.table import Table

from gradless import objectives
from gradless._core.errors import InputError
from gradless.cli.options import Output
from gradless.cli.parse import parse
from gradless.objectives import Objective
from gradless.runs import run_folder
from gradless.runs.run_folder import Summary
from gradless.views import report


@dataclass(frozen=True)
class Options:
    """List the runs in a folder: how they are or ended, and what they reached."""

    directory: tyro.conf.Positional[Path] = Path("runs")
    """Folder that holds run folders."""
    output: Output = field(default_factory=Output)


def main(arguments: list[str]) -> int:
    """Parse, look, print."""
    options = parse(Options, "runs", arguments)
    found = run_folder.summaries(options.directory)
    if options.output.json:
        print(json.dumps([summary._asdict() for summary in found]))
    console = options.output.console()
    if not found:
        console.print(f"no runs in {options.directory}", highlight=False)
        return 0
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name, side in (
        ("run", "left"), ("status", "left"), ("strategy", "left"), ("evaluations", "right"),
        ("best", "right"), ("time", "right"),
    ):  # fmt: skip
        # A name is there to be copied: folded, not cut.
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    for one in found:
        table.add_row(
            one.run,
            one.status,
            one.strategy or "-",
            "-" if one.evaluations is None else f"{one.evaluations:,}",
            "-" if one.best_loss is None else report.named(one.best_loss, _objective(one)),
            "-" if one.seconds is None else f"{one.seconds:,.1f} s",
        )
    console.print(table, highlight=False, markup=False)
    return 0


def _objective(run: Summary) -> Objective | None:
    """What a run improves; None where its folder does not say."""
    try:
        return None if run.objective is None else objectives.get(run.objective)
    except InputError:
        return None
