"""What does a person see of a comparison? A live table while it runs, and a closing one."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from rich import table as rich_table
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from gradless._core import words
from gradless.objectives import Objective
from gradless.runs.comparison.contest import Contest, Plan
from gradless.runs.comparison.one_run import Progress
from gradless.runs.comparison.outcomes import Quartiles
from gradless.runs.comparison.summary import Difference, Row, Summary
from gradless.training.gradient_descent import EVALUATIONS_PER_STEP, NAME
from gradless.views.tables import Column, Paragraph, Table


def announcement(plan: Plan) -> str:
    """What is going to run, and how long it takes."""
    count = len(plan.entrants)
    what = words.plural(count, "strategy", "strategies")
    if plan.adam is not None:
        what += " and gradient descent"
    each = []
    if plan.stop.evaluations is not None:
        each.append(f"{plan.stop.evaluations:,} evaluations")
    if plan.stop.seconds is not None:
        each.append(words.seconds(plan.stop.seconds))
    text = f"{what} x {words.plural(plan.seeds, 'seed')} x {' or '.join(each)}"
    if plan.stop.seconds is None:
        return f"{text} (the first seed compiles, and shows how long it takes)"
    at_most = "at most " if len(each) > 1 else ""
    return f"{text}: {at_most}{words.about(plan.runs * plan.stop.seconds)}, and compilation"


class Display:
    """The live table; a console that is no terminal gets a line when a seed is finished."""

    def __init__(self, console: Console, contest: Contest) -> None:
        """Show nothing yet."""
        plan = contest.plan
        self._console = console
        self._plan = plan
        self._objective = contest.plan.task.objective
        names = [*plan.names, *([NAME] if plan.adam is not None else [])]
        self._losses: dict[str, list[float]] = {name: [] for name in names}
        self._failed: dict[str, str] = {}
        self._now: Progress | None = None
        self._begun = time.monotonic()
        self._first_round: float | None = None  # seconds that it took, with all compilation
        self._live = Live(
            get_renderable=self._table,
            console=console,
            transient=True,
            refresh_per_second=4,
            auto_refresh=console.is_terminal,
        )

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Show what is new."""
        self._now = progress
        if progress.failure is not None:
            self._failed[progress.name] = progress.failure
        if progress.outcome is not None:
            self._losses[progress.name].append(progress.outcome.loss)
        ended = progress.outcome is not None or progress.failure is not None
        left = [name for name in self._losses if name not in self._failed]
        if ended and (not left or progress.name == list(self._losses)[-1]):
            done = progress.seed - self._plan.first_seed + 1
            if self._first_round is None:
                self._first_round = time.monotonic() - self._begun
            if not self._console.is_terminal:
                self._console.print(f"seed {done} of {self._plan.seeds} finished", highlight=False)

    def _left(self) -> str:
        """Time left; the first seed is no guide to it, because it compiles."""
        done = sum(map(len, self._losses.values()))
        total = self._plan.seeds * (len(self._losses) - len(self._failed))
        text = f"{done} of {total} runs done"
        if self._plan.stop.evaluations is None and self._plan.stop.seconds is not None:
            return f"{text}, {words.about((total - done) * self._plan.stop.seconds)} left"
        later = done - len(self._losses)
        if self._first_round is None or later < 1:
            return f"{text}, {words.seconds(round(time.monotonic() - self._begun))} so far"
        pace = (time.monotonic() - self._begun - self._first_round) / later
        return f"{text}, {words.about((total - done) * pace)} left"

    def _table(self) -> Group:
        table = rich_table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("strategy", no_wrap=True)
        table.add_column("seeds", justify="right")
        table.add_column(f"median {self._objective.quantity}", justify="right")
        table.add_column("now", no_wrap=True)
        for name, losses in self._losses.items():
            median = ""
            if losses:
                median = words.loss(self._objective.value(Quartiles.of(losses).median))
            now = ""
            if name in self._failed:
                now = "failed"
            elif self._now is not None and self._now.name == name and self._now.outcome is None:
                best = words.loss(self._objective.value(self._now.best_loss))
                done, what = self._now.evaluations, self._objective.quantity
                now = f"{done:,} evaluations, {what} {best}" if done else "compiling"
            table.add_row(name, f"{len(losses)}/{self._plan.seeds}", median, now)
        return Group(table, Text(self._left()))


def show(console: Console, contest: Contest, summary: Summary) -> None:
    """Print the closing table and what its columns mean."""
    objective = contest.plan.task.objective
    what = objective.quantity
    head = f"{what} at {summary.evaluations:,}\nevaluations"
    if summary.deciding == "seconds":
        head = f"{what} at\n{words.seconds(summary.seconds)}"
    head = f"test\n{what}" if summary.on_test else head
    values = [(head, "judged")]
    if summary.on_test:
        values.append((f"training\n{what}", "at_end"))
    if summary.deciding == "seconds":
        values.append((f"{what} at {summary.evaluations:,}\nevaluations", "at_evaluations"))
    elif summary.tells_time:
        values.append((f"{what} at\n{words.seconds(summary.seconds)}", "at_seconds"))
    differences = len(summary.rows) > 1 and summary.rows[0].runs > 1
    columns = [Column("strategy"), Column("success", right=True), Column(values[0][0])]
    if differences:
        columns.append(Column("behind\nthe best"))
    columns += [Column(heading, optional=True) for heading, _ in values[1:]]
    columns.append(Column("evaluations", right=True, optional=True))
    columns.append(Column("evaluations\na second", right=True, optional=True))
    columns.append(Column("evaluations\nto target", right=True, optional=True))

    def at(row: Row, where: str) -> str:
        return spread(getattr(row, where).values(objective), row.runs)

    rows = [
        [
            row.name,
            f"{row.successes}/{row.runs}",
            at(row, values[0][1]),
            *([behind(row.behind)] if differences else []),
            *(at(row, where) for _, where in values[1:]),
            words.rounded(row.evaluations),
            words.rounded(row.evaluations_per_second),
            words.rounded(row.evaluations_to_target),
        ]
        for row in summary.rows
    ]
    console.print()
    console.print(Table(columns, rows))
    console.print()
    for line in notes(contest, summary):
        console.print(Paragraph(line))


def budget_of(summary: Summary) -> str:
    """The budget that a comparison is about."""
    if summary.deciding == "seconds":
        return words.seconds(summary.seconds)
    return f"{summary.evaluations:,} evaluations"


COMMAND = ("--target-loss", "--target-score", "--target-accuracy")
"""How a target is given: a loss, a value of which more is better, an accuracy."""


def notes(contest: Contest, summary: Summary, given: Sequence[str] = COMMAND) -> list[str]:
    """What the columns mean, in sentences; ``given`` says how a target is."""
    plan, target = contest.plan, summary.target
    objective = contest.plan.task.objective
    reached = f"a loss of {words.loss(target.value)} or less"
    if objective.greater_is_better:
        reached = f"a value of {words.loss(objective.value(target.value))} or more"
    if target.quantity == "accuracy":
        reached = f"an accuracy of {words.percent(target.value)} or more"
    if not target.given:
        options = given[1 if objective.greater_is_better else 0]
        if contest.plan.task.has_classes:
            options += f" or {given[2]}"
        reached += f", the median of all runs here; {options} sets another"
    meaning = objective.name
    if objective.greater_is_better and isinstance(objective, Objective):
        meaning = objective.description
    named = "" if meaning == objective.quantity else f"{meaning}, "
    where = "on the training data"
    if summary.on_test:
        where = "on test rows, which chose nothing"
    lines = [
        f"{objective.quantity}: {named}{where}, of what a run of {budget_of(summary)} ends with; "
        "median (first to third quartile) over seeds. A run that ended before counts as it is.",
        f"success: seeds whose training reached {reached}.",
    ]
    if len(summary.rows) > 1 and summary.rows[0].runs > 1:
        lines.append(
            f"behind the best: by how much the {objective.quantity} is worse than that of "
            f"{summary.rows[0].name}, mean over the same seeds ± its 95 % interval; "
            "where that is the larger one, these seeds do not tell the two apart."
        )
    gradient = [one for one in contest.outcomes if one.name == NAME]
    if gradient and plan.adam is not None:
        text = (
            f"{NAME}: a yardstick, learning rate {plan.adam.learning_rate:g}; a step counts as "
            f"{EVALUATIONS_PER_STEP} evaluations."
        )
        if all(len(one.curve.loss) <= 1 for one in gradient):
            text += (
                f" It never left its first loss: {objective.name} gives it no gradient to follow."
            )
        lines.append(text)
    for row in summary.rows:
        if row.failure is not None:
            seeds = words.plural(row.runs, "seed")
            lines.append(f"{row.name} stopped after {seeds}: {row.failure}")
    lines += [f"{name} could not run: {why}" for name, why in summary.failures.items()]
    return lines


def spread(values: Quartiles, runs: int) -> str:
    """A median with its quartiles."""
    if runs == 1 or not math.isfinite(values.median):
        return words.loss(values.median)
    low, high = (words.loss(each) for each in values[::2])
    return f"{words.loss(values.median)} ({low} to {high})"


def behind(difference: Difference | None) -> str:
    """How far a strategy is behind the best one, and half of the interval; above 0 is worse."""
    if difference is None:
        return ""
    if not math.isfinite(difference.mean):
        return "-"
    half = (difference.high - difference.low) / 2
    if difference.mean == half == 0:
        return "0"
    return f"{difference.mean:+.3g}" + (f" ± {half:.2g}" if math.isfinite(half) else "")
