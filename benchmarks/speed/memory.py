"""How much memory does a population need? Peak resident memory of runs of growing populations.

Every run is a process of its own, and its peak is what the kernel says. What it was before
the run, with JAX loaded and the data made, is kept beside it.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TITLE = "Memory"
PEERS: tuple[str, ...] = ()

_POPULATIONS = (128, 1_024, 8_192, 65_536, 131_072)
_NETWORKS: tuple[dict[str, Any], ...] = (
    {"sizes": [2, 64, 3], "samples": 304, "populations": _POPULATIONS},
    {"sizes": [784, 16, 10], "samples": 128, "populations": _POPULATIONS},
    # 131,072 of these take ten minutes.
    {"sizes": [784, 128, 10], "samples": 128, "populations": _POPULATIONS[:3]},
)
_EVALUATIONS = 20_000  # of one run, but one generation at least and three at most


def _peak_now() -> float:
    """Peak resident memory of this process so far, MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss begins with that of the process that started this one
        for line in status.read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    import resource  # noqa: PLC0415 - not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _one(sizes: list[int], samples: int, population: int, generations: int) -> dict[str, float]:
    """Run openai_es in this process."""
    import jax  # noqa: PLC0415 - the process that starts the others stays small
    import numpy as np  # noqa: PLC0415

    from gradless import objectives, strategies  # noqa: PLC0415
    from gradless.data.datasets import Dataset  # noqa: PLC0415
    from gradless.models.mlp import MLP  # noqa: PLC0415
    from gradless.problems.supervised import SupervisedProblem  # noqa: PLC0415
    from gradless.training import loop  # noqa: PLC0415

    random = np.random.default_rng(0)
    classes = tuple(f"class {index}" for index in range(sizes[-1]))
    dataset = Dataset(
        "noise",
        random.standard_normal((samples, sizes[0]), np.float32),
        random.integers(0, sizes[-1], samples, np.int32),
        tuple(f"x{index}" for index in range(sizes[0])),
        classes,
    )
    model = MLP(tuple(sizes))
    problem = SupervisedProblem.of(dataset, model, objectives.get("cross_entropy"))
    strategy = strategies.get("openai_es", population=population)
    params = model.init(jax.random.key(0))
    before = _peak_now()
    per_generation = loop.evaluations_per_generation(strategy)
    stop = loop.Stop(evaluations=generations * per_generation)
    for record in loop.train(problem, strategy, loop.begin(strategy, params, 0), stop):
        seconds = float(record.seconds[-1]) if len(record.seconds) else 0.0
    return {"before": before, "peak": _peak_now(), "seconds": seconds}


def _measure_one(sizes: list[int], samples: int, population: int, generations: int) -> Any:
    """The same in a process of its own."""
    arguments = json.dumps([sizes, samples, population, generations])
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.memory", arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "GRADLESS_CACHE": "off"},
    )
    return json.loads(ran.stdout)


def measure(options: Any) -> dict[str, Any]:
    """Peaks of each network and population."""
    rows = []
    for network in _NETWORKS[: 1 if options.toy else None]:
        sizes, samples = network["sizes"], network["samples"]
        for population in network["populations"][: 2 if options.toy else None]:
            generations = max(1, min(3, _EVALUATIONS // population))
            result = _measure_one(sizes, samples, population, generations)
            rows.append({"sizes": sizes, "samples": samples, "population": population, **result})
            print(f"  {sizes} {population:>7,}: {result['peak']:.0f} MiB", flush=True)
    return {"strategy": "openai_es", "rows": rows}


def render(results: dict[str, Any], folder: Path) -> str:
    """One row for each network and population."""
    lines = [
        f"Peak resident memory of a process that runs `{results['strategy']}`, compilation",
        "included. Candidates are seeds that are decoded where they are evaluated, so a population",
        "of networks is never stored. The last column is what it would take as numbers.",
        "",
        "| network | population | peak | more than with the smallest | as numbers |",
        "|---|---|---|---|---|",
    ]
    smallest: dict[str, float] = {}
    for row in results["rows"]:
        name = "-".join(map(str, row["sizes"]))
        more = row["peak"] - smallest.setdefault(name, row["peak"])
        parameters = sum((i + 1) * o for i, o in itertools.pairwise(row["sizes"]))
        stored = 4 * parameters * row["population"] / 2**20
        lines.append(
            f"| {name} | {row['population']:,} | {row['peak']:,.0f} MiB | {more:+,.0f} MiB | "
            f"{stored:,.0f} MiB |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(json.dumps(_one(*json.loads(sys.argv[1]))))
