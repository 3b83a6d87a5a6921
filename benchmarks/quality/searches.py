"""Who finds the better network, in equal time and with equal evaluations?

Each run is a process of its own (``benchmarks.peers``). A contestant's method is selected for each
problem and each of the two budgets under a seed that is not used again; all that were tried are in
the results.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages import machine
from benchmarks.pages import quality as render_quality
from benchmarks.pages.suite import Options
from benchmarks.peers import CONTESTANTS, YARDSTICK, Method
from benchmarks.peers.task import Task

TITLE = "Quality: the loss that is reached"

SELECTION_SEED = 1000
_ROOT = Path(__file__).parents[2]
_PROCESSES = 2  # at once, each on a core of its own, where nobody looks at the clock of the result


@dataclass(frozen=True)
class Problem:
    """What is trained, and for how long.

    Parameters
    ----------
    recipe
        Data and network, as :class:`gradless.runs.recipe.Recipe` takes them.
    seconds, evaluations
        The two budgets.
    quantity, target
        What counts as success: ``loss``, ``accuracy`` or ``test_accuracy``, and its value.
    aim
        The same in words.
    """

    recipe: dict[str, Any]
    seconds: float
    evaluations: int
    quantity: str
    target: float
    aim: str


PROBLEMS = {
    "chapter": Problem(
        {"data": "vertical", "hidden": (3,)}, 2.0, 5000, "loss", 0.16, "loss at most 0.160"
    ),
    "spiral": Problem(
        {"data": "spiral", "hidden": (64,)}, 5.0, 5000, "accuracy", 0.99, "99 % right in training"
    ),
    "digits": Problem(
        {"data": "digits", "hidden": (64,)}, 6.0, 5000, "test_accuracy", 0.95, "95 % right held out"
    ),
}


def make_task(name: str, seed: int) -> Task:
    """Data and first weights of a problem, which the seed decides, as gradless makes them."""
    # Imported late: rendering does without JAX.
    from gradless._core import tree  # noqa: PLC0415
    from gradless.runs.preparation import prepare  # noqa: PLC0415
    from gradless.runs.recipe import Recipe  # noqa: PLC0415

    recipe = PROBLEMS[name].recipe
    prepared = prepare(Recipe(**recipe, strategy="random_search", seed=seed))
    train, test = prepared.train, prepared.test
    held_out = test or train
    nothing = slice(None if test else 0)
    return Task(
        name=name,
        recipe=recipe,
        sizes=prepared.model.sizes,
        features=np.asarray(train.features, np.float32),
        targets=np.asarray(train.targets, np.int64),
        test_features=np.asarray(held_out.features, np.float32)[nothing],
        test_targets=np.asarray(held_out.targets, np.int64)[nothing],
        start=np.asarray(tree.ravel(prepared.begin().best), np.float32),
    )


def measure(options: Options) -> dict[str, Any]:
    """Select a method of each contestant, and run it under every seed."""
    names = {
        name: contestant.name
        for name, contestant in CONTESTANTS.items()
        if machine.installed(contestant.package) is not None
    }
    results: dict[str, Any] = {"yardstick": names[YARDSTICK], "problems": {}}
    with tempfile.TemporaryDirectory() as folder:
        for problem in ("chapter",) if options.toy else PROBLEMS:
            tasks = str(Path(folder) / (problem + "-{seed}.npz"))
            seeds = list(range(options.seeds))
            for seed in [*seeds, SELECTION_SEED]:
                make_task(problem, seed).save(Path(tasks.format(seed=seed)))
            results["problems"][problem] = _measure(problem, tasks, names, seeds, options)
    return results


def _measure(
    problem: str, tasks: str, names: dict[str, str], seeds: list[int], options: Options
) -> dict[str, Any]:
    spec = PROBLEMS[problem]
    seconds = options.seconds or (0.3 if options.toy else spec.seconds)
    evaluations = 300 if options.toy else spec.evaluations
    task = Task.load(Path(tasks.format(seed=SELECTION_SEED)))
    budget = {"seconds": seconds, "mark": evaluations, "evaluations": None}

    # Half of the time tells methods apart; with all of it, most of the work would be selection.
    short = {**budget, "seconds": seconds / 2}
    tried = _select(tasks, names, task, short, toy=options.toy)
    runs: list[dict[str, Any]] = []
    # Seeds are the outer loop: a machine that becomes slower does so for all.
    for seed in seeds:
        for name in names:
            best = _best(tried[name], "loss_at_time")
            found = _run(tasks, name, best, {**budget, "seeds": [seed], "core": None})
            _add(runs, names[name], best, "time", found, problem)
    limited = {**budget, "seconds": 5 * seconds, "evaluations": evaluations, "seeds": seeds}
    with ThreadPoolExecutor(_PROCESSES) as pool:
        chosen = {name: _best(tried[name], "loss_at_evaluations") for name in names}
        cores = [index % _PROCESSES for index in range(len(names))]
        orders = [{**limited, "core": core} for core in cores]
        results = pool.map(
            lambda name, order: _run(tasks, name, chosen[name], order), names, orders
        )
        for name, found in zip(names, results, strict=True):
            _add(runs, names[name], chosen[name], "evaluations", found, problem)
    return {
        "network": "-".join(str(size) for size in task.sizes),
        "parameters": task.dimension,
        "samples": len(task.features),
        "held_out": len(task.test_features),
        "seconds": seconds,
        "evaluations": evaluations,
        "quantity": spec.quantity,
        "target": spec.target,
        "aim": spec.aim,
        "selection": {"seed": SELECTION_SEED, "seconds": short["seconds"]},
        "tried": {names[name]: rows for name, rows in tried.items()},
        "runs": runs,
    }


def _select(
    tasks: str, names: dict[str, str], task: Task, budget: dict[str, Any], *, toy: bool
) -> dict[str, list[dict[str, Any]]]:
    """What every method reaches under the seed of the selection, each on a core of its own."""
    entries = [
        (name, method)
        for name in names
        for method in CONTESTANTS[name].methods(task.dimension)[: 1 if toy else None]
    ]

    def one(core: int, share: list[tuple[str, Method]]) -> list[dict[str, Any]]:
        order = {**budget, "seeds": [SELECTION_SEED], "core": core}
        return [_run(tasks, name, method, order) for name, method in share]

    shares = [entries[core::_PROCESSES] for core in range(_PROCESSES)]
    with ThreadPoolExecutor(_PROCESSES) as pool:
        found = list(pool.map(one, range(_PROCESSES), shares))
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for index, (name, method) in enumerate(entries):
        result = found[index % _PROCESSES][index // _PROCESSES]
        row = {"method": method.name, "settings": method.settings, "error": result.get("error")}
        curve = result["runs"][0]["curve"] if "runs" in result else None
        row["loss_at_time"] = curve and render_quality.at(curve, "seconds", budget["seconds"])
        row["loss_at_evaluations"] = curve and render_quality.at(
            curve, "evaluations", budget["mark"]
        )
        rows[name].append(row)
        print(f"   {task.name}: {names[name]} {method}: {_outcome(row)}", flush=True)
    return rows


def _outcome(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"failed, {row['error']}"
    return f"loss {row['loss_at_time']:.4g}, {row['loss_at_evaluations']:.4g} at equal evaluations"


def _best(rows: list[dict[str, Any]], key: str) -> Method:
    best = min(rows, key=lambda row: math.inf if row[key] is None else row[key])
    return Method(best["method"], best["settings"])


def _run(tasks: str, adapter: str, method: Method, order: dict[str, Any]) -> dict[str, Any]:
    """One process; an error is a result as well, of that contestant."""
    full = {**order, "adapter": adapter, "method": method.name, "settings": method.settings}
    command = [sys.executable, "-m", "benchmarks.peers", tasks, json.dumps(full)]
    limit = 60 + 3 * order["seconds"] * len(order["seeds"])
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"did not end within {limit:.0f} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"error": last[:200]}
    return {"runs": json.loads(done.stdout.splitlines()[-1])}


def _add(
    runs: list[dict[str, Any]],
    name: str,
    method: Method,
    budget: str,
    found: dict[str, Any],
    problem: str,
) -> None:
    if "error" in found:
        print(f"   {problem}: {name} {method} failed: {found['error']}", flush=True)
        runs.append({"name": name, "method": str(method), "budget": budget, **found})
        return
    for run in found["runs"]:
        runs.append({"name": name, "method": str(method), "budget": budget, **run})
    losses = [run["curve"]["loss"][-1] for run in found["runs"]]
    print(
        f"   {problem}, equal {budget}: {name} {method}: {statistics.median(losses):.4g}",
        flush=True,
    )


def render(results: dict[str, Any], folder: Path) -> str:
    """Tables, charts and what they say."""
    return render_quality.section(results, folder)
