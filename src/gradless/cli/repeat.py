"""``gradless repeat``: run a run again, and compare the two bit by bit."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jax
import numpy as np

from gradless._core import defaults, tree
from gradless.cli.commands import Repeat
from gradless.cli.train import Shown
from gradless.runs import resuming
from gradless.runs.resuming import Reopened
from gradless.training import sessions
from gradless.training.history import History
from gradless.training.observers import Observer
from gradless.training.plan import FIRST, MAIN, Plan
from gradless.views import report
from gradless.views.tables import Paragraph


def main(options: Repeat) -> int:
    """Train again, compare."""
    reopened = resuming.reopen(options.run)
    saved, before = reopened.saved, reopened.session
    plan = _again(reopened)
    console = options.console()
    shown = report.Display(
        console, plan.main.stop, History(), reopened.prepared.problem.objective,
        on_batches=plan.main.problem.uses_minibatches,
    )  # fmt: skip
    observers: list[Observer] = []
    session = sessions.begun(plan, observers)
    observers.append(Shown(shown, session))
    with shown:
        session.train()
    made, validation = session.evaluations, session.validation
    found = differences(saved.run, session.run)
    found += [
        f"history, {name}"
        for name in session.history.columns
        if before.phase == MAIN
        and name != "seconds"
        and not np.array_equal(
            saved.history.column(name), session.history.column(name), equal_nan=True
        )
    ]
    if validation is not None and before.validation is not None:
        one, other = before.validation, validation
        if (one.looks, tree.bits(one.kept)) != (other.looks, tree.bits(other.kept)):
            found.append("network kept by the validation rows")
    if options.json:
        print(json.dumps({"run": str(options.run), "evaluations": made, "differs": found}))
    if found:
        console.print(Paragraph(f"differs from {options.run}: {'; '.join(found)}"))
        if (changed := resuming.differing_versions(saved)) is not None:
            console.print(Paragraph(f"since then: {changed}"))
        return 1
    same = f"{made:,} evaluations, network, state and history"
    console.print(Paragraph(f"the same bit for bit as {options.run}: {same}"))
    return 0


def _again(reopened: Reopened) -> Plan:
    """The session up to where it was saved."""
    session, prepared = reopened.session, reopened.prepared
    if prepared.recipe.regularization is not None:
        # By its budget it was planned, whatever it then took.
        return prepared.plan(dataclasses.replace(reopened.stop, seconds=None))
    stop = dataclasses.replace(reopened.stop, evaluations=session.evaluations, seconds=None)
    patience = defaults.PATIENCE
    if session.validation is not None:
        patience = session.validation.plan.patience
    plan = prepared.plan(stop, patience)
    if plan.first is None:
        return plan
    if session.phase == FIRST:
        return dataclasses.replace(
            plan, main=dataclasses.replace(plan.first, stop=stop), first=None, held_out=None
        )
    limits = dataclasses.replace(
        plan.first.stop, evaluations=session.spent.evaluations, seconds=None
    )
    return dataclasses.replace(plan, first=dataclasses.replace(plan.first, stop=limits))


def differences(one: Any, other: Any) -> list[str]:
    """Names of the parts of two runs of one shape that are not the same bits."""
    pairs = zip(jax.tree_util.tree_leaves_with_path(one), jax.tree.leaves(other), strict=True)
    return [
        jax.tree_util.keystr(where, simple=True, separator=".")
        for (where, a), b in pairs
        if tree.bits(a) != tree.bits(b)
    ]
