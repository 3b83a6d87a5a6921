"""Are numbers of new rows like those that a network was trained on?

Far outside of what it has seen a network answers as surely as ever, and nobody knows how well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradless._core import words
from gradless.data import inputs
from gradless.data.cells import short
from gradless.data.columns import Columns
from gradless.runs.prepared import Prepared

Range = tuple[float, float]

_BEYOND = 0.5  # of the range: nearer to it are the tails that any new rows have
_NAMED = 6


def seen(prepared: Prepared) -> list[Range | None]:
    """Lowest and highest number of each column in training; None for what is no number."""
    groups = inputs.of_columns(prepared.preprocessing, len(prepared.table))
    found: list[Range | None] = []
    for column, group in zip(prepared.table, groups, strict=True):
        if column.kind != "number":
            found.append(None)
            continue
        ends = np.array([end(prepared.train.features[:, group[0]]) for end in (np.min, np.max)])
        low, high = inputs.numbers(prepared.preprocessing, group[0], ends).tolist()
        found.append((low, high))
    return found


def outside(columns: Columns, ranges: Sequence[Range | None]) -> Iterator[str]:
    """What to say of numbers that are far from those of training: a line, or nothing.

    Parameters
    ----------
    columns
        The new rows.
    ranges
        As of :func:`seen`.
    """
    found = []
    for index, (name, known) in enumerate(zip(columns.feature_names, ranges, strict=True)):
        if known is None:
            continue
        low, high = known
        # The one number of a column that does not vary may have been rounded to float32.
        room = _BEYOND * (high - low) or 1e-6 * abs(high)
        values = columns.features[:, index]
        far = values[(values < low - room) | (values > high + room)]
        if far.size:
            spread = high - low or abs(high) or 1.0
            ends = " to ".join(words.among(end, spread) for end in (low, high))
            most = far[np.abs(far - (low + high) / 2).argmax()]
            shown = words.among(float(most), spread)
            found.append((far.size, f"{short(name)} {far.size:,} ({shown}; {ends})"))
    if not found:
        return
    found.sort(key=lambda each: -each[0])
    more = f" and {len(found) - _NAMED:,} more columns" if len(found) > _NAMED else ""
    yield (
        "numbers far outside of their range in training, by column (the farthest; the range): "
        f"{', '.join(text for _, text in found[:_NAMED])}{more}; answers to such rows may be wrong"
    )
