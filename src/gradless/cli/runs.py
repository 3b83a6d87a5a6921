"""``gradless runs``: which runs are there, and how did they end?"""

from __future__ import annotations

import json

from gradless import objectives
from gradless._core import words
from gradless._core.errors import InputError
from gradless.cli.commands import Runs
from gradless.objectives import Objective
from gradless.runs.status import Summary, summaries
from gradless.training.progress import named
from gradless.views.tables import Column, Table


def main(options: Runs) -> int:
    """Look, print."""
    found = summaries(options.directory)
    if options.json:
        print(json.dumps([summary._asdict() for summary in found]))
    console = options.console()
    if not found:
        console.print(f"no runs in {options.directory}", highlight=False)
        return 0
    columns = [
        Column("run"), Column("status"), Column("strategy", optional=True),
        Column("evaluations", right=True), Column("training"),
        Column("test"), Column("time", right=True, optional=True),
    ]  # fmt: skip
    rows = [
        (
            one.run,
            one.status,
            one.strategy or "-",
            "-" if one.evaluations is None else f"{one.evaluations:,}",
            "-" if one.best_loss is None else named(one.best_loss, _objective(one)),
            _on_new_rows(one, _objective(one)),
            "-" if one.seconds is None else words.seconds(one.seconds),
        )
        for one in found
    ]
    console.print(Table(columns, rows))
    return 0


def _on_new_rows(run: Summary, objective: Objective | None) -> str:
    """What the network reaches on rows that did not train it."""
    for loss, of in ((run.test_loss, ""), (run.cross_validated_loss, " (folds)")):
        if loss is not None:
            return words.loss(loss if objective is None else objective.value(loss)) + of
    return "-"


def _objective(run: Summary) -> Objective | None:
    """What a run improves; None where its folder does not say."""
    try:
        return None if run.objective is None else objectives.get(run.objective)
    except InputError:
        return None
