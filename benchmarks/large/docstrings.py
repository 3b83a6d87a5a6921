"""Which short texts with a label does a Python environment bring along? First paragraphs of docs.

Each text is labelled by what it documents, and belongs to a group: a module of the standard
library, or a part such as ``scipy.stats`` of a package that gradless needs. Source files are parsed
and never imported. Another version of Python or of a package has other texts.
"""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

KINDS = "function", "class", "module", "property", "exception"
PACKAGES = "numpy", "scipy", "sklearn", "jax"
LEFT_OUT = {"site-packages", "tests", "test", "idlelib"}
FUNCTIONS = 0.4  # share of the functions that are kept: there are ten times as many as classes
SHORTEST = 8  # characters
RAISED = "Error", "Exception", "Warning"

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Text(NamedTuple):
    """A first paragraph, what it documents, and where."""

    text: str
    kind: str
    group: str


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _kind(node: Documented) -> str:
    if isinstance(node, ast.Module):
        return "module"
    if isinstance(node, ast.ClassDef):
        names = [node.name, *map(_last_name, node.bases)]
        return "exception" if any(name.endswith(RAISED) for name in names) else "class"
    marks = [_last_name(mark) for mark in node.decorator_list]
    is_property = any("property" in mark or mark in {"setter", "getter"} for mark in marks)
    return "property" if is_property else "function"


def _in_file(path: Path, group: str) -> Iterator[Text]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # some show what is no Python
        return
    for node in ast.walk(tree):
        if isinstance(node, Documented) and (doc := ast.get_docstring(node)):
            yield Text(" ".join(doc.split("\n\n")[0].split()), _kind(node), group)


def _kept(found: Text) -> bool:
    drawn = int(hashlib.sha256(found.text.encode()).hexdigest()[:8], 16) / 16**8
    return len(found.text) >= SHORTEST and (found.kind != "function" or drawn < FUNCTIONS)


def texts() -> list[Text]:
    """All of them, each text once."""
    paths = sysconfig.get_paths()
    roots = {"std": Path(paths["stdlib"])}
    roots |= {name: Path(paths["purelib"]) / name for name in PACKAGES}
    found: dict[str, Text] = {}
    for name, root in roots.items():
        for path in sorted(root.rglob("*.py")):
            parts = [part for part in path.relative_to(root).parts if part != "_src"]
            if not LEFT_OUT.intersection(parts):
                for one in _in_file(path, f"{name}/{parts[0].removesuffix('.py')}"):
                    found.setdefault(one.text, one)
    return [one for one in found.values() if _kept(one)]
