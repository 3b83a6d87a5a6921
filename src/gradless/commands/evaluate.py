"""``gradless evaluate``: how good is a trained network on data with answers?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tyro
from rich.table import Table

from gradless import report, runs, scores
from gradless.commands.options import Output
from gradless.commands.parse import parse
from gradless.commands.predict import say_strangers
from gradless.tables import read_labelled


@dataclass(frozen=True)
class Options:
    """Measure a trained network on labelled rows, with 95 % intervals."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    data: tyro.conf.Positional[Path]
    """CSV or Parquet file with the columns that the network was trained on, and the answers."""
    target: str | None = None
    """Column with the answers. Default: the one that the run was trained to predict."""
    output: Output = field(default_factory=Output)


def main(arguments: list[str]) -> int:
    """Parse, predict, measure, print."""
    options = parse(Options, "evaluate", arguments)
    network = runs.read_network(options.run)
    columns, targets = read_labelled(
        options.data,
        network.feature_names,
        network.kinds,
        options.target or network.target,
        network.class_names,
        network.missing,
    )
    say_strangers(network, columns)
    inputs: np.ndarray = columns.features
    if network.preprocessing is not None:
        inputs = network.preprocessing.transform(columns)
    found, answers = report.measured(network, inputs, targets)
    names = network.class_names
    confusion = None if names is None else scores.confusion_matrix(targets, answers).tolist()
    if options.output.json:
        facts = {
            "run": str(options.run),
            "data": str(options.data),
            "rows": len(targets),
            "metrics": {metric.name: metric.as_json() for metric in found},
            "classes": None if names is None else list(names),
            "confusion": confusion,
        }
        print(json.dumps(facts))
    console = options.output.console()
    console.print(f"{options.run} on {len(targets):,} rows of {options.data}", highlight=False)
    console.print()
    console.print(report.metrics_table(found), highlight=False, markup=False)
    if few := report.caution(len(targets)):
        console.print(few, highlight=False, soft_wrap=True)
    if names is not None and confusion is not None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
        table.add_column("true class")
        for name in names:
            table.add_column(f"predicted {name}", justify="right")
        for name, row in zip(names, confusion, strict=True):
            table.add_row(name, *(f"{count:,}" for count in row))
        console.print()
        console.print(table, highlight=False, markup=False)
    return 0
