"""Where does output go? To a reader that may leave early, and into folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

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
    """Make a folder unless it is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"--out {folder} is a file, expected a folder; give another one") from None
    except OSError as error:
        raise InputError(
            f"--out {shortened(folder)} cannot be made ({error.strerror}); give another folder"
        ) from None


def shortened(path: Path) -> str:
    """A path for one line of an error message."""
    text = " ".join(str(path).split())
    return text if len(text) <= 80 else f"{text[:60]}..."


def number(value: float) -> str:
    """A loss on the way: six decimals, or six digits where it is huge or tiny.

    Small improvements are to be seen.
    """
    return f"{value:.6f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.6g}"


def figure(value: float) -> str:
    """A loss among results: four digits, or all before the point where they are some more."""
    if value == 0:
        return "0"
    size = abs(value)
    return f"{value:,.0f}" if 999.95 <= size < 1e7 else f"{value:#.4g}".removesuffix(".")


def percent(share: float) -> str:
    """An accuracy for people."""
    return f"{share:.1%}"
