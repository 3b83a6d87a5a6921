"""Is nothing lost? Kills, damaged files and full disks: ``python -m benchmarks.reliability``.

Every fault is one that a user meets. A run that was killed again and again must end with the bits
of one that was left alone; a damaged file must be refused, never half believed; a disk that is full
must not cost what was there before. Writes results/reliability.json and docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "reliability.json"
PAGE = HERE.parent / "docs" / "reliability.md"

STRATEGIES = ("openai_es", "cma_es", "hill_climbing", "genetic_algorithm", "spsa")
_TRAIN = ("digits", "--hidden", "4", "--batch-size", "64", "--checkpoint-every", "0.05s", "--quiet")
_EVALUATIONS = {"cma_es": 6_000}  # about as long as the others
_FILES = 10_000
_KILLS = 50

Results = dict[str, Any]


class BrokenPromiseError(Exception):
    """What must never happen has happened."""


# --- Killed ---------------------------------------------------------------------------------------


def kills(each: int, strategies: tuple[str, ...], evaluations: int) -> Results:
    """Runs that are killed at random instants and go on, against runs that are left alone."""
    chance = random.Random(0)
    counts = {}
    with tempfile.TemporaryDirectory() as name:
        for strategy in strategies:
            whole = Path(name, f"{strategy}-whole")
            limit = min(evaluations, _EVALUATIONS.get(strategy, evaluations))
            options = ["--strategy", strategy, "--evaluations", str(limit)]
            begun = time.perf_counter()
            _gradless("train", *_TRAIN, *options, "--out", str(whole))
            usual = time.perf_counter() - begun
            survived = runs = 0
            while survived < each:
                folder = Path(name, f"{strategy}-{runs}")
                survived += _one_run(folder, options, each - survived, usual, chance)
                _check_same(whole, folder)
                runs += 1
            counts[strategy] = {"kills": survived, "runs": runs, "evaluations": limit}
            print(f"  {strategy}: {survived} kills in {runs} runs, every run the same", flush=True)
    return counts


def _one_run(
    folder: Path, options: list[str], most: int, usual: float, chance: random.Random
) -> int:
    """Train and kill, resume and kill, until the run has ended; the number of kills."""
    killed = 0
    command = ["train", *_TRAIN, *options, "--out", str(folder)]
    while killed < most:
        process = subprocess.Popen(_command(*command), stdout=subprocess.DEVNULL)
        # From the first instant on, imports included, until a little after the end.
        patience = chance.uniform(0, 1.2 * usual)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            status = folder / "status.json"
            if status.exists() and json.loads(status.read_bytes())["status"] == "finished":
                return killed  # at its very end
            if (folder / "checkpoints").exists() and any((folder / "checkpoints").glob("*.sa*")):
                command = ["resume", str(folder), "--quiet", "--checkpoint-every", "0.05s"]
            elif folder.exists():
                shutil.rmtree(folder)  # nothing was begun: nothing to go on with
            continue
        if process.returncode:
            raise BrokenPromiseError(f"{' '.join(command)} ended with {process.returncode}")
        return killed
    _gradless(*command)
    return killed


def _check_same(whole: Path, folder: Path) -> None:
    from safetensors.numpy import load_file  # noqa: PLC0415

    for path in (whole / "model.safetensors", folder / "model.safetensors"):
        if not path.exists():
            raise BrokenPromiseError(f"{path} is missing")
    one, other = (load_file(max((f / "checkpoints").iterdir())) for f in (whole, folder))
    different = [
        name
        for name in one.keys() | other.keys()
        if name != "history.seconds"
        and (name not in one or name not in other or one[name].tobytes() != other[name].tobytes())
    ]
    models = [(f / "model.safetensors").read_bytes() for f in (whole, folder)]
    if different or models[0] != models[1]:
        raise BrokenPromiseError(f"{folder.name} differs: {different or 'model'}")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gradless.cli", *arguments]


def _gradless(*arguments: str) -> None:
    subprocess.run(_command(*arguments), check=True, stdout=subprocess.DEVNULL)


# --- Damaged files --------------------------------------------------------------------------------


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

    from gradless import checkpoint, runs, storage, tree  # noqa: PLC0415
    from gradless.errors import InputError  # noqa: PLC0415

    chance = random.Random(1)
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        _gradless(
            "train", *_TRAIN, "--strategy", "snes", "--evaluations", "640", "--out", str(folder)
        )
        prepared, saved, _ = runs.reopen(folder)
        begun = prepared.begin()
        good = [tree.bits(leaf) for leaf in jax.tree.leaves(saved.run)]
        network = [tree.bits(leaf) for leaf in jax.tree.leaves(runs.read_network(folder).params)]
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
                    params = runs.read_network(folder).params
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


# --- Full disks -----------------------------------------------------------------------------------


def disks() -> Results:
    """A disk that fills up during a run, and a folder that cannot be written."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "full")
        options = ["--strategy", "openai_es", "--evaluations", "2580", "--out", str(folder)]
        _gradless("train", *_TRAIN, *options)
        kept = {path: path.read_bytes() for path in (folder / "checkpoints").iterdir()}
        resume = ["resume", str(folder), "--evaluations", "20000", "--checkpoint-every", "0.05s"]

        limited = ["sh", "-c", 'ulimit -f 2; exec "$@"', "sh"]
        outcomes["full disk"] = _refused([*limited, *_command(*resume)])
        if {path: path.read_bytes() for path in (folder / "checkpoints").iterdir()} != kept:
            raise BrokenPromiseError("a full disk has cost a checkpoint")
        (folder / "lock").unlink()
        (folder / "lock").mkdir()  # as root, nothing else is refused
        outcomes["folder that cannot be written"] = _refused(_command(*resume))
        (folder / "lock").rmdir()
        _gradless(*resume, "--quiet")
    for way, message in outcomes.items():
        print(f"  {way}: {message}", flush=True)
    return {"ways": list(outcomes)}


def _refused(command: list[str]) -> str:
    """The message of a command that ends with exit code 2 and without a traceback."""
    environment = {**os.environ, "GRADLESS_CACHE": "off"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 2 or "Traceback" in done.stderr:
        raise BrokenPromiseError(f"{command} ended with {done.returncode}: {done.stderr[-1500:]}")
    return done.stderr.splitlines()[-1]


# --- The page -------------------------------------------------------------------------------------


def main() -> int:
    """Measure, and write the page; with --short a little of everything, and no page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes, no page")
    parser.add_argument("--kills", type=int, default=_KILLS, help="of each strategy")
    parser.add_argument("--files", type=int, default=_FILES)
    parser.add_argument("--render", action="store_true", help="write the page again")
    given = parser.parse_args()
    if given.render:
        render(json.loads(RESULTS.read_text(encoding="utf-8")))
        return 0
    if given.short:
        disks()
        kills(2, ("openai_es",), 20_000)
        files(300)
        return 0
    begun = time.perf_counter()
    results = {
        "machine": machine.machine(),
        "disks": disks(),
        "kills": kills(given.kills, STRATEGIES, 60_000),
        "files": files(given.files),
        "seconds": 0.0,
    }
    results["seconds"] = round(time.perf_counter() - begun)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    render(results)
    return 0


def render(results: Results) -> None:
    """Write docs/reliability.md."""
    killed = results["kills"]
    total = sum(row["kills"] for row in killed.values())
    damaged, where = results["files"], results["machine"]
    lines = [
        "# Reliability: what is promised, and how it is tested",
        "",
        "Written by `python -m benchmarks.reliability`, which stops at the first promise that is "
        "broken. A short form of it runs with every change.",
        "",
        "| promised | tested by | counted |",
        "|---|---|---|",
        "| A run that is killed at any instant goes on, and ends with the bits of one that was "
        "left alone: network, state, history. | Runs with minibatches, killed by SIGKILL at random "
        "instants and resumed, compared with uninterrupted ones | "
        f"{total} kills, {len(killed)} strategies |",
        "| A damaged checkpoint or model is refused by name, whatever was done to it, and the "
        "checkpoint before it is used. | Files with flipped bits, cut, longer, zeroed, of noise, "
        "with other shapes, enormous claims and deep nesting | "
        f"{damaged['files']:,} files: {damaged['refused']:,} refused, {damaged['harmless']:,} with "
        "every number right, none believed wrongly; "
        f"{damaged['slowest_seconds']:.2g} s for the slowest |",
        "| A full disk costs nothing that was there. | A limit on the size of files; a folder that "
        f"cannot be written | {', '.join(results['disks']['ways'])} |",
        "| Two processes never write one run. | A lock that the system frees when its process dies "
        "| `tests/test_cli.py` |",
        "| The same seed is the same run, however it is cut into chunks, checkpointed or shown. | "
        "Bitwise comparison; `gradless repeat RUN` does it for yours | `tests/test_train.py`, "
        "`tests/test_cli.py` |",
        "",
        "| strategy | kills | runs | evaluations of a run |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {row['kills']} | {row['runs']} | {row['evaluations']:,} |"
            for name, row in killed.items()
        ),
        "",
        "## How",
        "",
        "A checkpoint is one safetensors file with the strategy's state, the random key "
        "(from which the order of the data follows as well), the best network, the history "
        "and, as JSON in its header, recipe, limits, versions and a fingerprint of the "
        "data. A checksum covers all of it. It is written by a thread of its own to another "
        "name, flushed to the disk and renamed; the last two are kept. Nothing that is read "
        "is ever run as code.",
        "",
        "On one core or two, candidates are the same, and so are sums over a population. "
        "Losses may differ in the last digits, since a network is compiled for the layout of its "
        "machine; a run repeated on the same machine is the same bit for bit.",
        "",
        f"<sub>{results['seconds']:,} s on {where['cpu']}, {where['cores']} cores, {where['os']}, "
        f"Python {where['python']}</sub>",
        "",
    ]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPromiseError as broken:
        print(f"broken: {broken}", file=sys.stderr)
        sys.exit(1)
