"""One contestant on one problem, in a process of its own.

    python -m benchmarks.peers TASK ORDER

The order is JSON: adapter, method, settings, seeds, seconds, evaluations, mark, core. Prints a line
of JSON: of each seed the curve, what was counted, and how long it took to get ready.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
import warnings
from pathlib import Path

from benchmarks.peers import Method
from benchmarks.peers.task import Finished, Recorder, Task


def main(path: str, order: dict) -> list[dict]:
    """Run it under every seed of the order."""
    if order["core"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[order["core"]]})
    warnings.simplefilter("ignore")  # of the libraries; what counts is what comes out
    method = Method(order["method"], order["settings"])
    runs = []
    for seed in order["seeds"]:
        task = Task.load(Path(path.format(seed=seed)))
        recorder = Recorder(task, order["seconds"], order["evaluations"], order["mark"])
        begun = time.perf_counter()
        adapter = importlib.import_module(f"benchmarks.peers.{order['adapter']}")
        with contextlib.suppress(Finished):
            adapter.run(task, method, seed, recorder)
        runs.append(
            {
                "seed": seed,
                "evaluations": recorder.evaluations,
                "seconds": round(recorder.elapsed, 4),
                "ready_seconds": round(recorder.begun - begun, 2),
                "curve": recorder.curve(),
            }
        )
    return runs


if __name__ == "__main__":
    # Libraries print what they like; results go where nothing else does.
    sys.stdout, results = sys.stderr, sys.stdout
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))), file=results, flush=True)
    # Some of nevergrad's optimisers wait in threads for losses that will never come.
    os._exit(0)
