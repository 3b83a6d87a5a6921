"""``gradless datasets``: list the data sets that come with it."""

from __future__ import annotations

from gradless._core.terminal import PatientConsole
from gradless.cli.commands import Datasets
from gradless.data.named import DATASETS
from gradless.views.tables import Column, Table


def main(options: Datasets) -> int:
    """Print the table."""
    columns = [
        Column("data set"), Column("samples", right=True), Column("features", right=True),
        Column("classes", right=True), Column("what it is", wraps=True),
    ]  # fmt: skip
    rows = [
        (name, f"{one.samples:,}", f"{one.features:,}", f"{one.classes:,}", one.description)
        for name, one in DATASETS.items()
    ]
    console = PatientConsole()
    console.print(Table(columns, rows))
    console.print("\nYour own: gradless train FILE.csv --target COLUMN", highlight=False)
    return 0
