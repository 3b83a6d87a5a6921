"""``python -m benchmarks.reliability``: the whole campaign, and the page that tells of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.pages import machine
from benchmarks.reliability import BrokenPromiseError, Results, page
from benchmarks.reliability.cost import cost
from benchmarks.reliability.disks import disks
from benchmarks.reliability.files import files
from benchmarks.reliability.interrupts import interrupts
from benchmarks.reliability.kills import STRATEGIES, kills
from benchmarks.reliability.strategies import ask_tell
from benchmarks.reliability.tables import large_tables, tables

RESULTS = Path(__file__).parent.parent / "results" / "reliability.json"

PARTS: dict[str, Callable[[], Results]] = {
    "cost": lambda: cost(30),
    "kills": lambda: kills(50, STRATEGIES, 60_000),
    "interrupts": lambda: interrupts(200, 100, 24, 4),
    "files": lambda: files(10_000),
    "disks": disks,
    "tables": lambda: tables(20_000),
    "large_tables": large_tables,
    "ask_tell": lambda: ask_tell(2_000),
}
SHORT: tuple[Callable[[], Results], ...] = (
    disks,
    lambda: kills(1, ("openai_es",), 8_000),
    lambda: interrupts(2, 2, 0, 0),
    lambda: files(300),
    lambda: tables(300),
)
"""A little of everything that the tests do not do themselves, in seconds."""


def main() -> int:
    """Measure, and write the page; with --short a little of everything, and no page."""
    parser = argparse.ArgumentParser(description="Is nothing lost?")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes, no page")
    parser.add_argument("--part", choices=PARTS, help="this part only; the others stay")
    parser.add_argument("--render", action="store_true", help="write the page again")
    given = parser.parse_args()
    if given.short:
        for part in SHORT:
            part()
        return 0
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in () if given.render else (given.part,) if given.part else PARTS:
        begun = time.perf_counter()
        print(name, flush=True)
        found = PARTS[name]()
        took = round(time.perf_counter() - begun)
        results[name] = {**found, "took": took, "machine": machine.machine()}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    page.render(results)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPromiseError as broken:
        print(f"broken: {broken}", file=sys.stderr)
        sys.exit(1)
