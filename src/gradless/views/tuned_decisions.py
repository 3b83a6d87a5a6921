"""How is a person told of a rule of decision, and of what it would bring?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradless._core import words
from gradless.training.decisions import Decision, Metric, Promise, Value
from gradless.views.tables import Column, Lines, Paragraph, Table

_KINDS = {
    "expected": "the best one if the probabilities, once corrected, are true",
    "shrunk": "searched on these rows, and held towards the one that the probabilities expect",
    "searched": "searched on these rows",
    "by_group": "the best one for which as many of each group's positive rows are found",
}


def said(decision: Decision, promise: Promise, metric: Metric, positive: int) -> Iterator[Lines]:
    """The rule in words, a table of what it would bring, and whether that is better.

    ``positive`` is the index of the positive one of two classes.
    """
    kind = _KINDS.get(decision.kind)
    more = ""
    if decision.rows is not None:
        name = decision.classes[positive]
        more = (
            f" Where that is more than {decision.rows:,} rows of a file, decide {name} for the "
            f"{decision.rows:,} that are furthest above alone."
        )
    told = f" It is {kind}." if kind else ""
    yield Paragraph(rule_in_words(decision, positive) + told + more)
    yield Paragraph("")
    yield values_table(decision, promise, metric)
    yield Paragraph("")
    yield Paragraph(verdict(promise))


def rule_in_words(decision: Decision, positive: int = 1) -> str:
    """How to decide, in a sentence that works without this package where it can."""
    if decision.kind == "argmax":
        return "Decide for the class of the largest probability, as before."
    names = [str(label) for label in decision.classes]
    if decision.kind == "constant":
        return (
            f"Decide {names[int(decision.offsets.argmax())]} for every row: on rows not seen, no "
            "other rule brought more."
        )
    if (apart := decision.group_thresholds) is not None:
        told = ", ".join(f"{_number(value)} in {name}" for name, value in apart.items())
        return f"Decide {names[positive]} where its probability is above {told}."
    if decision.price is not None:
        return (
            f"Decide {names[positive]} where a row is expected to bring more than it costs: its "
            f"corrected probability times its value above {_number(decision.price)}. gradless "
            "decide --rule does it."
        )
    if (threshold := decision.threshold) is not None:
        least, most = decision.decide(np.eye(2)).tolist()
        if least == most:
            return f"Decide {names[least]} for every row."
        above = threshold if positive == 1 else 1 - threshold
        return (
            f"Decide {names[positive]} where its probability is above {_number(above)}, instead of "
            "0.5."
        )
    added = decision.logit_offsets
    if added is None:
        return (
            "Correct the probabilities, then decide for the lowest expected cost: gradless decide "
            "--rule does it."
        )
    factors = np.exp(added - added.max())
    told = ", ".join(
        f"{name} {_number(factor)}" for name, factor in zip(names, factors, strict=True)
    )
    return f"Multiply the probabilities ({told}) and decide for the largest."


def values_table(decision: Decision, promise: Promise, metric: Metric) -> Table:
    """Values of the rule, and of the simpler ones, on the same rows."""
    heading = metric.name
    if metric.benefits is not None and not metric.total:
        heading += " a row"
    rows: list[Sequence[str]] = []
    if decision.kind != "argmax":
        rows.append(["this rule", *_value(promise.value)])
    largest = "largest probability"
    if promise.capacity is not None:
        largest += f", up to {100 * promise.capacity:.3g}%"
    rows.append([largest, *_value(promise.argmax)])
    if decision.kind not in ("argmax", "expected"):
        best = "Bayes' rule" if metric.benefits is not None else "expected best"
        rows.append([best, *_value(promise.expected)])
    if decision.kind != "argmax":
        rows.append(["improvement", *_value(promise.improvement)])
    columns = [Column("decided by"), Column(heading, right=True), Column("95 % interval")]
    return Table(columns, rows)


def verdict(promise: Promise) -> str:
    """Whether the rule is better, in a sentence."""
    measured = (
        f"Measured by nested folds on {promise.rows:,} rows: what is decided on a row was chosen "
        "without it."
    )
    if promise.gap is not None and promise.gap_before is not None:
        return (
            f"Shares of positive rows that are found are {100 * promise.gap:.2g} points apart "
            f"between groups, and {100 * promise.gap_before:.2g} with one threshold. {measured}"
        )
    if promise.better:
        limited = "" if promise.capacity is None else ", limited to the same share"
        return f"Better than the largest probability{limited}. {measured}"
    if promise.capacity is not None:
        return (
            "No better than the largest probability, limited to the same share: the interval of "
            f"the improvement includes 0. {measured}"
        )
    if promise.improvement.value == promise.improvement.high == 0:
        return f"No rule was better than before, so decisions stay as they are. {measured}"
    return f"No better than before: the interval of the improvement includes 0. {measured}"


def _value(value: Value) -> tuple[str, str]:
    return words.loss(value.value), f"{words.loss(value.low)} to {words.loss(value.high)}"


def _number(value: float) -> str:
    return f"{value:.4g}"
