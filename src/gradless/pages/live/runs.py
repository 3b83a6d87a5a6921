"""Which runs are in a folder, and how are they? Their files say."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from gradless import objectives
from gradless._core import storage
from gradless._core.errors import InputError
from gradless.objectives import Objective
from gradless.pages.live.curves import Followed
from gradless.runs import live_rows
from gradless.runs.command_search import EVALUATIONS, RECIPE
from gradless.runs.run_folder import CONFIG, HISTORY, LOCK, RESULT, STATUS, VALIDATION, dictionary
from gradless.views import model_card

SPARK = 60
"""Points of the small curve in the list."""
_DEPTH = 3  # folders below the one that is watched
_NO_NEWS = 60.0  # seconds after which a run on another machine counts as interrupted
_HOLDER = re.compile(r"process (\d+) on (.+)")


class RunFiles:
    """A run, as far as its files say."""

    def __init__(self, folder: Path, root: Path) -> None:
        """Follow the run in this folder."""
        self.folder = folder
        self.id = folder.relative_to(root).as_posix() if folder != root else "."
        self.is_command = (folder / RECIPE).exists()
        wanted = live_rows.COLUMNS
        self._live = Followed(folder / live_rows.NAME, wanted)
        self._history = Followed(folder / HISTORY, wanted)
        self._validation = Followed(folder / VALIDATION, ("evaluations", "loss"))
        self._table = Followed(folder / EVALUATIONS, ("value",))
        self._read: dict[str, tuple[int, dict[str, Any]]] = {}
        self.version = 0
        self._seen: Any = None

    def look(self) -> None:
        """Read what is new, and count the version up if there is something."""
        news = [each.look() for each in (self._live, self._history, self._validation, self._table)]
        seen = (self.status, [self._time(name) for name in (CONFIG, RESULT, STATUS)])
        if any(news) or seen != self._seen:
            self._seen = seen
            self.version += 1

    # --- What it is -------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """Running, finished, interrupted, failed or unknown."""
        if self.is_command:
            return "running" if self.process() is not None else "finished"
        stored = str(self.json(STATUS).get("status", "unknown"))
        if stored != "running" or self.process() is not None:
            return stored
        holder = self._holder()
        if holder is not None and holder[1] != platform.node():
            recent = self._time(live_rows.NAME) / 1e9 > time.time() - _NO_NEWS
            return "running" if recent else "interrupted"
        return "interrupted"

    def process(self) -> psutil.Process | None:
        """The process on this machine that trains it."""
        holder = self._holder()
        if holder is None or holder[1] != platform.node():
            return None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(holder[0])
            # Numbers of processes come again: it must be older than the lock that names it.
            locked = self._time(LOCK) / 1e9
            if process.create_time() <= locked + 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def _holder(self) -> tuple[int, str] | None:
        try:
            text = (self.folder / LOCK).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        found = _HOLDER.match(text)
        if found is None:
            return None
        if self.json(STATUS).get("status") not in (None, "running"):
            return None  # it has ended, and the lock is free
        return int(found[1]), found[2].strip()

    def json(self, name: str) -> dict[str, Any]:
        """A file of it, read again when it has changed; empty if it cannot be read."""
        changed = self._time(name)
        kept = self._read.get(name)
        if kept is None or kept[0] != changed:
            value: dict[str, Any] = {}
            with contextlib.suppress(InputError, OSError, ValueError):
                value = dictionary(storage.read_json(self.folder / name))
            self._read[name] = kept = (changed, value)
        return kept[1]

    def _time(self, name: str) -> int:
        try:
            return (self.folder / name).stat().st_mtime_ns
        except OSError:
            return 0

    @property
    def objective(self) -> Objective | None:
        """What it improves; None where that is not known."""
        name = dictionary(self.json(CONFIG).get("recipe")).get("objective")
        try:
            return None if name is None else objectives.get(name)
        except InputError:
            return None

    # --- What a page shows ------------------------------------------------------------------------

    def curve(self) -> dict[str, Any]:
        """Its columns over evaluations, thinned."""
        if self.is_command:
            return self._command_curve()
        ended = self._history.curve is not None and self.status != "running"
        source = self._history if ended else self._live
        curve = source.curve or self._history.curve
        shown: dict[str, Any] = {} if curve is None else dict(curve.shown())
        if self._validation.curve is not None:
            looks = self._validation.curve.shown()
            shown["validation"] = {"evaluations": looks["evaluations"], "loss": looks["loss"]}
        return shown

    def _command_curve(self) -> dict[str, Any]:
        if self._table.curve is None:
            return {}
        values = [x for x in self._table.curve.shown()["value"] if x is not None]
        if not values:
            return {}
        best = np.maximum if self.json(RECIPE).get("maximize") else np.minimum
        return {
            "evaluations": list(range(1, len(values) + 1)),
            "loss": values,
            "best_loss": best.accumulate(values).tolist(),
        }

    def summary(self) -> dict[str, Any]:
        """A line of the list."""
        config, result, curve = self.json(CONFIG), self.json(RESULT), self.curve()
        recipe = dictionary(config.get("recipe"))
        best = next((x for x in reversed(curve.get("best_loss") or []) if x is not None), None)
        objective = self.objective
        validation = curve.get("validation", {}).get("loss")
        chosen = _least(validation)
        data = recipe.get("data") or (self.json(RECIPE).get("command") if self.is_command else None)
        return {
            "id": self.id,
            "version": self.version,
            "kind": "program" if self.is_command else "network",
            "status": self.status,
            "why": self.json(STATUS).get("why"),
            "data": Path(str(data)).name if recipe.get("data") else data,
            "strategy": recipe.get("strategy") or self.json(RECIPE).get("strategy"),
            "objective": recipe.get("objective") or "value",
            "begun": self._time(RECIPE if self.is_command else CONFIG) / 1e9,
            "evaluations": _last(curve.get("evaluations")),
            "seconds": _last(curve.get("seconds")),
            "loss": best if objective is None or best is None else objective.value(best),
            "accuracy": _last(curve.get("best_accuracy")),
            "validation": chosen
            if objective is None or chosen is None
            else objective.value(chosen),
            "test_accuracy": result.get("test_accuracy"),
            "spark": _spark(curve.get("best_loss") or []),
        }

    def details(self) -> dict[str, Any]:
        """All that the page of a run shows besides its curves."""
        config, result = self.json(CONFIG), self.json(RESULT)
        pictures = sorted(path.name for path in self.folder.glob("*.png") if path.is_file())
        return {
            **self.summary(),
            "recipe": {k: v for k, v in dictionary(config.get("recipe")).items() if v is not None},
            "rows": dictionary(config.get("data")),
            "sizes": dictionary(config.get("network")).get("sizes"),
            "result": result,
            "pictures": pictures,
            "card": (self.folder / model_card.PAGE).is_file(),
            "command": self.json(RECIPE) if self.is_command else None,
            "best": self.json("best.json") if self.is_command else None,
        }


class Watched:
    """All runs below a folder."""

    def __init__(self, root: Path) -> None:
        """Watch it; it need not be there yet."""
        self.root = root.resolve()
        self.runs: dict[str, RunFiles] = {}

    def look(self) -> None:
        """See which runs there are, and read what is new of them."""
        folders = set(self._folders())
        known = {run.folder for run in self.runs.values()}
        for folder in folders - known:
            run = RunFiles(folder, self.root)
            self.runs[run.id] = run
        for name, run in list(self.runs.items()):
            if run.folder not in folders:
                del self.runs[name]
                continue
            run.look()

    def _folders(self) -> list[Path]:
        found: list[Path] = []

        def search(folder: Path, depth: int) -> None:
            try:
                entries = list(os.scandir(folder))
            except OSError:
                return
            names = {entry.name for entry in entries}
            if CONFIG in names or RECIPE in names:
                found.append(folder)
                return
            if depth:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            search(folder / entry.name, depth - 1)

        search(self.root, _DEPTH)
        return found

    def summaries(self) -> list[dict[str, Any]]:
        """The list, those that run first, then the newest."""
        lines = [run.summary() for run in self.runs.values()]
        return sorted(lines, key=lambda x: (x["status"] != "running", -x["begun"]))

    def picture(self, run: str, name: str) -> Path | None:
        """A picture of a run, if it is one, and in its folder."""
        return self._file(run, name) if re.fullmatch(r"[\w-]+\.png", name) else None

    def card(self, run: str) -> Path | None:
        """The model card of a run as a page."""
        return self._file(run, model_card.PAGE)

    def _file(self, run: str, name: str) -> Path | None:
        known = self.runs.get(run)
        if known is None:
            return None
        path = (known.folder / name).resolve()  # a link may lead anywhere
        inside = path.parent == known.folder.resolve() and path.is_relative_to(self.root)
        return path if inside and path.is_file() else None


def _last(values: list[Any] | None) -> Any:
    return next((x for x in reversed(values or []) if x is not None), None)


def _least(values: list[Any] | None) -> Any:
    numbers = [x for x in values or [] if x is not None]
    return min(numbers) if numbers else None


def _spark(values: list[Any]) -> list[Any]:
    places = np.linspace(0, len(values) - 1, min(SPARK, len(values))).astype(int)
    return [values[place] for place in places]
