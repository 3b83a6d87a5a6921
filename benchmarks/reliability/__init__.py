"""Is nothing lost? Kills, damaged files, full disks, tables and losses of every kind.

Every fault is one that a user meets. ``python -m benchmarks.reliability`` stops at the first broken
promise, and writes results/reliability.json and docs/reliability.md.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

Results = dict[str, Any]

# Small, with minibatches, and a checkpoint all the time.
TRAIN = ("digits", "--hidden", "4", "--batch-size", "64", "--checkpoint-every", "0.05s", "--quiet")


class BrokenPromiseError(Exception):
    """What must never happen has happened."""


def command(*arguments: str) -> list[str]:
    """A command of gradless, in a process of its own."""
    return [sys.executable, "-m", "gradless", *arguments]


def gradless(*arguments: str) -> None:
    """Run it to its end."""
    subprocess.run(command(*arguments), check=True, stdout=subprocess.DEVNULL)
