"""How long until something is seen? Importing, and the first and the second ``gradless train``.

Every number is that of fresh processes. "First" runs begin with an empty cache of compiled
programs, "second" ones with what the first left there; the operating system has read the files of
all of them before.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TITLE = "Start-up"
PEERS: tuple[str, ...] = ()

_COMMAND = ("train", "spiral", "--evaluations", "5000")
_TOY = ("train", "vertical", "--hidden", "3", "--strategy", "hill_climbing", "--evaluations", "500")
_STARTS = {
    "python": "pass",
    "gradless": "import gradless",
    "jax": "import jax",
    "minimize": "import gradless; gradless.minimize",
}


def _seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def _run(given: tuple[str, ...], cache: Path | str) -> dict[str, float]:
    """Seconds until the first line, the first progress and the end of a run, as the user waits."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    environment |= {"GRADLESS_CACHE": str(cache), "PYTHONUNBUFFERED": "1"}
    seen: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "gradless", *given]
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                now = time.perf_counter() - begun
                seen.setdefault("first_line", now)
                if line.startswith("New best"):
                    seen.setdefault("first_progress", now)
        seen["end"] = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}")
    return seen


def measure(options: Any) -> dict[str, Any]:
    """Seconds of every repetition, taking turns."""
    rounds, given = (1, _TOY) if options.toy else (options.rounds, _COMMAND)
    imports: dict[str, list[float]] = {name: [] for name in _STARTS}
    runs: dict[str, list[dict[str, float]]] = {"off": [], "first": [], "second": []}
    if not options.toy:
        _run(given, "off")  # reads all files once
    for _ in range(rounds):
        for name, code in _STARTS.items():
            imports[name].append(_seconds(code))
        with tempfile.TemporaryDirectory() as cache:
            runs["off"].append(_run(given, "off"))
            runs["first"].append(_run(given, Path(cache)))
            runs["second"].append(_run(given, Path(cache)))
    return {"command": f"gradless {' '.join(given)}", "imports": imports, "runs": runs}


def render(results: dict[str, Any], folder: Path) -> str:
    """Two tables."""

    def median(values: list[float]) -> str:
        return f"{statistics.median(values):.2f} s"

    imports, runs = results["imports"], results["runs"]
    says = {
        "python": "`python -c pass`",
        "gradless": "`import gradless`",
        "jax": "`import jax`, for comparison",
        "minimize": "`import gradless; gradless.minimize`, which loads JAX",
    }
    cache = {
        "off": "without a cache (`GRADLESS_CACHE=off`)",
        "first": "first run, empty cache",
        "second": "second run",
    }
    lines = [
        f"Medians of {len(imports['python'])}, in seconds from the start of the process.",
        "",
        "| process | time |",
        "|---|---|",
        *(f"| {says[name]} | {median(imports[name])} |" for name in says),
        "",
        f"`{results['command']}`:",
        "",
        "| | first line | first progress | pictures drawn, end |",
        "|---|---|---|---|",
    ]
    for name, text in cache.items():
        columns = ("first_line", "first_progress", "end")
        cells = (median([run[column] for run in runs[name]]) for column in columns)
        lines.append(f"| {text} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
