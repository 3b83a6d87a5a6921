"""``gradless compare``: which strategy is better on these data, at equal budgets, over seeds?"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gradless._core import interrupts
from gradless._core.errors import InputError
from gradless._core.terminal import say
from gradless.cli import options as shared
from gradless.cli.options import Output
from gradless.cli.parse import parse
from gradless.data.datasets import DATASETS
from gradless.objectives import Measure
from gradless.runs import compare, run_folder
from gradless.runs.compare import Comparison, Plan, Progress, Quartiles, Summary
from gradless.strategies import STRATEGIES
from gradless.training.gradient_descent import EVALUATIONS_PER_STEP, NAME, Adam
from gradless.training.loop import Stop
from gradless.views import compare_plots

DEFAULT_SECONDS = 5.0
DEFAULT_STRATEGIES = (
    "random_search", "hill_climbing", "openai_es", "cma_es", "sep_cma_es", "snes", "pgpe",
)  # fmt: skip
PICTURE = "comparison.png"
_WIDE = 110  # columns of a terminal that has room for more


@dataclass(frozen=True)
class Problem(shared.Problem):
    """What they are compared on."""

    batch_size: int | None = None
    """Samples in the minibatch that each generation sees; losses are then those of the strategy's
    center on all the data. Default: all."""
    test_fraction: float | None = None
    """Share of the samples that is left out. Default: as in gradless train."""


@dataclass(frozen=True)
class Contest:
    """What is compared, and for how long."""

    strategies: tuple[str, ...] = DEFAULT_STRATEGIES
    """Names (see: gradless strategies), or all; each with its default options."""
    seeds: int = 10
    """Runs of each strategy. A seed decides the data drawn, the first weights and all noise."""
    seed: int = 0
    """The first seed; the others follow it."""
    evaluations: int | None = None
    """Networks evaluated in each run."""
    time: float | None = None
    """Seconds of each run, compilation not counted; 5 if evaluations are not given either."""
    target_loss: float | None = None
    """Success is reaching this training loss. Default: the median of all runs here."""
    target_score: float | None = None
    """The same for an objective of which more is better, such as f1."""
    target_accuracy: float | None = None
    """Success is reaching this training accuracy, from 0 to 1, instead of a loss."""
    gradient: bool = False
    """Also run gradient descent, Adam by jax.grad, as a yardstick. One of its steps counts as 3
    evaluations: a forward pass, and a backward pass of about two."""
    adam_learning_rate: float = 0.01
    """Learning rate of that yardstick."""


@dataclass(frozen=True)
class Options:
    """Compare strategies over several seeds at equal evaluations and at equal time."""

    problem: Problem
    contest: Contest = field(default_factory=Contest)
    output: Output = field(default_factory=Output)
    out: Path | None = None
    """New folder for tables and the picture. Default: the next free compare/DATA-N."""


def main(arguments: list[str]) -> int:
    """Parse, run, summarise."""
    options = parse(Options, "compare", arguments)
    comparison = Comparison(_plan(options.problem, options.contest))
    say(*comparison.prepared.notes)
    folder = run_folder.claim(options.out or _next_free(options.problem.data))
    console = options.output.console()
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
    if options.output.json:
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


def _plan(problem: Problem, contest: Contest) -> Plan:
    seconds = contest.time
    if seconds is None and contest.evaluations is None:
        seconds = DEFAULT_SECONDS
    names = dict.fromkeys(contest.strategies)  # once each, in the order given
    if "all" in names:
        names = dict.fromkeys(STRATEGIES)
    recipe = problem.recipe(seed=contest.seed)
    loss = shared.target(contest.target_loss, contest.target_score, recipe.objective)
    return Plan(
        recipe=recipe,
        strategies=tuple(names),
        seeds=contest.seeds,
        stop=Stop(contest.evaluations, seconds, loss, contest.target_accuracy),
        adam=Adam(contest.adam_learning_rate) if contest.gradient else None,
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
    what = f"{count} strateg{'y' if count == 1 else 'ies'}"
    if plan.adam is not None:
        what += " and gradient descent"
    each = []
    if plan.stop.evaluations is not None:
        each.append(f"{plan.stop.evaluations:,} evaluations")
    if plan.stop.seconds is not None:
        each.append(f"{plan.stop.seconds:g} s")
    text = f"{what} x {_seeds(plan.seeds)} x {' or '.join(each)}"
    if plan.stop.seconds is None:
        return f"{text} (the first seed compiles, and shows how long it takes)"
    at_most = "at most " if len(each) > 1 else ""
    return f"{text}: {at_most}{duration(plan.runs * plan.stop.seconds)}, and compilation"


def _seeds(count: int) -> str:
    return f"{count} seed{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """About how long, for people."""
    if seconds < 100:
        return f"about {seconds:.0f} s"
    if seconds < 100 * 60:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


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
            return f"{text}, {duration((total - done) * self._plan.stop.seconds)} left"
        later = done - len(self._losses)
        if self._first_round is None or later < 1:
            return f"{text}, {time.monotonic() - self._begun:.0f} s so far"
        pace = (time.monotonic() - self._begun - self._first_round) / later
        return f"{text}, {duration((total - done) * pace)} left"

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("strategy", no_wrap=True)
        table.add_column("seeds", justify="right")
        table.add_column(f"median {self._objective.quantity}", justify="right")
        table.add_column("now", no_wrap=True)
        for name, losses in self._losses.items():
            median = number(self._objective.value(Quartiles.of(losses).median)) if losses else ""
            now = ""
            if name in self._failed:
                now = "failed"
            elif self._now is not None and self._now.name == name and self._now.outcome is None:
                best = number(self._objective.value(self._now.best_loss))
                done, what = self._now.evaluations, self._objective.quantity
                now = f"{done:,} evaluations, {what} {best}" if done else "compiling"
            table.add_row(name, f"{len(losses)}/{self._plan.seeds}", median, now)
        return Group(table, Text(self._left()))


def number(value: float) -> str:
    """A loss for people; a dash where there is none."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.2g}"


def _spread(values: Quartiles, runs: int) -> str:
    if runs == 1 or not math.isfinite(values.median):
        return number(values.median)
    return f"{number(values.median)} ({number(values.low)} to {number(values.high)})"


def _large(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def show(console: Console, comparison: Comparison, summary: Summary) -> None:
    """Print the closing table and what its columns mean."""
    wide, objective = console.width >= _WIDE, comparison.prepared.problem.objective
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("strategy", no_wrap=True)
    table.add_column("success", justify="right", no_wrap=True)
    what = objective.quantity
    by_evaluations = (f"{what} at {summary.evaluations:,}\nevaluations", "at_evaluations")
    by_time = (f"{what} at\n{summary.seconds:.3g} s", "at_seconds")
    columns = [by_evaluations, by_time]
    if summary.deciding == "seconds":
        columns.reverse()
    for heading, _ in columns:
        table.add_column(heading)
    if wide:
        table.add_column("evaluations\na second", justify="right")
        table.add_column("evaluations\nto target", justify="right")
    for row in summary.rows:
        cells = [
            row.name,
            f"{row.successes}/{row.runs}",
            *(_spread(getattr(row, where).values(objective), row.runs) for _, where in columns),
        ]
        if wide:
            cells += [_large(row.evaluations_per_second), _large(row.evaluations_to_target)]
        table.add_row(*cells, style="dim" if row.uses_gradients else None)
    console.print()
    console.print(table, highlight=False)
    console.print()
    for line in notes(comparison, summary):
        console.print(line, highlight=False)


def notes(comparison: Comparison, summary: Summary) -> list[str]:
    """What the columns mean, in sentences."""
    plan, target = comparison.plan, summary.target
    objective = comparison.prepared.problem.objective
    reached = f"a loss of {number(target.value)} or less"
    if objective.greater_is_better:
        reached = f"a value of {number(objective.value(target.value))} or more"
    if target.quantity == "accuracy":
        reached = f"an accuracy of {target.value:.4g} or more"
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
            lines.append(f"{row.name} stopped after {_seeds(row.runs)}: {row.failure}")
    lines += [f"{name} could not run: {why}" for name, why in summary.failures.items()]
    return lines
