"""Where do the bytes of a file come from, and which text are they?

A file may be packed (gzip, Zstandard), come through standard input, and be in UTF-8, UTF-16 or the
letters of old Windows. It is opened once and read as often as it takes: what is renamed or deleted
meanwhile is still read, and what is changed meanwhile is noticed.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import io
import os
import stat
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from gradless._core.errors import InputError

STDIN = "-"
WINDOWS = "cp1252"
_PIECE = 2**20
_IN_MEMORY = 2**26  # of standard input; more is kept in a temporary file
_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, which begins alike
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Error = Callable[..., InputError]


class Source:
    """The bytes of one file, unpacked.

    Parameters
    ----------
    path
        Of the file; ``-`` for standard input.
    error
        Makes an error that names it.
    """

    def __init__(self, path: str, error: Error) -> None:
        """Open it."""
        self._error = error
        try:
            self._file, self._state = _opened(path)
        except FileNotFoundError:
            raise error("no such file; check the path") from None
        except IsADirectoryError:
            raise error("this must be a file, got a folder; name a file in it") from None
        except OSError as problem:
            raise error(f"cannot be read ({problem.strerror}); check the file") from None
        weakref.finalize(self, self._file.close)

    def open(self) -> Any:
        """From the beginning."""
        try:
            self._file.seek(0)
            head = self._file.read(4)
            self._file.seek(0)
        except OSError as problem:
            raise self._error(f"cannot be read ({problem.strerror}); check the file") from None
        if head.startswith(_GZIP):
            return gzip.GzipFile(fileobj=self._file)
        if head.startswith(_ZSTANDARD):
            return self._zstandard()
        return self._file

    def _zstandard(self) -> IO[bytes]:
        try:
            import pyarrow  # noqa: PLC0415 - comes with an extra
        except ImportError:
            raise self._error(
                "a file packed by Zstandard needs pyarrow, which is not installed. Unpack the "
                'file, or install it from a checkout with: pip install ".[parquet]"'
            ) from None
        opened: IO[bytes] = pyarrow.CompressedInputStream(_Unclosed(self._file), "zstd")
        return opened

    def pieces(self, size: int = _PIECE) -> Iterator[bytes]:
        """All bytes, some at a time."""
        try:
            file = self.open()
            while piece := file.read(size):
                yield piece
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise self._error(f"the packed file is damaged ({problem}); get another copy") from None
        except OSError as problem:
            text = (str(problem.strerror or problem).splitlines() or [""])[0][:200]
            raise self._error(f"cannot be read ({text}); check the file") from None

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was opened.

        Raises
        ------
        InputError
            If its size or time is another.
        """
        if self._state is not None and _state(self._file) != self._state:
            raise self._error("the file changed while it was read; try again when it is complete")

    # --- Text -------------------------------------------------------------------------------------

    def encoding(self, given: str | None = None) -> str:
        """The encoding of the text: the one given, or what the bytes say.

        Raises
        ------
        InputError
            If it is no text, or in none of the encodings that can be told.
        """
        if given is not None:
            self._check(given)
            return given
        beginning = next(self.pieces(), b"")
        marked = next((name for mark, name in _MARKS if beginning.startswith(mark)), None)
        name = _without_mark(beginning[:4096]) if marked is None else marked
        if name is not None and name != "utf-8-sig":
            self._check(name)
            return name
        return self._of_bytes()

    def _of_bytes(self) -> str:
        """UTF-8, or what old Windows wrote where it is not."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        others, line, at = False, 1, (0, 0)
        wrong: UnicodeDecodeError | None = None
        for piece in self.pieces():
            if b"\0" in piece:
                line += len((piece[: piece.index(b"\0")] + b".").splitlines()) - 1
                raise self._error(
                    "this must be text, got a NUL byte; save the file as CSV in UTF-8", line=line
                )
            if wrong is None:
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError as problem:
                    wrong, at = problem, (line + problem.object[: problem.start].count(b"\n"),
                                          problem.object[problem.start])  # fmt: skip
                    others |= not problem.object[: problem.start].isascii()
                else:
                    others |= not piece.isascii()
            line += piece.count(b"\n") or piece.count(b"\r")
        if wrong is None:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError as problem:
                wrong, at = problem, (line, problem.object[problem.start])
                others = True  # a file that was cut
        if wrong is None:
            return "utf-8-sig"
        # Text that was right UTF-8 so far is damaged, and not of another encoding.
        damaged = others or at[1] == 0xED
        if damaged or not self._fits(WINDOWS):
            raise self._error(
                f"this must be text in UTF-8, got the byte 0x{at[1]:x}; save the file as CSV in "
                "UTF-8, in Excel as 'CSV UTF-8', or name what it is in, such as --encoding latin1",
                line=at[0],
            )
        return WINDOWS

    def _fits(self, encoding: str) -> bool:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for piece in self.pieces():
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
        return True

    def _check(self, encoding: str) -> None:
        """Refuse an encoding that there is not, or in which this is no text."""
        try:
            codecs.lookup(encoding)
            "".encode(encoding)
        except LookupError:
            raise InputError(
                f"--encoding must be one that Python knows, got {encoding!r}. For example: "
                "--encoding latin1"
            ) from None
        decoder, line = codecs.getincrementaldecoder(encoding)(), 1
        try:
            for piece in self.pieces():
                text = decoder.decode(piece)
                if "\0" in text:
                    line += text[: text.index("\0")].count("\n")
                    raise self._error(
                        "this must be text, got a NUL; save the file as CSV in UTF-8", line=line
                    )
                line += text.count("\n")
            decoder.decode(b"", final=True)
        except UnicodeError as problem:
            raise self._error(
                f"this must be text in {encoding} ({str(problem)[:100]}); save the file as CSV in "
                "UTF-8, or name another with --encoding",
                line=line,
            ) from None

    def text(self, encoding: str) -> io.TextIOWrapper:
        """The text, of which line ends are what they are."""
        file: Any = _Unclosed(self.open())
        return io.TextIOWrapper(file, encoding=encoding, newline="")


class _Unclosed(io.RawIOBase):
    """Bytes of a file that stays open when this is closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._of = file

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:  # what the text asks for
        return self._of.read(size if size > 0 else _PIECE)

    def read(self, size: int = -1) -> bytes:
        return self._of.read(size)


def _opened(path: str) -> tuple[IO[bytes], Any]:
    """An open file from which can be read again and again, and its state if that could change."""
    if path == STDIN:
        if sys.stdin.isatty():
            raise OSError(errno.ENODATA, "nothing is piped into it")
        return _copied(sys.stdin.buffer), None
    if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):  # noqa: PTH116, PTH112
        with Path(path).open("rb") as pipe:
            return _copied(pipe), None
    file = Path(path).open("rb")  # noqa: SIM115 - closed by its owner
    return file, _state(file)


def _copied(stream: IO[bytes]) -> IO[bytes]:
    """What comes only once, kept."""
    kept: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
    while piece := stream.read(_PIECE):
        kept.write(piece)
    return kept


def _state(file: IO[bytes]) -> Any:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _without_mark(head: bytes) -> str | None:
    """UTF-16 that does not say so: of Latin text, every other byte is a zero."""
    half = len(head) // 2
    if half < 4:
        return None
    for name, zeros, others in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if head[zeros::2].count(0) > 0.9 * half and head[others::2].count(0) == 0:
            return name
    return None
