"""How is an Excel workbook read? By calamine, which comes with the extra ``excel``."""

from __future__ import annotations

import datetime
import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from gradless.data.cells import one_line
from gradless.data.csv_file import BLOCK_CELLS
from gradless.data.files import UNTOLD, Block, File, Reading

try:
    import python_calamine as calamine
except ImportError:
    calamine = None  # type: ignore[assignment]


class ExcelFile(File):
    """The first sheet of a workbook that has cells; rows are counted as in Excel."""

    _place = "row"

    def __init__(self, path: str | os.PathLike[str], how: Reading = UNTOLD) -> None:
        """Read the sheet and its names."""
        self.path = os.fspath(path)
        if calamine is None:
            raise self.error(
                "a workbook needs python-calamine, which is not installed. Save its table as CSV, "
                'or install it from a checkout with: pip install ".[excel]"'
            )
        try:
            book = calamine.CalamineWorkbook.from_path(self.path)
            names = book.sheet_names
            sheets = [book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                      for name in names]  # fmt: skip
        except Exception as error:  # whatever damaged files make of it
            text = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise self.error(
                f"cannot be read as a workbook ({text!r}); use another copy, or save it as CSV"
            ) from None
        filled = [k for k, sheet in enumerate(sheets) if any(map(any, sheet))]
        if not filled:
            raise self.error("the workbook has no filled cell; use another one")
        self._sheet, self._sheets = names[filled[0]], len(filled)
        rows = [
            (place, [_text(cell) for cell in row])
            for place, row in enumerate(sheets[filled[0]], start=1)
        ]
        rows = [(place, row) for place, row in rows if any(row)]
        wide = max(sum(map(bool, row)) for _, row in rows)
        # Titles stand alone above a table.
        while len(rows) > 1 and wide > 2 and sum(map(bool, rows[0][1])) == 1:
            rows.pop(0)
        used = [k for k in range(len(rows[0][1])) if any(row[k] for _, row in rows)]
        line, names = rows[0]
        if how.names is False:
            self.set_names([f"column {k + 1}" for k in range(len(used))])
        else:
            self.set_names([one_line(names[k]) for k in used], line)
            rows.pop(0)
        self._rows = [(place, [row[k] for k in used]) for place, row in rows]
        if not self._rows:
            raise self.error("no rows below the names; add at least one")

    def blocks(self, columns: Sequence[int], as_text: Collection[int] = ()) -> Iterator[Block]:
        """The columns, some rows at a time; all cells are text."""
        count = max(1, BLOCK_CELLS // len(self.header))
        for start in range(0, len(self._rows), count):
            some = self._rows[start : start + count]
            yield (
                [place for place, _ in some],
                [[row[column] for _, row in some] for column in columns],
            )

    def again(self) -> None:
        """Nothing: each pass begins with the first row."""

    def notes(self) -> Iterator[str]:
        """Which of several sheets was read."""
        if self._sheets > 1:
            yield f"read from the first of {self._sheets} sheets, {self._sheet!r}"


def _text(cell: Any) -> str:
    """A cell as a CSV file has it."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat() if cell.time() != datetime.time() else cell.date().isoformat()
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)
