"""What does a person see of a run? Improvements, a progress line, a closing table, pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console, Group

from gradless._core import words
from gradless.objectives import Measure, quality
from gradless.objectives.quality import Metric
from gradless.runs.prepared import Prepared
from gradless.strategies.restarting import NONE
from gradless.training.history import History
from gradless.training.observers import RunInfo
from gradless.training.progress import LiveLine, Status, is_accuracy, named
from gradless.training.records import Record, Stop
from gradless.views.tables import Column, Facts, Table


@dataclass(frozen=True)
class Result:
    """The numbers of a finished run; ``loss`` and ``accuracy`` are of the saved network."""

    run: str
    strategy: str
    objective: str
    evaluations: int
    seconds: float
    compile_seconds: float
    loss: float
    accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    stopped_because: str
    stalled: str | None = None
    advice: str | None = None
    test_metrics: dict[str, dict[str, float | None]] | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    kept_at: int | None = None
    """Evaluations after which the saved network was found, if validation rows chose it."""
    baseline: dict[str, Any] | None = None
    """One answer for all rows: what it is, its loss and accuracy on test data, or on training data
    if there are none, and the ``advantage`` of the network over it on test data, by which its loss
    is less, with a 95 % interval."""
    linear: dict[str, Any] | None = None
    """A linear model of the training rows: the same."""
    penalty: dict[str, Any] | None = None
    """Of a fit with one: its ``alpha``, and by cross-validation the ``strengths`` that were tried,
    their ``losses`` on rows not seen, the standard ``errors`` of these, and the losses on the rows
    ``fitted``."""
    decision: dict[str, Any] | None = None
    """Of a fit with a penalty for a metric of decisions: the ``kind`` of rule, and by folds around
    its choice the ``value`` of the metric and that of the largest probability, ``argmax``."""
    verdict: list[str] | None = None
    """What the figures say that a person might overlook."""
    measures: dict[str, dict[str, float]] | None = None
    """What the objective says besides, by part of the rows and name."""

    def as_json(self) -> dict[str, object]:
        """Plain values for JSON, which knows neither NaN nor infinity."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }


class Improvements:
    """Picks the improvements worth a line.

    One is shown when it comes clearly later than the last one shown (a quarter more evaluations)
    or is clearly better (a quarter lower loss): a few dozen lines, however long the run.
    """

    def __init__(
        self,
        evaluations: int = 0,
        best_loss: float = math.inf,
        objective: Measure | None = None,
        *,
        on_batches: bool = False,
    ) -> None:
        """Nothing shown yet; a run that goes on has evaluations and a best loss from before."""
        self._objective = objective
        self._new = "New best network on its own batch" if on_batches else "New best network"
        self._evaluations = float(evaluations)
        self._best = best_loss  # also of the improvements that were not shown
        self._shown = best_loss
        self._text = ""  # of its loss; the same text again would be no news

    def lines(self, record: Record) -> list[str]:
        """The lines that a record is worth."""
        before = np.concatenate([[self._best], record.best_loss[:-1]])
        lines = []
        for index in np.flatnonzero(record.best_loss < before):
            evaluations, loss = int(record.evaluations[index]), float(record.best_loss[index])
            if evaluations < 1.25 * self._evaluations and loss > self._shown - 0.25 * abs(
                self._shown
            ):
                continue
            if named(loss, self._objective) == self._text:
                continue
            self._text = named(loss, self._objective)
            accuracy = record.best_measures.get("accuracy")
            judged = ""
            if not (accuracy is None or is_accuracy(self._objective)):
                judged = f", accuracy: {words.percent(float(accuracy[index]))}"
            shown = f"evaluation: {evaluations:,}, {named(loss, self._objective)}{judged}"
            lines.append(f"{self._new}, {shown}")
            self._evaluations, self._shown = evaluations, loss
        if len(record.best_loss):
            self._best = float(record.best_loss[-1])
        return lines


class Display:
    """Improvement lines above one live progress line; a context manager.

    Parameters
    ----------
    console
        Where to; a console that is not a terminal gets the improvement lines alone.
    stop
        Limits, for the time left.
    history
        Of a run that goes on: what it has already found is not shown again.
    objective
        What is improved; its name and direction are shown.
    on_batches
        Whether each generation sees its own minibatch: the best loss is that of a batch then.
    """

    def __init__(
        self,
        console: Console,
        stop: Stop,
        history: History,
        objective: Measure | None = None,
        *,
        on_batches: bool = False,
    ) -> None:
        """Show nothing yet."""
        self._console, self._stop = console, stop
        self._objective, self._on_batches = objective, on_batches
        self._status = Status(stop, objective, on_batches=on_batches)
        so_far = (
            (history.last.evaluations, history.last.best_loss) if len(history) else (0, math.inf)
        )
        self._improvements = Improvements(*so_far, objective, on_batches=on_batches)

    def begin(self, info: RunInfo) -> None:
        """Show from now on what a phase improves."""
        if info.objective is not self._objective:
            self._objective = info.objective
            self._status = Status(self._stop, info.objective, on_batches=self._on_batches)
            self._improvements = Improvements(objective=info.objective, on_batches=self._on_batches)

    def show_share(self, share: float, lines: Sequence[str] = ()) -> None:
        """Show how much of a fit with a penalty is done, and lines above that."""
        for line in lines:
            self._console.print(line, highlight=False, soft_wrap=True)
        self._live.show(f"cross-validation and fit  {words.percent(share)} done")

    def __enter__(self) -> Display:
        self._live = LiveLine(self._console)
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.close()

    def show(self, record: Record) -> None:
        """Show what a record brings."""
        for line in self._improvements.lines(record):
            self._console.print(line, highlight=False, soft_wrap=True)
        if len(record.evaluations):
            self._live.show(self._status.line(record))


def closing_table(result: Result, prepared: Prepared) -> Group:
    """What ends a run: the facts, and the figures beside each other."""
    sizes = "-".join(map(str, prepared.model.sizes))
    pace = result.evaluations / result.seconds if result.seconds else 0.0
    facts = [
        ("network", f"{sizes}, {prepared.model.n_parameters:,} parameters"),
        ("strategy", result.strategy),
        ("restarts", "" if prepared.recipe.restarts == NONE else prepared.recipe.restarts),
        ("stopped because", result.stopped_because),
        ("evaluations", f"{result.evaluations:,}"),
        ("penalty", penalty_words(result) or ""),
        ("decision", decision_words(result) or ""),
        ("network kept", kept_words(result, prepared) or ""),
        (
            "time",
            f"{words.seconds(result.seconds)} ({pace:,.0f} evaluations a second), "
            f"and {words.seconds(result.compile_seconds)} to compile",
        ),
    ]
    if result.baseline is not None:
        facts.append(("baseline", f"answers every row alike: {result.baseline['answer']}"))
    if result.linear is not None:
        facts.append(("linear", linear_words(result)))
    return Group(Facts([fact for fact in facts if fact[1]]), _figures(result, prepared))


def kept_words(result: Result, prepared: Prepared) -> str | None:
    """Which network of the run was kept by validation rows, if they chose it."""
    if result.kept_at is None or prepared.validation is None:
        return None
    return (
        f"that of evaluation {result.kept_at:,}, the best on "
        f"{prepared.validation.n_samples:,} validation rows"
    )


def penalty_words(result: Result) -> str | None:
    """The penalty on the weights, if there is one."""
    if result.penalty is None:
        return None
    alpha, tried = result.penalty["alpha"], result.penalty["strengths"]
    if not tried:
        return f"{alpha:g} on the squares of the weights"
    return f"{alpha:g} on the squares of the weights, the best of {len(tried)} in cross-validation"


def decision_words(result: Result) -> str | None:
    """How classes are decided on, where that was chosen for the metric."""
    if result.decision is None:
        return None
    if result.decision["kind"] == "argmax":
        return "the class of the largest probability; nothing else was better in cross-validation"
    if result.decision["kind"] == "constant":
        return "one class for every row; no other rule brought more in cross-validation"
    name, value, argmax = (result.decision[key] for key in ("metric", "value", "argmax"))
    what = "the mean cost" if name.startswith("cost") else name
    return (
        f"moved to {'raise' if value >= argmax else 'lower'} {what}: {words.loss(value)} in "
        f"cross-validation, {words.loss(argmax)} by the largest probability"
    )


def linear_words(result: Result) -> str:
    """The linear model beside it."""
    assert result.linear is not None
    fitted = f"fitted to {words.plural(result.linear['rows'], 'training row')}"
    tuned = ", with a decision for the objective" if result.linear["decided"] else ""
    return f"{result.linear['model']}, {fitted}{tuned}"


def _figures(result: Result, prepared: Prepared) -> Table:
    """The objective and the accuracy on each part of the rows."""
    objective = prepared.problem.objective
    simple, linear = result.baseline or {}, result.linear or {}
    seen = "validation" if result.penalty is None else "cross-validation"
    parts: list[tuple[str, Any, Any]] = [
        ("training", result.loss, result.accuracy),
        (seen, result.validation_loss, result.validation_accuracy),
        ("test", result.test_loss, result.test_accuracy),
        ("baseline", simple.get("loss"), simple.get("accuracy")),
        ("linear", linear.get("loss"), linear.get("accuracy")),
    ]
    shown = [part for part in parts if part[1] is not None]
    rows = []
    if not is_accuracy(objective):
        rows.append([objective.label, *(words.loss(objective.value(loss)) for _, loss, _ in shown)])
    if result.accuracy is not None:
        shares = ("-" if share is None else words.percent(share) for _, _, share in shown)
        rows.append(["accuracy", *shares])
    also = result.measures or {}
    for name in also.get("training", ()):
        values = (also.get(part, {}).get(name) for part, _, _ in shown)
        rows.append([name, *("-" if value is None else words.loss(value) for value in values)])
    return Table([Column(""), *(Column(heading, right=True) for heading, _, _ in shown)], rows)


def caution(rows: int) -> str:
    """What to say of intervals of so many rows."""
    if rows >= quality.FEW:
        return ""
    return f"{rows} rows are few: the intervals are too narrow, and new rows may be quite different"


def metrics_table(
    found: Sequence[Metric], beside: Mapping[str, Sequence[Metric]] | None = None
) -> Table:
    """Metrics with their intervals and what they mean, and those of others, by heading."""
    others = {
        heading: {metric.name: metric.text for metric in metrics}
        for heading, metrics in (beside or {}).items()
    }
    columns = [Column("measure"), Column("value", right=True), Column("95 % interval")]
    columns += [Column(heading, right=True) for heading in others]
    rows = []
    for metric in found:
        more = [texts.get(metric.name, "-") for texts in others.values()]
        rows.append([metric.label, metric.text, metric.interval, *more, metric.meaning])
    return Table([*columns, Column("meaning", wraps=True, optional=True)], rows)
