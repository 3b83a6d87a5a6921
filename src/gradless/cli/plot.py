"""``gradless plot``: draw the pictures of a run or of a comparison again."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from gradless._core import storage
from gradless._core.errors import InputError
from gradless.cli.parse import parse
from gradless.runs import run_folder
from gradless.training.loop import Stop
from gradless.views import pictures


@dataclass(frozen=True)
class Options:
    """Draw the pictures of a run, or of a comparison, again from what is in its folder."""

    run: tyro.conf.Positional[Path]
    """Folder of gradless train or gradless compare."""
    format: Literal["png", "pdf", "svg"] = "png"
    """Kind of file; pdf and svg stay sharp at any size."""


def main(arguments: list[str]) -> int:
    """Parse, load, draw."""
    options = parse(Options, "plot", arguments)
    for path in _run(options.run, options.format):
        print(path)
    return 0


def _run(folder: Path, suffix: str) -> list[Path]:
    prepared, saved, _ = run_folder.reopen(folder)
    network = run_folder.read_network(folder)
    looks = run_folder.read_looks(folder)
    result = None
    with contextlib.suppress(InputError):  # a run that did not end has none
        result = storage.read_json(folder / run_folder.RESULT)
    return pictures.draw(folder, saved.history, network, prepared, Stop(), looks, result, suffix)
