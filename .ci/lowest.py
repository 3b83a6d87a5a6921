"""Print the lowest version of everything that pyproject.toml asks for, as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,.-]+\])?>=(?P<version>[\w.]+)")
TESTED = ("evosax", "parquet", "live")  # extras; that for GPUs is JAX's own


def requirements(project: dict[str, Any]) -> Iterator[str]:
    """Of the package, its extras and its tests."""
    yield from project["project"]["dependencies"]
    for extra in TESTED:
        yield from project["project"]["optional-dependencies"][extra]
    yield from project["dependency-groups"]["test"]


def main() -> None:
    """Print a line for each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for requirement in requirements(project):
        found = REQUIREMENT.match(requirement)
        if found is None:
            raise SystemExit(f"{requirement} has no lowest version, expected name>=version")
        print(f"{found['name']}=={found['version']}")


if __name__ == "__main__":
    main()
