"""How is a history written as a CSV file, and read again?"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core import interrupts
from gradless._core.errors import InputError
from gradless.training.history_rows import FIRST, LOSSES, columns_of, dtype, measures_in


def write(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write columns, as :meth:`.history.History.to_csv` says."""
    columns = []
    for name, values in arrays.items():
        cells = [f"{x:.3f}" for x in values] if name == "seconds" else values.astype(str)
        if _is_of_measure(name):
            cells = np.where(np.isnan(values), "", cells)
        columns.append(cells)
    lines = [tuple(arrays), *zip(*columns, strict=True)]
    text = "".join(",".join(line) + "\n" for line in lines)

    # A reader, or a run that is cut off here, sees the old file or the new one, never a half.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with interrupts.whole():
        try:
            partial.write_text(text, encoding="utf-8", newline="\n")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def damage(path: Path, found: str) -> InputError:
    """What to say of a file that is damaged."""
    return InputError(
        f"history file {path}: {found}; restore it from a copy, or move it away to start a new "
        "history"
    )


def read(path: Path) -> npt.NDArray[Any]:
    """Rows of a file, with losses of float32 if that holds them, otherwise of float64.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"history file {path}: cannot be read ({error.strerror}), expected the CSV file of "
            "an earlier run; check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise damage(path, "not a text file, expected CSV") from error

    if not text.endswith("\n"):
        raise damage(path, "the last line is cut off, expected a line break at its end")
    header, *lines = text.splitlines()
    columns = header.split(",")
    measures = measures_in(columns)
    if measures is None:
        expected = ",".join(columns_of(["MEASURE"]))
        raise damage(path, f"line 1 is {header[:80]!r}, expected columns like {expected!r}")
    rows = np.empty(len(lines), dtype(measures, np.float64))
    for number, line in enumerate(lines):
        try:
            with np.errstate(over="ignore"):  # a measure beyond float32 is inf
                rows[number] = _parse(columns, line)
        except (ValueError, OverflowError) as error:
            raise damage(
                path, f"line {number + 2} is {line[:80]!r}, expected {len(columns)} numbers"
            ) from error

    if all(_is_short(rows[name]) for name in LOSSES):
        rows = rows.astype(dtype(measures, np.float32))
    return rows


def _is_of_measure(name: str) -> bool:
    return name not in (*FIRST, *LOSSES)


def _parse(columns: Sequence[str], line: str) -> tuple[float, ...]:
    """Values of one line of the file; an empty cell stands for a measure that is NaN."""

    def value(name: str, cell: str) -> float:
        if name in ("generation", "evaluations"):
            return int(cell)
        return math.nan if not cell and _is_of_measure(name) else float(cell)

    return tuple(value(*each) for each in zip(columns, line.split(","), strict=True))


def _is_short(values: npt.NDArray[np.float64]) -> bool:
    """Whether these are the shortest numbers that stand for float32 ones."""
    with np.errstate(over="ignore"):
        shortest = values.astype(np.float32).astype(str).astype(np.float64)
    return bool(np.array_equal(shortest, values, equal_nan=True))
