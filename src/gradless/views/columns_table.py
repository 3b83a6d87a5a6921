"""Which columns does a table have? What each holds, from where to where, and its gaps."""

from __future__ import annotations

import numpy as np

from gradless._core import words
from gradless.data import dates
from gradless.data.cells import short
from gradless.data.columns import Columns
from gradless.views.tables import Column, Table

_NAMES = 2
_LONGEST = 44


def table(columns: Columns) -> Table:
    """Each column: what it holds, from where to where, and its gaps."""
    heads = [Column("column"), Column("kind"), Column("values"), Column("gaps", right=True)]
    rows = [
        [name, kind.split(",")[0], _values(columns, place, kind), f"{gaps:,}" if gaps else ""]
        for place, (name, kind, gaps) in enumerate(
            zip(
                columns.feature_names,
                columns.kinds,
                np.isnan(columns.features).sum(axis=0).tolist(),
                strict=True,
            )
        )
    ]
    return Table(heads, rows)


def _values(columns: Columns, place: int, kind: str) -> str:
    names, values = columns.categories[place], columns.features[:, place]
    values = values[~np.isnan(values)]
    if names is not None:
        counts = np.bincount(values.astype(np.intp), minlength=len(names))
        most = [short(names[k]) for k in np.argsort(-counts, kind="stable")[:_NAMES]]
        more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
        return ", ".join(most)[: _LONGEST - len(more)] + more
    low, high = float(values.min()), float(values.max())
    if kind != "number":
        return f"{dates.shown(low, kind)} to {dates.shown(high, kind)}"
    return " to ".join(words.rough(end, high - low) for end in (low, high))
