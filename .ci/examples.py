"""Run the examples of README and docs as a reader would: every ```bash and ```python block.

Blocks of one page run in order, in one empty folder, with the installed ``gradless``. Set-up
commands are ```sh blocks, which are not run here; the first of README's that calls pytest is the
test command.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(sh|bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of every code block of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def test_command() -> str:
    """README's command that installs what the tests need and passes them."""
    for language, text in blocks(ROOT / "README.md"):
        if language == "sh" and "pytest" in text:
            return text.strip()
    sys.exit("README.md shows no test command")


def main() -> None:
    """Run every page, and stop at the first example that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print-test-command", action="store_true")
    if parser.parse_args().print_test_command:
        print(test_command())
        return
    count = 0
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        with tempfile.TemporaryDirectory() as folder:
            for language, text in blocks(page):
                if language == "sh":
                    continue
                shell = ["bash", "-euo", "pipefail", "-c"]
                command = [*shell, text] if language == "bash" else [sys.executable, "-c", text]
                begun = time.perf_counter()
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                first = text.strip().splitlines()[0]
                print(f"{page.name}: {first} ({time.perf_counter() - begun:.1f} s)", flush=True)
                if done.returncode:
                    sys.exit(f"failed with {done.returncode}:\n{text}\n{done.stdout}{done.stderr}")
                count += 1
    print(f"{count} examples ran")


if __name__ == "__main__":
    main()
