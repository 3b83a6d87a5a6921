"""Which rows have a target, and as which text or number is it read?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.data import cells, deciding
from gradless.data.cells import FloatArray, Missing, short, shown
from gradless.data.collecting import Content, Numbers, Texts, TooMany, as_texts
from gradless.data.files import File


class Answers(NamedTuple):
    """The target's column, of the rows that have one.

    Attributes
    ----------
    texts
        Different ones, with the marks of quotes; of numbers that are not classes, nothing.
    codes
        Which of the texts each row has, (rows,), or None if they are not kept.
    numbers
        The number in each row, (rows,), or None if texts are not numbers.
    lines
        Where each row is.
    rows
        Which of the file's rows these are; None for all of them.
    """

    file: File
    name: str
    texts: list[str]
    codes: NDArray[np.int32] | None
    numbers: FloatArray | None
    lines: Sequence[int]
    rows: NDArray[np.intp] | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows_found(self) -> int:
        """Of the rows."""
        assert self.codes is not None or self.numbers is not None
        return len(self.numbers if self.codes is None else self.codes)  # type: ignore[arg-type]

    def line(self, row: int) -> int:
        """Where a row is."""
        return self.lines[row if self.rows is None else int(self.rows[row])]


def of(
    file: File, column: int, content: Content, lines: Sequence[int], missing: Missing, task: str
) -> Answers:
    """The target of each row that has one.

    Parameters
    ----------
    file, column
        Where it is.
    content
        Its cells.
    lines
        Where each row is.
    missing
        Which cells are gaps.
    task
        ``"classification"`` wants texts, ``"regression"`` numbers, ``"auto"`` whatever fits.
    """
    name = file.header[column]
    if column in file.unusable:
        raise file.error(
            f"the column must hold numbers or text, got {file.unusable[column]}", column=name
        )
    at = deciding.Cells(file, name, lines, missing, is_target=True)
    if isinstance(content, Numbers) and not content.odd and not _may_be_classes(content, task):
        return _without_gaps(Answers(file, name, [], None, content.values, lines))
    if isinstance(content, Numbers):
        (content,) = as_texts(file, [column], missing)
    if isinstance(content, TooMany):
        raise file.error(
            f"the target must be numbers, or classes that repeat, got more than 200,000 different "
            f"texts such as {shown(content.example)}; choose another target",
            column=name,
        )
    assert isinstance(content, Texts)
    found = Answers(file, name, content.texts, content.codes, None, lines)
    numbers = None if task == "classification" else deciding.numbers_if(at, content)
    if numbers is not None and (task == "regression" or _are_measured(numbers, content)):
        codes = np.where(np.isnan(numbers.values), np.int32(-1), content.codes)
        texts = _plain_texts(at, content)
        found = found._replace(
            numbers=numbers.values, notes=numbers.notes, texts=texts, codes=codes
        )
    return _without_gaps(found)


def _are_measured(numbers: deciding.Column, content: Texts) -> bool:
    """Whether texts among numbers are gaps there, and not classes beside classes."""
    values = np.unique(numbers.values[~np.isnan(numbers.values)])
    words = [t for t in content.texts if cells.number(t) is None and not deciding.says_unknown(t)]
    return not words or len(values) > 20 or not (values == np.trunc(values)).all()


def _may_be_classes(content: Numbers, task: str) -> bool:
    """Whether numbers may be told to be classes, so that it matters how they are written."""
    if task != "auto":
        return task == "classification"
    values = content.values[~np.isnan(content.values)]
    if not (values == np.trunc(values)).all():
        return False
    return len(np.unique(values)) <= 20


def _plain_texts(at: deciding.Cells, content: Texts) -> list[str]:
    """Texts that mean numbers as these are written in a program."""
    each = Texts(np.arange(len(content.texts), dtype=np.int32), content.texts)
    values, _ = deciding.as_numbers(at, each)
    return [
        text if np.isnan(value) or cells.number(text) is not None else cells.plain_number(value)
        for text, value in zip(content.texts, values.tolist(), strict=True)
    ]


def _without_gaps(found: Answers) -> Answers:
    """Only the rows that have a target, with a word about the others."""
    gaps = np.isnan(found.numbers) if found.codes is None else found.codes < 0  # type: ignore[arg-type]
    if not gaps.any():
        return found
    if gaps.all():
        raise found.file.error(
            "the target must have values, got no filled cell; choose another target",
            column=found.name,
        )
    rows, count = np.flatnonzero(~gaps), int(gaps.sum())
    first = found.lines[int(np.flatnonzero(gaps)[0])]
    note = (
        f"{count:,} row{'' if count == 1 else 's'} without a value in the target "
        f"{short(found.name)} {'is' if count == 1 else 'are'} left out, the first in "
        f"{found.file.place(first)}"
    )
    return found._replace(
        codes=None if found.codes is None else found.codes[rows],
        numbers=None if found.numbers is None else found.numbers[rows],
        rows=rows,
        notes=(note, *found.notes),
    )
