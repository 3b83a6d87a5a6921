"""Are CSV files read rightly or refused clearly? Random files, whole and mutated, and large ones.

A file is written from a table that is known, in a random way of writing CSV, and must be read back
exactly. Then its bytes are mutated, and it must be a consistent table or refused in one line.
"""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.reliability import BrokenPromiseError, Results
from benchmarks.reliability.mutations import mutate
from benchmarks.speed import memory
from gradless._core.errors import InputError
from gradless.data.cells import FLOAT32_OVERFLOW, MISSING
from gradless.data.columns import Columns
from gradless.data.table import Table, read_columns, read_features, read_table

TARGET = "the target"
Cell = float | str | None
_LARGE = ((1_000_000, 5, "classes"), (1_000_000, 5, "numbers"), (200, 10_000, "classes"))


@dataclass(frozen=True)
class Content:
    """What a file holds: numbers, categories and gaps. Names are words in NFC with one space
    between them."""

    names: Sequence[str]
    values: Sequence[Sequence[Cell]]
    targets: Sequence[str] | Sequence[float]


# --- Files that are right -------------------------------------------------------------------------


def content(chance: random.Random) -> Content:
    """A random table."""
    names = list(dict.fromkeys(_words(chance) for _ in range(chance.randrange(1, 6))))
    names = [name for name in names if name != TARGET]
    names = names or ["a"]
    # Now and then, more than is converted at once.
    rows = chance.randrange(3, 12) if chance.random() < 0.99 else chance.randrange(4_000, 12_000)
    columns = [_column(rows, chance) for _ in names]
    values = list(zip(*columns, strict=True))
    if chance.random() < 0.3:
        # One with a fraction at least: a few large whole numbers would be classes.
        return Content(names, values, [0.5, *(_value(chance) + 0.5 for _ in range(rows - 1))])
    classes = list(dict.fromkeys(f"c {_words(chance)}" for _ in range(4)))
    classes = classes if len(classes) > 1 else ["c 1", "c 2"]
    targets = [classes[0], classes[1], classes[0]]
    return Content(names, values, targets + chance.choices(classes, k=rows - 3))


def _column(rows: int, chance: random.Random) -> list[Cell]:
    """Numbers or categories, now and then with gaps, but never nothing else."""
    if chance.random() < 0.7:
        cells: list[Cell] = [_value(chance) for _ in range(rows)]
    else:
        known = list(dict.fromkeys(f"k {_words(chance)}" for _ in range(chance.randrange(1, 5))))
        cells = list(chance.choices(known, k=rows))
    if chance.random() < 0.3:
        filled = chance.randrange(rows)
        cells = [c if k == filled or chance.random() < 0.8 else None for k, c in enumerate(cells)]
    return cells


def _words(chance: random.Random) -> str:
    """One to three words of characters of all kinds."""
    words = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        letters = (_letter(chance) for _ in range(chance.randrange(1, 6)))
        words.append(unicodedata.normalize("NFC", "".join(letters)))
    return " ".join(words)


def _letter(chance: random.Random) -> str:
    pool = chance.choice(("abcxyz", "019", '\',;:|#%-_.\\/""', "", ""))
    letter = chance.choice(pool) if pool else chr(chance.randrange(1, 0x11000))
    # A byte order mark may open a file, and bytes that are no text are for the other files.
    if letter.isspace() or letter == "\ufeff" or unicodedata.category(letter) == "Cs":
        return "é"
    return letter


def _value(chance: random.Random) -> float:
    exact = chance.uniform(-1, 1) * 10.0 ** chance.randrange(-46, 39)
    large = 10.0 ** chance.randrange(8, 16) + chance.randrange(1000)  # a time, an identifier
    return chance.choice((exact, float(np.float32(exact)), float(chance.randrange(-9, 9)), large))


def render(table: Content, chance: random.Random) -> bytes:
    """The table as CSV, in one of the ways to write it."""
    place = chance.randrange(len(table.names) + 1)  # of the target

    def row(cells: list[str], target: str) -> str:
        cells = [*cells[:place], target, *cells[place:]]
        return ",".join(_cell(cell, style, chance) for cell in cells)

    style = chance.choice(("plain", "quoted", "spaced", "mixed"))
    rows = [row([_name(name, chance) for name in table.names], TARGET)]
    for values, target in zip(table.values, table.targets, strict=True):
        written = [_written(value, chance) for value in (*values, target)]
        rows.append(row(written[:-1], written[-1]))
    if chance.random() < 0.5:
        for _ in range(chance.randrange(1, 4)):
            rows.insert(chance.randrange(len(rows) + 1), chance.choice(("", " ", "\t ", "\u3000")))
    ends = chance.choice((("\n",), ("\r\n",), ("\r",), ("\n", "\r\n", "\r")))
    text = "".join(line + chance.choice(ends) for line in rows)
    if chance.random() < 0.3:
        text = text.rstrip("\r\n")
    return (b"\xef\xbb\xbf" if chance.random() < 0.3 else b"") + text.encode()


def _written(value: Cell, chance: random.Random) -> str:
    if value is None:
        return chance.choice(("", "", "NA", "nan", "N/A", "null", "?"))
    return _name(value, chance) if isinstance(value, str) else number(value, chance)


def number(value: float, chance: random.Random) -> str:
    """A number in one of the ways that lose none of its digits."""
    written = chance.choice((repr(value), f"{value:.16e}", f"{value:.17g}", f"{value:+.16E}"))
    if value == int(value) and abs(value) < 1e16:
        written = chance.choice((written, str(int(value)), f"{int(value)}."))
    return written


def _name(name: str, chance: random.Random) -> str:
    """A name with other white space in it, and with accents apart from their letters."""
    blank = chance.choice((" ", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\n \n", "\u2028"))
    written = blank.join(name.split(" "))
    return unicodedata.normalize("NFD", written) if chance.random() < 0.3 else written


def _cell(text: str, style: str, chance: random.Random) -> str:
    if style == "mixed":
        style = chance.choice(("plain", "quoted", "spaced"))
    before, after = (
        chance.choices(("", " ", "  ", "\t", "\u00a0", "\u2003 "), k=2)
        if style == "spaced"
        else ("", "")
    )
    gap = text.casefold() in MISSING and text  # in quotes, it is a text
    if (style == "quoted" and not gap) or any(mark in text for mark in ',"\r\n'):
        spaces = " " * len(before)  # before a quotation mark, nothing but these
        return spaces + '"' + before + text.replace('"', '""') + after + '"'
    return before + text + after


def check_read(path: Path, table: Content) -> None:
    """The file's content is the table, read for training and by column."""
    columns = dict(zip(table.names, zip(*table.values, strict=True), strict=True))
    useless = {name for name, cells in columns.items() if may_be_left_out(name, cells)}
    try:
        read = read_table(path, TARGET)
    except InputError as error:
        if useless == set(table.names) and "a column to learn from" in str(error):
            return
        raise
    left_out = {left.name for left in read.left_out}
    names = tuple(name for name in table.names if name not in left_out)
    if read.feature_names != names or not left_out <= useless:
        raise BrokenPromiseError(f"{path}: names {read.feature_names}, expected {table.names}")
    _check_columns(path, read.columns, [columns[name] for name in names])
    if isinstance(table.targets[0], str):
        classes = sorted(set(map(str, table.targets)))
        expected = np.array([classes.index(str(name)) for name in table.targets], np.int32)
        if read.class_names != tuple(classes):
            raise BrokenPromiseError(f"{path}: classes {read.class_names}, expected {classes}")
    else:
        expected = np.array(table.targets, np.float64)
        if read.class_names is not None:
            raise BrokenPromiseError(f"{path}: classes {read.class_names}, expected numbers")
    if not _same(read.targets, expected):
        raise BrokenPromiseError(f"{path}: targets {read.targets}, expected {expected}")
    backwards = read_columns(path, names[::-1], read.columns.kinds[::-1])
    _check_columns(path, backwards, [columns[name] for name in names[::-1]])


def may_be_left_out(name: str, cells: Sequence[Cell]) -> bool:
    """Whether nothing can be learned from a column: constants, names, identifiers."""
    filled = [cell for cell in cells if cell is not None]
    different = set(filled)
    if len(different) < 2 and len(filled) == len(cells):
        return True
    if isinstance(filled[0], str):
        return len(different) > 20 and len(different) > len(filled) / 4
    return len(different) == len(cells) and all(float(cell) == int(float(cell)) for cell in filled)


def _check_columns(path: Path, read: Columns, expected: Sequence[Sequence[Cell]]) -> None:
    """The columns hold the numbers, categories and gaps that are expected."""
    for column, cells in enumerate(expected):
        found = read.features[:, column]
        if any(isinstance(cell, str) for cell in cells):
            right = read.kinds[column] == "category" and read.texts(column).tolist() == list(cells)
        else:
            numbers = np.array(cells, np.float64)
            right = read.kinds[column] == "number" and _same(found, numbers)
        if not right:
            raise BrokenPromiseError(f"{path}: column {column} is {found}, expected {cells}")


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)


# --- Files that may not be ------------------------------------------------------------------------


def check_any(path: Path, table: Content) -> bool:
    """A consistent table, or refused in one line; whether it was a table."""
    read = 0
    for target in (TARGET, None):
        try:
            _check_consistent(path, read_table(path, target), target)
            read += 1
        except InputError as error:
            check_message(path, error)
    try:
        features = read_features(path, table.names)
        if features.dtype != np.float64 or features.ndim != 2 or not np.isfinite(features).all():
            raise BrokenPromiseError(f"{path}: {features.dtype} features {features}")
    except InputError as error:
        check_message(path, error)
    return read > 0


def check_message(path: Path, error: InputError) -> None:
    """One line that begins with the file's name and fits into a terminal."""
    message = str(error)
    if not message.startswith(f"{path}") or message.splitlines() != [message]:
        raise BrokenPromiseError(f"{path}: the message is {message!r}")
    if not message.isprintable() or len(message) > 2_500:
        raise BrokenPromiseError(f"{path}: the message of {len(message)} characters is {message!r}")


def _check_consistent(path: Path, read: Table, target: str | None) -> None:
    features, targets, names, classes = read[:4]
    rows = len(features)
    problems = {
        "shapes": features.shape == (rows, len(names)) and targets.shape == (rows,) and rows > 0,
        "features": features.dtype == np.float64 and not np.isinf(features).any(),
        "columns": all(np.isfinite(features[:, k]).any() for k in range(len(names))),
        "names": len(set(names)) == len(names) and all(names) and target not in names,
        "targets": np.isfinite(targets).all()
        and targets.dtype == (np.float64 if classes is None else np.int32),
        "classes": classes is None
        or (len(set(classes)) > 1 and set(targets.tolist()) == set(range(len(classes)))),
    }
    if target is not None and not any(note.startswith("read with") for note in read.notes):
        _check_plain(path, read)
    wrong = [problem for problem, right in problems.items() if not right]
    if wrong:
        raise BrokenPromiseError(f"{path}: wrong {wrong} in {read}")


def _check_plain(path: Path, read: Table) -> None:
    """Columns of plain numbers and of categories hold what their cells say, one by one."""
    text = path.read_bytes().decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    header, *rows = (row for row in reader if len(row) > 1)
    if len(rows) != len(read.features):  # some have no target
        return
    found = [_plain(cell) for cell in header]
    for column, (name, kind) in enumerate(zip(read.feature_names, read.columns.kinds, strict=True)):
        if name not in found:
            continue
        cells = [_plain(row[found.index(name)]) for row in rows]
        if kind == "number":
            expected = [_number(cell) for cell in cells]
            meant = zip(expected, cells, strict=True)
            if any(value is None and any(map(str.isdigit, cell)) for value, cell in meant):
                continue  # numbers with more to them, or typing errors
            numbers = np.array([np.nan if value is None else value for value in expected])
            right = np.array_equal(read.features[:, column], numbers, equal_nan=True)
        elif kind == "category":
            # In quotes, what says missing is a text; which were in quotes is not known here.
            texts = read.columns.texts(column).tolist()
            right = all(
                text == _category(cell) or (text is None and cell.casefold() in MISSING)
                for text, cell in zip(texts, cells, strict=True)
            )
        else:
            continue
        if not right:
            raise BrokenPromiseError(
                f"{path}: column {column} is {read.features[:, column]}, expected {cells}"
            )


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) < FLOAT32_OVERFLOW and "_" not in cell else None


def _category(cell: str) -> str:
    return cell.lower() if cell.lower() in ("true", "false", "yes", "no") else cell


def _plain(cell: str) -> str:
    return " ".join(unicodedata.normalize("NFC", cell).split())


# --- Many -----------------------------------------------------------------------------------------


def tables(count: int) -> Results:
    """Random files, every other one mutated: read rightly, or refused."""
    chance = random.Random(3)
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        for index in range(count):
            table = content(chance)
            data = render(table, chance)
            mutated = index % 2 == 1
            path.write_bytes(mutate(data, chance) if mutated else data)
            started = time.perf_counter()
            try:
                if mutated:
                    outcomes["read" if check_any(path, table) else "refused"] += 1
                else:
                    check_read(path, table)
                    outcomes["right"] += 1
            except BrokenPromiseError:
                raise
            except Exception as error:
                kind = "mutated" if mutated else "valid"
                raise BrokenPromiseError(f"{kind} file {index}: {error!r}") from error
            slowest = max(slowest, time.perf_counter() - started)
    print(f"  {count} CSV files: {dict(outcomes)}", flush=True)
    return {
        "files": count,
        **{outcome: outcomes[outcome] for outcome in ("right", "read", "refused")},
        "slowest_seconds": round(slowest, 3),
    }


# --- Large ones -----------------------------------------------------------------------------------


def large_tables() -> Results:
    """Seconds and memory for files of a million rows and of ten thousand columns."""
    results = {}
    for rows, columns, kind in _LARGE:
        with tempfile.TemporaryDirectory() as folder:
            _write_large(Path(folder), rows, columns, kind)
            command = [sys.executable, "-m", "benchmarks.reliability.tables", folder]
            ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(ran.stdout)
        name = f"{rows:,} rows, {columns:,} columns, {kind}"
        if not found.pop("right"):
            raise BrokenPromiseError(f"{name}: other numbers were read")
        print(f"  {name}: {found}", flush=True)
        results[name] = found
    return {"sizes": results}


def _write_large(folder: Path, rows: int, columns: int, kind: str) -> None:
    """The last of the columns is the target."""
    generator = np.random.default_rng(0)
    values = generator.standard_normal((rows, columns - 1)).round(8)
    targets = (
        generator.integers(0, 3, rows, np.int32)
        if kind == "classes"
        else generator.standard_normal(rows).round(8)
    )
    np.savez(folder / "expected.npz", features=values, targets=targets)
    with (folder / "large.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(",".join([*(f"x{column}" for column in range(columns - 1)), TARGET]) + "\n")
        for row, target in zip(values, targets, strict=True):
            last = f"class {target}" if kind == "classes" else f"{target}"
            file.write(",".join([*map(repr, row.tolist()), last]) + "\n")


def _measure(folder: Path) -> Results:
    """Read the large file in this process, which has done nothing else."""
    before = memory._peak_now()
    started, begun = time.perf_counter(), time.process_time()
    read = read_table(folder / "large.csv", TARGET)
    seconds, busy = time.perf_counter() - started, time.process_time() - begun
    peak = memory._peak_now()
    expected = np.load(folder / "expected.npz")
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(busy, 2),
        "memory_mib": round(peak - before),
        "arrays_mib": round((read.features.nbytes + read.targets.nbytes) / 2**20, 1),
        "file_mib": round((folder / "large.csv").stat().st_size / 2**20),
        "right": _same(read.features, expected["features"])
        and _same(read.targets, expected["targets"]),
    }


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]))))
