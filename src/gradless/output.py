"""Where does output go? To a reader that may leave early, and into folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

from gradless import interrupts
from gradless.errors import InputError


class PatientConsole(Console):
    """A console whose reader may leave: ``gradless train spiral | head`` goes on and is saved."""

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
        raise InputError(f"--out {folder} is a file, expected a folder; give another one") from None
    except OSError as error:
        raise InputError(
            f"--out {shortened(folder)} cannot be made ({error.strerror}); give another folder"
        ) from None


def _remove_empty(folders: list[Path]) -> None:
    """Remove these folders, each inside of the next, as far as they are empty."""
    for path in folders:
        path.rmdir()


def shortened(path: Path) -> str:
    """A path for one line of an error message."""
    text = " ".join(str(path).split())
    return text if len(text) <= 80 else f"{text[:60]}..."


def number(value: float) -> str:
    """A loss for people: six decimals, or six digits where it is huge or tiny."""
    return f"{value:.6f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.6g}"
