"""What do the runs say? Shares, evaluations to a target, times, and the curve of the picture."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from typing import Any

import numpy as np

from benchmarks.bbob import TARGETS, Row
from benchmarks.pages import machine

US, REFERENCE = "gradless", "pycma-bipop"
POINTS = tuple(float(f"{point:.4g}") for point in np.geomspace(1, 10_000, 61))
"""Evaluations for each variable at which the curve is kept."""
EXPECTED = {"1e-1": 15, "1e-5": 35}
"""Targets, by their places, for which the expected number of evaluations is said."""


def document(rows: list[Row]) -> dict[str, Any]:
    """All that a page needs, by suite, dimension and algorithm."""
    rows = whole(rows)
    by_dimension: dict[tuple[str, int], dict[str, list[Row]]] = defaultdict(dict)
    for row in rows:
        of_dimension = by_dimension[row["suite"], row["dimension"]]
        of_dimension.setdefault(row["algorithm"], []).append(row)
    results: dict[str, Any] = {}
    for (suite, dimension), found in sorted(by_dimension.items()):
        results.setdefault(suite, {})[str(dimension)] = {
            "algorithms": {name: summed(of_it) for name, of_it in sorted(found.items())},
            "beside": _beside(found),
        }
    versions = {row["algorithm"]: row["version"] for row in rows}
    return {
        "command": "python -m benchmarks.bbob",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.machine(),
        "versions": {"coco-experiment": machine.installed("coco-experiment"), **versions},
        "per_dimension": rows[0]["per_dimension"] if rows else 0,
        "results": results,
    }


def whole(rows: list[Row]) -> list[Row]:
    """Runs of the largest budget, of instances in which an algorithm has made all functions.

    A share of some functions only, which a measurement has when it is interrupted, cannot be
    compared. All functions are those that anybody has made.
    """
    budget = max((row["per_dimension"] for row in rows), default=0)
    rows = [row for row in rows if row["per_dimension"] == budget]
    functions: dict[str, set[int]] = defaultdict(set)
    made: dict[tuple[Any, ...], set[int]] = defaultdict(set)

    def group(row: Row) -> tuple[Any, ...]:
        return row["suite"], row["dimension"], row["algorithm"], row["instance"], row["seed"]

    for row in rows:
        functions[row["suite"]].add(row["function"])
        made[group(row)].add(row["function"])
    return [row for row in rows if made[group(row)] == functions[row["suite"]]]


def _beside(found: dict[str, list[Row]]) -> dict[str, Any]:
    """Ours and the reference on the same problems: evaluations to a target, and shares."""
    if not {US, REFERENCE} <= found.keys():
        return {}
    places = [{(row["instance"], row["seed"]) for row in found[name]} for name in (US, REFERENCE)]
    common = set.intersection(*places)
    return {
        name: _of_functions(
            [row for row in found[name] if (row["instance"], row["seed"]) in common]
        )
        for name in (US, REFERENCE)
        if common
    }


def _of_functions(rows: list[Row]) -> dict[str, Any]:
    by_function: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_function[row["function"]].append(row)
    of_functions = sorted(by_function.items())
    return {
        "instances": len({row["instance"] for row in rows}),
        "shares": {str(function): share(of_it) for function, of_it in of_functions},
        "expected": {
            name: {str(function): expected(of_it, place) for function, of_it in of_functions}
            for name, place in EXPECTED.items()
        },
    }


def summed(rows: list[Row]) -> dict[str, Any]:
    """An algorithm in a dimension."""
    reached = np.array([hit / row["dimension"] for row in rows for hit in row["hits"]], dtype=float)
    pairs = len(rows) * len(TARGETS)
    # The first runs of a process compile, and short ones are mostly what is done once.
    timed = [row for row in rows if row["evaluations"] >= 100] or rows
    return {
        "instances": sorted({row["instance"] for row in rows}),
        "runs": len(rows),
        "errors": sum("error" in row for row in rows),
        "share": share(rows),
        "curve": [round(float(np.sum(reached <= point)) / pairs, 4) for point in POINTS],
        "microseconds": {
            kind: round(
                float(np.median([1e6 * row[kind] / row["evaluations"] for row in timed])), 1
            )
            for kind in ("seconds", "processor")
        },
    }


def share(rows: list[Row]) -> float:
    """Of the targets of these runs, how many were reached."""
    return round(sum(len(row["hits"]) for row in rows) / (len(rows) * len(TARGETS)), 4)


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
