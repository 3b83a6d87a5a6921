"""Measure, and write docs/steps.md.

python -m benchmarks.steps                  # some minutes, then page and picture
python -m benchmarks.steps --digits MNIST   # five tasks beside a straight-through estimator
python -m benchmarks.steps --render         # page and picture again, from benchmarks/results
python -m benchmarks.steps --toy            # does the first still work? nothing is kept
python -m benchmarks.steps --short          # does the second, on scikit-learn's digits?
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import jax

from benchmarks.pages import machine
from benchmarks.steps import TOY, Options, digits, page, tasks_page
from benchmarks.steps.competition import measured
from benchmarks.steps.measure import measure
from benchmarks.steps.tasks import TASKS

RESULTS = Path(__file__).parent.parent / "results" / "steps.json"
TASKS_RESULTS = RESULTS.with_name("steps_tasks.json")
SEEDS = 3  # of the five tasks
SHORT = ["int8", "staircase"]  # one that is evaluated whole, one that shares its first layer
PAGE = Path(__file__).parents[2] / "docs" / "steps.md"


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the page; with --toy a little of everything, and nothing kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [task.name for task in TASKS]
    parser.add_argument("--toy", action="store_true", help="seconds instead of minutes, no page")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--seeds", type=int, default=Options().seeds, help="2 or more")
    parser.add_argument("--evaluations", type=int, default=Options().evaluations)
    parser.add_argument("--digits", type=Path, metavar="FILE", help=f"{digits.NEEDED}")
    parser.add_argument("--short", action="store_true", help=f"{len(SHORT)} of the tasks, no page")
    parser.add_argument(
        "--only", choices=names, metavar="TASK", help=f"one task alone: {', '.join(names)}"
    )
    parser.add_argument("--work", type=float, default=1.0, help="with --digits: a factor")
    given = parser.parse_args(arguments)
    if given.seeds < 2:
        parser.error(f"--seeds {given.seeds} was given, expected 2 or more, for an interval")
    if given.render:
        return _render()
    if given.short:
        jax.config.update("jax_disable_most_optimizations", True)  # it is compiling that takes long
        document = measured(digits.small(), [given.only] if given.only else SHORT, 1, 0.0)
        print("\n".join(tasks_page.section(document)))
        return 0
    if given.digits is not None:
        try:
            found = digits.read(given.digits)
        except ValueError as error:
            parser.error(str(error))
        chosen = [given.only] if given.only else names
        measured(found, chosen, SEEDS, given.work, TASKS_RESULTS)
        return _render()
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
    return _render()


def _render() -> int:
    others = None
    if TASKS_RESULTS.is_file():
        others = json.loads(TASKS_RESULTS.read_text(encoding="utf-8"))
    page.render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE, others)
    return 0


if __name__ == "__main__":
    sys.exit(main())
