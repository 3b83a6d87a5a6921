"""Where does output go? To consoles of any encoding, a reader that may leave, and folders."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from pathlib import Path
from typing import Any

from rich.console import Console

from gradless._core import interrupts
from gradless._core.errors import InputError

_LEGIBLE = "gradless-legible"
_REFUSING = ("strict", "surrogateescape")  # of how streams take what their encoding does not have
# What stands for characters that an encoding may not have, where Unicode says nothing of it.
_STANDS_FOR = {
    **dict.fromkeys("\u00d7\u2715\u2717", "x"),
    **dict.fromkeys("\u00b7\u2022", "*"),
    **dict.fromkeys(
        "\u2010\u2011\u2013\u2014\u2212\u2500\u2501\u2550\u254c\u2574\u2576\u2578\u257a", "-"
    ),
    **dict.fromkeys("\u2502\u2503\u2551\u254e\u2575\u2577\u2579\u257b", "|"),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    "\u00b1": "+-",
    "\u2192": "->",
}


def _legible(error: UnicodeError) -> tuple[str, int]:
    """Something in ASCII for characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_in_ascii, error.object[error.start : error.end])), error.end


def _in_ascii(character: str) -> str:
    if character in _STANDS_FOR:
        return _STANDS_FOR[character]
    # As wide as they are: the other pieces of boxes, and braille, which turns while one waits.
    if "\u2500" <= character <= "\u257f":
        return "+"
    if "\u2800" <= character <= "\u28ff":
        return "*"
    plain = unicodedata.normalize("NFKD", character)
    # A letter without its accent might be another name.
    if plain.isascii() and not character.isalpha():
        return plain
    return character.encode("ascii", "backslashreplace").decode()


codecs.register_error(_LEGIBLE, _legible)


def make_streams_patient() -> None:
    """Let standard output and standard error take any character, whatever they are.

    What the encoding of a console does not have is written in ASCII: ``²`` as ``2``, letters of
    names as Python escapes them. A stream that is closed is replaced by one to nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by who has started us
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as we run
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in _REFUSING:
            stream.reconfigure(errors=_LEGIBLE)


def say(*texts: str) -> None:
    """Say something on standard error, a line each."""
    for text in texts:
        print(f"gradless: {text}", file=sys.stderr)


def lacks(text: str) -> bool:
    """Whether standard output has no characters for some of a text."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return True
    return False


class PatientConsole(Console):
    """A console whose reader may leave: ``gradless train spiral | head`` goes on and is saved."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, as far as that is possible: what is trained is more than what is shown of it.

        Nothing is cut at the right edge: a name is there to be copied.
        """
        options.setdefault("crop", False)
        try:
            super().print(*objects, **options)
        except OSError as error:  # of a disk that is full
            self.on_broken_pipe()
            say(f"standard output cannot be written ({error.strerror}); continuing without it")

    def on_broken_pipe(self) -> None:
        """Print to nowhere from now on, instead of ending the program."""
        self.quiet = True
        forget_output()


def forget_output() -> None:
    """Send standard output nowhere, so that nothing fails when it is flushed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder unless it is there; one that is still empty at an interrupt goes again."""
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        with interrupts.whole():
            folder.mkdir(parents=True, exist_ok=True)
            interrupts.add_farewell(lambda: _remove_empty(made))
    except FileExistsError:
        raise InputError(
            f"--out must be a folder, got the file {folder}. Use --out with another name"
        ) from None
    except OSError as error:
        raise InputError(
            f"--out {shortened(folder)} cannot be made ({error.strerror}). Use --out with "
            "another folder"
        ) from None


def _remove_empty(folders: list[Path]) -> None:
    """Remove these folders, each inside of the next, as far as they are empty."""
    for path in folders:
        path.rmdir()


def shortened(path: Path) -> str:
    """A path for one line of an error message."""
    text = " ".join(str(path).split())
    return text if len(text) <= 80 else f"{text[:60]}..."
