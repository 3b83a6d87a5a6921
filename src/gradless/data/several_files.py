"""How are several files of one shape read as one table? One after another, columns by name."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from gradless._core.errors import InputError
from gradless.data.cells import listing
from gradless.data.files import TABLES, Block, File

# Lines of one file.
_EACH = 10**10


def paths_of(path: str) -> list[str] | None:
    """The files that a pattern or a folder stands for, in order; None for one file."""
    if os.path.isdir(path):  # noqa: PTH112 - a name may be too long
        names = sorted(os.listdir(path))  # noqa: PTH208
        return [str(Path(path, name)) for name in names if name.lower().endswith(TABLES)]
    if not glob.has_magic(path) or os.path.exists(path):  # noqa: PTH110
        return None
    return sorted(glob.glob(path))  # noqa: PTH207 - a pattern may be absolute


class SeveralFiles(File):
    """Files with the same columns, in any order."""

    def __init__(self, path: str, paths: Sequence[str], opened: Callable[[str], File]) -> None:
        """Open all of them.

        Raises
        ------
        InputError
            If there is none, or they do not have the same columns.
        """
        self.path = path
        if not paths:
            raise self.error("no table here; name a file, a folder of tables or a pattern of names")
        self._files = [opened(each) for each in paths]
        first = self._files[0]
        self.header, self.unnamed, self.decimal = first.header, first.unnamed, first.decimal
        for file in self._files[1:]:
            if set(file.header) != set(first.header):
                others = sorted(set(file.header) ^ set(first.header))
                raise file.error(
                    f"the files must have the same columns, got {listing(others)} in one of this "
                    f"and {first.path} alone"
                )
            if file.decimal != first.decimal:
                raise file.error(
                    f"the files must have the same decimals, got {file.decimal!r} after "
                    f"{first.decimal!r} in {first.path}. Use --decimal . or --decimal ,"
                )
        self.unusable = {
            first.header.index(file.header[column]): holds
            for file in self._files
            for column, holds in file.unusable.items()
        }

    def place(self, line: int) -> str:
        """Where a row is, in words."""
        file = self._files[line // _EACH]
        return f"{file.path}, {file.place(line % _EACH)}"

    def error(
        self, message: str, *, line: int | None = None, column: str | None = None
    ) -> InputError:
        """Error that names the file and, where known, line and column."""
        if line is None:
            return super().error(message, column=column)
        return self._files[line // _EACH].error(message, line=line % _EACH, column=column)

    def blocks(self, columns: Sequence[int], as_text: Collection[int] = ()) -> Iterator[Block]:
        """The columns, some rows at a time."""
        for number, file in enumerate(self._files):
            place = {name: k for k, name in enumerate(file.header)}
            own = [place[self.header[column]] for column in columns]
            texts = [place[self.header[column]] for column in as_text]
            for lines, found in file.blocks(own, texts):
                yield [number * _EACH + line for line in lines], found

    def again(self) -> None:
        """Begin anew with the rows."""
        for file in self._files:
            file.again()

    def notes(self) -> Iterator[str]:
        """How many files there are, and how the first one is written."""
        yield f"read from {len(self._files):,} files, the first of them {self._files[0].path}"
        yield from self._files[0].notes()
