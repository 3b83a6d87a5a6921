"""How is a comparison kept? ``compare.csv``, ``curves.csv`` and ``summary.json`` in a folder."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradless._core import storage
from gradless._core.errors import InputError
from gradless._core.terminal import shortened
from gradless.runs.comparison.contest import Contest
from gradless.runs.comparison.outcomes import Curve, Outcome, Target
from gradless.runs.comparison.summary import Summary
from gradless.training import gradient_descent

RUNS, CURVES, SUMMARY = "compare.csv", "curves.csv", "summary.json"

_ROWS_PER_CURVE = 400  # in the CSV file


def write(folder: Path, contest: Contest, summary: Summary) -> None:
    """Write ``compare.csv``, ``curves.csv`` and ``summary.json`` into an existing folder."""
    _write_csv(folder / RUNS, _run_rows(contest.outcomes, summary.target))
    _write_csv(folder / CURVES, _curve_rows(contest.outcomes))
    storage.write_json(folder / SUMMARY, as_json(contest, summary))


def as_json(contest: Contest, summary: Summary) -> dict[str, Any]:
    """The comparison in plain values; what is not finite becomes null."""
    plan = contest.plan
    sizes = plan.task.sizes
    return {
        "data": plan.task.name,
        "recipe": plan.task.described(),
        "network": None if sizes is None else list(sizes),
        "objective": plan.task.objective.name,
        "seeds": [plan.first_seed + k for k in range(plan.seeds)],
        "entrants": {
            each.name: {
                "strategy": contest.strategies[each.name].name,
                "hyperparameters": _settings(contest.strategies[each.name]),
            }
            for each in plan.entrants
        },
        "limits": {"evaluations": plan.stop.evaluations, "seconds": plan.stop.seconds},
        "adam_learning_rate": None if plan.adam is None else plan.adam.learning_rate,
        "evaluations_per_gradient_step": gradient_descent.EVALUATIONS_PER_STEP,
        "target": summary.target._asdict(),
        "equal_evaluations": summary.evaluations,
        "equal_seconds": round(summary.seconds, 6),
        "budget": summary.deciding,
        "judged_on": "test rows" if summary.on_test else "all data",
        "strategies": [_plain(row) for row in summary.rows],
        "failed": summary.failures,
    }


def _settings(strategy: Any) -> dict[str, Any]:
    """Hyperparameters as plain values; what is none, as text."""
    values = {field.name: getattr(strategy, field.name) for field in dataclasses.fields(strategy)}
    plain = (bool, int, float, str, type(None))
    return {k: v if isinstance(v, plain) else str(v) for k, v in values.items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _run_rows(outcomes: list[Outcome], target: Target) -> Iterator[list[Any]]:
    yield [
        "strategy", "seed", "loss", "accuracy", "best_loss", "evaluations", "seconds",
        "compile_seconds", "success", "evaluations_to_target", "seconds_to_target",
        "stopped_because",
    ]  # fmt: skip
    for run in outcomes:
        hit = run.curve.reached(target)
        yield [
            run.name, run.seed, _number(run.loss), _number(run.accuracy), _number(run.best_loss),
            run.evaluations, f"{run.seconds:.6f}", f"{run.compile_seconds:.3f}",
            int(hit is not None),
            "" if hit is None else int(run.curve.evaluations[hit]),
            "" if hit is None else f"{run.curve.seconds[hit]:.6f}",
            run.stopped_because,
        ]  # fmt: skip


def _curve_rows(outcomes: list[Outcome]) -> Iterator[list[Any]]:
    yield ["strategy", "seed", "evaluations", "seconds", "best_loss"]
    for run in outcomes:
        count = len(run.curve.loss)
        # Evenly spaced in the logarithm of the row: improvements are dense at the beginning.
        kept = np.unique(np.geomspace(1, max(count, 1), _ROWS_PER_CURVE).round().astype(int)) - 1
        for index in kept[kept < count]:
            yield [
                run.name, run.seed, int(run.curve.evaluations[index]),
                f"{run.curve.seconds[index]:.6f}", _number(run.curve.loss[index]),
            ]  # fmt: skip
        if count:
            # Where the run ended, which may be long after its last improvement.
            yield [
                run.name, run.seed, run.evaluations, f"{run.seconds:.6f}", _number(run.best_loss)
            ]  # fmt: skip


def _number(value: float) -> str:
    """The shortest text of the same float32; an empty cell for NaN."""
    return "" if math.isnan(value) else str(np.float32(value))


def _write_csv(path: Path, rows: Iterator[list[Any]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    storage.write_bytes(path, text.getvalue().encode())


# --- Reading --------------------------------------------------------------------------------------


class Kept(NamedTuple):
    """A comparison as its folder has it."""

    outcomes: list[Outcome]
    about: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """Of what was compared."""
        return list(self.about["entrants"])

    @property
    def families(self) -> dict[str, str]:
        """Which strategy each name is of."""
        return {name: each["strategy"] for name, each in self.about["entrants"].items()}

    @property
    def target(self) -> Target:
        """What counted as success."""
        return Target(**self.about["target"])


def is_comparison(folder: Path) -> bool:
    """Whether a folder is one of a comparison."""
    # os.path, unlike pathlib, takes a name that is too long for one that does not exist.
    return all(os.path.isfile(folder / name) for name in (SUMMARY, CURVES, RUNS))  # noqa: PTH113


def read(folder: Path) -> Kept:
    """What :func:`write` wrote; curves as they are in the file, thinned.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    about = storage.read_json(folder / SUMMARY)
    try:
        curves = _read_curves(folder / CURVES)
        outcomes = []
        with (folder / RUNS).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rows = curves.get((row["strategy"], row["seed"]), np.empty((0, 3)))
                evaluations, seconds, losses = rows.T
                curve = Curve(evaluations, seconds, losses, np.full(len(rows), math.nan))
                outcomes.append(
                    Outcome(
                        row["strategy"], int(row["seed"]), curve, int(row["evaluations"]),
                        float(row["seconds"]), float(row["compile_seconds"]),
                        float(row["loss"] or "nan"), float(row["accuracy"] or "nan"),
                        row["stopped_because"],
                    )
                )  # fmt: skip
        kept = Kept(outcomes, dict(about))
        _ = kept.families, kept.target
        if not {"data", "network", "objective"} <= kept.about.keys():
            raise KeyError("data")
        return kept
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            f"{shortened(folder)} does not hold a comparison that this version of gradless can read"
        ) from None


def _read_curves(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """Rows of evaluations, seconds and losses, (rows, 3), by strategy and seed."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    columns = ("evaluations", "seconds", "best_loss")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = found.setdefault((row["strategy"], row["seed"]), [])
            place.append([float(row[name]) for name in columns])
    return {key: np.array(rows) for key, rows in found.items()}
