"""Who uses a run folder, and how did the run end?"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from gradless._core import interrupts, storage
from gradless._core.errors import InputError
from gradless._core.terminal import shortened
from gradless.runs.run_folder import CONFIG, LOCK, RESULT, STATUS, dictionary
from gradless.training import checkpoint


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run folder; a second process is refused.

    The system frees the lock when a process dies, however it dies.

    Raises
    ------
    InputError
        If another process holds it.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"{folder} is in use by {_holder(folder)}; wait until it ends, or end it with Ctrl-C. "
            f"If there is no such process, delete {folder / LOCK}"
        ) from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror})") from None
    try:
        with contextlib.suppress(OSError):  # only for people; the lock itself holds
            (folder / LOCK).write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        lock.release()


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Say that a run is running, and if that raises, how it ended."""
    with interrupts.farewell(lambda: _cut_off(folder)):
        write_status(folder, "running")
        try:
            yield
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            with contextlib.suppress(OSError):  # the first error counts
                how = "interrupted" if interrupted else "failed"
                write_status(folder, how, str(error) or type(error).__name__)
            raise


def _cut_off(folder: Path) -> str | None:
    """Say that a run was interrupted, if it has not ended; returns how it goes on."""
    if _stored_status(folder) != "running":
        return None
    write_status(folder, "interrupted", "interrupted before all was written")
    return f"resume with: gradless resume {folder}" if checkpoint.found(folder) else None


def _holder(folder: Path) -> str:
    try:
        return (folder / LOCK).read_text(errors="replace")[:200].strip() or "another process"
    except OSError:
        return "another process"


def write_status(folder: Path, how: str, why: str | None = None) -> None:
    """Say how a run is: running, finished, interrupted or failed, and why."""
    storage.write_json(folder / STATUS, {"status": how, "why": why})


class Summary(NamedTuple):
    """A run in one line; what is not known is None."""

    run: str
    status: str
    strategy: str | None
    data: str | None
    objective: str | None
    evaluations: int | None
    best_loss: float | None
    seconds: float | None
    test_loss: float | None = None
    cross_validated_loss: float | None = None  # of a fit with a penalty


def summaries(directory: Path) -> list[Summary]:
    """Every run folder in a directory, the oldest first."""
    if not directory.is_dir():
        raise InputError(
            f"FOLDER must hold runs, got {shortened(directory)}, which is not a folder"
        )
    inside = [path.parent for path in directory.glob(f"*/{CONFIG}")]
    if (directory / CONFIG).exists():
        inside = [directory]
    return [
        _summary(folder) for folder in sorted(inside, key=lambda f: (f / CONFIG).stat().st_mtime)
    ]


def _summary(folder: Path) -> Summary:
    known: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    with contextlib.suppress(InputError):
        recipe = dictionary(dictionary(storage.read_json(folder / CONFIG)).get("recipe"))
    result: dict[str, Any] = {}
    with contextlib.suppress(InputError):
        result = dictionary(storage.read_json(folder / RESULT))
    for path in checkpoint.found(folder):
        with contextlib.suppress(InputError):
            known = dictionary(storage.load_about(path))
            break
    return Summary(
        str(folder), status(folder), recipe.get("strategy"), recipe.get("data"),
        recipe.get("objective"), known.get("evaluations"), known.get("best_loss"),
        known.get("seconds"), result.get("test_loss"),
        result.get("validation_loss") if result.get("penalty") else None,
    )  # fmt: skip


def status(folder: Path) -> str:
    """How a run is: running, finished, interrupted (or killed), failed or unknown."""
    found = _stored_status(folder)
    if found != "running":
        return found
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        with lock:
            return "interrupted"  # nobody holds it: it was killed
    except (Timeout, OSError):
        return "running"


def _stored_status(folder: Path) -> str:
    try:
        return str(dictionary(storage.read_json(folder / STATUS)).get("status", "unknown"))
    except InputError:
        return "unknown"
