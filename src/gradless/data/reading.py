"""What does each column of a file hold, and what is wrong with it if it cannot be used?"""

from __future__ import annotations

import functools
import itertools
import math
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from gradless._core.errors import InputError
from gradless.data import cells, targets
from gradless.data.cells import FloatArray, Missing, argument, one_line, short, shown
from gradless.data.columns import Columns, Kind
from gradless.data.csv_file import Cells, File

# A text that has more, most of them only once, is an identifier; that has very many, it is text.
MAX_RARE_CATEGORIES = 20
MAX_CATEGORIES = 1000

# So many texts of the target are kept once, not once a row.
_SHARED_TEXTS = 2**10
# So many columns that cannot be used are named.
_LISTED = 8
_DATES = "dates or times"


class Reading:
    """Reads a file once, and finds out what each column holds.

    Parameters
    ----------
    file
        To read.
    columns
        Indices of the columns that are features.
    kinds
        What each of them holds; None for what its first filled cell decides. All are numbers if
        the whole is None.
    target_column
        Index of the column whose texts are kept, too.
    kept
        Indices of columns whose texts are kept as they are, whatever else they are.
    missing
        Which cells are.
    gaps
        Whether cells may be empty.
    training
        Whether columns of no use are refused.
    """

    def __init__(
        self,
        file: File,
        columns: Sequence[int],
        kinds: Sequence[Kind | None] | None,
        target_column: int | None = None,
        *,
        kept: Sequence[int] = (),
        missing: Missing,
        gaps: bool = True,
        training: bool = False,
    ) -> None:
        """Look at what the file says of its columns; nothing is read."""
        self.file = file
        self.lines = array("q")
        self.texts: list[str] = []
        self.kept: list[list[str]] = [[] for _ in kept]
        self._target, self._also = target_column, [*kept]
        self._indices = [*columns] if target_column is None else [*columns, target_column]
        self._missing, self._gaps, self._training = missing, gaps, training
        self._names = tuple(file.header[column] for column in columns)
        self._kinds: list[Kind | None] = list(kinds or ["number"] * len(columns))
        self._inferred = [kind is None for kind in self._kinds]
        self._first: dict[int, tuple[int, str]] = {}
        self._known: list[dict[str, int]] = [{} for _ in columns]
        # Of each column the names of cells, which are categories, by how they are written.
        self._names_of: list[dict[str, str]] = [{} for _ in columns]
        self._blocks: list[FloatArray] = []
        self._useless: dict[int, str] = {}
        for k, column in enumerate(self._indices):
            if holds := file.unusable.get(column):
                if k == len(columns) or not self._inferred[k]:
                    raise file.error(
                        f"the column must hold numbers or text, got {holds}",
                        column=file.header[column],
                    )
                self._useless[k] = holds

    def read(self) -> Columns:
        """Read everything.

        Raises
        ------
        InputError
            If a cell is not what its column holds, or a column is of no use.
        """
        shared = functools.lru_cache(_SHARED_TEXTS)(_one_line_as_quoted)
        kinds = zip(self._indices, self._kinds, strict=False)
        as_text = {column for column, kind in kinds if kind == "category"}
        as_text |= set(self._also) if self._target is None else {self._target, *self._also}
        for lines, found in self.file.blocks([*self._indices, *self._also], as_text):
            self.lines.extend(lines)
            for kept, column in zip(self.kept, found[len(self._indices) :], strict=True):
                kept += (str(cell).removesuffix(cells.QUOTED) for cell in column)
            found = found[: len(self._indices)]
            if self._target is not None:
                *found, texts = found
                self.texts += map(shared, texts)
            self._blocks.append(self._numbers(lines, found))
        features = np.concatenate(self._blocks)
        self._blocks.clear()
        for k, known in enumerate(self._known):
            if known:
                self._kinds[k] = "category"  # of nothing but what would be missing without quotes
        categories = tuple(
            tuple(names) if kind == "category" else None
            for names, kind in zip(self._known, self._kinds, strict=True)
        )
        if self._training:
            self._refuse_useless(features)
        return Columns(features, self._names, categories)

    def notes(self) -> Iterator[str]:
        """What someone should know of how the columns were read."""
        for name, names_of in zip(self._names, self._names_of, strict=True):
            spellings: dict[str, dict[str, None]] = {}
            for cell, category in names_of.items():
                spellings.setdefault(category, {})[one_line(cell)] = None
            merged = targets.merged(name, list(map(list, spellings.values())), "category")
            if merged is not None:
                yield merged
            if in_quotes := [cell for cell in names_of if cell.endswith(cells.QUOTED)]:
                yield targets.quoted(name, in_quotes)

    def _numbers(self, lines: Sequence[int], found: Sequence[Cells]) -> FloatArray:
        """A block as numbers, (rows, columns)."""
        simple = "category" not in self._kinds and not self._missing.numbers
        if simple and not any(isinstance(c, np.ndarray) for c in found):
            numbers = cells.finite(itertools.chain.from_iterable(found), len(lines) * len(found))
            if numbers is not None:
                for k, kind in enumerate(self._kinds):
                    if kind is None:
                        self._decide(k, lines[0], found[k][0])
                return np.ascontiguousarray(numbers.reshape(len(found), len(lines)).T)
        block = np.empty((len(lines), len(found)))
        for k, column in enumerate(found):
            block[:, k] = math.nan if k in self._useless else self._column(k, lines, column)
        return block

    def _decide(self, k: int, line: int, cell: str) -> None:
        """Let a column's first filled cell decide what it holds."""
        self._kinds[k] = "number" if cells.is_number(cell) else "category"
        self._first[k] = line, cell
        if self._kinds[k] == "number" and self._known[k]:
            # Until here there were gaps, in quotes, which only in a column of words are words.
            for block in self._blocks:
                block[:, k] = math.nan
            self._known[k].clear()
            self._names_of[k].clear()

    def _column(self, k: int, lines: Sequence[int], column: Cells) -> FloatArray:
        if isinstance(column, np.ndarray):
            return self._checked(k, lines, column)
        words = self._kinds[k] == "category"
        if self._kinds[k] is None:
            for line, cell in zip(lines, column, strict=True):
                if not self._missing.even_quoted(cell):
                    self._decide(k, line, cell)
                    break
            words = self._kinds[k] != "number"
        if words:
            return self._codes(k, lines, column)
        numbers = cells.finite(column, len(column))
        if numbers is None and self._gaps:
            numbers = cells.with_gaps(column, self._missing)
        if numbers is None:
            raise self._bad(k, lines, column)
        return self._without_missing(numbers)

    def _without_missing(self, numbers: FloatArray) -> FloatArray:
        """With NaN in the place of numbers that mean that a value is missing."""
        says = [*self._missing.numbers]
        return np.where(np.isin(numbers, says), math.nan, numbers) if says else numbers

    def _checked(self, k: int, lines: Sequence[int], numbers: FloatArray) -> FloatArray:
        """Numbers that were numbers in the file."""
        numbers = self._without_missing(numbers)
        gaps = np.isnan(numbers)
        if self._kinds[k] is None and not gaps.all():
            self._kinds[k] = "number"
        large = np.abs(numbers) >= cells.FLOAT32_OVERFLOW
        if large.any() or (gaps.any() and not self._gaps):
            texts = ["" if math.isnan(number) else repr(number) for number in numbers.tolist()]
            raise self._bad(k, lines, texts)
        return numbers

    def _codes(self, k: int, lines: Sequence[int], column: Sequence[str]) -> FloatArray:
        """The index of each cell among the categories that are known, which become more."""
        known, names_of = self._known[k], self._names_of[k]
        codes: list[float] = []
        for line, cell in zip(lines, column, strict=True):
            name = names_of.get(cell)
            if name is None:
                if self._missing(cell):
                    codes.append(math.nan)
                    continue
                name = cells.category(cell)
                if name not in known:
                    self._check_new(k, line, cell)
                    known[name] = len(known)
                names_of[cell] = name
            codes.append(known[name])
            if k in self._useless:
                known.clear()
                names_of.clear()
                return np.full(len(column), math.nan)
        return np.array(codes, np.float64)

    def _check_new(self, k: int, line: int, cell: str) -> None:
        """Refuse what is no category, or one too many."""
        if not self._training:
            return
        if len(self._known[k]) == MAX_CATEGORIES:
            self._useless[k] = f"more than {MAX_CATEGORIES:,} different texts"
        elif self._inferred[k] and cells.is_date(cell):
            self._useless[k] = f"{_DATES} such as {shown(cell)}"
        elif self._inferred[k] and cells.is_number(cell):
            line_before, before = self._first[k]
            raise self.file.error(
                f"{shown(cell)} is a number, but {shown(before)} in "
                f"{self.file.place(line_before)} is not; {self._if_mixed(k, before)}",
                line=line,
                column=self._names[k],
            )

    def _bad(self, k: int, lines: Sequence[int], column: Sequence[str]) -> InputError:
        """Error for the first cell that is not a number, as it should be."""
        line, cell = next(
            (line, cell)
            for line, cell in zip(lines, column, strict=True)
            if not cells.is_finite(cell) and not (self._gaps and self._missing.even_quoted(cell))
        )
        otherwise = "leave the cell empty if it is not known"
        if self._missing.even_quoted(cell):
            problem = cells.missing(cell)
        elif k in self._first and not cells.is_number(cell):
            line_before, before = self._first[k]
            problem = (
                f"{shown(cell)} is not a number, but {shown(before)} in "
                f"{self.file.place(line_before)} is; {self._if_mixed(k, cell)}"
            )
        else:
            if self._inferred[k]:
                otherwise = f"leave the column out with --drop {argument(self._names[k])}"
            elif not self._gaps:
                otherwise = "drop the row"
            problem = cells.not_a_number(cell, otherwise)
        return self.file.error(problem, line=line, column=self._names[k])

    def _if_mixed(self, k: int, word: str) -> str:
        """What to do about a column of numbers and words, of which this is one."""
        name = argument(self._names[k])
        return (
            "leave cells empty whose number is not known, or pass "
            f"--missing {argument(one_line(word))} if that is what it says, or --drop {name} to "
            f"leave the column out, or --categories {name} if all its cells are categories"
        )

    def _refuse_useless(self, features: FloatArray) -> None:
        """Refuse columns that nothing general can be learned from, all of them at once."""
        useless = self._useless
        for k, kind in enumerate(self._kinds):
            count = len(self._known[k])
            if k in useless:
                continue
            if np.isnan(features[:, k]).all():
                useless[k] = "no filled cell"
            elif kind == "category" and self._inferred[k] and count > MAX_RARE_CATEGORIES:
                filled = int(np.count_nonzero(~np.isnan(features[:, k])))
                if count > filled / 2:
                    useless[k] = f"{count:,} different texts in {filled:,} filled cells"
        if not useless:
            return
        one, columns = len(useless) == 1, sorted(useless)
        found = ", ".join(
            f"column {short(self._names[k])} has {useless[k]}" for k in columns[:_LISTED]
        )
        more = f", and {len(columns) - _LISTED} more columns" if len(columns) > _LISTED else ""
        names = argument(*(self._names[k] for k in columns[:_LISTED]))
        advice = f"leave {'it' if one else 'them'} out with --drop {names}"
        if any(useless[k].startswith(_DATES) for k in columns):
            advice += (
                ", or replace dates by numbers, such as days since a first day, or year, month and "
                "weekday"
            )
        raise self.file.error(
            f"{found}{more}; features must be numbers, or categories that repeat: {advice}"
        )


def _one_line_as_quoted(cell: str) -> str:
    """A cell in one line, with the mark of its quotes if it has one."""
    return one_line(cell) + (cells.QUOTED if cell.endswith(cells.QUOTED) else "")
