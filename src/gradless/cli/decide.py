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
from gradless.cli.decide_options import Decide
from gradless.data import predicted
from gradless.data.cells import listing, short
from gradless.training.decisions import (
    Decision,
    Metric,
    Tuned,
    capacity_of,
    metric_of,
    positive_index,
    tune,
    tune_by_group,
)
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
        "--value-column": options.value_column,
        "--group-column": options.group_column,
    }
    predicted.check_columns(options.data, names)
    cells, classes = predicted.read_target(options.data, options.target)
    positive = positive_index(options.positive, classes)
    columns = _columns(options, classes)
    _check_together(options)
    roles = (options.weight, options.group, options.value_column, options.group_column)
    also = [name for name in dict.fromkeys(roles) if name is not None]
    found = predicted.read_predicted(options.data, columns, positive, keep=also)
    metric = metric_of(
        "profit" if options.value_column is not None else options.objective,
        classes,
        positive=classes[positive] if len(classes) == 2 else None,
        costs=None if options.costs is None else read_costs(options.costs, classes),
        # Of a column of values the metric is made where they are known.
        value=options.value if options.value_column is None else 1.0,
        cost=options.cost,
    )
    decision, promise = _tuned(
        options, found, [classes.index(cell) for cell in cells], classes, metric, positive
    )
    if options.out is not None:
        more = {
            "columns": list(columns),
            "value_column": options.value_column,
            "group_column": options.group_column,
            "promise": promise.as_json(),
        }
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


def _check_together(options: Decide) -> None:
    """Refuse options that do not go together."""
    if options.value_column is not None:
        if options.value is not None or options.costs is not None:
            other = "--value" if options.value is not None else "--costs"
            raise InputError(f"{other} must be left out with --value-column; remove one of them")
        if options.objective not in (None, "profit"):
            raise InputError(
                f"--objective must be profit with --value-column, got {options.objective}; remove "
                "one of them"
            )
        if not options.cost:
            raise InputError(
                "--cost must be above 0 with --value-column, since every row is worth a call "
                "otherwise, got none. For example: --cost 5"
            )
    if options.gap is not None and options.group_column is None:
        raise InputError("--gap must come with --group-column, got it alone; remove it")
    if options.group_column is not None:
        for given, name in (
            (options.value_column, "--value-column"),
            (options.capacity, "--capacity"),
        ):
            if given is not None:
                raise InputError(f"{name} must be left out with --group-column; remove one of them")


def _tuned(
    options: Decide,
    found: predicted.Predicted,
    true: list[int],
    classes: list[str],
    metric: Metric,
    positive: int,
) -> Tuned:
    """The rule that was asked for, and its promise."""

    def column(name: str | None) -> list[str] | None:
        return None if name is None else found.kept[name]

    weight = None
    if options.weight is not None:
        weight = _numbers("--weight", options.weight, found.kept[options.weight])
    shared: dict[str, Any] = {
        "weight": weight,
        "groups": column(options.group),
        "classes": classes,
        "seed": options.seed,
        "positive": positive,
    }
    if options.group_column is not None:
        if options.gap is not None:
            shared["gap"] = options.gap
        of = found.kept[options.group_column]
        return tune_by_group(found.probabilities, np.array(true), metric, of, **shared)
    most, rows = capacity_of(options.capacity, len(classes))
    if options.value_column is not None:
        values = _numbers("--value-column", options.value_column, found.kept[options.value_column])
        shared |= {"value": values, "price": options.cost}
    return tune(found.probabilities, np.array(true), metric, most=most, rows=rows, **shared)


def _columns(options: Decide, classes: list[str]) -> tuple[str, ...]:
    if options.score is None:
        return predicted.find_columns(options.data, classes)
    if len(classes) != 2:
        raise InputError(
            f"--score must be of two classes, got {len(classes)}: {listing(classes)}; give a "
            "column of probabilities for each class"
        )
    return (options.score,)


def _numbers(option: str, name: str, cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        raise InputError(f"{option} {name} must be a column of numbers, got another one") from None


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
    columns = facts.get("columns")
    if options.score is not None:
        columns = [options.score]
    if not columns:
        columns = predicted.find_columns(options.data, [str(name) for name in decision.classes])
    values, groups = _column_of(options, facts, "value"), _column_of(options, facts, "group")
    also = [name for name in (values, groups) if name is not None]
    keep = (*options.keep, *also)
    found = predicted.read_predicted(options.data, columns, decision.positive, keep=keep)
    value = None if values is None else _numbers("--value-column", values, found.kept[values])
    group = None if groups is None else found.kept[groups]
    decided = decision.decide(found.probabilities, value=value, group=group)
    kept = {name: of for name, of in found.kept.items() if name not in also or name in options.keep}
    names = [str(name) for name in decision.classes]
    corrected = decision.probabilities(found.probabilities)
    header = [*kept, "decision", *(f"probability of {name}" for name in names)]
    beside = list(zip(*kept.values(), strict=True)) or [()] * len(decided)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [header]
        + [
            [*cells, names[chosen], *(f"{share:.9g}" for share in row)]
            for cells, chosen, row in zip(beside, decided, corrected, strict=True)
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


def _column_of(options: Decide, facts: dict[str, Any], role: str) -> str | None:
    """The column of values or groups that a rule looks at, by its file or by the option."""
    given: str | None = getattr(options, f"{role}_column")
    known = facts.get(f"{role}_column")
    if known is None and given is not None:
        raise InputError(
            f"--{role}-column must be left out: the rule looks at no {role}, got {given!r}"
        )
    return given or known


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
