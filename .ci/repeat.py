"""Run the tests several times, each time in another order and with other hashes of texts.

What fails now and then depends on something that it should not. Names what failed and how often.
What the first time compiles is kept for the others, which takes half of their time.
"""

from __future__ import annotations

import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


def main() -> None:
    """Run them, and say so after each time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=1, help="seed of the first order")
    parser.add_argument("pytest", nargs="*", help="other arguments for pytest, after --")
    given = parser.parse_args()
    often: collections.Counter[str] = collections.Counter()
    bad = 0
    cache = tempfile.TemporaryDirectory(prefix="gradless-repeat-")
    for seed in range(given.first, given.first + given.count):
        command = [sys.executable, "-m", "pytest", "-n", "2", "-rfE", "--order", str(seed)]
        settings = {"PYTHONHASHSEED": str(seed), "GRADLESS_TESTS_CACHE": cache.name}
        begun = time.perf_counter()
        done = subprocess.run(
            [*command, *given.pytest], cwd=ROOT, env={**os.environ, **settings},
            capture_output=True, text=True,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        failed = FAILED.findall(done.stdout)
        often.update(failed)
        print(f"order {seed}: exit {done.returncode}, {len(failed)} failed ({seconds:.0f} s)")
        print(done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "", flush=True)
        if done.returncode:
            bad += 1
            print(done.stdout, done.stderr, sep="\n", flush=True)
    cache.cleanup()
    for name, count in often.most_common():
        print(f"failed in {count} of {given.count}: {name}")
    if bad:
        sys.exit(f"{bad} of {given.count} runs failed")
    print(f"{given.count} runs passed")


if __name__ == "__main__":
    main()
