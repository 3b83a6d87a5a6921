"""``gradless decide``: tune decisions of any model's probabilities, or apply the rule."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gradless._core import storage, words
from gradless._core.errors import InputError
from gradless.cli.commands import Decide
from gradless.data import predicted
from gradless.data.cells import listing, short
from gradless.training.decisions import Decision, Metric, metric_of, positive_index, tune
from gradless.views import tuned_decisions
from gradless.views.tables import Paragraph


def main(options: Decide) -> int:
    """Tune and print; or apply and write."""
    return _apply(options, options.rule) if options.rule else _tune(options)


def _tune(options: Decide) -> int:
    if options.target is None:
        raise InputError(
            "--target must name the column of the true classes, got none. For rows without, apply "
            "a rule: gradless decide FILE --rule decision.json"
        )
    if options.keep:
        raise InputError("--keep must come with --rule, got it alone; remove it")
    names = {
        "--target": options.target,
        "--score": options.score,
        "--weight": options.weight,
        "--group": options.group,
    }
    predicted.check_columns(options.data, names)
    cells, classes = predicted.read_target(options.data, options.target)
    positive = positive_index(options.positive, classes)
    columns = _columns(options, classes)
    also = [name for name in (options.weight, options.group) if name is not None]
    found = predicted.read_predicted(options.data, columns, positive, keep=also)
    weight = None
    if options.weight is not None:
        weight = _weights(options.weight, found.kept[options.weight])
    metric = metric_of(
        options.objective,
        classes,
        positive=classes[positive] if len(classes) == 2 else None,
        costs=None if options.costs is None else read_costs(options.costs, classes),
        value=options.value,
        cost=options.cost,
    )
    decision, promise = tune(
        found.probabilities,
        np.array([classes.index(cell) for cell in cells]),
        metric,
        weight=weight,
        groups=None if options.group is None else found.kept[options.group],
        classes=classes,
        seed=options.seed,
        most=options.capacity,
        positive=positive,
    )
    if options.out is not None:
        more = {"columns": list(columns), "positive": positive, "promise": promise.as_json()}
        try:
            decision.save(options.out, **more)
        except InputError as error:
            raise InputError(f"--out {error}") from None
    if options.json:
        print(json.dumps(decision.as_json() | {"promise": promise.as_json()}))
    console = options.console()
    console.print(Paragraph(_understood(options, cells, classes, metric)))
    console.print()
    for part in tuned_decisions.said(decision, promise, metric, positive):
        console.print(part)
    if options.out is not None:
        console.print(Paragraph(f"Rule: {options.out}"))
    return 0


def _columns(options: Decide, classes: list[str]) -> tuple[str, ...]:
    if options.score is None:
        return predicted.find_columns(options.data, classes)
    if len(classes) != 2:
        raise InputError(
            f"--score must be of two classes, got {len(classes)}: {listing(classes)}; give a "
            "column of probabilities for each class"
        )
    return (options.score,)


def _weights(name: str, cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        raise InputError(f"--weight {name} must be a column of numbers, got another one") from None


def _understood(options: Decide, cells: list[str], classes: list[str], metric: Metric) -> str:
    shares = ", ".join(
        f"{name} {words.percent(cells.count(name) / len(cells))}" for name in classes[:8]
    )
    more = f" and {len(classes) - 8} more" if len(classes) > 8 else ""
    return f"{options.data}: {len(cells):,} rows ({shares}{more}), tuned for {metric.name}."


def read_costs(path: Path, classes: list[str]) -> dict[tuple[str, str], float]:
    """Costs by (true, decided) class from a CSV file: the header decides, the first column is true.

    Raises
    ------
    InputError
        If the file is no such table of these classes.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"))) if any(row)]
    except (OSError, UnicodeError, csv.Error) as error:
        said = getattr(error, "strerror", None) or "it is no CSV file"
        raise InputError(f"--costs {path} cannot be read ({said})") from None
    header = [cell.strip() for cell in rows[0][1:]] if rows else []
    true = [row[0].strip() for row in rows[1:]]
    for names, where in ((header, "the header"), (true, "the first column")):
        if sorted(names) != sorted(classes):
            raise InputError(
                f"--costs {path}: {where} must name each class once, {listing(classes)}, got "
                f"{listing(names) or 'nothing'}"
            )
    costs = {}
    for name, row in zip(true, rows[1:], strict=True):
        for decided, cell in zip(header, [*row[1:], *[""] * len(header)], strict=False):
            try:
                costs[name, decided] = words.read_number(cell)
            except ValueError:
                raise InputError(
                    f"--costs {path}: costs must be numbers, got {short(cell)} of {name}, {decided}"
                ) from None
    return costs


# --- Apply a rule ---------------------------------------------------------------------------------


def _apply(options: Decide, rule: Path) -> int:
    facts = _facts(rule)
    decision = Decision.from_json(facts)
    columns, positive = facts.get("columns"), facts.get("positive", 1)
    if options.score is not None:
        columns = [options.score]
    if not columns:
        columns = predicted.find_columns(options.data, [str(name) for name in decision.classes])
    found = predicted.read_predicted(options.data, columns, positive, keep=options.keep)
    decided = decision.decide(found.probabilities)
    names = [str(name) for name in decision.classes]
    corrected = decision.probabilities(found.probabilities)
    header = [*found.kept, "decision", *(f"probability of {name}" for name in names)]
    beside = list(zip(*found.kept.values(), strict=True)) or [()] * len(decided)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [header]
        + [
            [*kept, names[chosen], *(f"{share:.9g}" for share in row)]
            for kept, chosen, row in zip(beside, decided, corrected, strict=True)
        ]
    )
    if options.out is None:
        sys.stdout.write(text.getvalue())
        return 0
    try:
        storage.write_bytes(options.out.resolve(), text.getvalue().encode())
    except OSError as error:
        raise InputError(f"--out {storage.unwritable(options.out, error)}") from None
    counts = np.bincount(decided, minlength=len(names))
    told = ", ".join(
        f"{name} {count:,}" for name, count in zip(names, counts.tolist(), strict=True) if count
    )
    options.console().print(Paragraph(f"{options.out}: {len(decided):,} rows, {told}"))
    return 0


def _facts(rule: Path) -> dict[str, Any]:
    """What the file of a rule holds."""
    try:
        facts = json.loads(rule.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--rule {rule} cannot be read ({error.strerror})") from None
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise InputError(f"--rule {rule} must be a file that gradless decide --out wrote")
    return facts
