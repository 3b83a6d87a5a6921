"""Measure, and write docs/benchmarks.md.

    python -m benchmarks                    # everything, then the page
    python -m benchmarks speed memory       # some parts, then the page
    python -m benchmarks --render           # the page only, from benchmarks/results
    python -m benchmarks --toy              # does everything still work? about a minute
    python -m benchmarks large --gpu        # large networks on a GPU, within 8 minutes

Results of a part are written as soon as it is measured, to benchmarks/results/PART.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pages import suite
from benchmarks.pages.suite import PARTS, Options, UnmeasuredError

_USUAL = [name for name in PARTS if name not in suite.ON_REQUEST]
_INSTALL = "pip install -r benchmarks/requirements.txt"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0, or 2 for bad input, or 1 if a part could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_USUAL)}; or all")
    parser.add_argument("--toy", action="store_true", help="tiny, and not over real results")
    parser.add_argument("--seeds", type=_positive, metavar="N", help="runs of what depends on luck")
    parser.add_argument("--rounds", type=_positive, metavar="N", help="repetitions of timings")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of each run")
    parser.add_argument("--mnist", type=Path, metavar="FILE", help="MNIST as .npz: images, labels")
    parser.add_argument("--gpu", action="store_true", help="large alone, on a GPU, in bfloat16")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    given = parser.parse_args(arguments)

    unknown = [name for name in given.parts if name not in _USUAL]
    if unknown:
        parser.error(f"no part is named {unknown[0]!r}; the parts are {', '.join(_USUAL)}")
    if given.gpu and given.parts != ["large"]:
        parser.error("--gpu measures one part. Give: python -m benchmarks large --gpu")
    if given.seconds is not None and not given.seconds > 0:
        parser.error(f"--seconds {given.seconds} was given, expected more than 0")
    if given.mnist is not None and not given.mnist.is_file():
        parser.error(f"--mnist {given.mnist} was given, expected a file")
    if given.render:
        return _render(suite.RESULTS, suite.PAGE)

    chosen = suite.ON_REQUEST if given.gpu else given.parts or _USUAL
    without = suite.missing(chosen)
    if without and not given.toy:
        parser.error(f"{', '.join(without)} missing: {_INSTALL}")
    if without:
        print(f"left out, not installed: {', '.join(without)} ({_INSTALL})")

    results, page = suite.RESULTS, suite.PAGE
    if given.toy:
        folder = Path(tempfile.mkdtemp(prefix="gradless-benchmarks-"))
        results, page = folder / "results", folder / suite.PAGE.name
    status = 0
    for name in chosen:
        begun = time.perf_counter()
        print(f"== {name}", flush=True)
        try:
            suite.measure(name, _options(name, given), _command(name, given), results)
        except UnmeasuredError as reason:
            print(f"{name} was not measured: {reason}", file=sys.stderr)
            # A toy run shows that the code works; that data cannot be fetched is no fault of it.
            status = status if given.toy else 1
        print(f"   {time.perf_counter() - begun:.0f} s", flush=True)
    return max(status, _render(results, page))


def _render(results: Path, page: Path) -> int:
    shown = suite.render(results, page)
    print(f"{page}: {', '.join(shown)}" if shown else f"{results} has no results to show")
    return int(not shown)


def _options(name: str, given: argparse.Namespace) -> Options:
    part = suite.load(name)
    seeds = given.seeds or (1 if given.toy else getattr(part, "SEEDS", Options.seeds))
    rounds = given.rounds or (1 if given.toy else getattr(part, "ROUNDS", Options.rounds))
    return Options(given.toy, seeds, rounds, given.seconds, given.mnist)


def _command(name: str, given: argparse.Namespace) -> str:
    """The command that measures this part alone in the same way, without this machine's paths."""
    words = ["python -m benchmarks", name, *(["--toy"] if given.toy else [])]
    if name in suite.ON_REQUEST:
        words[1:2] = ["large", "--gpu"]
    for option in ("seeds", "rounds", "seconds"):
        value = getattr(given, option)
        words += [] if value is None else [f"--{option} {value:g}"]
    if given.mnist is not None and name == "mnist":
        words.append("--mnist FILE")
    return " ".join(words)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} was given, expected 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
