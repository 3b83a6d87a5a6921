"""Measure on real tables, and write docs/real-tables.md.

python -m benchmarks.quality.tables             # the reported half, then the page
python -m benchmarks.quality.tables --render    # the page only, from benchmarks/results
python -m benchmarks.quality.tables --short     # does everything still work? nothing is kept
python -m benchmarks.quality.tables --only gradless   # the others' results are kept
python -m benchmarks.quality.tables --half tuned --splits 3 --only gradless "linear, CV"
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other are counted, too

from benchmarks.pages import machine
from benchmarks.quality.tables import page
from benchmarks.quality.tables.chosen import REPORTED, TABLES, TUNED, load
from benchmarks.quality.tables.contestants import NAMES, judged, split_of

RESULTS = Path(__file__).parents[2] / "results" / "tables.json"
PAGE = Path(__file__).parents[3] / "docs" / "real-tables.md"
SPLITS = 10
SHORT = ("lung", "Hitters")
_HALVES = {"reported": (REPORTED,), "tuned": (TUNED,), "both": (TUNED, REPORTED)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the page; other than the reported half is only printed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=_HALVES, default="reported")
    parser.add_argument("--splits", type=int, default=SPLITS, help="2 or more")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME")
    parser.add_argument("--tables", nargs="+", metavar="TABLE", help="of that half; or all")
    parser.add_argument("--short", action="store_true", help="two tables, two splits, no page")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    given = parser.parse_args(arguments)
    if given.splits < 2:
        parser.error(f"--splits must be 2 or more, for an interval, got {given.splits}")
    if given.render:
        page.render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE)
        return 0

    splits = 2 if given.short else given.splits
    wanted = SHORT if given.short else given.tables
    half = "tuned" if given.short else given.half
    chosen = [t for t in TABLES if t.half in _HALVES[half]]
    chosen = [t for t in chosen if wanted is None or t.name in wanted]
    results: dict[str, page.Measured] = {}
    for table in chosen:
        X, y = load(table)
        measured: page.Measured = {
            "rows": len(X),
            "columns": X.shape[1],
            "classes": int(y.nunique()) if table.classes else 0,
            "losses": {name: [] for name in given.only},
            "seconds": {name: [] for name in given.only},
        }
        for seed in range(splits):
            split = split_of(X, y, table.classes, seed)
            for name in given.only:
                outcome = judged(name, split, seed)
                measured["losses"][name].append(outcome.loss)
                measured["seconds"][name].append(outcome.seconds)
        results[table.name] = measured
        print(page.line(table.name, measured), flush=True)
    whole = given.half == "reported" and given.tables is None and not given.short
    if whole:
        if list(NAMES) != given.only:
            results = _with_earlier(results)
        document = {
            "command": "python -m benchmarks.quality.tables",
            "splits": splits,
            "machine": machine.machine(),
            "results": results,
        }
        RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        if all(set(NAMES) == set(measured["losses"]) for measured in results.values()):
            page.render(document, PAGE)
    elif len(given.only) > 1:
        print(page.ranks(results))
    return 0


def _with_earlier(results: dict[str, page.Measured]) -> dict[str, page.Measured]:
    """Results with those of the contestants that were measured before, in their usual order."""
    earlier = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    found = {}
    for table, measured in results.items():
        before = earlier.get("results", {}).get(table, measured)
        losses, seconds = (
            {name: both[name] for name in NAMES if name in both}
            for both in (
                {**before["losses"], **measured["losses"]},
                {**before["seconds"], **measured["seconds"]},
            )
        )
        merged = measured.copy()
        merged["losses"], merged["seconds"] = losses, seconds
        found[table] = merged
    return found


if __name__ == "__main__":
    sys.exit(main())
