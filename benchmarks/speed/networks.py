"""How many networks a second? Whole training loops, ask and tell included, side by side.

Every contestant is a process that compiles once and then waits for its turn; rounds go through all
of them, so that all see the same machine, and a figure is the median over the rounds.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.pages import machine
from benchmarks.pages.suite import Options
from benchmarks.speed.contestants import KINDS
from benchmarks.speed.problems import PROBLEMS, TOY, dataset

TITLE = "Speed"
PEERS = ("evosax", "evotorch")


class Worker:
    """A contestant in its own process."""

    def __init__(self, problem: str, name: str) -> None:
        given = PROBLEMS[problem].contestants[name]
        environment = {**os.environ, "GRADLESS_CACHE": "off"}
        if given["kind"] in ("evosax", "evotorch"):
            environment["JAX_NUM_CPU_DEVICES"] = "1"
        if "devices" in given:
            environment["JAX_NUM_CPU_DEVICES"] = str(given["devices"])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.networks", problem, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.ask(0.1)  # ready, compiled and warm

    def ask(self, seconds: float) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(seconds, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextmanager
def _worker(problem: str, name: str) -> Iterator[Worker]:
    worker = Worker(problem, name)
    try:
        yield worker
    finally:
        worker.close()


def _present(given: dict[str, Any]) -> bool:
    if given["kind"] == "limit":
        return shutil.which("g++") is not None
    return given["kind"] not in PEERS or machine.installed(given["kind"]) is not None


def measure(options: Options) -> dict[str, Any]:
    """Rates of all rounds, by problem and contestant."""
    seconds = options.seconds or (0.1 if options.toy else 1.5)
    rounds = 1 if options.toy else options.rounds
    found: dict[str, Any] = {}
    for key, problem in PROBLEMS.items():
        if options.toy and key not in TOY:
            continue
        chosen = TOY[key] if options.toy else problem.contestants
        names = [name for name in chosen if _present(problem.contestants[name])]
        rates: dict[str, list[float]] = {name: [] for name in names}
        with ExitStack() as stack:
            workers = {name: stack.enter_context(_worker(key, name)) for name in names}
            for _ in range(rounds):
                for name, worker in workers.items():
                    rates[name].append(worker.ask(seconds))
        for name in names:
            print(f"{key:8} {name:42} {statistics.median(rates[name]):>14,.0f}/s", flush=True)
        found[key] = rates
    return {"seconds": seconds, "rates": found}


def render(results: dict[str, Any], folder: Path) -> str:
    """Two tables: what was reached of what was aimed at, and all rates."""
    rates: dict[str, dict[str, list[float]]] = results["rates"]
    lines = [
        "Networks evaluated a second, inside of whole training loops with ask and tell: the median "
        f"of rounds of {results['seconds']:g} s that take turns. The ratio is that of the medians, "
        "in brackets the lowest and highest of one round.",
        "",
        "| problem | | against | times | aim |",
        "|---|---|---|---:|---:|",
    ]
    for key, measured in rates.items():
        problem = PROBLEMS[key]
        for name, other, aim in problem.against:
            if name not in measured or other not in measured:
                continue
            ratios = sorted(a / b for a, b in zip(measured[name], measured[other], strict=True))
            middle = statistics.median(measured[name]) / statistics.median(measured[other])
            missed = "" if middle >= aim else ", missed"
            lines.append(
                f"| {problem.title} | {name} | {other} | **{middle:.3g}** "
                f"({ratios[0]:.3g} to {ratios[-1]:.3g}) | {aim:g}{missed} |"
            )
    lines += ["", "| problem | loop | networks a second |", "|---|---|---:|"]
    for key, measured in rates.items():
        ordered = sorted(measured, key=lambda name: -statistics.median(measured[name]))
        for name in ordered:
            lines.append(
                f"| {PROBLEMS[key].title} | {name} | {statistics.median(measured[name]):,.0f} |"
            )
    lines += [
        "",
        "The C++ is [benchmarks/speed/limit/limit.cpp](../benchmarks/speed/limit/limit.cpp), "
        "vectors and caches by hand, on all cores. The matrix product is what the same "
        "multiply-adds would take in NumPy's fastest one; gradless can pass it, since both "
        "candidates of an opposite pair share the product of their first layer. On one device, the "
        "compiler spreads large products over both cores itself; on one core it cannot. EvoTorch "
        "has no OpenAI-ES; its PGPE does the same work.",
    ]
    return "\n".join(lines)


def _serve(key: str, name: str) -> None:
    """Answer every line, a number of seconds, with a rate."""
    problem = PROBLEMS[key]
    given = problem.contestants[name]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    if "cores" in given:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given["cores"]])
    rate = KINDS[given["kind"]](problem, *dataset(problem), given)
    for line in sys.stdin:
        print(rate(float(line)), file=answers, flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
