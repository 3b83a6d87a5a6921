"""What does each column of a file hold, in training and when a network is used?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gradless._core.errors import InputError
from gradless.data import cells, deciding, hashed_words, hints
from gradless.data.cells import FloatArray, Missing, argument, shown
from gradless.data.collecting import Content, Texts, TooMany, as_texts, collected
from gradless.data.columns import Columns, Kind, is_several
from gradless.data.files import File


class Left(NamedTuple):
    """A column that is left out, and why."""

    name: str
    why: str


class Learned(NamedTuple):
    """What a file holds, for training.

    Attributes
    ----------
    columns
        Those of use.
    left_out
        The others.
    notes
        What someone should know of how columns were read.
    target
        The column to predict.
    lines
        Where each row is.
    """

    columns: Columns
    left_out: tuple[Left, ...]
    notes: tuple[str, ...]
    target: Content
    lines: Sequence[int]


def learned(
    file: File,
    columns: Sequence[int],
    target: int,
    categories: Sequence[int],
    missing: Missing,
    kept: Sequence[int] = (),
    free: Sequence[int] = (),
) -> tuple[Learned, list[list[str]]]:
    """Read a file and find out what its columns hold.

    Parameters
    ----------
    file
        To read.
    columns, target
        Indices of the columns that are features, and of the one to predict.
    categories
        Indices of the columns that are categories whatever they look like.
    missing
        Which cells are gaps.
    kept
        Indices of columns whose cells are wanted as they are.
    free
        Indices of the columns that are free text.
    """
    forced = {*categories, *free}
    usable = [column for column in columns if column not in file.unusable]
    contents, lines, asides = collected(
        file, [*usable, target], missing, as_text=list(forced), kept=kept
    )
    notes = []
    if usable[:1] == [0] and hints.ends_in_sums(contents[0], contents):
        notes.append(f"{file.place(lines[-1])} is left out, since it holds the sums of the others")
        file.rows = len(lines) - 1
        file.again()
        contents, lines, asides = collected(
            file, [*usable, target], missing, as_text=list(forced), kept=kept
        )

    def at(column: int) -> deciding.Cells:
        unnamed = column in file.unnamed
        return deciding.Cells(file, file.header[column], lines, missing, unnamed)

    found = {
        column: deciding.decided(at(column), content, column in forced)
        for column, content in zip(usable, contents, strict=False)
    }
    again = [column for column, one in found.items() if one is None]
    if again:
        for column, content in zip(again, as_texts(file, again, missing), strict=True):
            found[column] = deciding.decided(at(column), content, column in forced)
    goal = contents[-1]
    contents.clear()
    of_use, left = [], []
    for column in columns:
        one = found.pop(column, None)
        if one is None:
            left.append(Left(file.header[column], file.unusable[column]))
        elif one.useless is not None:
            left.append(Left(file.header[column], one.useless))
        else:
            if column in free:
                one = one._replace(kind=hashed_words.KIND, notes=())
            of_use.append((file.header[column], one))
    if not of_use:
        raise file.error(_nothing_left(left))
    names, used = [name for name, _ in of_use], [one for _, one in of_use]
    texts = tuple(one.categories for one in used)
    kinds = tuple(one.kind if is_several(one.kind) else None for one in used)
    notes += [note for one in used for note in one.notes]
    notes += hints.instead_of_gaps(
        {name: one.values for name, one in of_use if one.kind == "number"}
    )
    of_use.clear()
    made = Columns(_side_by_side(used, len(lines)), tuple(names), texts, kinds)
    return Learned(made, tuple(left), tuple(notes), goal, lines), asides


def _side_by_side(columns: list[deciding.Column], rows: int) -> FloatArray:
    """The columns as one array (rows, columns); each is let go of, since a file may be large."""
    found = np.empty((rows, len(columns)))
    columns.reverse()
    for k in range(len(columns)):
        found[:, k] = columns.pop().values
    return found


def _nothing_left(left: Sequence[Left]) -> str:
    listed = ", ".join(f"{cells.short(name)} ({why})" for name, why in left[:8])
    more = f" and {len(left) - 8} more" if len(left) > 8 else ""
    names = argument(left[0].name)
    return (
        f"there must be a column to learn from, got {listed}{more}. Add columns of numbers, or of "
        f"categories that repeat, or use --categories {names} to read it as categories anyway"
    )


# --- Use ------------------------------------------------------------------------------------------


class Used:
    """Reads the columns that a network was trained on from another file.

    Parameters
    ----------
    file
        To read.
    columns
        Indices of the features.
    kinds
        What each of them holds; None for numbers without gaps in all of them.
    missing
        Which cells are gaps.
    target
        Index of the column of the answers.
    kept
        Indices of columns whose cells are kept as they are.
    """

    def __init__(
        self,
        file: File,
        columns: Sequence[int],
        kinds: Sequence[Kind] | None,
        missing: Missing,
        *,
        target: int | None = None,
        kept: Sequence[int] = (),
    ) -> None:
        """Read everything.

        Raises
        ------
        InputError
            If a column does not hold what it has to.
        """
        self._file, self._missing, self._gaps = file, missing, kinds is not None
        kinds = kinds or ["number"] * len(columns)
        for column in [*columns, *([] if target is None else [target])]:
            if holds := file.unusable.get(column):
                raise file.error(
                    f"the column must hold numbers or text, got {holds}",
                    column=file.header[column],
                )
        also = [] if target is None else [target]
        texts = [c for c, kind in zip(columns, kinds, strict=True) if kind != "number"]
        contents, self.lines, self.kept = collected(
            file, [*columns, *also], missing, as_text=texts, kept=kept
        )
        self.target = None if target is None else contents.pop()
        self._notes: list[str] = []
        made = [
            self._column(file.header[column], kind, content)
            for column, kind, content in zip(columns, kinds, contents, strict=True)
        ]
        features = [values for values, _ in made]
        self.columns = Columns(
            np.stack(features, axis=1) if features else np.zeros((len(self.lines), 0)),
            tuple(file.header[column] for column in columns),
            tuple(names for _, names in made),
            tuple(kind if is_several(kind) else None for kind in kinds),
        )

    def notes(self) -> Iterator[str]:
        """What someone should know of how the file was read."""
        yield from self._file.notes()
        yield from self._notes

    def _column(
        self, name: str, kind: Kind, content: Content
    ) -> tuple[FloatArray, tuple[str, ...] | None]:
        """Numbers or codes of a column, and the names of its categories."""
        at = deciding.Cells(self._file, name, self.lines, self._missing)
        if isinstance(content, TooMany):
            raise self._file.error(
                f"the column must hold no more than 200,000 different texts, such as "
                f"{shown(content.example)}; divide the file",
                column=name,
            )
        if kind in ("category", hashed_words.KIND):
            assert isinstance(content, Texts)
            found = deciding.as_categories(content)
            return found.values, found.categories
        if kind == "number":
            values, odd = deciding.as_numbers(at, content)
        else:
            assert isinstance(content, Texts)
            values, odd = deciding.as_dates(content, kind)
        self._check_odd(at, values, odd, kind)
        if not self._gaps and np.isnan(values).any():
            row = int(np.flatnonzero(np.isnan(values))[0])
            raise self._file.error(cells.missing(""), line=self.lines[row], column=name)
        return values, None

    def _check_odd(
        self, at: deciding.Cells, values: FloatArray, odd: dict[str, int], kind: Kind
    ) -> None:
        """Say which cells are read as missing, or refuse a column of other things."""
        if not odd:
            return
        text, row = next(iter(odd.items()))
        known = int((~np.isnan(values)).sum())
        strange = [text for text in odd if not self._gaps or not deciding.says_unknown(text)]
        if strange and (not self._gaps or known == 0 or len(strange) > known):
            text, row = strange[0], odd[strange[0]]
            raise self._bad(at.name, text, row, kind)
        what = "numbers" if kind == "number" else "dates"
        self._notes.append(
            f"column {cells.short(at.name)}: cells that are no {what}, such as "
            f"{shown(text.strip())} in {at.place(row)}, are read as missing"
        )

    def _bad(self, name: str, text: str, row: int, kind: Kind) -> InputError:
        if kind == "number":
            otherwise = "leave the cell empty if it is not known" if self._gaps else "drop the row"
            problem = cells.not_a_number(text, otherwise)
        else:
            problem = f"{shown(text)} is not a date; leave the cell empty if it is not known"
        return self._file.error(problem, line=self.lines[row], column=name)
