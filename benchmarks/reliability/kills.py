"""Runs that are killed at random instants and go on end with the bits of one left alone."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.reliability import TRAIN, BrokenPromiseError, Results, command, gradless

STRATEGIES = ("openai_es", "cma_es", "hill_climbing", "genetic_algorithm", "spsa")
_EVALUATIONS = {"cma_es": 6_000}  # about as long as the others


def kills(each: int, strategies: tuple[str, ...], evaluations: int) -> Results:
    """Runs that are killed at random instants and go on, against runs that are left alone."""
    chance = random.Random(0)
    counts: dict[str, Results] = {}
    with tempfile.TemporaryDirectory() as name:
        for strategy in strategies:
            whole = Path(name, f"{strategy}-whole")
            limit = min(evaluations, _EVALUATIONS.get(strategy, evaluations))
            options = ["--strategy", strategy, "--evaluations", str(limit)]
            begun = time.perf_counter()
            gradless("train", *TRAIN, *options, "--out", str(whole))
            usual = time.perf_counter() - begun
            training = json.loads((whole / "result.json").read_bytes())["seconds"]
            survived = runs = 0
            while survived < each:
                folder = Path(name, f"{strategy}-{runs}")
                survived += _one_run(folder, options, each - survived, usual, training, chance)
                _check_same(whole, folder)
                runs += 1
            counts[strategy] = {"kills": survived, "runs": runs, "evaluations": limit}
            print(f"  {strategy}: {survived} kills in {runs} runs, every run the same", flush=True)
    return {"strategies": counts}


def _one_run(
    folder: Path,
    options: list[str],
    most: int,
    usual: float,
    training: float,
    chance: random.Random,
) -> int:
    """Train and kill, resume and kill, until the run has ended; the number of kills."""
    killed = 0
    words = ["train", *TRAIN, *options, "--out", str(folder)]
    while killed < most:
        before = checkpoint_names(folder)
        process = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL)
        try:
            if chance.random() < 0.2:  # at any instant, imports included
                process.wait(chance.uniform(0, 1.2 * usual))
            else:  # from when it begins to train until a little after the end
                while process.poll() is None and checkpoint_names(folder) == before:
                    time.sleep(0.002)
                process.wait(chance.uniform(0, 1.5 * training))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            status = folder / "status.json"
            if status.exists() and json.loads(status.read_bytes())["status"] == "finished":
                return killed  # at its very end
            if checkpoint_names(folder):
                words = ["resume", str(folder), "--quiet", "--checkpoint-every", "0.05s"]
            elif folder.exists():
                shutil.rmtree(folder)  # nothing was begun: nothing to go on with
            continue
        if process.returncode:
            raise BrokenPromiseError(f"{' '.join(words)} ended with {process.returncode}")
        return killed
    gradless(*words)
    return killed


def checkpoint_names(folder: Path) -> set[str]:
    """Names of the checkpoints of a run, whole ones."""
    return {path.name for path in (folder / "checkpoints").glob("*.safetensors")}


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
