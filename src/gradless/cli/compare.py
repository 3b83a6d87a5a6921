"""``gradless compare``: which strategy is better on these data, at equal budgets, over seeds?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gradless._core import interrupts
from gradless._core.errors import InputError
from gradless._core.terminal import say
from gradless.cli.commands import Compare
from gradless.cli.recipes import recipe_of, target
from gradless.data.named import DATASETS
from gradless.runs import run_folder
from gradless.runs.comparison import files
from gradless.runs.comparison.contest import Contest, Plan
from gradless.runs.comparison.entrants import Entrant, entrants
from gradless.runs.comparison.one_run import Progress
from gradless.runs.comparison.summary import Summary
from gradless.runs.comparison.tasks import RecipeTask
from gradless.training.gradient_descent import Adam
from gradless.training.records import Stop
from gradless.views.comparison_console import Display, announcement, show
from gradless.views.tables import Paragraph

DEFAULT_SECONDS = 5.0
PICTURE = "comparison.png"


def main(options: Compare) -> int:
    """Run, summarise."""
    given = entrants(options.strategies)  # refused before data are read
    task = RecipeTask(recipe_of(options))
    contest = Contest(_plan(options, task, given))
    say(*task.prepared.notes)
    folder = run_folder.claim(options.out or _next_free(task.prepared.recipe.data))
    console = options.console()
    console.print(Paragraph(announcement(contest.plan)))
    with Display(console, contest) as display:

        def show_it(progress: Progress) -> None:
            if progress.outcome is not None:
                interrupts.save_first()
            display.show(progress)

        contest.run(show_it, interrupts.asked)
    interrupted = interrupts.asked() is not None
    summary = contest.summarise()
    if summary is None:
        return _nothing(contest, interrupted)
    files.write(folder, contest, summary)
    _draw(folder, contest, summary)
    if options.json:
        print(json.dumps(files.as_json(contest, summary)))
    show(console, contest, summary)
    console.print(f"\n{folder / PICTURE}", highlight=False, soft_wrap=True)
    console.print(f"{folder / files.RUNS}", highlight=False, soft_wrap=True)
    if interrupted:
        print(
            f"gradless: interrupted after {len(contest.outcomes)} of {contest.plan.runs} "
            "runs; the one that was running is left out",
            file=sys.stderr,
        )
    return interrupts.exit_code()


def _plan(options: Compare, task: RecipeTask, given: tuple[Entrant, ...]) -> Plan:
    seconds = options.time
    if seconds is None and options.evaluations is None:
        seconds = DEFAULT_SECONDS
    loss = target(options.target_loss, options.target_score, task.prepared.recipe.objective)
    return Plan(
        task=task,
        entrants=given,
        seeds=options.seeds,
        stop=Stop(options.evaluations, seconds, loss, options.target_accuracy),
        first_seed=options.seed,
        adam=Adam(options.adam_learning_rate) if options.gradient else None,
    )


def _next_free(data: str) -> Path:
    """First free folder ``compare/DATA-N``."""
    stem = data if data in DATASETS else Path(data).stem
    number = 1
    while (folder := Path("compare") / f"{stem}-{number}").exists():
        number += 1
    return folder


def _nothing(contest: Contest, interrupted: bool) -> int:
    if interrupted:
        print("gradless: interrupted before any run had ended; nothing to show", file=sys.stderr)
        return interrupts.exit_code()
    reasons = "; ".join(f"{name}: {why}" for name, why in contest.failures.items())
    raise InputError(f"no strategy could be run ({reasons})")


def _draw(folder: Path, contest: Contest, summary: Summary) -> None:
    from gradless.views.comparison_picture import pictured  # noqa: PLC0415 - takes half a second

    pictured(contest, summary, folder / PICTURE)
