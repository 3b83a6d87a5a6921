"""Run the examples as a reader would: the notebooks, and every ```bash and ```python block.

A notebook of ``examples/`` and a page, README or one of docs, each start in an empty folder, with
the installed ``gradless``. Blocks of a page run in order. Set-up commands are ```sh blocks, which
are not run here; the first of README's that calls pytest is the test command.

Of files that are named, ``examples.py torch.md``, all are run, and none is skipped.

What is run is what is shown, but for the length of searches: see ``SHORTER``.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(sh|bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"(gradless train .*--time) \d+\b(?!.*--target)")

SHORTER: dict[str, dict[str, str]] = {
    "learner.py": {"TRIES = 400_000": "TRIES = 40_000"},
    "practitioner.py": {
        "rows=2_000": "rows=800",
        'objective="f1", random_state=0': 'objective="f1", max_evaluations=2_000, random_state=0',
        "max_evaluations=10_000": "max_evaluations=1_000",
        "(16,), random_state=0)": "(16,), max_iter=20, random_state=0)",
        "n_splits=3": "n_splits=2",
        "cv=3": "cv=2",
        "--evaluations 20000": "--evaluations 2000",
    },
    "researcher.py": {
        "evaluations=50_000": "evaluations=5_000",
        "range(151)": "range(51)",
        "SEEDS, EVALUATIONS = range(5), 10_000": "SEEDS, EVALUATIONS = range(2), 2_000",
        "search(10_000": "search(2_000",
        "search(5_000": "search(1_000",
    },
    "equinox_model.py": {"seconds=20": "evaluations=2_560"},
    "flax_model.py": {"seconds=20": "evaluations=2_560"},
    "spiking_network.py": {"seconds=20": "evaluations=2_560"},
    "torch_module.py": {"evaluations=400_000": "evaluations=2_000"},
}
"""What makes a notebook long, and what stands there when it is run here."""


OPTIONAL = ("equinox", "flax", "torch")
"""Packages without which examples of them are skipped, and said to be."""


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


def shortened(notebook: Path) -> str:
    """A notebook with shorter searches."""
    text = notebook.read_text(encoding="utf-8")
    for long, short in SHORTER[notebook.name].items():
        if long not in text:
            sys.exit(f"examples/{notebook.name} no longer says {long!r}; see SHORTER")
        text = text.replace(long, short)
    return text


def named(names: Collection[str], copies: Path) -> Iterator[list[Example]]:
    """The examples of these files."""
    for name in names:
        if name.endswith(".md"):
            yield of_page(ROOT / "docs" / name)
        else:
            yield [of_notebook(ROOT / "examples" / name, copies)]


def examples(copies: Path) -> Iterator[list[Example]]:
    """Examples that share a folder; first those that take longest. Shorter notebooks are copies."""
    longest, readme = ROOT / "docs" / "command-line.md", ROOT / "README.md"
    of_readme = {text for _, text in blocks(readme)}
    # What README shows as well is run once; what follows on a page does not need it.
    yield of_page(longest, of_readme)
    yield of_page(readme)
    for notebook in sorted((ROOT / "examples").glob("*.py"), reverse=True):
        yield [of_notebook(notebook, copies)]
    for page in sorted({*(ROOT / "docs").glob("*.md")} - {longest}):
        yield of_page(page, of_readme)


def of_notebook(notebook: Path, copies: Path) -> Example:
    """A shorter copy of a notebook."""
    copy = copies / notebook.name
    copy.write_text(shortened(notebook), encoding="utf-8")
    return Example(f"examples/{notebook.name}", [sys.executable, str(copy)])


def of_page(page: Path, known: Collection[str] = ()) -> list[Example]:
    """The examples of a page but those ``known``; of a limit of seconds, one is enough."""
    found = []
    for language, text in blocks(page):
        if text in known:
            continue
        name = f"{page.name}: {text.strip().splitlines()[0]}"
        if language == "bash":
            text = TIME.sub(r"\1 1", text)
            found.append(Example(name, ["bash", "-euo", "pipefail", "-c", text]))
        elif language == "python":
            found.append(Example(name, [sys.executable, "-c", text]))
    return found


def lacks(command: list[str]) -> str | None:
    """The package of an extra that an example imports and this environment has not."""
    path = Path(command[-1])
    text = path.read_text(encoding="utf-8") if path.suffix == ".py" else command[-1]
    imported = re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)
    return next((each for each in imported if each in OPTIONAL and find_spec(each) is None), None)


def run(together: list[Example], home: str, skips: bool) -> int:
    """Run examples in one folder, up to the first one that fails; how many did not.

    What they write for the user, such as completion, goes into a home of theirs. With ``skips``,
    those are skipped whose packages are not installed.
    """
    environment = {**os.environ, "HOME": home}
    with tempfile.TemporaryDirectory() as folder:
        for count, (name, command) in enumerate(together):
            if skips and (lacking := lacks(command)):
                print(f"{name}: skipped, {lacking} is not installed", flush=True)
                continue
            begun = time.perf_counter()
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, env=environment
            )
            print(f"{name} ({time.perf_counter() - begun:.1f} s)", flush=True)
            if done.returncode:
                shown = f"{command[-1]}\n{done.stdout}{done.stderr}"
                print(f"failed with {done.returncode}:\n{shown}", flush=True)
                return count
    return len(together)


def main() -> None:
    """Run them all, or those that are named, two pages at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print-test-command", action="store_true")
    parser.add_argument("names", nargs="*")
    told = parser.parse_args()
    if told.print_test_command:
        print(test_command())
        return
    with tempfile.TemporaryDirectory() as copies, ThreadPoolExecutor(2) as pool:
        folder = Path(copies)
        pages = list(named(told.names, folder) if told.names else examples(folder))
        run_page = functools.partial(run, home=copies, skips=not told.names)
        count = sum(pool.map(run_page, pages))
    if failed := sum(map(len, pages)) - count:
        sys.exit(f"{failed} examples failed or were not reached")
    print(f"{count} examples ran")


if __name__ == "__main__":
    main()
