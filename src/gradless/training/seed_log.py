"""How is a search kept as its seed and its losses? A header, and a record for each generation.

The file is ``gradless seeds`` and a line end, the length of the header as four bytes, the header as
JSON, and records of one size: ``g``, the losses of the candidates as the strategy was told them,
that of its new center, and a checksum (CRC-32 of the header and all records so far). A search that
has ended adds ``e``, the SHA-256 of its center and of its best parameters, and a checksum. Numbers
are little-endian. A process that is killed leaves a file that ends with a part of a record.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import jax
import numpy as np

from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless._core.hardware import description
from gradless._core.storage import unwritable
from gradless._core.tree import Params
from gradless.strategies.base import Strategy
from gradless.training.observers import Observer, RunInfo
from gradless.training.records import Record, is_target
from gradless.training.seed_log_strategy import described
from gradless.training.validation import center as center_of

MAGIC = b"gradless seeds\n"
VERSION = 1
_END = np.dtype([("kind", "S1"), ("center", "V32"), ("best", "V32"), ("check", "<u4")])
UNKNOWN = bytes(32)


def record_of(population: int, losses: str) -> np.dtype[Any]:
    """Type of the record of a generation."""
    number = np.dtype(losses).newbyteorder("<")
    return np.dtype(
        [("kind", "S1"), ("losses", number, (population,)), ("center", number), ("check", "<u4")]
    )


class SeedLog(Observer):
    """Writes the losses of a search to a file, in ``minimize`` for ``log=``.

    Parameters
    ----------
    path
        The file; it must not exist.
    strategy, seed
        Of the search.
    start
        What is searched, where it begins.
    kinds, fixed
        Of a model of which not all is searched: what each leaf is, and the arrays that stay.

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
        kinds: Sequence[str] | None,
        fixed: Sequence[Any],
    ) -> None:
        """Write nothing yet."""
        if path.exists():
            raise InputError(
                f"log must be a new file, got {path}, which exists. Give another name, or delete it"
            )
        losses = str(np.dtype(loss_dtype()))
        self._path, self._strategy = path, strategy
        self._type = record_of(strategy.population, losses)
        self._header = {
            "version": VERSION,
            "strategy": described(strategy),
            "seed": int(seed),
            "population": strategy.population,
            "losses": losses,
            "parameters": parameters(start),
            "kinds": kinds,
            "sha256": digest([*jax.tree.leaves(start), *fixed]),
            "written_with": machine(),
        }
        self._file: BinaryIO | None = None
        self._last: Record | None = None
        self._check, self._on_batches = 0, False

    def begin(self, info: RunInfo) -> None:
        """Write the header."""
        self._on_batches = info.uses_minibatches
        text = json.dumps(self._header).encode()
        self._check = zlib.crc32(text)
        try:
            self._file = self._path.open("xb")
            self._file.write(MAGIC + len(text).to_bytes(4, "little") + text)
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
            self._check = one["check"] = checked(one, self._check)
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
                one = np.zeros(1, _END)
                one["kind"] = b"e"
                one["center"] = hashed(center_of(self._strategy, run))
                one["best"] = hashed(run.best) if known else UNKNOWN
                one["check"] = checked(one[0], self._check)
                self._write(one.tobytes())
        if self._last is None:
            self._path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> str | None:
        assert self._file is not None
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            return f"{self._path} cannot be written ({error.strerror})"
        return None


class Logged(NamedTuple):
    """What a log holds.

    Attributes
    ----------
    header
        What the search was.
    whole
        Generations in the file.
    losses, centers
        (generations, population) and (generations,).
    ends
        Digests of center and best parameters, if the search has ended.
    cut_off
        Bytes of a last record that is not whole.
    """

    header: dict[str, Any]
    whole: int
    losses: np.ndarray
    centers: np.ndarray
    ends: tuple[bytes, bytes] | None
    cut_off: int


def read(path: Path, generations: int | None = None) -> Logged:
    """Read a log, or its first generations.

    Raises
    ------
    InputError
        If the file cannot be read, is not a log of this version, or is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    header, begin = _header(path, data)
    one = record_of(header["population"], header["losses"])
    count = 0
    while data[begin + count * one.itemsize : begin + count * one.itemsize + 1] == b"g":
        count += 1
    whole = min(count, (len(data) - begin) // one.itemsize)
    made = np.frombuffer(data, one, whole, begin)
    rest = data[begin + whole * one.itemsize :]
    made = made if generations is None else made[:generations]
    check = zlib.crc32(data[len(MAGIC) + 4 : begin])
    for number, each in enumerate(made, 1):
        check = checked(each, check)
        if each["check"] != check:
            raise _damaged(path, number)
    ends = None
    if len(made) == whole and rest[:1] == b"e" and len(rest) >= _END.itemsize:
        end = np.frombuffer(rest, _END, 1)[0]
        if end["check"] != checked(end, check) or len(rest) > _END.itemsize:
            raise _damaged(path, whole + 1)
        ends, rest = (end["center"].tobytes(), end["best"].tobytes()), b""
    elif rest and rest[:1] not in (b"g", b"e"):
        raise _damaged(path, whole + 1)
    losses, centers = (made[name].astype(header["losses"]) for name in ("losses", "center"))
    return Logged(header, whole, losses, centers, ends, len(rest))


def _header(path: Path, data: bytes) -> tuple[dict[str, Any], int]:
    """What a log says of its search, and where records begin."""
    begin = len(MAGIC) + 4
    try:
        if not data.startswith(MAGIC):
            raise ValueError
        begin += int.from_bytes(data[len(MAGIC) : begin], "little")
        header = json.loads(data[len(MAGIC) + 4 : begin])
        version = header["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{path} must be a seed log, as minimize(..., log=...) writes it, got something else"
        ) from None
    if version != VERSION:
        raise InputError(
            f"{path} must be a seed log of version {VERSION}, got {version!r}. Replay it with the "
            "version of gradless that wrote it"
        )
    kinds = {"population": int, "losses": str, "seed": int, "sha256": str}
    kinds |= {"strategy": dict, "parameters": list, "written_with": dict}
    fits = all(isinstance(header.get(name), kind) for name, kind in kinds.items())
    if not fits or header["population"] < 1 or header["losses"] not in ("float32", "float64"):
        raise InputError(f"{path} is damaged: its header is not that of a seed log")
    return header, begin


def _damaged(path: Path, number: int) -> InputError:
    before = f"; generation={number - 1} is the last good one" if number > 1 else ""
    return InputError(
        f"{path} is damaged at generation {number}: its checksum does not fit{before}"
    )


def checked(record: Any, before: int) -> int:
    """Checksum of a record that follows others."""
    return zlib.crc32(record.tobytes()[:-4], before)


def hashed(vector: Any) -> bytes:
    """SHA-256 of the bits of a vector."""
    return hashlib.sha256(np.ascontiguousarray(vector).tobytes()).digest()


def digest(arrays: Sequence[Any]) -> str:
    """SHA-256 of arrays with their shapes and types."""
    whole = hashlib.sha256()
    for each in map(np.asarray, arrays):
        whole.update(f"\n{each.dtype} {each.shape}\n".encode())
        whole.update(np.ascontiguousarray(each).tobytes())
    return whole.hexdigest()


def parameters(start: Params) -> list[list[Any]]:
    """Path, shape and type of each array that is searched."""
    leaves = jax.tree_util.tree_leaves_with_path(start)
    return [
        [jax.tree_util.keystr(path), list(np.shape(leaf)), str(np.asarray(leaf).dtype)]
        for path, leaf in leaves
    ]


def machine() -> dict[str, str]:
    """What else decides the last digits."""
    return {
        "jax": jax.__version__,
        "backend": jax.default_backend(),
        "processor": description().get("model name", ""),
    }
