"""What is in a seed log? A header, and a record for each generation.

The file is ``gradless seeds`` and a line end, the length of the header as four bytes, the header as
JSON, and records of one size: ``g``, the losses of the candidates as the strategy was told them,
that of its new center, and a checksum (CRC-32 of the header and all records so far). A search that
has ended adds ``e``, the SHA-256 of its center and of its best parameters, and a checksum; a run
then adds ``k``, after which generation the network is that it has kept, its SHA-256, and a
checksum. Numbers are little-endian. A process that is killed leaves a file that ends with a part of
a record.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gradless._core.errors import InputError
from gradless._core.hardware import description
from gradless._core.tree import Params

MAGIC = b"gradless seeds\n"
VERSION = 1
END = np.dtype([("kind", "S1"), ("center", "V32"), ("best", "V32"), ("check", "<u4")])
KEPT = np.dtype([("kind", "S1"), ("generation", "<u4"), ("network", "V32"), ("check", "<u4")])
UNKNOWN = bytes(32)
NAME = "run.seeds"
"""Of the log in a run folder."""


def record_of(population: int, losses: str) -> np.dtype[Any]:
    """Type of the record of a generation."""
    number = np.dtype(losses).newbyteorder("<")
    return np.dtype(
        [("kind", "S1"), ("losses", number, (population,)), ("center", number), ("check", "<u4")]
    )


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
    kept
        Of a run that has ended: generation and digest of the network that it has kept.
    cut_off
        Bytes of a last record that is not whole.
    place, check
        Where the last of these generations ends in the file, and its checksum.
    """

    header: dict[str, Any]
    whole: int
    losses: np.ndarray
    centers: np.ndarray
    ends: tuple[bytes, bytes] | None
    kept: tuple[int, str] | None
    cut_off: int
    place: int
    check: int


def read(path: Path, generations: int | None = None) -> Logged:
    """Read a log, or its first generations; of a run folder the log in it.

    Raises
    ------
    InputError
        If the file cannot be read, is not a log of this version, or is damaged.
    """
    path = path / NAME if path.is_dir() else path
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
    place, last = begin + len(made) * one.itemsize, check
    ends = kept = None
    if len(made) == whole and rest[:1] == b"e" and len(rest) >= END.itemsize:
        end, check = _whole(path, rest, END, check, whole)
        ends, rest = (end["center"].tobytes(), end["best"].tobytes()), rest[END.itemsize :]
        if rest[:1] == b"k" and len(rest) >= KEPT.itemsize:
            told, _ = _whole(path, rest, KEPT, check, whole)
            kept = int(told["generation"]), told["network"].tobytes().hex()
            rest = rest[KEPT.itemsize :]
        if rest and rest[:1] != b"k":
            raise _damaged(path, whole + 1)
        rest = b""
    elif rest and rest[:1] not in (b"g", b"e"):
        raise _damaged(path, whole + 1)
    losses, centers = (made[name].astype(header["losses"]) for name in ("losses", "center"))
    return Logged(header, whole, losses, centers, ends, kept, len(rest), place, last)


def _whole(
    path: Path, data: bytes, kind: np.dtype[Any], before: int, generations: int
) -> tuple[Any, int]:
    """A record at the end of a log, and its checksum."""
    found = np.frombuffer(data, kind, 1)[0]
    check = checked(found, before)
    if found["check"] != check:
        raise _damaged(path, generations + 1)
    return found, check


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
