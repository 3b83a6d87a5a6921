"""Measure on BBOB, and write docs/bbob.md.

python -m benchmarks.bbob --dimensions 2 5 --instances 1-5 --algorithms gradless pycma-bipop
python -m benchmarks.bbob --page            # page, picture and benchmarks/results/bbob.json
python -m benchmarks.bbob --render          # page and picture again, from that file
python -m benchmarks.bbob --small           # does it still work? seconds, nothing is kept

Each run is added to the file of --to as soon as it is made, and is not repeated: an interrupted
command goes on, and a later one may add dimensions, instances and algorithms.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.bbob import DIMENSIONS, FUNCTIONS, PER_DIMENSION, page, problems, summary
from benchmarks.bbob.algorithms import ALGORITHMS, algorithm
from benchmarks.bbob.runs import Options, measure, read, said

RESULTS = Path(__file__).parents[1] / "results" / "bbob.json"
PAGE = Path(__file__).parents[2] / "docs" / "bbob.md"
RUNS = Path("runs") / "bbob.jsonl"
SMALL = Options(
    "bbob", (2,), (1, 2), (1, 8), ("gradless", "pycma-bipop", "random"), per_dimension=200
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0, or 2 for bad input."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.render:
        page.render(json.loads(RESULTS.read_text(encoding="utf-8")), PAGE)
        return 0
    if given.page is not None:
        rows = read(given.page or [given.to])
        if not rows:
            parser.error(f"no runs in {', '.join(map(str, given.page or [given.to]))}")
        document = summary.document(rows)
        RESULTS.write_text(summary.text(document), encoding="utf-8")
        page.render(document, PAGE)
        return 0
    if given.small:
        return _small()
    if not problems.INSTALLED:
        parser.error("cocoex is missing: pip install -r benchmarks/requirements.txt")
    options = _options(parser, given)
    for row in measure(options, given.to, given.jobs):
        print(said(row), flush=True)
    return 0


def _small() -> int:
    if not problems.INSTALLED:
        print("COCO is not installed: a sphere and Rosenbrock's function instead")
    options = SMALL._replace(
        algorithms=tuple(name for name in SMALL.algorithms if algorithm(name).installed)
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / RUNS.name
        for row in measure(options, file):
            print(said(row), flush=True)
        page.render(summary.document(read([file])), Path(folder) / PAGE.name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bbob",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    several = {"nargs": "+", "metavar": "N"}
    parser.add_argument("--suite", choices=DIMENSIONS, default="bbob", help="of COCO")
    parser.add_argument("--dimensions", **several, help="for example 2 3 5; default: all measured")
    parser.add_argument("--instances", **several, default=["1-15"], help="default: 1-15")
    parser.add_argument("--functions", **several, help="for example 1-5 8; default: all")
    parser.add_argument(
        "--algorithms",
        nargs="+",
        metavar="NAME",
        default=["gradless"],
        help=f"of {', '.join(ALGORITHMS)}, or gradless:STRATEGY, or all; default: gradless",
    )
    parser.add_argument(
        "--budget",
        type=int,
        metavar="N",
        default=PER_DIMENSION,
        help=f"evaluations for each variable; default: {PER_DIMENSION:,}",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of starts and noise")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; default: 1")
    parser.add_argument(
        "--to", type=Path, default=RUNS, metavar="FILE", help=f"of runs; default: {RUNS}"
    )
    parser.add_argument(
        "--observe", type=Path, metavar="FOLDER", help="where COCO also writes files for cocopp"
    )
    parser.add_argument(
        "--page", nargs="*", type=Path, metavar="FILE", help="of these files, or that of --to"
    )
    parser.add_argument("--render", action="store_true", help="measure nothing, read no runs")
    parser.add_argument("--small", action="store_true", help="seconds, and nothing is kept")
    return parser


def _options(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Options:
    suite = given.suite
    dimensions = _numbers(parser, "--dimensions", given.dimensions) or DIMENSIONS[suite]
    functions = _numbers(parser, "--functions", given.functions) or tuple(FUNCTIONS[suite])
    instances = _numbers(parser, "--instances", given.instances)
    for option, values, allowed in (
        ("--dimensions", dimensions, DIMENSIONS[suite]),
        ("--functions", functions, FUNCTIONS[suite]),
        ("--instances", instances, range(1, 10**6)),
        ("--budget", [given.budget], range(1, 10**9)),
        ("--jobs", [given.jobs], range(1, 10**4)),
        ("--seed", [given.seed], range(10**9)),
    ):
        for value in values:
            if value not in allowed:
                parser.error(f"{option} {value} was given, expected one of {_few(allowed)}")
    names = list(ALGORITHMS) if given.algorithms == ["all"] else given.algorithms
    for name in names:
        try:
            found = algorithm(name)
        except KeyError:
            parser.error(f"no algorithm is named {name!r}; there are {', '.join(ALGORITHMS)}")
        if not found.installed:
            parser.error(f"{name} needs {found.package}: pip install {found.package}")
    return Options(
        suite, dimensions, instances, functions, tuple(names), given.budget, given.seed,
        given.observe,
    )  # fmt: skip


def _numbers(
    parser: argparse.ArgumentParser, option: str, words: list[str] | None
) -> tuple[int, ...]:
    """Numbers and ranges, ``1-5 8``."""
    found: list[int] = []
    for word in words or []:
        first, _, last = word.partition("-")
        try:
            found += range(int(first), int(last or first) + 1)
        except ValueError:
            parser.error(f"{option} {word} was given, expected a number or a range such as 1-5")
    return tuple(found)


def _few(allowed: object) -> str:
    if isinstance(allowed, range):
        return f"{allowed.start} to {allowed.stop - 1:,}"
    return ", ".join(map(str, allowed))  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main())
