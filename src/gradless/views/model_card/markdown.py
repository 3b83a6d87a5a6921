"""How is something written in Markdown so that it stays what it is?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gradless._core import words

LISTED = 8
"""Names of a list that are shown."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown, and an empty line."""
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def one_of(names: Sequence[str]) -> str:
    """Names with an ``or`` before the last one, not all of them if there are many."""
    if len(names) > LISTED:
        return f"{', '.join(names[:LISTED])} or one of {len(names) - LISTED:,} more"
    return words.either(names)


def cell(text: str) -> str:
    """Text that stays what it is in a Markdown table."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in text)


def code(text: str) -> str:
    """Text as code, whatever it is."""
    return f"`{text.replace('`', chr(39))}`"


def images(paths: Iterable[Path]) -> Iterator[str]:
    """Pictures in the same folder, and an empty line."""
    for path in paths:
        yield f"![{path.stem.replace('_', ' ')}]({path.name})"
    yield ""
