"""``gradless resume``: continue a run from where it stopped, or was stopped."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

from gradless._core import words
from gradless._core.errors import InputError
from gradless.cli import logs
from gradless.cli.commands import Resume
from gradless.cli.recipes import are_given, stop_of
from gradless.cli.run import resume as resume_command
from gradless.cli.train import run
from gradless.runs import command_search, resuming, run_folder, status
from gradless.runs.resuming import Reopened
from gradless.training.loop import Stop
from gradless.training.regularized_session import RegularizedSession


def main(options: Resume) -> int:
    """Load, train on."""
    if command_search.is_one(options.run):
        return resume_command(options)
    run_folder.read_config(options.run)
    logs.observers(options.log, options.run)  # whose packages are there
    with status.held(options.run):
        reopened = resuming.reopen(options.run)
        saved, session = reopened.saved, reopened.session
        for refused in saved.refused:
            print(f"gradless: {refused}; resuming from the checkpoint before", file=sys.stderr)
        if (changed := resuming.differing_versions(saved)) is not None:
            print(f"gradless: {changed}: the last digits may differ", file=sys.stderr)
        done, given = session.evaluations, are_given(options)
        objective = reopened.prepared.recipe.objective
        validation = session.validation
        if isinstance(session, RegularizedSession) and session.has_ended:
            raise InputError(
                f"{options.run} has fitted its networks to the end, which more evaluations do not "
                "change. Use gradless train with --alpha 0 for a search without penalty"
            )
        if validation is not None:
            if options.patience is not None:
                validation.plan = validation.plan._replace(patience=options.patience)
            if validation.has_ended(int(saved.run.generation)):
                raise InputError(
                    f"{options.run} ended without improvement on its validation rows, which more "
                    "evaluations do not change. Use --patience "
                    f"{2 * math.ceil(validation.plan.patience)} to wait longer for one"
                )
        stop = stop_of(options, objective) if given else _left(options.run, reopened)
        if given and stop.evaluations is not None and stop.evaluations <= done:
            raise InputError(
                f"--evaluations must be more than the {done:,} that {options.run} has made, "
                f"since they count from its beginning, got {stop.evaluations:,}"
            )
        with status.reported(options.run):
            return run(
                options.run,
                reopened.prepared,
                stop,
                options,
                every=options.checkpoint_every,
                patience=options.patience,
                saved=saved,
                log=options.log,
            )


def _left(folder: Path, reopened: Reopened) -> Stop:
    """What is left of the limits that a run had; nothing if it was killed while it was saved."""
    stop, session = reopened.stop, reopened.session
    finished = status.status(folder) == "finished"
    if stop.seconds is not None:
        left = stop.seconds - session.seconds
        if left <= 0 and finished:
            raise InputError(
                f"{folder} has used up its {words.seconds(stop.seconds)}. Use --time or "
                "--evaluations to continue"
            )
        stop = dataclasses.replace(stop, seconds=max(left, 1e-9))
    if finished and stop.evaluations is not None and stop.evaluations <= session.evaluations:
        raise InputError(
            f"{folder} has made its {stop.evaluations:,} evaluations. Use --evaluations with "
            "more to continue"
        )
    return stop
