"""How is a search kept as its seed and its losses? An observer appends them to a file."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import jax
import numpy as np

from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless._core.storage import unwritable
from gradless._core.tree import Params
from gradless.strategies.base import Strategy
from gradless.training import seed_log
from gradless.training.observers import Observer, RunInfo
from gradless.training.records import Record, is_target
from gradless.training.seed_log import Logged
from gradless.training.seed_log_strategy import described
from gradless.training.validation import center as center_of


class SeedLog(Observer):
    """Writes the losses of a search to a file.

    Parameters
    ----------
    path
        The file; it must not exist, unless the search goes on.
    strategy, seed
        Of the search.
    start
        What is searched, where it begins.
    kinds, fixed
        Of a model of which not all is searched: what each leaf is, and the arrays that stay.
    run
        Of a run of the command line: what its folder needs besides the weights, for JSON.
    after
        What the file holds already, for a search that goes on behind these generations; see
        :func:`.replaying.going_on`.

    Raises
    ------
    InputError
        If the file is there already, or the strategy cannot be rebuilt from a log.
    """

    def __init__(
        self,
        path: Path,
        strategy: Strategy,
        seed: int,
        start: Params,
        kinds: Sequence[str] | None = None,
        fixed: Sequence[Any] = (),
        run: Mapping[str, Any] | None = None,
        after: Logged | None = None,
    ) -> None:
        """Write nothing yet."""
        if path.exists() and after is None:
            raise InputError(
                f"log must be a new file, got {path}, which exists. Give another name, or delete it"
            )
        losses = str(np.dtype(loss_dtype()))
        self._path, self._strategy, self._after = path, strategy, after
        self._type = seed_log.record_of(strategy.population, losses)
        self._header = {
            "version": seed_log.VERSION,
            "strategy": described(strategy),
            "seed": int(seed),
            "population": strategy.population,
            "losses": losses,
            "parameters": seed_log.parameters(start),
            "kinds": None if kinds is None else list(kinds),
            "sha256": seed_log.digest([*jax.tree.leaves(start), *fixed]),
            "run": run,
            "written_with": seed_log.machine(),
        }
        if after is not None:
            _check_same(path, after.header, json.loads(json.dumps(self._header)))
        self._file: BinaryIO | None = None
        self._last: Record | None = None
        self._check, self._on_batches = 0, False

    def begin(self, info: RunInfo) -> None:
        """Write the header."""
        self._on_batches = info.uses_minibatches
        try:
            if self._after is not None:
                self._file = self._path.open("r+b")
                self._file.seek(self._after.place)  # what follows stays until there is more
                self._check = self._after.check
                return
            text = json.dumps(self._header).encode()
            self._check = zlib.crc32(text)
            self._file = self._path.open("xb")
            self._file.write(seed_log.MAGIC + len(text).to_bytes(4, "little") + text)
            self._file.flush()
        except OSError as error:
            raise unwritable(self._path, error) from None

    def record(self, record: Record) -> str | None:
        """Append generations; what cannot be written ends the search, which keeps its result."""
        assert self._file is not None
        assert record.losses is not None
        made = np.zeros(len(record.losses), self._type)
        made["kind"], made["losses"], made["center"] = b"g", record.losses, record.loss
        for one in made:
            self._check = one["check"] = seed_log.checked(one, self._check)
        if self._last is None and self._after is not None:
            self._file.truncate()
        self._last = record
        return self._write(made.tobytes())

    def end(self, reason: str | None) -> None:
        """Say what the search ended with; a file without a generation goes."""
        assert self._file is not None
        with self._file:
            if self._last is not None:
                run = self._last.run
                # On minibatches, all data decide what has reached a target: that is not logged.
                known = not (self._on_batches and is_target(reason))
                one = np.zeros(1, seed_log.END)
                one["kind"] = b"e"
                one["center"] = seed_log.hashed(center_of(self._strategy, run))
                one["best"] = seed_log.hashed(run.best) if known else seed_log.UNKNOWN
                self._check = one["check"] = seed_log.checked(one[0], self._check)
                self._write(one.tobytes())
        if self._last is None and self._after is None:
            self._path.unlink(missing_ok=True)

    def keep(self, generation: int, params: Params) -> None:
        """Say which network a run that has ended keeps, and of which generation it is."""
        if self._last is None:
            return
        one = np.zeros(1, seed_log.KEPT)
        one["kind"], one["generation"] = b"k", generation
        one["network"] = bytes.fromhex(seed_log.digest(jax.tree.leaves(params)))
        one["check"] = seed_log.checked(one[0], self._check)
        try:
            with self._path.open("ab") as file:
                file.write(one.tobytes())
        except OSError as error:
            raise unwritable(self._path, error) from None

    def _write(self, data: bytes) -> str | None:
        assert self._file is not None
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            return f"{self._path} cannot be written ({error.strerror})"
        return None


def _check_same(path: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to append to the log of another search."""
    names = {
        "strategy": "strategy",
        "seed": "seed",
        "population": "strategy",
        "losses": "jax_enable_x64",
        "parameters": "params",
        "kinds": "layers",
        "sha256": "params",
    }
    for name, argument in names.items():
        if then.get(name) != now[name]:
            shown = "" if name == "sha256" else f", {then.get(name)!r}, got {now[name]!r}"
            raise InputError(
                f"{argument} must be as in {path}, which the search goes on with{shown}"
            )
