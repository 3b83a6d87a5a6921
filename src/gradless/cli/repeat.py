"""``gradless repeat``: run a run again, and compare the two bit by bit."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jax
import numpy as np

from gradless._core import tree
from gradless.cli.commands import Repeat
from gradless.runs import run_folder
from gradless.training.history import History
from gradless.training.loop import evaluations_per_generation
from gradless.training.validation import watched
from gradless.views import report


def main(options: Repeat) -> int:
    """Train again, compare."""
    prepared, saved, progress = run_folder.reopen(options.run)
    made = int(saved.run.generation) * evaluations_per_generation(prepared.strategy)
    stop = dataclasses.replace(progress.stop, evaluations=made, seconds=None)
    history, validation = History(), prepared.validator()
    if validation is not None and progress.validation is not None:
        validation.plan = progress.validation.plan
    console = options.console()
    with report.Display(
        console,
        stop,
        history,
        prepared.problem.objective,
        on_batches=prepared.problem.uses_minibatches,
    ) as display:
        for record in watched(
            prepared.problem, prepared.strategy, prepared.begin(), stop, validation
        ):
            history.append(**record.rows)
            display.show(record)
    found = differences(saved.run, record.run)
    found += [
        f"history, {name}"
        for name in history.columns
        if name != "seconds"
        and not np.array_equal(saved.history.column(name), history.column(name), equal_nan=True)
    ]
    if validation is not None and progress.validation is not None:
        one, other = progress.validation, validation
        if (one.looks, tree.bits(one.kept)) != (other.looks, tree.bits(other.kept)):
            found.append("network kept by the validation rows")
    if options.json:
        print(json.dumps({"run": str(options.run), "evaluations": made, "differs": found}))
    if found:
        console.print(f"differs from {options.run}: {'; '.join(found)}", highlight=False)
        if (changed := run_folder.differing_versions(saved)) is not None:
            console.print(f"since then: {changed}", highlight=False)
        return 1
    console.print(
        f"the same bit for bit as {options.run}: {made:,} evaluations, network, state and history",
        highlight=False,
    )
    return 0


def differences(one: Any, other: Any) -> list[str]:
    """Names of the parts of two runs of one shape that are not the same bits."""
    pairs = zip(jax.tree_util.tree_leaves_with_path(one), jax.tree.leaves(other), strict=True)
    return [
        jax.tree_util.keystr(where, simple=True, separator=".")
        for (where, a), b in pairs
        if tree.bits(a) != tree.bits(b)
    ]
