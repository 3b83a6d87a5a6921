"""What does a table's target hold: which classes, or which numbers?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless.data import cells
from gradless.data.cells import FloatArray, Missing, argument, listing, short
from gradless.data.csv_file import File

Task = Literal["auto", "classification", "regression"]
Key = tuple[float, str]

TASKS: tuple[Task, ...] = ("auto", "classification", "regression")
# Up to so many distinct whole numbers are classes, unless the task is given.
MAX_NUMERIC_CLASSES = 20

# From here on, different whole numbers are the same float.
_EXACT_WHOLE = 2.0**53
# So many classes that are written in several ways are named.
_NAMED = 3


class Targets(NamedTuple):
    """The target's column: class indices and names, or numbers and None; and what to say of it."""

    values: NDArray[np.int32] | FloatArray
    class_names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


class Answers(NamedTuple):
    """The target's column as it is in a file, one text a row, and the lines of these rows."""

    file: File
    name: str
    texts: list[str]
    lines: Sequence[int]
    missing: Missing

    def filled(self) -> Answers:
        """The same without the marks of quotes; a missing value is refused."""
        distinct = set(self.texts)
        gaps = set(filter(self.missing, distinct))
        if gaps:
            row = next(row for row, text in enumerate(self.texts) if text in gaps)
            problem = cells.missing(self.texts[row])
            raise self.file.error(problem, line=self.lines[row], column=self.name)
        if not any(text.endswith(cells.QUOTED) for text in distinct):
            return self
        return self._replace(texts=[text.removesuffix(cells.QUOTED) for text in self.texts])


def learned(column: Answers, task: Task) -> Targets:
    """What is to be predicted, for training."""
    in_quotes = [text for text in dict.fromkeys(column.texts) if text.endswith(cells.QUOTED)]
    column = column.filled()
    texts, file, name = column.texts, column.file, column.name
    if len(texts) == 1:
        raise file.error("there must be two rows of data or more, got one")
    if task == "auto":
        task = guessed_task(texts)
    if task == "regression":
        return Targets(_numbers(column), None)
    keys = class_keys(dict.fromkeys(texts))
    spellings: dict[Key, list[str]] = {}
    for text, key in keys.items():
        spellings.setdefault(key, []).append(text)
    # In the order of numbers, or of the texts as they are written.
    order = {key: k for k, key in enumerate(sorted(spellings, key=lambda k: (k[0], spellings[k])))}
    if len(order) == 1:
        raise file.error(
            f"there must be two classes or more, got {short(texts[0])} alone; choose another "
            "target",
            column=name,
        )
    if len(order) == len(texts):
        words = None in map(cells.number, texts)
        otherwise = "" if words else ", or predict numbers with --task regression"
        raise file.error(
            f"classes must repeat, got a class of its own for each of the {len(texts)} rows; "
            f"choose another target{otherwise}",
            column=name,
        )
    values = np.array([order[keys[text]] for text in texts], dtype=np.int32)
    notes = [merged(name, list(spellings.values()), "class"), apart(name, list(keys))]
    if in_quotes:
        notes.append(quoted(name, in_quotes))
    return Targets(values, tuple(spellings[key][0] for key in order), tuple(filter(None, notes)))


def known(column: Answers, class_names: Sequence[str] | None) -> NDArray[np.int32] | FloatArray:
    """Indices of classes that are known, or numbers if there are none."""
    column = column.filled()
    if class_names is None:
        return _numbers(column)
    found = dict.fromkeys(column.texts)
    indices = dict(zip(found, class_indices(list(found), class_names), strict=True))
    if None in indices.values():
        rows = zip(column.lines, column.texts, strict=True)
        line, text = next(pair for pair in rows if indices[pair[1]] is None)
        raise column.file.error(
            f"the class must be one that the network knows, {listing(class_names)}, got "
            f"{short(text)}; correct it or drop the row",
            line=line,
            column=column.name,
        )
    return np.array([indices[text] for text in column.texts], dtype=np.int32)


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


def quoted(column: str, texts: Sequence[str]) -> str:
    """What to say of cells that are text because of their quotes."""
    names = list(dict.fromkeys(map(cells.one_line, texts)))
    return (
        f"column {short(column)}: {listing(names)} is read as text, since it is in quotes or in "
        f"a column of text. Use --missing {argument(*names)} if it means a missing value"
    )


def _numbers(column: Answers) -> FloatArray:
    texts = column.texts
    numbers = cells.finite(texts, len(texts))
    if numbers is not None:
        return numbers
    line, text = next(
        pair for pair in zip(column.lines, texts, strict=True) if not cells.is_finite(pair[1])
    )
    problem = cells.not_a_number(text, "predict classes with --task classification")
    raise column.file.error(problem, line=line, column=column.name)


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
