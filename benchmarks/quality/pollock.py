"""How well are polluted CSV files read? Pollock's 2,290 files, by gradless and by others.

Vitagliano, Hameed, Jiang, Reisener, Wu and Naumann, "Pollock: A Data Loading Benchmark" (VLDB
2023): one table, polluted in 2,290 ways, each with what should be read of it and how often such a
pollution is seen in the wild. A file scores ten numbers from 0 to 1: whether it loads, and
precision, recall and F1 of the names, the rows and the cells; the score is their sum, averaged over
files, simply or by weights.

    python -m benchmarks.quality.pollock FOLDER [READER ...]

FOLDER holds ``polluted_files`` and ``pollock_weights.json``, which are not part of this project.
DuckDB and Polars are to be installed, unless readers are named that do without.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from gradless._core.errors import InputError
from gradless.data.csv_file import CsvFile
from gradless.data.files import Reading

Rows = list[list[str]]
Told = dict[str, Any] | None


def ours(path: Path, told: Told) -> Rows:
    """All rows that there are: what is refused in a table for its width is read here."""
    how = Reading(names=True if told is None else bool(told["header_lines"]))
    if told is not None:
        how = how._replace(delimiter=told["delimiter"][:1] or None, encoding=told["encoding"])
    try:
        return CsvFile(path, how).loose_rows()
    except InputError as error:
        if "is empty" in str(error):
            return []
        raise


def tables(path: Path, told: Told) -> Rows:
    """What ``gradless train`` takes: a row that does not fit is a line that says so."""
    delimiter = None if told is None else told["delimiter"][:1] or None
    file = CsvFile(path, Reading(delimiter=delimiter))
    rows = [list(file.header)]
    for _, columns in file.blocks(range(len(file.header))):
        rows += map(list, zip(*columns, strict=True))
    return rows


def python(path: Path, told: Told) -> Rows:
    """Python's csv module."""
    text = path.read_text(encoding="utf-8", errors="replace")
    options: dict[str, Any] = {}
    if told is None:
        try:
            options["dialect"] = csv.Sniffer().sniff(text[:20_000])
        except csv.Error:
            options = {}
    else:
        options = {
            "delimiter": told["delimiter"][:1] or ",",
            "quotechar": told["quotechar"] or '"',
            "skipinitialspace": len(told["delimiter"]) > 1,
        }
        if told["escapechar"] not in ("", told["quotechar"]):
            options["escapechar"] = told["escapechar"]
    return [row for row in csv.reader(io.StringIO(text, newline=""), **options) if row]


def duckdb(path: Path, told: Told) -> Rows:
    """DuckDB, told nothing or the dialect, which it then takes as it is."""
    import duckdb as module  # noqa: PLC0415

    more = ", strict_mode=false, null_padding=true, ignore_errors=true"
    if told is not None and told["delimiter"]:
        delimiter, quote = (_quoted(told[name] or '"') for name in ("delimiter", "quotechar"))
        escape = _quoted(told["escapechar"] or told["quotechar"] or '"')
        more += f", delim={delimiter}, quote={quote}, escape={escape}"
        more += f", skip={told['preamble_lines']}"
        more += f", header={'true' if told['header_lines'] else 'false'}"
    if not path.stat().st_size:
        return []
    found = module.connect().execute(
        f"select * from read_csv({_quoted(str(path))}, all_varchar=true{more})"
    )
    names = [name[0] for name in found.description]
    rows = [["" if cell is None else cell for cell in row] for row in found.fetchall()]
    made = all(name.startswith("column") and name[6:].isdecimal() for name in names)
    return rows if made else [names, *rows]


def polars(path: Path, told: Told) -> Rows:
    """Polars, which finds out nothing by itself."""
    import polars as module  # noqa: PLC0415

    if not path.stat().st_size:
        return []
    options: dict[str, Any] = {"infer_schema": False, "truncate_ragged_lines": True}
    if told is not None:
        options |= {
            "separator": told["delimiter"][:1],
            "quote_char": told["quotechar"],
            "has_header": bool(told["header_lines"]),
            "skip_rows": told["preamble_lines"],
        }
    found = module.read_csv(path, **options)
    rows = [["" if cell is None else cell for cell in row] for row in found.rows()]
    return rows if told is not None and not told["header_lines"] else [list(found.columns), *rows]


READERS: dict[str, Callable[[Path, Told], Rows]] = {
    "gradless": ours,
    "gradless, tables only": tables,
    "csv": python,
    "duckdb": duckdb,
    "polars": polars,
}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def score(found: Rows, clean: Rows, names: bool) -> float:
    """Of one file, from 0 to 10."""
    if not clean:
        return 10.0 if not found else 1.0
    parts: list[tuple[Iterable[Any], Iterable[Any]]] = []
    head, rows = ([], clean) if not names else (clean[0], clean[1:])
    ours_head, ours_rows = ([], found) if not names else (found[0] if found else [], found[1:])
    parts.append((ours_head, head))
    parts.append((map(tuple, ours_rows), map(tuple, rows)))
    cells = ([cell for row in some for cell in row] for some in (ours_rows, rows))
    parts.append((next(cells), next(cells)))
    return 1.0 + sum(sum(_measures(Counter(one), Counter(other))) for one, other in parts)


def _measures(found: Counter[Any], clean: Counter[Any]) -> tuple[float, float, float]:
    """Precision, recall and F1 of what was found."""
    if not found and not clean:
        return 1.0, 1.0, 1.0
    right = (found & clean).total()
    if not right:
        return 0.0, 0.0, 0.0
    precision, recall = right / found.total(), right / clean.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def _clean(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return [[_plain(cell) for cell in row] for row in csv.reader(file) if row]


def _plain(cell: str) -> str:
    return " ".join(cell.split())


def measured(folder: Path, reader: str, is_told: bool) -> tuple[float, float, Counter[str]]:
    """Simple and weighted score, and how many files of each kind scored less than 9.5."""
    polluted = folder / "polluted_files"
    weights = json.loads((folder / "pollock_weights.json").read_text(encoding="utf-8"))
    weights = {str(name): float(value) for name, value in weights.items()}
    scores: dict[str, float] = {}
    low: Counter[str] = Counter()
    for path in sorted((polluted / "csv").iterdir()):
        about = json.loads((polluted / "parameters" / f"{path.name}_parameters.json").read_text())
        clean = _clean(polluted / "clean" / path.name)
        try:
            found = READERS[reader](path, about if is_told else None)
            found = [[_plain(cell) for cell in row] for row in found]
            scores[path.name] = score(found, clean, bool(about["header_lines"]))
        except ImportError:  # nothing that a file could do
            raise
        except Exception:
            scores[path.name] = 0.0
        if scores[path.name] < 9.5:
            low["_".join(x for x in path.stem.split("_") if not x[-1].isdecimal())[:24]] += 1
    total = sum(weights.get(name, 0.0) for name in scores)
    weighted = sum(weights.get(name, 0.0) * value for name, value in scores.items()) / total
    return statistics.mean(scores.values()), weighted, low


def main(arguments: Sequence[str]) -> None:
    """Print the scores."""
    warnings.simplefilter("ignore")
    folder = Path(arguments[0])
    for reader in arguments[1:] or READERS:
        for is_told in (True, False):
            simple, weighted, low = measured(folder, reader, is_told)
            how = "told the dialect" if is_told else "told nothing"
            print(f"{reader:24}{how:18}{simple:6.2f} /{weighted:6.2f}  {dict(low)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
