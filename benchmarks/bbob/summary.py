"""What do the runs say? Shares, evaluations to a target, times, and the curve of the picture."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from typing import Any

import numpy as np

from benchmarks.bbob import FUNCTIONS, TARGETS, Row
from benchmarks.pages import machine

POINTS = tuple(float(f"{point:.4g}") for point in np.geomspace(1, 10_000, 61))
"""Evaluations for each variable at which the curve is kept."""
EXPECTED = {"1e-1": 15, "1e-5": 35}
"""Targets, by their places, for which the expected number of evaluations is said."""


def document(rows: list[Row]) -> dict[str, Any]:
    """All that a page needs, by suite, dimension and algorithm."""
    groups: dict[tuple[str, int, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["suite"], row["dimension"], row["algorithm"]].append(row)
    results: dict[str, Any] = {}
    for (suite, dimension, name), of_group in sorted(groups.items()):
        of_dimension = results.setdefault(suite, {}).setdefault(str(dimension), {})
        of_dimension[name] = summed(of_group)
    versions = {row["algorithm"]: row["version"] for row in rows}
    return {
        "command": "python -m benchmarks.bbob",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.machine(),
        "versions": {"coco-experiment": machine.installed("coco-experiment"), **versions},
        "per_dimension": sorted({row["per_dimension"] for row in rows}),
        "results": results,
    }


def summed(rows: list[Row]) -> dict[str, Any]:
    """An algorithm in a dimension."""
    by_function: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_function[row["function"]].append(row)
    reached = np.array([hit / row["dimension"] for row in rows for hit in row["hits"]], dtype=float)
    pairs = len(rows) * len(TARGETS)
    # The first runs of a process compile, and short ones are mostly what is done once.
    timed = [row for row in rows if row["evaluations"] >= 100] or rows
    return {
        "instances": sorted({row["instance"] for row in rows}),
        "complete": len(by_function) == len(FUNCTIONS[rows[0]["suite"]]),
        "runs": len(rows),
        "errors": sum("error" in row for row in rows),
        "share": round(reached.size / pairs, 4),
        "of_functions": {
            str(function): round(
                sum(len(row["hits"]) for row in of_it) / (len(of_it) * len(TARGETS)), 4
            )
            for function, of_it in sorted(by_function.items())
        },
        "expected": {
            name: {
                str(function): expected(of_it, place)
                for function, of_it in sorted(by_function.items())
            }
            for name, place in EXPECTED.items()
        },
        "curve": [round(float(np.sum(reached <= point)) / pairs, 4) for point in POINTS],
        "microseconds": {
            kind: round(
                float(np.median([1e6 * row[kind] / row["evaluations"] for row in timed])), 1
            )
            for kind in ("seconds", "processor")
        },
    }


def expected(rows: list[Row], place: int) -> float | None:
    """Evaluations until a target is reached: all that were made, over the runs that reached it.

    Hansen et al. (2009), "Real-parameter black-box optimization benchmarking 2009: experimental
    setup", where it is called ERT. None if no run reached it.
    """
    successes = sum(len(row["hits"]) > place for row in rows)
    made = sum(
        row["hits"][place] if len(row["hits"]) > place else row["evaluations"] for row in rows
    )
    return round(made / successes, 1) if successes else None


def text(document: dict[str, Any]) -> str:
    """As JSON, with a list or a table of functions on a line."""
    return _json(document) + "\n"


def _json(value: Any, indent: int = 0) -> str:
    nested = isinstance(value, dict) and any(
        isinstance(each, dict | list) for each in value.values()
    )
    if not nested:
        return json.dumps(value)
    pad = " " * (indent + 1)
    lines = (f"{pad}{json.dumps(key)}: {_json(each, indent + 1)}" for key, each in value.items())
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
