"""``gradless strategies``: list the ways to search."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from gradless._core.terminal import PatientConsole
from gradless.cli.parse import parse
from gradless.strategies import STRATEGIES


@dataclass(frozen=True)
class Options:
    """List the strategies with their hyperparameters and defaults."""


def main(arguments: list[str]) -> int:
    """Print the table."""
    parse(Options, "strategies", arguments)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("strategy", "what it does", "options"):
        table.add_column(heading, overflow="fold")
    for name, cls in STRATEGIES.items():
        fields: Any = dataclasses.fields(cls)  # type: ignore[arg-type]
        options = ", ".join(f"--{f.name.replace('_', '-')} {f.default}" for f in fields)
        table.add_row(name, (cls.__doc__ or "").splitlines()[0], options)
    PatientConsole().print(table)
    return 0
