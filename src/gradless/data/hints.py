"""What may a table hold that is no value: numbers that stand for gaps, and a last row of sums?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradless.data import cells
from gradless.data.cells import FloatArray, short
from gradless.data.collecting import Content, Numbers, Texts

# Numbers that are written for what is not known.
_INSTEAD = (-99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, 999999.0)
# It repeats, and the others are not just a few codes.
_OFTEN, _OTHERS = 3, 5
_TOTALS = frozenset({"total", "totals", "sum", "grand total"})
_NAMED = 3


def instead_of_gaps(columns: Mapping[str, FloatArray]) -> Iterator[str]:
    """What to say of numbers that probably mean that a value is not known, a line for each number.

    Parameters
    ----------
    columns
        Numbers by the name of their column.
    """
    where: dict[float, list[str]] = {}
    for name, values in columns.items():
        for one in _far_away(values):
            where.setdefault(one, []).append(name)
    for one, names in where.items():
        listed = ", ".join(map(short, names[:_NAMED]))
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        text = cells.plain_number(one)
        yield (
            f"column{'' if len(names) == 1 else 's'} {listed}{more}: {text} repeats, far from all "
            f"other numbers. Use --missing {text} if it means a missing value"
        )


def _far_away(values: FloatArray) -> list[float]:
    """Numbers out of `_INSTEAD` that are as far from all others as these are from each other."""
    filled = values[~np.isnan(values)]
    if not len(filled):
        return []
    ends = {float(filled.min()), float(filled.max())}.intersection(_INSTEAD)
    if not ends:
        return []
    others = filled[~np.isin(filled, sorted(ends))]
    if len(np.unique(others[:10_000])) < _OTHERS:
        return []
    low, high = float(others.min()), float(others.max())
    return [
        one
        for one in sorted(ends)
        if max(low - one, one - high) > high - low and (filled == one).sum() >= _OFTEN
    ]


def ends_in_sums(first: Content, contents: Sequence[Content]) -> bool:
    """Whether the last row is called a total and holds the sums of the others.

    Parameters
    ----------
    first
        The first column of the file.
    contents
        All columns.
    """
    if not _is_called_total(first):
        return False
    found = False
    for content in contents:
        if not isinstance(content, Numbers) or len(content.values) < 4:
            continue
        last, others = content.values[-1], content.values[:-1]
        if np.isnan(last):
            continue
        size = float(np.nansum(np.abs(others)))
        if size == 0 and last == 0:
            continue
        # Sums are rounded as the numbers are.
        if not abs(float(np.nansum(others)) - last) <= 1e-3 * size:
            return False
        found = True
    return found


def _is_called_total(column: Content) -> bool:
    text = None
    if isinstance(column, Texts) and len(column.codes) and column.codes[-1] >= 0:
        text = column.texts[column.codes[-1]]
    elif isinstance(column, Numbers):
        last = len(column.values) - 1
        text = next(
            (odd for odd, rows in column.odd.items() if len(rows) == 1 and rows[0] == last), None
        )
    return text is not None and cells.one_line(text).casefold().rstrip(": ") in _TOTALS
