"""Ctrl-C and SIGTERM at every moment of a command's life, from its first line to its last.

Several at once, more than there are cores, since what went wrong on a busy machine did not on an
idle one. With the cache of compiled programs, which is emptied now and then, and without.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.reliability import BrokenPromiseError, Results, gradless
from gradless._core import compilation_cache

SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
TRAIN = ("train", "vertical", "--hidden", "3", "--strategy", "hill_climbing", "--time", "1")
LONG = ("train", "digits", "--time", "20")
# RUN is a copy of a finished run, OUT a name that is free, TABLE a file with answers.
OTHERS = (
    ("resume", "RUN", "--time", "2"),
    ("repeat", "RUN"),
    ("plot", "RUN"),
    ("predict", "RUN", "TABLE", "--out", "OUT.csv"),
    ("evaluate", "RUN", "TABLE"),
    ("explain", "vertical"),
    ("compare", "vertical", "--time", "1", "--seeds", "2", "--out", "OUT"),
    ("book", "hill-climb", "--out", "OUT"),
)
_SLOWEST = 60.0  # seconds from a signal to the end, beside those of a life that is left alone
# What the script that pip makes does; the byte says that the interpreter has begun with it.
_FIRST_LINE = "import os; os.write({}, b'.'); from gradless.__main__ import main; main()"
_RESUMED = 1 / 8  # of the runs that are left are gone on with
_CLEARED = 1 / 4  # of the commands begin with an empty cache


class _Ended(NamedTuple):
    """How a command ended."""

    code: int
    said: str
    alone: bool  # before the signal came
    waited: float  # seconds from the signal to the end
    lived: float  # seconds from the first line to the end


class Campaign:
    """Commands, signals, and what was left of them."""

    def __init__(self, folder: Path, at_once: int) -> None:
        self.folder, self.at_once = folder, at_once
        self.cache = folder / "cache"
        self._lock = threading.Lock()
        self._chance = random.Random()  # the moments would differ anyway
        self._names = iter(range(10**9))

    def tries(self, words: tuple[str, ...], signals: list[str], cached: bool) -> Results:
        """Interrupts of a command by these signals, uniformly over its life."""
        count = len(signals)
        life = self._life(words, cached, 3 if count > self.at_once else 1)
        parts = [(k + self._chance.random()) / count for k in range(count)]
        self._chance.shuffle(parts)
        with ThreadPoolExecutor(self.at_once) as pool:
            found = list(
                pool.map(
                    lambda k: self._try(words, signals[k], parts[k], life, cached),
                    range(count),
                )
            )
        ended = [one for one, _ in found if not one.alone]
        waits = [one.waited for one in ended] or [0.0]
        row = {
            "command": " ".join(words),
            "cached": cached,
            "life": round(life, 1),
            "signals": dict(
                Counter(signal.Signals(one.code - 128).name for one, _ in found if not one.alone)
            ),
            "too_late": sum(one.alone for one, _ in found),
            "left": dict(Counter(left for one, left in found if not one.alone)),
            "median_seconds": round(statistics.median(waits), 2),
            "slowest_seconds": round(max(waits), 2),
        }
        print(f"  {row}", flush=True)
        return row

    def _life(self, words: tuple[str, ...], cached: bool, count: int) -> float:
        """Seconds that a command lives that is left alone: the median of so many at once."""
        with ThreadPoolExecutor(count) as pool:
            alone = [pool.submit(self._try, words, None, 0.0, 0.0, cached) for _ in range(count)]
        ended = [one.result()[0] for one in alone]
        for one in ended:
            if one.code or one.said:
                raise BrokenPromiseError(f"{words} ended with {one.code}: {one.said}")
        return statistics.median(one.lived for one in ended)

    def _try(
        self, words: tuple[str, ...], name: str | None, part: float, life: float, cached: bool
    ) -> tuple[_Ended, str]:
        """Start a command, send it a signal, and look at what it leaves."""
        with self._lock:
            place = self.folder / f"try-{next(self._names)}"
        place.mkdir()
        after = part * life
        if cached and self._chance.random() < _CLEARED:
            for folder in self.cache.glob("*"):
                compilation_cache.clear(folder)
        given, run = list(words), None
        if "RUN" in words:
            run = place / "run"
            shutil.copytree(self.folder / "whole", run)
        if words[0] == "train":
            given += ["--quiet", "--out", str(place / "run")]
        places = {
            "RUN": str(run),
            "OUT": str(place / "out"),
            "OUT.csv": str(place / "out.csv"),
            "TABLE": str(self.folder / "table.csv"),
        }
        ended = self._ended([places.get(word, word) for word in given], name, after, life, cached)
        what = f"{' '.join(words)}, {name} after {after:.2f} s"
        if name is None:
            left = ""
        else:
            _check_end(ended, SIGNALS[name], what)
            left = self._check_left(place, words, what, ended)
        shutil.rmtree(place)
        return ended, left

    def _ended(
        self, given: list[str], name: str | None, after: float, life: float, cached: bool
    ) -> _Ended:
        environment = {**os.environ, "GRADLESS_CACHE": str(self.cache) if cached else "off"}
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-c", _FIRST_LINE.format(writing), *given],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
            pass_fds=(writing,),
        )  # fmt: skip
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        begun = time.monotonic()
        if name is not None:
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.send_signal(SIGNALS[name])
        sent, alone = time.monotonic(), process.poll() is not None
        try:
            _, said = process.communicate(timeout=None if name is None else _SLOWEST + life)
        except subprocess.TimeoutExpired:
            process.kill()
            raise BrokenPromiseError(f"{given} goes on after {name} at {after:.2f} s") from None
        now = time.monotonic()
        # It may have ended between the two, which only its exit code says.
        alone = alone or process.returncode == 0
        return _Ended(process.returncode, said, alone, now - sent, now - begun)

    def _check_left(self, place: Path, words: tuple[str, ...], what: str, ended: _Ended) -> str:
        """What a command has left behind, if it may be left."""
        if half := sorted(place.rglob("*.partial")):
            raise BrokenPromiseError(f"{what}: {half[0].name} is left")
        command, run = words[0], place / "run"
        if command in ("repeat", "predict", "evaluate") and _digest(run) != _digest(
            self.folder / "whole"
        ):
            raise BrokenPromiseError(f"{what}: the run has changed")
        if (table := place / "out.csv").exists():
            rows = table.read_text(encoding="utf-8").splitlines()
            if len(rows) != len((self.folder / "table.csv").read_text("utf-8").splitlines()):
                raise BrokenPromiseError(f"{what}: {len(rows)} rows were written")
        if command in ("book", "compare"):
            out = place / "out"
            if out.exists() and not any(out.iterdir()):
                raise BrokenPromiseError(f"{what}: an empty folder is left")
            return "results" if out.exists() else "nothing"
        if command not in ("train", "resume"):
            return "nothing new"
        if not run.exists():
            return "nothing"
        return self._check_run(run, what, ended)

    def _check_run(self, run: Path, what: str, ended: _Ended) -> str:
        from gradless._core.errors import InputError  # noqa: PLC0415
        from gradless.runs import resuming, run_folder  # noqa: PLC0415
        from gradless.runs.status import status as status_of  # noqa: PLC0415

        status = status_of(run)
        if status not in ("interrupted", "finished"):
            raise BrokenPromiseError(f"{what}: its status is {status}: {ended.said}")
        try:
            with self._lock:
                session = resuming.reopen(run).session
            if (run / run_folder.MODEL).exists():
                run_folder.read_network(run)
        except InputError as error:
            raise BrokenPromiseError(f"{what}: {error}") from None
        if "saved; go on" in ended.said and not (run / "loss.png").exists():
            raise BrokenPromiseError(f"{what}: saved, but not all of it")
        if status == "finished":
            return "a finished run"
        if self._chance.random() < _RESUMED:
            gradless("resume", str(run), "--time", "0.2", "--quiet")
            if status_of(run) != "finished":
                raise BrokenPromiseError(f"{what}: resumed, and {status_of(run)}")
        return "a run that goes on" if session.evaluations else "a run at its beginning"

    def check_cache(self) -> int:
        """Number of compiled programs that are kept, every one of them whole."""
        from jax._src import compilation_cache  # noqa: PLC0415

        entries = sorted(self.cache.glob("*/*-cache"))
        for entry in entries:
            try:
                compilation_cache.decompress_executable(entry.read_bytes())
            except Exception as error:
                raise BrokenPromiseError(f"{entry.name} is damaged: {error}") from None
            if not entry.with_name(entry.name.removesuffix("-cache") + "-atime").exists():
                raise BrokenPromiseError(f"{entry.name} has no time of its use")
        return len(entries)


def _check_end(ended: _Ended, number: signal.Signals, what: str) -> None:
    lines = ended.said.splitlines()
    if not ended.alone and ended.code != 128 + number:
        raise BrokenPromiseError(f"{what}: exit code {ended.code}: {ended.said[-2000:]}")
    if len(lines) > 2 or not all(line.startswith("gradless: ") for line in lines):
        raise BrokenPromiseError(f"{what}: it said {ended.said[-2000:]}")


def _digest(run: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(run.rglob("*")):
        if path.is_file() and path.name != "lock":
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def interrupts(sigint: int, sigterm: int, long: int, each: int) -> Results:
    """Interrupts of training runs, of longer ones with both signals, and of the other commands."""
    # A command that a script runs in the background ignores SIGINT, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as name:
        campaign = Campaign(Path(name), 2 * (os.cpu_count() or 1))
        rows = [
            campaign.tries(TRAIN, ["SIGINT"] * (sigint // 2) + ["SIGTERM"] * (sigterm // 2), cached)
            for cached in (True, False)
        ]
        if long:
            both = [*SIGNALS] * (long // 4)
            rows += [campaign.tries(LONG, both, cached) for cached in (True, False)]
        if each:
            _make_whole(campaign.folder)
            rows += [campaign.tries(words, [*SIGNALS] * (each // 2), True) for words in OTHERS]
        return {"rows": rows, "at_once": campaign.at_once, "programs": campaign.check_cache()}


def _make_whole(folder: Path) -> None:
    """A finished run on a table."""
    from sklearn.datasets import load_iris  # noqa: PLC0415

    table, run = folder / "table.csv", folder / "whole"
    load_iris(as_frame=True).frame.to_csv(table, index=False)
    gradless("train", str(table), "--evaluations", "3000", "--quiet", "--out", str(run))
