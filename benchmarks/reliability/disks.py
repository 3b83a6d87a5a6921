"""A disk that fills up during a run, and a folder that cannot be written."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.reliability import TRAIN, BrokenPromiseError, Results, command, gradless


def disks() -> Results:
    """A disk that fills up during a run, and a folder that cannot be written."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "full")
        options = ["--strategy", "openai_es", "--evaluations", "2580", "--out", str(folder)]
        gradless("train", *TRAIN, *options)
        kept = {path: path.read_bytes() for path in (folder / "checkpoints").iterdir()}
        resume = ["resume", str(folder), "--evaluations", "20000", "--checkpoint-every", "0.05s"]

        limited = ["sh", "-c", 'ulimit -f 2; exec "$@"', "sh"]
        outcomes["full disk"] = _refused([*limited, *command(*resume)])
        if {path: path.read_bytes() for path in (folder / "checkpoints").iterdir()} != kept:
            raise BrokenPromiseError("a full disk has cost a checkpoint")
        (folder / "lock").unlink()
        (folder / "lock").mkdir()  # as root, nothing else is refused
        outcomes["folder that cannot be written"] = _refused(command(*resume))
        (folder / "lock").rmdir()
        gradless(*resume, "--quiet")
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
