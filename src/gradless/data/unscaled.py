"""What are the inputs of a network before they are scaled? For who makes them without gradless."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.data.columns import Columns
from gradless.data.preprocessing import MISSING, Preprocessing

Array = NDArray[np.float64]

_UNKNOWN = "\0"  # no cell has it


class Block(NamedTuple):
    """Inputs that are made in one way.

    Attributes
    ----------
    way : str
        ``"numbers"``, ``"gaps"`` (1 where a number is missing) or ``"categories"``.
    columns : tuple of int
        The columns that they are made of, by their places in ``Columns.flat()``.
    fill : float64, shape (inputs,)
        What a missing number is replaced by; 0 of all else.
    mean, scale : float64, shape (inputs,)
        The network sees (input - mean) / scale.
    tables : tuple
        Of each column of categories the names that are known, and the inputs of each of them; the
        last row, of shape (names + 1, inputs of the column), is that of all other names.
    """

    way: str
    columns: tuple[int, ...]
    fill: Array
    mean: Array
    scale: Array
    tables: tuple[tuple[tuple[str, ...], Array], ...] = ()


def blocks(preprocessing: Preprocessing | None, inputs: int) -> list[Block]:
    """The inputs of a network in their order.

    Parameters
    ----------
    preprocessing
        What makes them; None where they are the columns themselves.
    inputs
        How many there are.
    """
    if preprocessing is None:
        zeros = np.zeros(inputs)
        return [Block("numbers", tuple(range(inputs)), zeros, zeros, np.ones(inputs))]
    return list(_blocks(preprocessing))


def _blocks(preprocessing: Preprocessing) -> Iterator[Block]:
    for way, made, columns in preprocessing.transformer.transformers_:
        zeros, ones = np.zeros(len(columns)), np.ones(len(columns))
        if way == "gaps":
            yield Block(way, tuple(columns), zeros, zeros, ones)
            continue
        steps = made.named_steps
        scaler = steps.get("scale")
        if way == "numbers":
            mean, scale = (zeros, ones) if scaler is None else (scaler.mean_, scaler.scale_)
            # Of a column without any number, zeros.
            fill = np.nan_to_num(np.asarray(steps["fill"].statistics_, np.float64))
            yield Block(way, tuple(columns), fill, np.asarray(mean), np.asarray(scale))
            continue
        tables = tuple(_tables(steps["encode"]))
        width = sum(rows.shape[1] for _, rows in tables)
        zeros, ones = np.zeros(width), np.ones(width)
        mean, scale = (zeros, ones) if scaler is None else (scaler.mean_, scaler.scale_)
        yield Block(
            "categories", tuple(columns), zeros, np.asarray(mean), np.asarray(scale), tables
        )


def _tables(encoder: object) -> Iterator[tuple[tuple[str, ...], Array]]:
    """Of each column the names that an encoder knows, and what it makes of them and of others."""
    known = [tuple(map(str, names)) for names in encoder.categories_]  # type: ignore[attr-defined]
    longest = max(map(len, known)) + 1
    cells = np.full((longest, len(known)), _UNKNOWN, object)
    for column, names in enumerate(known):
        cells[: len(names), column] = names
    made = np.asarray(encoder.transform(cells), np.float64)  # type: ignore[attr-defined]
    # One input for each category, or as many for each column.
    each = made.shape[1] // len(known)
    widths = [each] * len(known) if hasattr(encoder, "encodings_") else [len(n) for n in known]
    ends = np.cumsum(widths)
    for column, names in enumerate(known):
        yield names, made[: len(names) + 1, ends[column] - widths[column] : ends[column]]


def unscaled(preprocessing: Preprocessing | None, columns: Columns) -> Array:
    """Inputs (rows, inputs) before they are scaled: missing numbers are filled.

    Raises
    ------
    InputError
        If the columns are not those of training.
    """
    if preprocessing is None:
        return columns.features
    flat = columns.flat()
    made: list[Array] = []
    for block in blocks(preprocessing, len(preprocessing.input_names)):
        values = flat.features[:, list(block.columns)]
        if block.way == "numbers":
            made.append(np.where(np.isnan(values), block.fill, values))
        elif block.way == "gaps":
            made.append(np.isnan(values).astype(np.float64))
        for column, (names, rows) in zip(block.columns, block.tables, strict=False):
            place = {name: index for index, name in enumerate(names)}
            texts = [MISSING if text is None else text for text in flat.texts(column)]
            made.append(rows[[place.get(text, len(names)) for text in texts]])
    return np.concatenate(made, axis=1)
