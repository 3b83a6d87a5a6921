"""``gradless plot``: draw the pictures of a run or of a comparison again."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gradless._core import storage
from gradless._core.errors import InputError
from gradless.cli.commands import Plot
from gradless.runs import resuming, run_folder
from gradless.runs.comparison import files
from gradless.runs.importance import importances
from gradless.training.loop import Stop
from gradless.views import pictures


def main(options: Plot) -> int:
    """Load, draw."""
    draw = _comparison if files.is_comparison(options.run) else _run
    for path in draw(options.run, options.format):
        print(path)
    return 0


def _run(folder: Path, suffix: str) -> list[Path]:
    reopened = resuming.reopen(folder)
    prepared, saved = reopened.prepared, reopened.saved
    network = run_folder.read_network(folder)
    looks = run_folder.read_looks(folder)
    result = None
    with contextlib.suppress(InputError):  # a run that did not end has none
        result = storage.read_json(folder / run_folder.RESULT)
    shuffled = importances(network, prepared) if prepared.is_measured else []
    return pictures.draw(
        folder, saved.history, network, prepared, Stop(), looks, result, suffix, shuffled
    )


def _comparison(folder: Path, suffix: str) -> list[Path]:
    from gradless.views import comparison_picture  # noqa: PLC0415 - matplotlib takes half a second

    path = folder / f"comparison.{suffix}"
    comparison_picture.redrawn(files.read(folder), path)
    return [path]
