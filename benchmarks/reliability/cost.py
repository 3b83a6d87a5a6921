"""What do checkpoints cost a run? Pairs of runs that differ in nothing else take turns."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.reliability import Results

# Name, network, strategy, settings: small and fast, wide, and one with a large state.
_RUNS = (
    ("spiral 2-64-3, openai_es", "spiral", (64,), "openai_es", None),
    ("digits 64-128-10, openai_es", "digits", (128,), "openai_es", 256),
    ("digits 64-16-10, cma_es", "digits", (16,), "cma_es", None),
    ("digits 64-256-256-10, snes", "digits", (256, 256), "snes", 256),
)


def cost(rounds: int, seconds: float, every: float) -> Results:
    """Evaluations a second with a checkpoint every so often, as a share of those without."""
    from gradless.recipe import Recipe, prepare  # noqa: PLC0415

    found = []
    for name, data, hidden, strategy, batch_size in _RUNS:
        prepared = prepare(Recipe(data, hidden=hidden, strategy=strategy, batch_size=batch_size))
        paces: dict[bool, list[float]] = {True: [], False: []}
        _pace(prepared, 0.1, None)  # compiles
        for turn in range(rounds):
            for kept in (True, False) if turn % 2 else (False, True):
                paces[kept].append(_pace(prepared, seconds, every if kept else None)[0])
        ratios = [a / b for a, b in zip(paces[True], paces[False], strict=True)]
        _, written, size = _pace(prepared, seconds, every)
        found.append(
            {
                "run": name,
                "share": round(1 - statistics.median(ratios), 4),
                "lowest": round(1 - max(ratios), 4),
                "highest": round(1 - min(ratios), 4),
                "checkpoints": written,
                "mib": round(size / 2**20, 2),
            }
        )
        print(f"  {found[-1]}", flush=True)
    return {"every": every, "seconds": seconds, "rounds": rounds, "runs": found}


def _pace(prepared: Any, seconds: float, every: float | None) -> tuple[float, int, int]:
    """Evaluations a second, checkpoints written, and bytes of one."""
    from gradless import checkpoint, runs  # noqa: PLC0415
    from gradless.checkpoint import Keeper  # noqa: PLC0415
    from gradless.history import History  # noqa: PLC0415
    from gradless.train import Stop, train  # noqa: PLC0415

    stop, history = Stop(seconds=seconds), History()
    names: set[str] = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Keeper(folder, every or 1e9) as keeper:
            for record in train(prepared.problem, prepared.strategy, prepared.begin(), stop):
                history.append(**record.rows)
                keeper.offer(record.run, history, lambda: runs.about(prepared, stop, history, 0))
                names |= {path.name for path in checkpoint.found(folder)}
        size = max((path.stat().st_size for path in checkpoint.found(folder)), default=0)
    return history.last.evaluations / history.last.seconds, len(names), size
