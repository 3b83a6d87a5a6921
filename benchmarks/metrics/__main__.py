"""Measure, and write docs/metrics.md.

python -m benchmarks.metrics              # half an hour, then page and picture
python -m benchmarks.metrics --only ours  # the ways of gradless anew, on the same splits
python -m benchmarks.metrics --render     # both again, from benchmarks/results/metrics.json
python -m benchmarks.metrics --toy        # does everything still work? nothing is kept
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.metrics import DEFAULT, OURS, TABLES, TOY, WAYS, Options, page
from benchmarks.metrics.measure import measure
from benchmarks.pages import machine

RESULTS = Path(__file__).parent.parent / "results" / "metrics.json"
SOME = {"default": (DEFAULT,), "ours": OURS}
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the page; with --toy a little of everything, and nothing kept."""
    parser = argparse.ArgumentParser(description="Networks trained for a metric")
    parser.add_argument("--toy", action="store_true", help="seconds instead of minutes, no page")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--splits", type=int, default=Options().splits, help="2 or more")
    parser.add_argument(
        "--tables", nargs="+", choices=TABLES, default=list(TABLES), help="only these anew"
    )
    parser.add_argument(
        "--only", choices=SOME, help="these ways anew, beside what was measured of the others"
    )
    given = parser.parse_args(arguments)
    if given.splits < 2:
        parser.error(f"--splits {given.splits} was given, expected 2 or more, for an interval")
    if given.render:
        page.render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE)
        return 0
    ways = SOME.get(given.only, WAYS)
    options = TOY if given.toy else Options(tuple(given.tables), given.splits, ways=ways)
    begun = time.perf_counter()
    results = measure(options)
    document = {
        "command": "python -m benchmarks.metrics",
        "splits": options.splits,
        "seconds": round(time.perf_counter() - begun),
        "machine": machine.machine(),
        "results": results,
    }
    if given.toy:
        with tempfile.TemporaryDirectory() as folder:
            page.render(document, Path(folder) / PAGE.name)
        return 0
    if (len(options.tables) < len(TABLES) or given.only) and RESULTS.exists():
        before = json.loads(RESULTS.read_text(encoding="utf-8"))
        if before["splits"] != options.splits:
            parser.error(f"the other tables have {before['splits']} splits; give --splits that")
        document["seconds"] += before["seconds"]
        document["results"] = {
            name: {
                metric: {**before["results"][name][metric], **results.get(name, {}).get(metric, {})}
                for metric in TABLES[name].metrics
            }
            for name in TABLES
        }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    page.render(document, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
