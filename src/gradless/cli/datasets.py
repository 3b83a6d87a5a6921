"""``gradless datasets``: list the data sets that come with it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from gradless._core.terminal import PatientConsole
from gradless.cli.parse import parse
from gradless.data.datasets import DATASETS


@dataclass(frozen=True)
class Options:
    """List the data sets that train takes by name."""


def main(arguments: list[str]) -> int:
    """Print the table."""
    parse(Options, "datasets", arguments)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("data set")
    for heading in ("samples", "features", "classes"):
        table.add_column(heading, justify="right")
    table.add_column("what it is")
    for name, info in DATASETS.items():
        sizes = (str(size) for size in (info.samples, info.features, info.classes))
        table.add_row(name, *sizes, info.description)
    console = PatientConsole()
    console.print(table)
    console.print("\nYour own: gradless train FILE.csv --target COLUMN", highlight=False)
    return 0
