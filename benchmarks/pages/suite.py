"""What do all parts of the benchmarks have in common? Options, results as JSON, and one page.

A part is a module with

- ``TITLE``: the heading of its section;
- ``measure(options) -> dict``: results that JSON can hold;
- ``render(results, folder) -> str``: its section in Markdown, from those results alone. Pictures go
  into ``folder`` and are linked by their bare names.

It may have ``PEERS``, the packages of ``requirements.txt`` that it needs (all of them, if it does
not say), and ``SEEDS`` and ``ROUNDS``, how often it measures where nobody says.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.pages import machine

PARTS = {
    "speed": "benchmarks.speed.networks",
    "overhead": "benchmarks.speed.overhead",
    "quality": "benchmarks.quality.searches",
    "mnist": "benchmarks.quality.mnist",
    "memory": "benchmarks.speed.memory",
    "startup": "benchmarks.speed.startup",
    "large": "benchmarks.large.speed",
    "large-gpu": "benchmarks.large.gpu",
}
"""Modules by name, in the order of the page."""

ON_REQUEST = ("large-gpu",)
"""Parts that are measured only where somebody asks for them."""

RESULTS = Path(__file__).parents[1] / "results"
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

_HEAD = """# Benchmarks

<!-- Written by `python -m benchmarks` from benchmarks/results/*.json: change those, not this. -->

gradless and its peers side by side, measured and written by one command: `python -m benchmarks`.
What each number means, and where gradless loses, is said in each section.
The numbers are in [benchmarks/results](../benchmarks/results), the peers and their versions in
[benchmarks/requirements.txt](../benchmarks/requirements.txt).
"""


@dataclass(frozen=True)
class Options:
    """How thoroughly to measure.

    Parameters
    ----------
    toy
        As small as shows that it works; the numbers mean nothing. Peers that are missing are left
        out.
    seeds
        Runs of everything that depends on luck.
    rounds
        Repetitions of everything that is timed, which take turns.
    seconds
        Of each run; None for what the part itself thinks right.
    mnist
        A file with MNIST, arrays ``images`` and ``labels``; None to fetch it.
    """

    toy: bool = False
    seeds: int = 5
    rounds: int = 5
    seconds: float | None = None
    mnist: Path | None = None


class UnmeasuredError(Exception):
    """A part cannot be measured here, for the reason given."""


def load(name: str) -> ModuleType:
    """Module of a part."""
    return importlib.import_module(PARTS[name])


def missing(names: list[str]) -> list[str]:
    """Packages that these parts compare with, and that are not installed."""
    wanted = {peer for name in names for peer in getattr(load(name), "PEERS", machine.peers())}
    return sorted(peer for peer in wanted if machine.installed(peer) is None)


def measure(name: str, options: Options, command: str, folder: Path) -> Path:
    """Measure a part and write its results, ``folder/NAME.json``."""
    results = load(name).measure(options)
    values = dataclasses.asdict(options) | {"mnist": options.mnist is not None}
    document = {
        "part": name,
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "options": values,
        "results": results,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    # Written beside and moved: an interrupted write leaves the results from before.
    partial = path.with_suffix(".partial")
    partial.write_text(_json(_finite(document)) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def render(results: Path, page: Path) -> list[str]:
    """Write the page and its pictures from all results that there are, and name these parts."""
    sections, shown = [_HEAD], []
    for name in PARTS:
        path = results / f"{name}.json"
        if not path.exists():
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        part = load(name)
        section = part.render(document["results"], page.parent).strip()
        sections.append(f"## {part.TITLE}\n\n{section}\n\n{_provenance(document)}\n")
        shown.append(name)
    if shown:
        page.write_text("\n".join(sections), encoding="utf-8")
    return shown


def _provenance(document: dict[str, Any]) -> str:
    """The small print below a section."""
    facts = document["machine"]
    numbers = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    toy = " **At toy size: the numbers mean nothing.**" if document["options"]["toy"] else ""
    where = (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']:g} GiB, {facts['os']}, "
        f"Python {facts['python']}"
    )
    return f"<sub>`{document['command']}`, {document['date']}: {where}; {numbers}.{toy}</sub>"


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: null instead. Paths are nobody's business."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _json(value: Any, indent: int = 0) -> str:
    """Indented JSON with lists of numbers on one line, so that a curve is one line of a diff."""
    pad = " " * (indent + 1)
    if isinstance(value, dict) and value:
        inner = (
            f"{pad}{json.dumps(key)}: {_json(item, indent + 1)}" for key, item in value.items()
        )
        return "{\n" + ",\n".join(inner) + "\n" + " " * indent + "}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        inner = (f"{pad}{_json(item, indent + 1)}" for item in value)
        return "[\n" + ",\n".join(inner) + "\n" + " " * indent + "]"
    return json.dumps(value, allow_nan=False)
