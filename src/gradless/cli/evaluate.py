"""``gradless evaluate``: how good is a trained network on data with answers?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gradless._core import words
from gradless._core.terminal import say
from gradless.cli.commands import Evaluate
from gradless.cli.predict import say_strangers
from gradless.data import fingerprints
from gradless.data.table import read_labelled
from gradless.objectives import quality
from gradless.objectives.quality import Metric
from gradless.runs import run_folder
from gradless.runs.network import Network
from gradless.views import report
from gradless.views.findings import measured
from gradless.views.tables import Column, Paragraph, Table


def main(options: Evaluate) -> int:
    """Predict, measure, print."""
    network = run_folder.read_network(options.run)
    columns, targets, notes = read_labelled(
        options.data,
        network.feature_names,
        network.kinds,
        options.target or network.target,
        network.class_names,
        network.missing,
        network.how,
    )
    say(*notes)
    say_strangers(network, columns)
    inputs: np.ndarray = columns.features
    if network.preprocessing is not None:
        inputs = network.preprocessing.transform(columns)
    rows = fingerprints.of_rows(columns, targets, network.class_names)
    seen = fingerprints.seen(options.run, rows)
    whole = _Measured.of(network, inputs, targets)
    new = None
    if seen is not None and 0 < seen.sum() < len(seen):
        new = _Measured.of(network, inputs[~seen], targets[~seen])
    names = network.class_names
    if options.json:
        facts = {
            "run": str(options.run),
            "data": str(options.data),
            **whole.as_json(),
            "classes": None if names is None else list(names),
            "trained_on": None if seen is None else int(seen.sum()),
            "new_rows": None if new is None else new.as_json(),
        }
        print(json.dumps(facts))
    console = options.console()
    console.print(
        f"{options.run} on {len(targets):,} rows of {options.data}", highlight=False, soft_wrap=True
    )
    if seen is not None and seen.any():
        for line in _seen(int(seen.sum()), len(seen)):
            console.print(Paragraph(line))
    console.print()
    shown, beside = (whole, None) if new is None else (new, {"all rows": whole.found})
    console.print(report.metrics_table(shown.found, beside))
    if few := report.caution(shown.rows):
        console.print(Paragraph(few))
    if names is not None and shown.confusion is not None:
        heads = [
            Column("true class"),
            *(Column(f"predicted\n{name}", right=True) for name in names),
        ]
        counts = [
            [name, *(f"{count:,}" for count in row)]
            for name, row in zip(names, shown.confusion, strict=True)
        ]
        console.print()
        console.print(Table(heads, counts))
    return 0


class _Measured(NamedTuple):
    """How good a network is on some rows."""

    rows: int
    found: list[Metric]
    confusion: list[list[int]] | None

    @classmethod
    def of(cls, network: Network, inputs: Any, targets: Any) -> _Measured:
        found, answers = measured(network, inputs, targets)
        confusion = None
        if network.class_names is not None:
            confusion = quality.confusion_matrix(targets, answers).tolist()
        return cls(len(targets), found, confusion)

    def as_json(self) -> dict[str, Any]:
        metrics = {metric.name: metric.as_json() for metric in self.found}
        return {"rows": self.rows, "metrics": metrics, "confusion": self.confusion}


def _seen(seen: int, rows: int) -> Iterator[str]:
    """What to say of rows that the network was trained on."""
    flatters = "figures for those flatter the network"
    if seen == rows:
        yield (
            f"It was trained on all of these rows; {flatters}. Evaluate it on rows that it has not "
            "seen."
        )
    else:
        yield (
            f"It was trained on {seen:,} of these rows ({words.percent(seen / rows)}); {flatters}. "
            f"These are of the other {rows - seen:,}:"
        )
