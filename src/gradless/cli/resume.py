"""``gradless resume``: go on with a run from where it stopped, or was stopped."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

from gradless._core.errors import InputError
from gradless.cli.commands import Resume
from gradless.cli.recipes import are_given, stop_of
from gradless.cli.train import run
from gradless.runs import run_folder
from gradless.runs.run_folder import Progress
from gradless.training.loop import Stop


def main(options: Resume) -> int:
    """Load, train on."""
    run_folder.read_config(options.run)
    with run_folder.held(options.run):
        prepared, saved, progress = run_folder.reopen(options.run)
        for refused in saved.refused:
            print(f"gradless: {refused}; going on from the checkpoint before", file=sys.stderr)
        if (changed := run_folder.differing_versions(saved)) is not None:
            print(f"gradless: {changed}: the last digits may differ", file=sys.stderr)
        done, given = progress.evaluations, are_given(options)
        objective = prepared.recipe.objective
        validation, patience = progress.validation, options.patience
        if validation is not None:
            if patience is not None:
                validation.plan = validation.plan._replace(patience=patience)
            if validation.has_ended(int(saved.run.generation)):
                raise InputError(
                    f"{options.run} ended since there was no improvement on its validation rows, "
                    "which more evaluations do not change; to wait longer for one, give "
                    f"--patience {2 * math.ceil(validation.plan.patience)}"
                )
        stop = stop_of(options, objective) if given else _left(options.run, progress)
        if given and stop.evaluations is not None and stop.evaluations <= done:
            raise InputError(
                f"{stop.evaluations} evaluations were given, expected more than the {done} that "
                f"{options.run} has made; they are counted from its beginning"
            )
        with run_folder.reported(options.run):
            return run(
                options.run,
                prepared,
                saved.run,
                saved.history,
                stop,
                options,
                every=options.checkpoint_every,
                not_finite=progress.not_finite,
                validation=validation,
            )


def _left(folder: Path, progress: Progress) -> Stop:
    """What is left of the limits that a run had; nothing if it was killed while it was saved."""
    stop, finished = progress.stop, run_folder.status(folder) == "finished"
    if stop.seconds is not None:
        left = stop.seconds - progress.seconds
        if left <= 0 and finished:
            raise InputError(
                f"{folder} has used up its {stop.seconds:g} seconds; give --time or --evaluations"
            )
        stop = dataclasses.replace(stop, seconds=max(left, 1e-9))
    if finished and stop.evaluations is not None and stop.evaluations <= progress.evaluations:
        raise InputError(
            f"{folder} has made its {stop.evaluations} evaluations; give more with --evaluations"
        )
    return stop
