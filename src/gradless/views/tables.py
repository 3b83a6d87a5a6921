"""How does a table stay readable in a narrow terminal, and clean in a pipe?

Cells that are numbers or names are never split: descriptions are wrapped, columns that can be done
without are left out, and where even that is too wide each row becomes a few lines. No line ends in
spaces.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.segment import Segment

_GAP = 2
_NARROWEST = 24  # columns of a description


class Column(NamedTuple):
    """A heading, which may have several lines, and how its cells are shown."""

    heading: str
    right: bool = False
    wraps: bool = False
    optional: bool = False


class Lines:
    """Lines of text that depend on the width of the console they are printed to."""

    def lines(self, width: int) -> Iterator[str]:
        """The lines for so many columns."""
        raise NotImplementedError

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """As rich prints it."""
        for line in self.lines(options.max_width):
            yield Segment(line.rstrip())
            yield Segment.line()


class Table(Lines):
    """Rows of texts under headings.

    Parameters
    ----------
    columns
        Headings, left out if all are empty. Of several columns that wrap, the last one does.
    rows
        A text for each column.
    """

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Show these."""
        self._columns, self._rows = list(columns), [list(row) for row in rows]

    def lines(self, width: int) -> Iterator[str]:
        """Headings and rows, as wide as they can be."""
        shown = list(range(len(self._columns)))
        while (widths := self._widths(shown, width)) is None:
            optional = [k for k in shown if self._columns[k].optional]
            if not optional:
                yield from self._stacked(width)
                return
            shown.remove(optional[-1])
        if any(self._columns[k].heading for k in shown):
            headings = [self._columns[k].heading.split("\n") for k in shown]
            most = max(map(len, headings))
            padded = [[""] * (most - len(lines)) + lines for lines in headings]
            for parts in zip(*padded, strict=True):
                yield self._line(shown, widths, parts)
        for row in self._rows:
            cells = [
                wrapped(row[k], w) if self._columns[k].wraps else [row[k]]
                for k, w in zip(shown, widths, strict=True)
            ]
            for number in range(max(map(len, cells))):
                parts = tuple(cell[number] if number < len(cell) else "" for cell in cells)
                yield self._line(shown, widths, parts)

    def _widths(self, shown: Sequence[int], width: int) -> list[int] | None:
        """Of each column; None if they do not fit."""
        widths = [
            max(cell_len(text) for text in (
                *self._columns[k].heading.split("\n"), *(row[k] for row in self._rows),
            ))
            for k in shown
        ]  # fmt: skip
        left = width - sum(widths) - _GAP * (len(shown) - 1)
        for place in reversed(range(len(shown))):
            if left >= 0:
                break
            if self._columns[shown[place]].wraps:
                narrow = max(min(widths[place], _NARROWEST), widths[place] + left)
                left += widths[place] - narrow
                widths[place] = narrow
        return widths if left >= 0 else None

    def _line(self, shown: Sequence[int], widths: Sequence[int], parts: Sequence[str]) -> str:
        padded = []
        for k, width, part in zip(shown, widths, parts, strict=True):
            space = " " * (width - cell_len(part))
            padded.append(space + part if self._columns[k].right else part + space)
        return (" " * _GAP).join(padded).rstrip()

    def _stacked(self, width: int) -> Iterator[str]:
        """Each row as its first cell, and the others below it with their headings."""
        for row in self._rows:
            yield row[0]
            line = ""
            for column, cell in zip(self._columns[1:], row[1:], strict=True):
                part = f"{column.heading} {cell}".replace("\n", " ").strip()
                if not cell or cell == "-":
                    continue
                if column.wraps:
                    if line:
                        yield f"  {line}"
                    line = ""
                    yield from (f"  {text}" for text in wrapped(cell, width - 2))
                elif line and cell_len(line) + cell_len(part) + 4 > width:
                    yield f"  {line}"
                    line = part
                else:
                    line = f"{line}, {part}" if line else part
            if line:
                yield f"  {line}"


class Facts(Lines):
    """Names and what is to be said of them, wrapped beside or, if there is no room, below them."""

    def __init__(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show these."""
        self._facts = list(facts)

    def lines(self, width: int) -> Iterator[str]:
        """A line for each, or some."""
        side = max((cell_len(name) for name, _ in self._facts), default=0) + _GAP
        if width - side < _NARROWEST:
            for name, text in self._facts:
                yield name
                yield from (f"  {line}" for line in wrapped(text, width - 2))
            return
        for name, text in self._facts:
            for number, line in enumerate(wrapped(text, width - side)):
                label = name if number == 0 else ""
                yield f"{label}{' ' * (side - cell_len(label))}{line}".rstrip()


class Paragraph(Lines):
    """A text in lines."""

    def __init__(self, text: str) -> None:
        """Show this."""
        self._text = text

    def lines(self, width: int) -> Iterator[str]:
        """As many as it takes."""
        yield from wrapped(self._text, width)


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines; words and names are never split."""
    return textwrap.wrap(
        text, max(width, 1), break_long_words=False, break_on_hyphens=False
    ) or [""]  # fmt: skip
