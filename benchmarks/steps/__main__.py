"""Measure, and write docs/steps.md.

python -m benchmarks.steps              # some minutes, then page and picture
python -m benchmarks.steps --render     # both again, from benchmarks/results/steps.json
python -m benchmarks.steps --toy        # does everything still work? nothing is kept
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pages import machine
from benchmarks.steps import TOY, Options, page
from benchmarks.steps.measure import measure

RESULTS = Path(__file__).parent.parent / "results" / "steps.json"
PAGE = Path(__file__).parents[2] / "docs" / "steps.md"


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the page; with --toy a little of everything, and nothing kept."""
    parser = argparse.ArgumentParser(description="Networks without derivatives")
    parser.add_argument("--toy", action="store_true", help="seconds instead of minutes, no page")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--seeds", type=int, default=Options().seeds, help="2 or more")
    parser.add_argument("--evaluations", type=int, default=Options().evaluations)
    given = parser.parse_args(arguments)
    if given.seeds < 2:
        parser.error(f"--seeds {given.seeds} was given, expected 2 or more, for an interval")
    if given.render:
        page.render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE)
        return 0
    options = TOY if given.toy else Options(seeds=given.seeds, evaluations=given.evaluations)
    begun = time.perf_counter()
    results = measure(options)
    document = {
        "command": "python -m benchmarks.steps",
        "options": options._asdict(),
        "seconds": round(time.perf_counter() - begun),
        "machine": machine.machine(),
        "results": results,
    }
    if given.toy:
        with tempfile.TemporaryDirectory() as folder:
            page.render(document, Path(folder) / PAGE.name)
        return 0
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    page.render(document, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
