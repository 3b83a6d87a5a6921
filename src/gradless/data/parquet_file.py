"""How is a Parquet file read? By pyarrow, which comes with the extra ``parquet``."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from gradless._core.errors import InputError
from gradless.data.cells import marked, one_line
from gradless.data.csv_file import BLOCK_CELLS
from gradless.data.files import Block, Cells, File

try:
    import pyarrow as arrow
    from pyarrow import parquet
except ImportError:
    arrow = None


# The name that pandas gives an index that has none.
_INDEX = re.compile(r"__index_level_(\d+)__")
_NEEDED = (
    "a Parquet file needs pyarrow, which is not installed. Install it from a checkout with: "
    'pip install ".[parquet]"'
)


def written(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[int]
) -> bytes:
    """A Parquet file of these cells.

    Parameters
    ----------
    header
        Names of the columns.
    rows
        Their cells, in each row one for each column.
    numbers
        Indices of the columns whose cells are numbers, which become float64; others are text.

    Raises
    ------
    InputError
        If pyarrow is not installed.
    """
    if arrow is None:
        raise InputError(_NEEDED)
    columns = [
        arrow.array([float(row[k]) for row in rows] if k in numbers else [row[k] for row in rows])
        for k in range(len(header))
    ]
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_arrays(columns, names=list(header)), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


class ParquetFile(File):
    """A Parquet file; rows are counted from 1."""

    _place = "row"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the file and look at its columns."""
        self.path = os.fspath(path)
        if arrow is None:
            raise self.error(_NEEDED)
        try:
            self._file = parquet.ParquetFile(arrow.OSFile(self.path))
            schema = self._file.schema_arrow
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise self._damaged(error) from None
        self.set_names([_name(one_line(name)) for name in schema.names])
        self.header = tuple(map(self._index_name, range(len(self.header)), schema.names))
        self._types = [_values(field.type) for field in schema]
        self.unusable = {
            column: found for column, kind in enumerate(self._types) if (found := _unusable(kind))
        }
        if not self._file.metadata.num_rows:
            raise self.error("no rows; add at least one")

    def blocks(self, columns: Sequence[int], as_text: Collection[int] = ()) -> Iterator[Block]:
        """The columns, some rows at a time."""
        first = 1
        rows = max(1, BLOCK_CELLS // len(self.header))
        # By index, since the names of the file may differ from those of the header.
        names = [self._file.schema_arrow.names[column] for column in columns]
        used = [name for column, name in zip(columns, names, strict=True)
                if column not in self.unusable or column in as_text]  # fmt: skip
        try:
            for batch in self._file.iter_batches(rows, columns=used):
                lines = range(first, first := first + batch.num_rows)
                yield (
                    lines,
                    [
                        np.full(len(lines), np.nan)
                        if column in self.unusable and column not in as_text
                        else _cells(batch.column(name), column in as_text)
                        for column, name in zip(columns, names, strict=True)
                    ],
                )
        except (arrow.ArrowException, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise self._damaged(error) from None

    def again(self) -> None:
        """Nothing: each pass begins with the first row."""

    def _index_name(self, column: int, name: str) -> str:
        """What the index of pandas is called, which has no name; others as they are."""
        level = _INDEX.fullmatch(name)
        if level is None:
            return self.header[column]
        found = f"index {level[1]}".removesuffix(" 0")
        return self.header[column] if found in self.header else found

    def _damaged(self, error: Exception) -> InputError:
        text = (str(error).splitlines() or [type(error).__name__])[0]
        return self.error(
            f"cannot be read as Parquet ({text[:200]!r}); use another copy, or save it as CSV"
        )


def _values(kind: Any) -> Any:
    """The type of the values of a column, which may be stored as a dictionary."""
    return kind.value_type if arrow.types.is_dictionary(kind) else kind


def _is_number(kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _unusable(kind: Any) -> str | None:
    """What a column holds that is neither a number nor text, if that is so."""
    types = arrow.types
    texts = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    days = types.is_date(kind) or types.is_timestamp(kind) or types.is_time(kind)
    if _is_number(kind) or texts or days or types.is_boolean(kind) or types.is_null(kind):
        return None
    return f"cells of type {str(kind)[:40]!r}"


def _name(name: str) -> str:
    """Nothing for the name that pandas gives its index."""
    return "" if _INDEX.fullmatch(name) else name


def _moment(value: Any) -> str:
    """A day, a time, or both, as a CSV file has it."""
    if value is None:
        return ""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.replace("T00:00:00", "") if text.endswith("T00:00:00") else text


def _cells(column: Any, as_text: bool) -> Cells:
    """A column as numbers with NaN where one is missing, or as text."""
    kind = _values(column.type)
    if kind is not column.type:
        column = column.dictionary_decode()
    if _is_number(kind) and not as_text:
        found = column.cast(arrow.float64(), safe=False)
        return np.asarray(found.to_numpy(zero_copy_only=False), np.float64)
    if arrow.types.is_timestamp(kind):  # of which Python has microseconds at most
        column = column.cast(arrow.timestamp("us", kind.tz), safe=False)
    values = column.to_pylist()
    if _is_number(kind):
        return ["" if value is None or value != value else str(value) for value in values]
    if arrow.types.is_temporal(kind):
        return list(map(_moment, values))
    return ["" if value is None else marked(str(value)) for value in values]
