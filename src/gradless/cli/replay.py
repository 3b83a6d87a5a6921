"""``gradless replay``: rebuild a trained network from its seed log."""

from __future__ import annotations

import json
import sys

from gradless.cli.commands import Replay
from gradless.runs import run_folder, seeds, status


def main(options: Replay) -> int:
    """Draw again, tell again, write."""
    found = seeds.replay(options.log, options.generation)
    default = run_folder.default_folder(found.recipe.data, found.recipe.strategy)
    folder = run_folder.claim(options.out or default)
    found.write(folder)
    status.write_status(folder, "finished", f"replayed from {options.log}")
    if found.caution is not None:
        print(f"gradless: {found.caution}", file=sys.stderr)
    facts = {
        "run": str(folder),
        "log": str(options.log),
        "generation": found.generation,
        "generations": found.generations,
        "evaluations": found.evaluations,
        "verified": found.verified,
    }
    if options.json:
        print(json.dumps(facts))
    console = options.console()
    console.print(
        f"network after generation {found.generation:,} of {found.generations:,}, nothing "
        "evaluated",
        highlight=False,
    )
    if found.verified:
        console.print("the same bit for bit as the run's own")
    console.print(f"\nrun folder: {folder}", highlight=False, soft_wrap=True)
    return 0
