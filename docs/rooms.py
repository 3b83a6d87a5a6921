"""Draw the rooms of gradless: packages by layer, with their sizes and the imports between them.

    python docs/rooms.py        writes docs/rooms.png

Layers are those that import-linter holds (``pyproject.toml``), imports are read from the sources,
and what a room answers is the first line of its docstring.
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import grimp
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "gradless"
PICTURE = Path(__file__).with_suffix(".png")
HEIGHT, GAP, WIDTH = 0.66, 0.44, 12.0
INK, QUIET, PALE, FILL = "#1f2933", "#627d98", "#9fb3c8", "#e8f1fa"


class Room(NamedTuple):
    """A package, or a module that is one by itself."""

    name: str
    question: str
    modules: int
    lines: int

    @classmethod
    def of(cls, name: str) -> Room:
        """Read it from the sources."""
        folder = SOURCES / name
        files = sorted(folder.rglob("*.py")) if folder.is_dir() else [SOURCES / f"{name}.py"]
        text = (folder / "__init__.py" if folder.is_dir() else files[0]).read_text("utf-8")
        question = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
        lines = sum(len(path.read_text("utf-8").splitlines()) for path in files)
        return cls(name, question, len(files), lines)


def layers() -> list[list[str]]:
    """Names of rooms, highest layer first."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = configured["tool"]["importlinter"]["contracts"]
    found = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[name.strip() for name in layer.split("|")] for layer in found]


def imports() -> Counter[tuple[str, str]]:
    """How many modules of a room import one of another, for each pair of rooms."""
    graph = grimp.build_graph("gradless")
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            pair = tuple([*name.split("."), ""][1] for name in (module, other))
            if all(pair) and pair[0] != pair[1]:
                found[pair] += 1
    return found


def main() -> None:
    """Draw all layers, the command line on top."""
    rows = [[Room.of(name) for name in layer] for layer in layers() if layer != ["__main__"]]
    height = len(rows) * (HEIGHT + GAP)
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    places: dict[str, tuple[float, float, float]] = {}  # left, bottom, width
    for number, row in enumerate(rows):
        bottom = height - (number + 1) * (HEIGHT + GAP) + GAP / 2
        width = (WIDTH - 0.6 - 0.3 * (len(row) - 1)) / len(row)
        width = min(width, 6.4)
        left = (WIDTH - len(row) * width - 0.3 * (len(row) - 1)) / 2
        for room in row:
            places[room.name] = left, bottom, width
            _draw(axes, room, left, bottom, width)
            left += width + 0.3
    for (above, below), count in imports().items():
        if above in places and below in places:
            _arrow(axes, places[above], places[below], count)
    figure.savefig(PICTURE, dpi=110)
    print(PICTURE.relative_to(ROOT))


def _draw(axes: Axes, room: Room, left: float, bottom: float, width: float) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), width, HEIGHT, "round,pad=0,rounding_size=0.08",
            facecolor=FILL, edgecolor=INK, linewidth=1, zorder=2,
        )
    )  # fmt: skip
    files = f"{room.modules} files, " if room.modules > 1 else ""
    question = "\n".join(textwrap.wrap(room.question, int(width * 15.5))[:2])
    left, right, top = left + 0.12, left + width - 0.12, bottom + HEIGHT - 0.1
    style = {"va": "top", "color": INK, "zorder": 3}
    axes.text(left, top, room.name, weight="bold", size=11, **style)
    axes.text(left, top - 0.24, question, size=7.5, linespacing=1.15, **style)
    style["color"] = QUIET
    axes.text(right, top, f"{files}{room.lines:,} lines", size=7.5, ha="right", **style)


def _arrow(
    axes: Axes, above: tuple[float, float, float], below: tuple[float, float, float], count: int
) -> None:
    """From below one room to the top of another, leaning towards each other."""
    middle, other = (left + width / 2 for left, _, width in (above, below))
    lean = 0.35 * (other - middle) / WIDTH
    start = middle + lean * above[2], above[1]
    end = other - lean * below[2], below[1] + HEIGHT
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=8, shrinkA=0, shrinkB=0,
            color=PALE, linewidth=0.4 + min(count, 40) / 20, alpha=0.7, zorder=1,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
