"""``gradless resume``: go on with a run from where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from gradless import runs
from gradless.commands.options import Limits, Output
from gradless.commands.parse import parse
from gradless.commands.train import run
from gradless.errors import InputError


@dataclass(frozen=True)
class Options:
    """Go on with a run; evaluations are counted from its beginning, time from now."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    stopping: Limits = field(default_factory=Limits)
    output: Output = field(default_factory=Output)


def main(arguments: list[str]) -> int:
    """Parse, load, train on."""
    options = parse(Options, "resume", arguments)
    prepared, begun, history = runs.reopen(options.run)
    stop = options.stopping.stop()
    if not len(history):
        raise InputError(f"{options.run} has no history yet; start a new run with gradless train")
    done = history.last.evaluations
    if stop.evaluations is not None and stop.evaluations <= done:
        raise InputError(
            f"{stop.evaluations} evaluations were given, expected more than the {done} that "
            f"{options.run} has made; they are counted from its beginning"
        )
    return run(options.run, prepared, begun, history, stop, options.output)
