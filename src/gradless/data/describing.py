"""What was understood of a table? The first lines of a run, and of a look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradless._core import words
from gradless.data import dates, hashed_words
from gradless.data.cells import short
from gradless.data.columns import Columns
from gradless.data.reading import Left

_LEFT_OUT = 6  # so many columns that are left out are named
_CLASSES = 8


def facts(
    columns: Columns,
    left_out: Sequence[Left],
    target: str,
    targets: NDArray[Any],
    class_names: Sequence[str] | None,
) -> Iterator[tuple[str, str]]:
    """Rows, columns, what is left out, and the target, each with its name."""
    kinds = ["date" if dates.is_date_kind(kind) else kind for kind in columns.kinds]
    many = {"number": "numbers", "category": "categories", "date": "dates", "text": "texts"}
    counted = [
        f"{kinds.count(one):,} {one if kinds.count(one) == 1 else several}"
        for one, several in many.items()
        if one in kinds
    ]
    rows, width = words.plural(len(targets), "row"), words.plural(len(kinds), "column")
    yield "table", f"{rows}, {width}: {', '.join(counted)}"
    if left_out:
        listed = [f"{short(left.name)} ({left.why})" for left in left_out[:_LEFT_OUT]]
        more = len(left_out) - _LEFT_OUT
        yield "left out", ", ".join(listed) + (f" and {more:,} more" if more > 0 else "")
    if texts := [
        short(name)
        for name, kind in zip(columns.feature_names, columns.kinds, strict=True)
        if kind == hashed_words.KIND
    ]:
        yield "text", f"words of {', '.join(texts)}, hashed into {hashed_words.INPUTS} inputs each"
    yield "target", f"{short(target)}, {_answers(targets, class_names)}"


def _answers(targets: NDArray[Any], class_names: Sequence[str] | None) -> str:
    if class_names is None:
        spread = float(np.ptp(targets))
        low, high, mean = (
            words.rough(float(f(targets)), spread) for f in (np.min, np.max, np.mean)
        )
        if spread == 0:
            return f"{low} in all rows: there is nothing to learn, choose another target"
        return f"numbers from {low} to {high}, mean {mean}: regression"
    counts = np.bincount(targets, minlength=len(class_names))
    most = np.argsort(-counts, kind="stable")[:_CLASSES]
    shares = ", ".join(
        f"{short(class_names[k])} {words.percent(counts[k] / len(targets))}" for k in most
    )
    more = len(class_names) - len(most)
    return f"{len(class_names)} classes: {shares}" + (f" and {more:,} more" if more else "")


def parts(train: int, validation: int, test: int) -> str:
    """How rows are divided."""
    chosen = f", {validation:,} choose the network" if validation else ""
    return f"{words.plural(train, 'row')} to learn from{chosen}, {test:,} to test"
