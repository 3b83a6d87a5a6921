"""Checkpoints and models, damaged in many ways: refused, or loaded with the right numbers."""

from __future__ import annotations

import json
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.reliability import TRAIN, BrokenPromiseError, Results, gradless


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _flip_header(data: bytearray, chance: random.Random) -> bytearray:
    length = 8 + int.from_bytes(data[:8], "little")
    data[chance.randrange(length)] ^= 1 << chance.randrange(8)
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _append(data: bytearray, chance: random.Random) -> bytearray:
    return data + chance.randbytes(chance.randrange(1, 99))


def _noise(data: bytearray, chance: random.Random) -> bytearray:
    return bytearray(chance.randbytes(chance.randrange(2000)))


def _zeros(data: bytearray, chance: random.Random) -> bytearray:
    first = chance.randrange(len(data))
    last = min(len(data), first + chance.randrange(1, 5000))
    data[first:last] = bytes(last - first)  # blocks that never reached the disk
    return data


def _digits(data: bytearray, chance: random.Random) -> bytearray:
    """Another number somewhere in the header: a shape, an offset, a count."""
    length = 8 + int.from_bytes(data[:8], "little")
    places = [i for i in range(8, length) if chr(data[i]).isdigit()]
    data[chance.choice(places)] = ord(chance.choice("0123456789"))
    return data


def _long(data: bytearray, chance: random.Random) -> bytearray:
    data[:8] = chance.choice((0, 1, 2**31, 2**62, 2**64 - 1, chance.randrange(2**40))).to_bytes(
        8, "little"
    )
    return data


def _nest(data: bytearray, chance: random.Random) -> bytearray:
    depth = chance.randrange(10, 50_000)
    header = chance.choice((b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth))
    return bytearray(len(header).to_bytes(8, "little") + header + bytes(data[-100:]))


def _claim(data: bytearray, chance: random.Random) -> bytearray:
    """A header that claims an enormous array."""
    size = chance.choice((2**40, 2**63, 10**30))
    described = {"a": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}}
    header = json.dumps(described).encode()
    return bytearray(len(header).to_bytes(8, "little") + header + bytes(64))


DAMAGES: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _flip, _flip, _flip_header, _flip_header, _cut, _append, _noise, _zeros, _digits, _long, _nest,
    _claim,
)  # fmt: skip


def files(count: int) -> Results:
    """Checkpoints and models, damaged in many ways: refused, or loaded with the right numbers."""
    import jax  # noqa: PLC0415

    from gradless._core import storage, tree  # noqa: PLC0415
    from gradless._core.errors import InputError  # noqa: PLC0415
    from gradless.runs import resuming, run_folder  # noqa: PLC0415
    from gradless.training import checkpoint  # noqa: PLC0415

    chance = random.Random(1)
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        gradless(
            "train", *TRAIN, "--strategy", "snes", "--evaluations", "640", "--out", str(folder)
        )
        prepared, saved, *_ = resuming.reopen(folder)
        begun = prepared.begin()
        good = [tree.bits(leaf) for leaf in jax.tree.leaves(saved.run)]
        network = [
            tree.bits(leaf) for leaf in jax.tree.leaves(run_folder.read_network(folder).params)
        ]
        path, model = checkpoint.found(folder)[0], folder / "model.safetensors"
        for other in checkpoint.found(folder)[1:]:
            other.unlink()
        whole = {path: path.read_bytes(), model: model.read_bytes()}
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(count):
            target = chance.choice((path, path, model))
            damage = chance.choice(DAMAGES)
            target.write_bytes(damage(bytearray(whole[target]), chance))
            started = time.perf_counter()
            try:
                if target == path:
                    found = checkpoint.newest(folder, begun)
                    bits = [tree.bits(leaf) for leaf in jax.tree.leaves(found.run)]
                    same = bits == good and all(
                        np.array_equal(a, b, equal_nan=True)
                        for a, b in zip(
                            found.history.arrays().values(),
                            saved.history.arrays().values(),
                            strict=True,
                        )
                    )
                    storage.load_about(target)
                else:
                    params = run_folder.read_network(folder).params
                    same = [tree.bits(leaf) for leaf in jax.tree.leaves(params)] == network
                outcomes["harmless" if same else "believed"] += 1
            except InputError as error:
                outcomes["refused"] += 1
                if target.name not in str(error):
                    raise BrokenPromiseError(f"the message names no file: {error}") from None
            slowest = max(slowest, time.perf_counter() - started)
            target.write_bytes(whole[target])
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
    if outcomes["believed"]:
        raise BrokenPromiseError(f"{outcomes['believed']} damaged files were believed")
    print(f"  {count} damaged files: {dict(outcomes)}", flush=True)
    return {
        "files": count,
        "refused": outcomes["refused"],
        "harmless": outcomes["harmless"],
        "slowest_seconds": round(slowest, 3),
        "memory_grown_mib": round(grown),
    }
