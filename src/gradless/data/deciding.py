"""What does a column hold, by all of its cells: numbers, categories, dates, or nothing of use?

Numbers with a few texts among them stay numbers: what says that a value is not known is a gap, and
so is a typing error, which is named. A column that is mostly words, or of few numbers and words, is
categories. Nothing general can be learned from names, identifiers, free text and constants.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.data import cells, dates, numerals, targets
from gradless.data.cells import FloatArray, Missing, argument, short, shown
from gradless.data.collecting import Content, Numbers, Texts, TooMany
from gradless.data.files import File

# A text that has more, most of them only once, is a name or an identifier.
MAX_RARE_CATEGORIES = 20
# Texts of so many words are free text, where there are many.
_WORDS_OF_TEXT = 5
_ODD = 0.05  # of the cells of a column of numbers
_DATES = 0.95  # of the cells of a column of dates
_NAMED = 3
_DIGITS = 3  # of codes that begin with 0, at least
# In fewer rows, a column of one value says little about others.
_FEW_ROWS = 10
_ID = re.compile(
    r"(?i:(.*[\s_.-])?(id|ids|idx|index|uid|uuid|row ?names?|row|nr|no|#))|.*[a-z](ID|Id)"
)


class Column(NamedTuple):
    """A column of features as it is used, or why it is not."""

    kind: str
    values: FloatArray
    categories: tuple[str, ...] | None
    notes: tuple[str, ...] = ()
    useless: str | None = None


class Cells(NamedTuple):
    """A column of a file and where its cells are."""

    file: File
    name: str
    lines: Sequence[int]
    missing: Missing
    unnamed: bool = False
    is_target: bool = False

    def place(self, row: int) -> str:
        """Where a row is, in words."""
        return self.file.place(self.lines[row])


def decided(at: Cells, content: Content, forced: bool = False) -> Column | None:
    """What a column holds; None if it has to be read again as text.

    Parameters
    ----------
    at
        The column.
    content
        Its cells.
    forced
        Whether they are categories whatever they look like.
    """
    if isinstance(content, TooMany):
        what = f"too many different texts, such as {shown(content.example)}"
        return Column("category", np.zeros(0), None, (), what)
    if isinstance(content, Numbers):
        if forced:
            return None
        padded = () if len(content.padded) < _DIGITS else (_codes(at, content.padded),)
        return _with_odd(at, content) if content.odd else _number(at, content.values, padded)
    return _of_texts(at, content, forced)


def _codes(at: Cells, text: str) -> str:
    """What to say of numbers that may be codes."""
    return (
        f"column {short(at.name)}: {shown(text)} is read as the number {int(text)}. Use "
        f"--categories {argument(at.name)} if these are codes"
    )


def _number(at: Cells, values: FloatArray, notes: tuple[str, ...] = ()) -> Column:
    """A column of numbers, unless it only counts rows."""
    return Column("number", values, None, notes, _no_number(at, values))


def _no_number(at: Cells, values: FloatArray) -> str | None:
    """Why nothing can be learned from these numbers, if so."""
    gaps = np.isnan(values)
    if gaps.all():
        return "no filled cell"
    first = values[~gaps][0]
    if not gaps.any() and (values == first).all() and len(values) >= _FEW_ROWS:
        return f"one value, {cells.plain_number(first)}, in all rows"
    if len(values) < 3 or gaps.any() or not (values == np.trunc(values)).all():
        return None
    steps = np.diff(values)
    if at.unnamed and (steps == 1).all() and first in (0, 1):
        return "row numbers, an index"
    if (at.unnamed or at.name == "Unnamed: 0" or _ID.fullmatch(at.name)) and len(
        np.unique(values)
    ) == len(values):
        return "row numbers, an index" if (steps == 1).all() else "an identifier in each row"
    return None


# --- Numbers with texts among them ----------------------------------------------------------------


def _with_odd(at: Cells, content: Numbers) -> Column | None:
    """Numbers with texts among them; None if all of it is rather texts."""
    numbers = content.values[~np.isnan(content.values)]
    counts = {text: len(rows) for text, rows in content.odd.items()}
    told = numerals.meant(list(counts), np.unique(numbers).tolist(), at.file.decimal)
    values = _with_told(content, told)
    left = {text: count for text, count in counts.items() if text not in told.numbers}
    different = len(np.unique(numbers)) + len(set(told.numbers.values()))
    if not _are_numbers(int((~np.isnan(values)).sum()), different, left):
        return None
    first = {text: content.odd[text][0] for text in counts}
    notes = _notes(at, told, left, first)
    return _number(at, values, notes)


def _with_told(content: Numbers, told: numerals.Meant) -> FloatArray:
    """Numbers with those that texts among them mean."""
    values = content.values.copy() if told.numbers else content.values
    for text, number in told.numbers.items():
        values[np.frombuffer(content.odd[text], np.int64)] = number
    return values


def _are_numbers(count: int, different: int, odd: Mapping[str, int]) -> bool:
    """Whether a column is numbers in spite of the texts in it, of which each is there so often."""
    others = {text: n for text, n in odd.items() if not says_unknown(text)}
    if not count:
        return False
    if not others:
        return different > 1 or count >= sum(odd.values())
    cells_odd = sum(others.values())
    few = cells_odd <= max(1, _ODD * (count + sum(odd.values())))
    return few and different > max(2, 2 * len(others))


def says_unknown(text: str) -> bool:
    """Whether a text among numbers says that a value is not known, or is beyond all numbers."""
    plain = cells.one_line(text).casefold()
    return cells.number(plain) is not None or plain in numerals.UNKNOWN or plain in cells.MISSING


def _notes(
    at: Cells, told: numerals.Meant, left: Mapping[str, int], first: Mapping[str, int]
) -> tuple[str, ...]:
    """What to say of texts that are read as numbers, and of those that are read as gaps."""
    notes = []
    if told.numbers:
        text = min(told.numbers, key=lambda one: first[one])
        notes.append(
            f"column {short(at.name)}: numbers are written with {' and '.join(told.added)}; "
            f"{shown(text.strip())} is read as {cells.plain_number(told.numbers[text])}"
        )
    for says, what in ((True, "read as missing"), (False, "not a number and read as missing")):
        some = [text for text in left if says_unknown(text) == says]
        if some:
            some.sort(key=lambda text: first[text])
            total = sum(left[text] for text in some)
            listed = ", ".join(shown(text.strip()) for text in some[:_NAMED])
            more = "" if len(some) <= _NAMED else " and others"
            verb = "is" if total == 1 else "are"
            notes.append(
                f"column {short(at.name)}: {total:,} cell{'' if total == 1 else 's'} ({listed}"
                f"{more}, first in {at.place(first[some[0]])}) {verb} {what}. Use {_otherwise(at)}"
            )
    return tuple(notes)


def as_numbers(at: Cells, content: Numbers | Texts) -> tuple[FloatArray, dict[str, int]]:
    """A column as numbers, and the texts in it that are none, each with its first row."""
    decimal = at.file.decimal
    if isinstance(content, Numbers):
        known = content.values[~np.isnan(content.values)] if content.odd else np.zeros(0)
        told = numerals.meant(list(content.odd), np.unique(known).tolist(), decimal)
        values = _with_told(content, told)
        odd = {t: rows[0] for t, rows in content.odd.items() if t not in told.numbers}
        return values, odd
    read, rest = _read_numbers(at, content)
    told = numerals.meant(rest, read.values(), decimal)
    rows = dict(zip(content.texts, _first_rows(content), strict=True))
    left = {text: rows[text] for text in rest if text not in told.numbers}
    return _looked_up(content, read | told.numbers), left


def as_dates(content: Texts, kind: str) -> tuple[FloatArray, dict[str, int]]:
    """A column as dates, and the texts in it that are none, each with its first row."""
    found = dates.days(content.texts, kind)
    rows = zip(content.texts, _first_rows(content), strict=True)
    return _looked_up(content, found), {t: row for t, row in rows if math.isnan(found[t])}


def as_categories(content: Texts) -> Column:
    """A column as categories, whatever they are."""
    place: dict[str, int] = {}
    codes = [place.setdefault(cells.category(text), len(place)) for text in content.texts]
    values = np.array([*codes, math.nan], np.float64)[content.codes]
    return Column("category", values, tuple(place))


def _otherwise(at: Cells) -> str:
    """What to type where texts among numbers mean something."""
    if at.is_target:
        return "--task classification if these are classes"
    return f"--categories {argument(at.name)} if all its cells are categories"


# --- Texts ----------------------------------------------------------------------------------------


def _of_texts(at: Cells, content: Texts, forced: bool) -> Column:
    if not content.texts:
        return Column("number", np.full(len(content.codes), math.nan), None, (), "no filled cell")
    if not forced:
        counts = np.bincount(content.codes[content.codes >= 0], minlength=len(content.texts))
        found = _numbers_of(at, content, counts) or _dates_of(at, content, counts)
        if found is not None:
            return found
    return _categories(at, content, forced)


def numbers_if(at: Cells, content: Texts) -> Column | None:
    """A column of texts as numbers, if that is what they mean."""
    counts = np.bincount(content.codes[content.codes >= 0], minlength=len(content.texts))
    return _numbers_of(at, content, counts)


def _looked_up(content: Texts, values: Mapping[str, float]) -> FloatArray:
    """The number of each cell, NaN for gaps and for what has none."""
    table = np.array([*(values.get(text, math.nan) for text in content.texts), math.nan])
    return table[content.codes]


def _numbers_of(at: Cells, content: Texts, counts: np.ndarray) -> Column | None:
    """A column of texts that mean numbers, if it is one."""
    decimal = at.file.decimal
    numbers, rest = _read_numbers(at, content)
    told = numerals.meant(rest, numbers.values(), decimal)
    how_often = dict(zip(content.texts, counts.tolist(), strict=True))
    left = {text: how_often[text] for text in rest if text not in told.numbers}
    numbers |= told.numbers
    count = sum(how_often[text] for text in numbers)
    if not _are_numbers(count, len(set(numbers.values())), left):
        return None
    rows = _first_rows(content)
    notes = _notes(at, told, left, dict(zip(content.texts, rows, strict=True)))
    return _number(at, _looked_up(content, numbers), notes)


def _read_numbers(at: Cells, content: Texts) -> tuple[dict[str, float], list[str]]:
    """The texts that are numbers, and those that are neither numbers nor gaps."""
    numbers: dict[str, float] = {}
    rest: list[str] = []
    for text in content.texts:
        value = cells.number(numerals.plain(text, at.file.decimal))
        if value is not None and abs(value) < cells.FLOAT32_OVERFLOW:
            numbers[text] = value
        elif not at.missing.even_quoted(text):
            rest.append(text)
    return numbers, rest


def _first_rows(content: Texts) -> list[int]:
    """The first row of each text."""
    rows = np.full(len(content.texts) + 1, len(content.codes))
    np.minimum.at(rows, content.codes, np.arange(len(content.codes)))
    return rows[:-1].tolist()


def _dates_of(at: Cells, content: Texts, counts: np.ndarray) -> Column | None:
    """A column of dates, if it is one."""
    texts = content.texts
    known = [k for k, text in enumerate(texts[:200]) if dates.is_date(text)]
    if len(known) < _DATES / 2 * len(texts[:200]):
        return None
    wanted = [text for text in texts if not says_unknown(text)]
    kind, sure = dates.kind_of(wanted)
    found = dates.days(wanted, kind)
    wrong = [text for text in wanted if math.isnan(found[text])]
    how_often = dict(zip(texts, counts.tolist(), strict=True))
    filled = sum(how_often[text] for text in wanted)
    bad = sum(how_often[text] for text in wrong)
    if not filled or bad > (1 - _DATES) * filled:
        return None
    notes = []
    if not sure:
        text = next(text for text in wanted if text not in wrong)
        notes.append(
            f"column {short(at.name)}: {shown(text.strip())} is read as "
            f"{dates.shown(found[text], kind)}, since days and months cannot be told apart"
        )
    if wrong or len(wanted) < len(texts):
        some = [*wrong, *(text for text in texts if says_unknown(text))]
        rows = dict(zip(texts, _first_rows(content), strict=True))
        total = sum(how_often[text] for text in some)
        notes.append(
            f"column {short(at.name)}: {total:,} cells that are no dates, such as "
            f"{shown(some[0].strip())} in {at.place(rows[some[0]])}, are read as missing"
        )
    values = _looked_up(content, found)
    filled_values = values[~np.isnan(values)]
    useless = None
    if len(filled_values) == len(values) >= _FEW_ROWS and (values == values[0]).all():
        useless = f"one date, {dates.shown(values[0], kind)}, in all rows"
    return Column(kind, values, None, tuple(notes), useless)


def _categories(at: Cells, content: Texts, forced: bool) -> Column:
    """A column of categories, unless they are names, identifiers or free text."""
    column = as_categories(content)
    if not forced and (useless := _no_category(at, column, content.codes)):
        return column._replace(useless=useless)
    spellings: dict[str, dict[str, None]] = {}
    for text in content.texts:
        spellings.setdefault(cells.category(text), {})[cells.one_line(text)] = None
    notes = []
    if merged := targets.merged(at.name, [list(each) for each in spellings.values()], "category"):
        notes.append(merged)
    if quoted := [text for text in content.texts if text.endswith(cells.QUOTED)]:
        notes.append(targets.quoted(at.name, quoted))
    if not forced:
        if same := targets.yes_and_no(at.name, map(cells.one_line, content.texts)):
            notes.append(same)
        elif mixed := _mixed(content):
            notes.append(
                f"column {short(at.name)}: numbers and texts, such as {shown(mixed[0])} and "
                f"{shown(mixed[1])}, are read as categories"
            )
    return column._replace(notes=tuple(notes))


def _mixed(content: Texts) -> tuple[str, str] | None:
    """A number and a word of a column that has both."""
    plain = [text.removesuffix(cells.QUOTED).strip() for text in content.texts]
    number = next((text for text in plain if cells.number(text) is not None), None)
    word = next((text for text in plain if cells.number(text) is None), None)
    return None if number is None or word is None else (number, word)


def _no_category(at: Cells, column: Column, codes: NDArray[np.int32]) -> str | None:
    """Why nothing can be learned from these categories, if so."""
    names, rows = list(column.categories or ()), len(codes)
    filled = int((codes >= 0).sum())
    if len(names) == 1 and filled == rows >= _FEW_ROWS:
        return f"one value, {short(names[0])}, in all rows"
    if at.unnamed and len(names) == filled == rows:
        return "a name in each row, an index"
    if len(names) <= MAX_RARE_CATEGORIES:
        return None
    each = sum(len(name.split()) for name in names[:500]) / len(names[:500])
    if each >= _WORDS_OF_TEXT and len(names) > filled / 4:
        return f"free text, such as {short(names[0])}; --text {argument(at.name)} uses its words"
    if len(names) > filled / 2:
        if said := numerals.not_read(names):
            return said
        return f"names or identifiers, {len(names):,} different texts in {filled:,} cells"
    return None
