"""Which runs are in a folder, and how are they? Their files say."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from gradless import objectives
from gradless._core import storage
from gradless._core.errors import InputError
from gradless.objectives import Objective
from gradless.pages.live.curves import Curve, Followed, Stamp, plain, stamp
from gradless.runs import live_rows
from gradless.runs.command_search import BEST, EVALUATIONS, RECIPE
from gradless.runs.run_folder import CONFIG, HISTORY, LOCK, RESULT, STATUS, VALIDATION, dictionary
from gradless.views import model_card

SPARK = 60
"""Points of the small curve in the list."""
_DEPTH = 3  # folders below the one that is watched
_NO_NEWS = 60.0  # seconds after which a run on another machine counts as interrupted
_HOLDER = re.compile(r"process (\d{1,9}) on (.+)")
# Files that grow, with the columns of them that are shown, and others that decide what is shown.
_FOLLOWED = {
    live_rows.NAME: live_rows.COLUMNS,
    HISTORY: live_rows.COLUMNS,
    VALIDATION: ("evaluations", "loss"),
    EVALUATIONS: ("value",),
}
_READ = (CONFIG, RECIPE, STATUS, LOCK, RESULT, BEST)

_Numbers = npt.NDArray[np.float64]


class RunFiles:
    """A run, as far as its files say."""

    def __init__(self, folder: Path, root: Path) -> None:
        """Follow the run in this folder."""
        self.folder = folder
        self.id = folder.relative_to(root).as_posix() if folder != root else "."
        self._paths = {name: str(folder / name) for name in (*_FOLLOWED, *_READ)}
        self._stamps: dict[str, Stamp | None] = {}
        self._follow = {
            name: Followed(folder / name, columns) for name, columns in _FOLLOWED.items()
        }
        self._read: dict[str, tuple[Stamp | None, dict[str, Any]]] = {}
        self._held: tuple[Stamp | None, tuple[int, str] | None] = (None, None)
        self.version = 0
        self.status = "unknown"
        self.line: dict[str, Any] = {}

    def look(self) -> bool:
        """Read what is new; if there is something, count the version up and write its line."""
        stamps = {name: stamp(path) for name, path in self._paths.items()}
        if stamps == self._stamps and self.status != "running":
            return False
        before, self._stamps = self._stamps, stamps
        for name, followed in self._follow.items():
            followed.look(stamps[name])
        status = self._status()
        if stamps == before and status == self.status:
            return False
        self.status = status
        self.version += 1
        self.line = self._line()
        return True

    # --- What it is -------------------------------------------------------------------------------

    @property
    def is_command(self) -> bool:
        """Whether it is a search of the settings of a program."""
        return self._stamps.get(RECIPE) is not None

    def _status(self) -> str:
        """Running, finished, interrupted, failed or unknown."""
        if self.is_command:
            return "running" if self._process() is not None else "finished"
        stored = str(self.json(STATUS).get("status", "unknown"))
        if stored != "running" or self._process() is not None:
            return stored
        holder = self._holder()
        if holder is not None and holder[1] != platform.node():
            recent = self._time(live_rows.NAME) > time.time() - _NO_NEWS
            return "running" if recent else "interrupted"
        return "interrupted"

    def _process(self) -> psutil.Process | None:
        """The process on this machine that says that it trains it."""
        holder = self._holder()
        if holder is None or holder[1] != platform.node():
            return None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(holder[0])
            # Numbers of processes come again: it must be older than the lock that names it.
            locked = self._time(LOCK)
            if process.create_time() <= locked + 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def training(self) -> psutil.Process | None:
        """The process that holds the run: the lock is open in it, whatever others wrote there."""
        process = self._process()
        with contextlib.suppress(psutil.Error, OSError):
            lock = os.path.realpath(self._paths[LOCK])
            if process is not None and lock in {file.path for file in process.open_files()}:
                return process
        return None

    def _holder(self) -> tuple[int, str] | None:
        """Process and machine that the lock names, unless the run has ended."""
        if self.json(STATUS).get("status") not in (None, "running"):
            return None
        changed = self._stamps.get(LOCK)
        if self._held[0] != changed:
            found = None
            if changed is not None:
                with contextlib.suppress(OSError):
                    text = (self.folder / LOCK).read_bytes()[:200].decode("utf-8", "replace")
                    found = _HOLDER.match(text)
            self._held = (changed, (int(found[1]), found[2].strip()) if found else None)
        return self._held[1]

    def json(self, name: str) -> dict[str, Any]:
        """A file of it, read again when it has changed; empty if it cannot be read."""
        changed = self._stamps.get(name)
        kept = self._read.get(name)
        if kept is None or kept[0] != changed:
            value: dict[str, Any] = {}
            if changed is not None:
                with contextlib.suppress(InputError, OSError, ValueError, RecursionError):
                    value = dictionary(storage.read_json(self.folder / name))
            self._read[name] = kept = (changed, value)
        return kept[1]

    def _time(self, name: str) -> float:
        found = self._stamps.get(name)
        return 0.0 if found is None else found.changed / 1e9

    @property
    def objective(self) -> Objective | None:
        """What it improves; None where that is not known."""
        name = dictionary(self.json(CONFIG).get("recipe")).get("objective")
        try:
            return objectives.get(name) if isinstance(name, str) else None
        except InputError:
            return None

    # --- What a page shows ------------------------------------------------------------------------

    def curve(self) -> dict[str, Any]:
        """Its columns over evaluations, thinned."""
        if self.is_command:
            values, best = self._values()
            counted = np.arange(1, len(values) + 1)
            return {
                "evaluations": counted.tolist(), "loss": plain(values), "best_loss": plain(best)
            }  # fmt: skip
        curve, looks = self._main_curve(), self._follow[VALIDATION].curve
        shown: dict[str, Any] = {} if curve is None else self._shown(curve)
        if looks is not None:
            shown["validation"] = self._shown(looks)
        return shown

    def _shown(self, curve: Curve) -> dict[str, Any]:
        """A curve with values of the objective instead of what is minimised."""
        shown, objective = curve.shown(), self.objective
        if objective is not None and objective.greater_is_better:
            for name in {"loss", "best_loss"} & shown.keys():
                shown[name] = plain(objective.value(curve.column(name)))
        return shown

    def _main_curve(self) -> Curve | None:
        live, history = self._follow[live_rows.NAME].curve, self._follow[HISTORY].curve
        ended = history is not None and self.status != "running"
        return history if ended else live or history

    def _values(self) -> tuple[_Numbers, _Numbers]:
        """What a program printed, and the best so far."""
        curve = self._follow[EVALUATIONS].curve
        values = np.empty(0) if curve is None else curve.column("value")
        values = values[np.isfinite(values)]
        best = np.maximum if self.json(RECIPE).get("maximize") else np.minimum
        return values, best.accumulate(values)

    def _line(self) -> dict[str, Any]:
        """What the list says of it."""
        config, result = self.json(CONFIG), self.json(RESULT)
        recipe = dictionary(config.get("recipe"))
        objective, curve = self.objective, self._main_curve()

        def column(name: str) -> _Numbers:
            values = np.empty(0) if curve is None else curve.column(name)
            return values[np.isfinite(values)]

        def value(loss: float | None) -> float | None:
            return loss if objective is None or loss is None else float(objective.value(loss))

        best, evaluations = column("best_loss"), _last(column("evaluations"))
        if self.is_command:
            values, best = self._values()
            evaluations = len(values)
        looks = self._follow[VALIDATION].curve
        seen = np.empty(0) if looks is None else looks.column("loss")
        seen = seen[np.isfinite(seen)]
        data = recipe.get("data")
        return {
            "id": self.id,
            "version": self.version,
            "kind": "program" if self.is_command else "network",
            "status": self.status,
            "why": self.json(STATUS).get("why"),
            "data": self.json(RECIPE).get("command") if data is None else Path(str(data)).name,
            "strategy": recipe.get("strategy") or self.json(RECIPE).get("strategy"),
            "objective": str(recipe.get("objective") or "value"),
            "begun": self._time(RECIPE if self.is_command else CONFIG),
            "evaluations": evaluations,
            "seconds": _last(column("seconds")),
            "loss": value(_last(best)),
            "accuracy": _last(column("best_accuracy")),
            "validation": value(float(seen.min()) if len(seen) else None),
            "test_accuracy": result.get("test_accuracy"),
            "spark": _spark(best),
        }

    def details(self) -> dict[str, Any]:
        """All that the page of a run shows besides its curves."""
        config, result = self.json(CONFIG), self.json(RESULT)
        pictures = sorted(path.name for path in self.folder.glob("*.png") if stamp(path))
        return {
            **self.line,
            "recipe": {k: v for k, v in dictionary(config.get("recipe")).items() if v is not None},
            "rows": dictionary(config.get("data")),
            "sizes": dictionary(config.get("network")).get("sizes"),
            "result": result,
            "pictures": pictures,
            "card": stamp(self.folder / model_card.PAGE) is not None,
            "command": self.json(RECIPE) if self.is_command else None,
            "best": self.json(BEST) if self.is_command else None,
        }


class Watched:
    """All runs below a folder."""

    def __init__(self, root: Path) -> None:
        """Watch it; it need not be there yet."""
        self.root = root.resolve()
        self.runs: dict[str, RunFiles] = {}
        self._looking = threading.Lock()  # files are read by one at a time

    def look(self) -> bool:
        """See which runs there are, and read what is new of them; whether there was something."""
        with self._looking:
            folders = set(self._folders())
            runs = {name: run for name, run in self.runs.items() if run.folder in folders}
            changed = len(runs) < len(self.runs)
            known = {run.folder for run in runs.values()}
            for folder in folders - known:
                run = RunFiles(folder, self.root)
                runs[run.id] = run
            for run in runs.values():
                changed = run.look() or changed
            self.runs = runs  # at once: others may be reading the list
            return changed

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

    def lines(self) -> list[dict[str, Any]]:
        """What the list says of each run, those that run first, then the newest."""
        lines = [run.line for run in self.runs.values()]
        return sorted(lines, key=lambda x: (x["status"] != "running", -x["begun"], x["id"]))

    def curve(self, run: str) -> dict[str, Any] | None:
        """The curves of a run; None if there is no such run."""
        known = self.runs.get(run)
        with self._looking:
            return None if known is None else known.curve()

    def details(self, run: str) -> dict[str, Any] | None:
        """All else of a run; None if there is no such run."""
        known = self.runs.get(run)
        with self._looking:
            return None if known is None else known.details()

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


def _last(values: _Numbers) -> float | None:
    return float(values[-1]) if len(values) else None


def _spark(values: _Numbers) -> list[float | None]:
    # From the end, so that the latest is there.
    return plain(values[:: -max(1, -(-len(values) // SPARK))][::-1], 4)
