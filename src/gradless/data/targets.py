"""What does a table's target hold: which classes, or which numbers?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless._core import words
from gradless.data import cells
from gradless.data.cells import FloatArray, argument, listing, short

if TYPE_CHECKING:
    from gradless.data.answers import Answers

Task = Literal["auto", "classification", "regression"]
Key = tuple[float, str]

TASKS: tuple[Task, ...] = ("auto", "classification", "regression")
# Up to so many distinct whole numbers are classes, unless the task is given.
MAX_NUMERIC_CLASSES = 20

# From here on, different whole numbers are the same float.
_EXACT_WHOLE = 2.0**53
# Answers that mean yes, and no.
_YES_AND_NO = (
    frozenset({"yes", "true", "1", "1.0", "y", "t"}),
    frozenset({"no", "false", "0", "0.0", "n", "f"}),
)
# So many classes that are written in several ways are named.
_NAMED = 3


class Targets(NamedTuple):
    """The target's column: class indices and names, or numbers and None; and what to say of it."""

    values: NDArray[np.int32] | FloatArray
    class_names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def learned(column: Answers, task: Task) -> Targets:
    """What is to be predicted, for training."""
    guessed = task == "auto"
    file, name, count = column.file, column.name, column.rows_found
    if count == 1:
        raise file.error("there must be two rows of data or more, got one")
    used = _used(column)
    names = {code: cells.one_line(column.texts[code]) for code in used}
    if task == "auto":
        task = "regression" if column.codes is None else guessed_task(names.values())
    if task == "regression":
        return Targets(_numbers(column), None)
    texts = list(dict.fromkeys(names.values()))
    keys = class_keys(texts)
    spellings: dict[Key, list[str]] = {}
    for text, key in keys.items():
        spellings.setdefault(key, []).append(text)
    # In the order of numbers, or of the texts as they are written.
    order = {key: k for k, key in enumerate(sorted(spellings, key=lambda k: (k[0], spellings[k])))}
    has_words = None in map(cells.number, texts)
    if len(order) == 1:
        raise file.error(
            f"there must be two classes or more, got {short(texts[0])} alone; choose another "
            "target",
            column=name,
        )
    if len(order) == count:
        otherwise = "" if has_words else ", or predict numbers with --task regression"
        raise file.error(
            f"classes must repeat, got a class of its own for each of the {count} rows; "
            f"choose another target{otherwise}",
            column=name,
        )
    assert column.codes is not None
    places = np.zeros(len(column.texts), np.int32)
    for code, text in names.items():
        places[code] = order[keys[text]]
    notes = [
        merged(name, list(spellings.values()), "class"),
        apart(name, list(keys)),
        yes_and_no(name, texts),
    ]
    if in_quotes := [column.texts[k] for k in used if column.texts[k].endswith(cells.QUOTED)]:
        notes.append(quoted(name, in_quotes))
    if guessed and not has_words and len(order) > 2:
        notes.append(
            f"the target {short(name)} is read as {len(order)} classes, since it has few different "
            "whole numbers. Use --task regression to predict numbers"
        )
    class_names = tuple(spellings[key][0] for key in order)
    return Targets(places[column.codes], class_names, tuple(filter(None, notes)))


def known(column: Answers, class_names: Sequence[str] | None) -> NDArray[np.int32] | FloatArray:
    """Indices of classes that are known, or numbers if there are none."""
    if class_names is None:
        return _numbers(column)
    assert column.codes is not None
    used = _used(column)
    names = [cells.one_line(column.texts[code]) for code in used]
    places = np.zeros(len(column.texts), np.int32)
    for code, text, index in zip(used, names, class_indices(names, class_names), strict=True):
        if index is None:
            raise column.file.error(
                f"the class must be one that the network knows, {listing(class_names)}, got "
                f"{short(text)}; correct it or drop the row",
                line=column.line(int(np.flatnonzero(column.codes == code)[0])),
                column=column.name,
            )
        places[code] = index
    return places[column.codes]


def _used(column: Answers) -> list[int]:
    """The texts that are there, in the order in which they come."""
    if column.codes is None:
        return []
    first = np.full(len(column.texts), len(column.codes))
    np.minimum.at(first, column.codes, np.arange(len(column.codes)))
    found = np.argsort(first, kind="stable")
    return found[: np.count_nonzero(first < len(column.codes))].tolist()


def class_indices(texts: Sequence[str], class_names: Sequence[str]) -> list[int | None]:
    """Which class each text names, however it is written; None if it is none of them."""
    as_written = {name: index for index, name in enumerate(class_names)}
    by_key = {key: index for index, key in enumerate(class_keys(class_names).values())}
    numeric = None not in map(cells.number, class_names)
    found = class_keys(texts, numeric=numeric)
    return [as_written.get(text, by_key.get(found[text])) for text in texts]


def class_keys(texts: Iterable[str], *, numeric: bool | None = None) -> dict[str, Key]:
    """What classes are told apart and sorted by.

    Where all of them are numbers, by these: 1, 1.0 and 1e0 are one class. Where some class is a
    word, by what names a category of features too, for which True and TRUE are one.
    """
    numbers = {text: cells.number(text) for text in texts}
    if numeric is None:
        numeric = None not in numbers.values()
    return {
        text: (0.0, cells.category(text))
        if number is None or not numeric
        else (number, text if abs(number) >= _EXACT_WHOLE else "")
        for text, number in numbers.items()
    }


def merged(column: str, spellings: Sequence[Sequence[str]], one: str) -> str | None:
    """What to say of classes or categories that are written in several ways, if there are some."""
    several = [texts for texts in spellings if len(texts) > 1]
    if not several:
        return None
    listed = ", ".join(f"{' and '.join(map(short, texts[:3]))}" for texts in several[:_NAMED])
    more = f", and so are {len(several) - _NAMED} more" if len(several) > _NAMED else ""
    otherwise = ""
    if cells.number(several[0][0]) is not None:
        otherwise = ", as the same number; if they differ, write them as words, such as v3.10"
    each = f"each are one {one}" if len(several) > 1 else f"are one {one}"
    return f"column {short(column)}: {listed} {each}{more}{otherwise}"


def apart(column: str, texts: Sequence[str]) -> str | None:
    """What to say of numbers that are classes of their own beside words, though they are equal."""
    numbers: dict[float, list[str]] = {}
    for text in texts:
        if (number := cells.number(text)) is not None:
            numbers.setdefault(number, []).append(text)
    several = [found for found in numbers.values() if len(found) > 1]
    if not several or sum(map(len, numbers.values())) == len(texts):
        return None
    listed = "; ".join(" and ".join(map(short, found)) for found in several[:_NAMED])
    return (
        f"column {short(column)}: {listed} are classes of their own, since others are words; write "
        "them alike if they are the same"
    )


def yes_and_no(column: str, texts: Iterable[str]) -> str | None:
    """What to say of answers to one question that are written in several ways, if they are."""
    known: dict[str, str] = {}
    for text in texts:
        folded = cells.one_line(text).casefold()
        if not any(folded in side for side in _YES_AND_NO):
            return None
        known.setdefault(folded, text)
    if len(known) < 3 or known.keys().isdisjoint(cells.BOOLEANS):
        return None
    sides = [[text for one, text in known.items() if one in side] for side in _YES_AND_NO]
    listed = [words.either([*map(short, side)], "and") for side in sides if len(side) > 1]
    return (
        f"column {short(column)}: {' as well as '.join(listed)} are told apart, though they may "
        "mean the same; write them alike if they do"
    )


def quoted(column: str, texts: Sequence[str]) -> str:
    """What to say of cells that are text because of their quotes."""
    names = list(dict.fromkeys(map(cells.one_line, texts)))
    return (
        f"column {short(column)}: {listing(names)} is read as text, since it is in quotes or in "
        f"a column of text. Use --missing {argument(*names)} if it means a missing value"
    )


def _numbers(column: Answers) -> FloatArray:
    if column.numbers is not None:
        return column.numbers
    assert column.codes is not None
    row, text = next(
        (row, column.texts[code])
        for row, code in enumerate(column.codes.tolist())
        if not cells.is_finite(column.texts[code])
    )
    problem = cells.not_a_number(text, "predict classes with --task classification")
    raise column.file.error(problem, line=column.line(row), column=column.name)


def guessed_task(texts: Iterable[str]) -> Task:
    """Classification or regression, by the target's distinct values."""
    seen: set[str] = set()
    numbers: set[float | str] = set()
    words = fractions = False
    for text in texts:
        if text in seen:
            continue
        seen.add(text)
        number = cells.number(text)
        if number is None:
            words = True
            if cells.like_number(text):
                numbers.add(text)
        else:
            fractions |= not number.is_integer()
            numbers.add(number)
        if len(numbers) > MAX_NUMERIC_CLASSES:
            return "regression"  # which then refuses the odd text among numbers
    return "regression" if fractions and not words else "classification"
