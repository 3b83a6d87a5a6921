"""Run the examples as a reader would: the notebooks, and every ```bash and ```python block.

A notebook of ``examples/`` and a page, README or one of docs, each start in an empty folder, with
the installed ``gradless``. Blocks of a page run in order. Set-up commands are ```sh blocks, which
are not run here; the first of README's that calls pytest is the test command.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(sh|bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """Something to run, and what a person calls it."""

    name: str
    command: list[str]


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of every code block of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def test_command() -> str:
    """README's command that installs what the tests need and passes them."""
    for language, text in blocks(ROOT / "README.md"):
        if language == "sh" and "pytest" in text:
            return text.strip()
    sys.exit("README.md shows no test command")


def examples() -> Iterator[list[Example]]:
    """Examples that share a folder."""
    for notebook in sorted((ROOT / "examples").glob("*.py")):  # first: they take longest
        yield [Example(f"examples/{notebook.name}", [sys.executable, str(notebook)])]
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        of_page = []
        for language, text in blocks(page):
            name = f"{page.name}: {text.strip().splitlines()[0]}"
            if language == "bash":
                of_page.append(Example(name, ["bash", "-euo", "pipefail", "-c", text]))
            elif language == "python":
                of_page.append(Example(name, [sys.executable, "-c", text]))
        yield of_page


def run(together: list[Example]) -> int:
    """Run examples in one folder, up to the first one that fails; how many did not."""
    with tempfile.TemporaryDirectory() as folder:
        for count, (name, command) in enumerate(together):
            begun = time.perf_counter()
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            print(f"{name} ({time.perf_counter() - begun:.1f} s)", flush=True)
            if done.returncode:
                shown = f"{command[-1]}\n{done.stdout}{done.stderr}"
                print(f"failed with {done.returncode}:\n{shown}", flush=True)
                return count
    return len(together)


def main() -> None:
    """Run them all, two pages at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print-test-command", action="store_true")
    if parser.parse_args().print_test_command:
        print(test_command())
        return
    pages = list(examples())
    with ThreadPoolExecutor(2) as pool:
        count = sum(pool.map(run, pages))
    if failed := sum(map(len, pages)) - count:
        sys.exit(f"{failed} examples failed or were not reached")
    print(f"{count} examples ran")


if __name__ == "__main__":
    main()
