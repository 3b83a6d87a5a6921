"""How is a run kept while it goes on, so that nothing is lost when it dies?

A checkpoint is one file with everything that a run is between two generations: its arrays and
random key, the rows of its history, and as text what it was told. It is written by a thread of its
own to a name beside its place, flushed and renamed; the last two are kept. Whatever the instant at
which a run is killed, the newest file that can be read goes on as if nothing had happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from gradless._core import storage
from gradless._core.errors import InputError
from gradless.training.generation import Run, with_measures
from gradless.training.history import History
from gradless.training.history_rows import LOSSES, measures_among

FOLDER = "checkpoints"
# 1 had another rule of stagnation, and asked no data whether a target is reached. 2 knew no phases
# and no measures but an accuracy, and its runs began with other weights.
_FORMAT = 3
_KEPT = 2
_PATTERN = "checkpoint-*.safetensors"


About = Callable[[], dict[str, Any]]
"""Makes what is kept as text, in values that JSON can hold."""


class Saved(NamedTuple):
    """A checkpoint that was read."""

    run: Any
    history: History
    about: dict[str, Any]
    refused: tuple[str, ...]  # why newer ones could not be used
    kept: np.ndarray | None = None  # parameters of the best network on rows held out


class Keeper:
    """Writes checkpoints of a run into its folder; to be used in a ``with`` statement.

    Parameters
    ----------
    folder
        The run folder.
    every
        Seconds between two checkpoints; none are written in between if another one is still being
        written.
    failed
        Called, once until it succeeds again, with a text if a checkpoint could not be written; the
        run goes on.
    """

    def __init__(
        self, folder: Path, every: float, failed: Callable[[str], None] = lambda _: None
    ) -> None:
        """Write nothing yet."""
        self._folder = folder / FOLDER
        self._every = every
        self._failed = failed
        self._last = time.monotonic()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._told = False

    def offer(
        self, run: Any, history: History, about: About, kept: np.ndarray | None = None
    ) -> None:
        """Keep this state if it is time; called between chunks, returns at once.

        ``kept`` is the network that is best on rows held out, as a vector, if there is one.
        """
        if time.monotonic() - self._last < self._every or self._is_busy():
            return
        self._tell()
        self._last = time.monotonic()
        arguments = (run, history.arrays(), about(), kept)
        self._thread = threading.Thread(target=self._attempt, args=arguments, daemon=True)
        self._thread.start()

    def write(
        self, run: Any, history: History, about: About, kept: np.ndarray | None = None
    ) -> None:
        """Keep this state now.

        Raises
        ------
        OSError
            If it cannot be written; what was there before is left as it is.
        """
        self._wait()
        _write(self._folder, run, history.arrays(), about(), kept)

    def __enter__(self) -> Keeper:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._wait()
        self._tell()

    def _is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _attempt(
        self,
        run: Any,
        rows: dict[str, np.ndarray],
        about: dict[str, Any],
        kept: np.ndarray | None,
    ) -> None:
        try:
            _write(self._folder, run, rows, about, kept)
            self._told = False
        except Exception as error:
            self._error = error

    def _tell(self) -> None:
        error, self._error = self._error, None
        if error is not None and not self._told:
            self._told = True
            self._failed(f"no checkpoint could be written ({error}); the run continues without")


def _write(
    folder: Path,
    run: Any,
    rows: dict[str, np.ndarray],
    about: dict[str, Any],
    kept: np.ndarray | None,
) -> None:
    folder.mkdir(exist_ok=True)
    # Another phase counts its generations anew.
    number = int(run.generation) + int(about.get("spent", {}).get("generations", 0))
    path = folder / f"checkpoint-{number:012d}.safetensors"
    losses = _losses(run)
    # Without a row, the history does not know the type of losses yet.
    rows = {name: a.astype(losses) if name in LOSSES else a for name, a in rows.items()}
    tree = {"run": run, "history": rows}
    known = {
        "format": _FORMAT,
        "rows": len(rows["generation"]),
        "losses": losses,
        "measures": {
            "run": sorted(getattr(run, "best_measures", {})),
            "history": measures_among(rows),  # of another phase than that of the run, maybe
        },
    }
    if kept is not None:
        tree["kept"], known["kept"] = kept, True
    storage.save_tree(path, tree, {**known, **about})
    for old in found(folder.parent)[_KEPT:]:
        old.unlink(missing_ok=True)
    for partial in folder.glob("*.partial"):  # of a process that was killed
        partial.unlink(missing_ok=True)


def found(folder: Path) -> list[Path]:
    """Checkpoints in a run folder, the newest first."""
    return sorted((folder / FOLDER).glob(_PATTERN), reverse=True)


def newest(folder: Path, like: Any | Callable[[dict[str, Any]], Any]) -> Saved:
    """The newest checkpoint of a run folder that can be read.

    Parameters
    ----------
    folder
        The run folder.
    like
        A run of the same shapes, for example the one that :func:`gradless.begin` returns; its
        numbers are not used. Or what makes one by what a checkpoint says of itself.

    Raises
    ------
    InputError
        If there is none, or none can be read.
    """
    refused: list[str] = []
    paths = found(folder)
    for path in paths:
        try:
            about = storage.load_about(path)
            _check_format(path, about)
            run = like(about) if callable(like) else like
            _check_losses(path, about, _losses(run))
            measures = about["measures"]
            if isinstance(run, Run):
                run = with_measures(run, measures["run"])
            rows = History.empty_arrays(about["rows"], _losses(run), measures["history"])
            expected = {"run": run, "history": rows}
            if about.get("kept"):
                expected["kept"] = np.zeros(run.best.shape, run.best.dtype)
            tree = storage.load_tree(path, expected)
            history = History.from_arrays(tree["history"])
            return Saved(tree["run"], history, about, tuple(refused), tree.get("kept"))
        except InputError as error:
            refused.append(str(error))
    if not refused:
        raise InputError(
            f"{folder} must hold a checkpoint to resume from, got none: it ended before its "
            "first one, or was rebuilt from a seed log. Start such a run again with: gradless train"
        )
    raise InputError(f"{folder} cannot be resumed: {'; '.join(refused)}")


def _losses(run: Any) -> str:
    """Type of a run's losses."""
    return str(getattr(run, "best_loss", np.float32()).dtype)


def _are_names(measures: Any) -> bool:
    return (
        isinstance(measures, dict)
        and measures.keys() == {"run", "history"}
        and all(isinstance(names, list) for names in measures.values())
    )


def _check_format(path: Path, about: Any) -> None:
    fits = isinstance(about, dict) and isinstance(about.get("format"), int)
    if fits and about["format"] > _FORMAT:
        raise InputError(
            f"{path} must have format {_FORMAT} or lower, got {about['format']} of a newer "
            "version of gradless; update gradless"
        )
    if fits and about["format"] < _FORMAT:
        raise InputError(
            f"{path} was written by an earlier version of gradless, whose runs this one cannot "
            "resume. Start a new run with gradless train, or use the version that wrote it"
        )
    rows = about.get("rows") if fits else None
    measures = about.get("measures") if fits else None
    if not (isinstance(rows, int) and 0 <= rows <= History.CAPACITY and _are_names(measures)):
        raise InputError(
            f"{path} must be a checkpoint of this version of gradless, got something else"
        )


def _check_losses(path: Path, about: dict[str, Any], losses: str) -> None:
    if (kept := about.get("losses", "float32")) != losses:
        mode = "set" if kept == "float64" else "do not set"
        raise InputError(
            f"{path} must hold losses in {losses}, as JAX computes now, got {kept}; {mode} "
            "JAX_ENABLE_X64=1 in the environment"
        )
