"""``gradless resume``: go on with a run from where it stopped, or was stopped."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from gradless._core.errors import InputError
from gradless.cli.options import CHECKPOINT_EVERY, Limits, Output, seconds
from gradless.cli.parse import parse
from gradless.cli.train import run
from gradless.runs import run_folder
from gradless.runs.run_folder import Progress
from gradless.training.loop import Stop


@dataclass(frozen=True)
class Options:
    """Go on with a run, to the limits that it had if none are given.

    Evaluations are counted from its beginning, time from now.
    """

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    stopping: Limits = field(default_factory=Limits)
    checkpoint_every: str = CHECKPOINT_EVERY
    """Time between two checkpoints: 30s, 5m, 1h, or plain seconds."""
    output: Output = field(default_factory=Output)


def main(arguments: list[str]) -> int:
    """Parse, load, train on."""
    options = parse(Options, "resume", arguments)
    every = seconds(options.checkpoint_every, "--checkpoint-every")
    run_folder.read_config(options.run)
    with run_folder.held(options.run):
        prepared, saved, progress = run_folder.reopen(options.run)
        for refused in saved.refused:
            print(f"gradless: {refused}; going on from the checkpoint before", file=sys.stderr)
        if (changed := run_folder.differing_versions(saved)) is not None:
            print(f"gradless: {changed}: the last digits may differ", file=sys.stderr)
        done, given = progress.evaluations, options.stopping.given()
        objective = prepared.recipe.objective
        validation, patience = progress.validation, options.stopping.patient
        if validation is not None:
            if patience is not None:
                validation.plan = validation.plan._replace(patience=patience)
            if validation.has_ended(int(saved.run.generation)):
                raise InputError(
                    f"{options.run} ended since there was no improvement on its validation rows, "
                    "which more evaluations do not change; to wait longer for one, give "
                    f"--patience {2 * math.ceil(validation.plan.patience)}"
                )
        stop = options.stopping.stop(objective) if given else _left(options.run, progress)
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
                options.output,
                every=every,
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
