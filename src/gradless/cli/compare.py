"""``gradless compare``: which strategy is better on these data, at equal budgets, over seeds?"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

from rich import table as rich_table
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from gradless._core import interrupts, words
from gradless._core.errors import InputError
from gradless._core.terminal import say
from gradless.cli.commands import Compare
from gradless.cli.recipes import recipe_of, target
from gradless.data.named import DATASETS
from gradless.objectives import Measure
from gradless.runs import compare, run_folder
from gradless.runs.compare import Comparison, Plan, Progress, Quartiles, Summary
from gradless.strategies import STRATEGIES, find
from gradless.training.gradient_descent import EVALUATIONS_PER_STEP, NAME, Adam
from gradless.training.loop import Stop
from gradless.views import compare_plots
from gradless.views.tables import Column, Paragraph, Table

DEFAULT_SECONDS = 5.0
PICTURE = "comparison.png"


def main(options: Compare) -> int:
    """Run, summarise."""
    plan = _plan(options)
    comparison = Comparison(plan)
    say(*comparison.prepared.notes)
    folder = run_folder.claim(options.out or _next_free(plan.recipe.data))
    console = options.console()
    console.print(announcement(comparison.plan), highlight=False)
    with Display(console, comparison) as display:
        for progress in comparison.run(interrupts.asked):
            if progress.outcome is not None:
                interrupts.save_first()
            display.show(progress)
    interrupted = interrupts.asked() is not None
    summary = comparison.summarise()
    if summary is None:
        return _nothing(comparison, interrupted)
    compare.write(folder, comparison, summary)
    _draw(folder, comparison, summary)
    if options.json:
        print(json.dumps(compare.as_json(comparison, summary)))
    show(console, comparison, summary)
    console.print(f"\n{folder / PICTURE}", highlight=False, soft_wrap=True)
    console.print(f"{folder / compare.RUNS}", highlight=False, soft_wrap=True)
    if interrupted:
        print(
            f"gradless: interrupted after {len(comparison.outcomes)} of {comparison.plan.runs} "
            "runs; the one that was running is left out",
            file=sys.stderr,
        )
    return interrupts.exit_code()


def _plan(options: Compare) -> Plan:
    seconds = options.time
    if seconds is None and options.evaluations is None:
        seconds = DEFAULT_SECONDS
    given = STRATEGIES if "all" in options.strategies else options.strategies
    names = dict.fromkeys(find(name).name for name in given)  # once each, in the order given
    recipe = recipe_of(options)
    loss = target(options.target_loss, options.target_score, recipe.objective)
    return Plan(
        recipe=recipe,
        strategies=tuple(names),
        seeds=options.seeds,
        stop=Stop(options.evaluations, seconds, loss, options.target_accuracy),
        adam=Adam(options.adam_learning_rate) if options.gradient else None,
    )


def _next_free(data: str) -> Path:
    """First free folder ``compare/DATA-N``."""
    stem = data if data in DATASETS else Path(data).stem
    number = 1
    while (folder := Path("compare") / f"{stem}-{number}").exists():
        number += 1
    return folder


def _nothing(comparison: Comparison, interrupted: bool) -> int:
    if interrupted:
        print("gradless: interrupted before any run had ended; nothing to show", file=sys.stderr)
        return interrupts.exit_code()
    reasons = "; ".join(f"{name}: {why}" for name, why in comparison.failures.items())
    raise InputError(f"no strategy could be run ({reasons})")


def _draw(folder: Path, comparison: Comparison, summary: Summary) -> None:
    prepared, plan = comparison.prepared, comparison.plan
    objective = prepared.problem.objective
    outcomes = comparison.outcomes
    seeds = max(row.runs for row in summary.rows)
    sizes = "-".join(map(str, prepared.model.sizes))
    compare_plots.comparison(
        outcomes,
        [*plan.strategies, NAME],
        folder / PICTURE,
        title=f"{prepared.train.name}, {sizes} network: how fast does {_moves(objective)}?",
        subtitle=compare_plots.note(outcomes, seeds),
        loss_name=_axis(objective),
        objective=objective,
        target=summary.target.value if summary.target.quantity == "loss" else None,
    )


def _moves(objective: Measure) -> str:
    if objective.greater_is_better:
        return f"{objective.name.replace('_', ' ')} rise"
    return "the loss fall"


def _axis(objective: Measure) -> str:
    name = objective.name.replace("_", " ")
    return f"best {name} so far" if objective.greater_is_better else f"best loss so far, {name}"


# --- What a person sees ---------------------------------------------------------------------------


def announcement(plan: Plan) -> str:
    """What is going to run, and how long it takes."""
    count = len(plan.strategies)
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

    def __init__(self, console: Console, comparison: Comparison) -> None:
        """Show nothing yet."""
        plan = comparison.plan
        self._console = console
        self._plan = plan
        self._objective = comparison.prepared.problem.objective
        names = [*plan.strategies, *([NAME] if plan.adam is not None else [])]
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
            done = progress.seed - self._plan.recipe.seed + 1
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


def _spread(values: Quartiles, runs: int) -> str:
    if runs == 1 or not math.isfinite(values.median):
        return words.loss(values.median)
    return f"{words.loss(values.median)} ({words.loss(values.low)} to {words.loss(values.high)})"


def show(console: Console, comparison: Comparison, summary: Summary) -> None:
    """Print the closing table and what its columns mean."""
    objective = comparison.prepared.problem.objective
    what = objective.quantity
    by_evaluations = (f"{what} at {summary.evaluations:,}\nevaluations", "at_evaluations")
    by_time = (f"{what} at\n{words.seconds(summary.seconds)}", "at_seconds")
    values = [by_evaluations, by_time]
    if summary.deciding == "seconds":
        values.reverse()
    columns = [Column("strategy"), Column("success", right=True)]
    columns += [Column(heading) for heading, _ in values]
    columns.append(Column("evaluations\na second", right=True, optional=True))
    columns.append(Column("evaluations\nto target", right=True, optional=True))
    rows = [
        [
            row.name,
            f"{row.successes}/{row.runs}",
            *(_spread(getattr(row, where).values(objective), row.runs) for _, where in values),
            words.rounded(row.evaluations_per_second),
            words.rounded(row.evaluations_to_target),
        ]
        for row in summary.rows
    ]
    console.print()
    console.print(Table(columns, rows))
    console.print()
    for line in notes(comparison, summary):
        console.print(Paragraph(line))


def notes(comparison: Comparison, summary: Summary) -> list[str]:
    """What the columns mean, in sentences."""
    plan, target = comparison.plan, summary.target
    objective = comparison.prepared.problem.objective
    reached = f"a loss of {words.loss(target.value)} or less"
    if objective.greater_is_better:
        reached = f"a value of {words.loss(objective.value(target.value))} or more"
    if target.quantity == "accuracy":
        reached = f"an accuracy of {words.percent(target.value)} or more"
    if not target.given:
        options = "--target-score" if objective.greater_is_better else "--target-loss"
        if comparison.prepared.train.is_classification:
            options += " or --target-accuracy"
        reached += f", the median of all runs here; {options} sets another"
    whose = " of the center on all the data" if comparison.prepared.problem.uses_minibatches else ""
    meaning = objective.description if objective.greater_is_better else objective.name
    lines = [
        f"{objective.quantity}: {meaning}{whose}, the best so far; median (first to third "
        "quartile) over seeds, at the largest budgets that every run reached.",
        f"success: seeds that reached {reached}.",
    ]
    gradient = [one for one in comparison.outcomes if one.name == NAME]
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
