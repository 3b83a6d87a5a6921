"""How is a program's best setting searched, so that nothing that it has computed is lost?

=================  ========================================================
command.json       the command, its parameters, the strategy, the seed
evaluations.csv    a line for each evaluation, written when it has ended
failures.log       what programs that failed were and said
best.json          the best values and what the program printed for them
=================  ========================================================

A search depends on its seed and on the losses alone. So it is resumed by doing it again: what
is in ``evaluations.csv`` is taken from there, and only the rest is run.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from gradless._core import interrupts, storage
from gradless._core.errors import InputError
from gradless._core.terminal import make_folder
from gradless.problems.command import Command, ProgramError
from gradless.runs.number import Number
from gradless.runs.run_folder import LOCK
from gradless.training.minimization import minimize
from gradless.training.minimum import Minimum

RECIPE, EVALUATIONS, FAILURES, BEST = (
    "command.json",
    "evaluations.csv",
    "failures.log",
    "best.json",
)
_AFTER_NAMES = ("value", "seconds", "error")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is searched; two searches with the same recipe evaluate the same values in turn.

    Attributes
    ----------
    command
        A program with its arguments, as :class:`.Command` takes it.
    numbers
        Its parameters.
    maximize
        Whether more is better.
    strategy, hyperparameters, seed
        As :func:`gradless.minimize` takes them.
    """

    command: str
    numbers: tuple[Number, ...]
    maximize: bool = False
    strategy: str = "auto"
    hyperparameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0

    @property
    def names(self) -> list[str]:
        """Those of the parameters."""
        return [number.name for number in self.numbers]

    def values(self, params: Mapping[str, Any]) -> dict[str, float | int]:
        """What the program gets for a candidate."""
        return {number.name: number.value(params[number.name]) for number in self.numbers}


class Table:
    """All evaluations of a search, on disk as soon as they have ended; several threads may use it.

    Attributes
    ----------
    known
        How many there were when it was opened.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        """Open it, or begin it."""
        self._path, self._names = path, list(names)
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], deque[dict[str, str]]] = defaultdict(deque)
        rows = self._read()
        for row in rows:
            self._known[tuple(row[name] for name in self._names)].append(row)
        self.known = len(rows)

    def take(self, values: Mapping[str, Any]) -> dict[str, str] | None:
        """The next evaluation of these values that is known, if there is one."""
        with self._lock:
            rows = self._known.get(self._key(values))
            return rows.popleft() if rows else None

    def add(
        self, values: Mapping[str, Any], value: float | None, seconds: float, error: str
    ) -> None:
        """Write one down; ``value`` is None where the program failed."""
        shown = "" if value is None else repr(value)
        row = [*self._key(values), shown, f"{seconds:.3f}", " ".join(error.split())]
        with (
            self._lock,
            interrupts.whole(),
            self._path.open("a", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file, lineterminator="\n").writerow(row)

    def _key(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(repr(values[name]) for name in self._names)

    def _read(self) -> list[dict[str, str]]:
        """The rows that are whole; the last one may have been cut off, and goes."""
        columns = [*self._names, *_AFTER_NAMES]
        if not self._path.exists():
            storage.write_bytes(self._path, (",".join(columns) + "\n").encode())
        data = self._path.read_bytes()
        if not data.endswith(b"\n"):
            data = data[: data.rfind(b"\n") + 1]
            storage.write_bytes(self._path, data)
        rows = list(csv.DictReader(data.decode("utf-8").splitlines()))
        if any(set(row) != set(columns) or None in row.values() for row in rows):
            raise InputError(
                f"{self._path} must have the columns {', '.join(columns)}. Delete the folder, or "
                "name another one with --out"
            )
        return rows


class CommandSearch:
    """A search in a folder."""

    def __init__(self, folder: Path, recipe: Recipe, *, timeout: float | None = None) -> None:
        """Begin a search in a new folder, or go on with one of the same recipe.

        Raises
        ------
        InputError
            If the command does not fit its parameters, or the folder holds anything else.
        """
        self.folder, self.recipe = folder, recipe
        self.command = Command(
            recipe.command, recipe.names, timeout=timeout, failed=self._note_failure
        )
        if (folder / RECIPE).exists():
            _check_same(folder, _recipe(folder), recipe)
        else:
            make_folder(folder)
            if any(folder.iterdir()):
                raise InputError(
                    f"{folder} must be a new folder or one of a search, and has other files. Name "
                    "another one with --out"
                )
            storage.write_json(folder / RECIPE, _as_json(recipe))
        self.table = Table(folder / EVALUATIONS, recipe.names)
        self._lock = threading.Lock()
        self._has_begun = False

    def loss(self, params: Mapping[str, Any]) -> float:
        """What is minimised: run the program, unless the table has it."""
        values = self.recipe.values(params)
        if (row := self.table.take(values)) is not None:
            if not row["value"]:
                raise ProgramError(row["error"])
            self._has_begun = True
            return self._loss_of(float(row["value"]))
        begun = time.perf_counter()
        try:
            value = self.command(values)
        except ProgramError as error:
            # Where the search begins it is most likely a mistake, to be mended and run again.
            if self._has_begun and not self.command.stopped:
                self.table.add(values, None, time.perf_counter() - begun, str(error))
            raise
        self.table.add(values, value, time.perf_counter() - begun, "")
        self._has_begun = True
        return self._loss_of(value)

    def run(self, *, jobs: int = 1, **limits: Any) -> tuple[Minimum, dict[str, float | int]]:
        """Search; returns what was found and the best values.

        ``limits`` and what else :func:`gradless.minimize` takes, such as ``verbose``.

        Raises
        ------
        ProgramError
            If the program fails where the search begins.
        """
        recipe = self.recipe
        with (
            interrupts.farewell(self._farewell),
            joblib.parallel_config(backend="threading"),
        ):  # threads, since each of them waits for a process
            found = minimize(
                self.loss,
                {number.name: number.start_coordinate for number in recipe.numbers},
                recipe.strategy,
                bounds={number.name: number.bounds for number in recipe.numbers},
                integers=True if any(number.is_stepped for number in recipe.numbers) else None,
                seed=recipe.seed,
                compiled=False,
                n_jobs=jobs,
                **recipe.hyperparameters,
                **limits,
            )
        best = recipe.values(found.best)
        storage.write_json(
            self.folder / BEST, {"values": best, "value": self.value_of(found.best_loss)}
        )
        return found, best

    def value_of(self, loss: float) -> float:
        """What the program printed for this loss."""
        return -loss if self.recipe.maximize else loss

    _loss_of = value_of

    def forget_unbegun(self) -> None:
        """Leave no folder of a search whose program has never printed a number."""
        if not self._has_begun:
            for name in (RECIPE, EVALUATIONS, FAILURES, LOCK):
                (self.folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # something else is in it
                self.folder.rmdir()

    def _note_failure(self, text: str) -> None:
        with self._lock, (self.folder / FAILURES).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def _farewell(self) -> str:
        self.command.stop()
        return f"to go on: gradless resume {self.folder}"


def reopened(folder: Path, *, timeout: float | None = None) -> CommandSearch:
    """The search that a folder holds."""
    return CommandSearch(folder, _recipe(folder), timeout=timeout)


def _recipe(folder: Path) -> Recipe:
    """What a folder's search is."""
    about = storage.read_json(folder / RECIPE)
    try:
        numbers = tuple(Number(**number) for number in about.pop("numbers"))
        return Recipe(numbers=numbers, **about)
    except (AttributeError, KeyError, TypeError):
        raise InputError(
            f"{folder / RECIPE} must be written by gradless run, and is not. Name another folder "
            "with --out"
        ) from None


def is_one(folder: Path) -> bool:
    """Whether a folder holds a search of this kind."""
    return (folder / RECIPE).is_file()


def default_folder() -> Path:
    """First free folder ``runs/command-N``."""
    return next(
        folder for n in itertools.count(1) if not (folder := Path("runs") / f"command-{n}").exists()
    )


def _as_json(recipe: Recipe) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return about


def _check_same(folder: Path, before: Recipe, now: Recipe) -> None:
    for field in dataclasses.fields(Recipe):
        held, given = getattr(before, field.name), getattr(now, field.name)
        if held != given:
            name = "bounds or start" if field.name == "numbers" else field.name
            raise InputError(
                f"{folder} holds a search with another {name}, {_shown(held)}, got {_shown(given)}."
                f" Name another folder with --out, or go on with that one: gradless resume {folder}"
            )


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
