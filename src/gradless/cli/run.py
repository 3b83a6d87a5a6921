"""``gradless run``: search the best settings of a program."""

from __future__ import annotations

import json
import sys
from typing import Any

from gradless._core import interrupts, words
from gradless._core.errors import InputError
from gradless.cli.commands import Resume
from gradless.cli.options import Output
from gradless.cli.run_options import Run
from gradless.problems.command import ProgramError
from gradless.runs import command_search, status
from gradless.runs.command_search import FAILURES, CommandSearch, Recipe
from gradless.runs.number import numbers_of
from gradless.views.tables import Facts

_EVALUATIONS = 50  # for each parameter


def main(options: Run) -> int:
    """Begin, or go on where the same line stopped."""
    recipe = Recipe(
        command=options.command,
        numbers=numbers_of(options.bounds, options.start),
        maximize=options.maximize,
        strategy=options.strategy,
        hyperparameters=options.hyperparameters,
        seed=options.seed,
    )
    folder = options.out or command_search.default_folder()
    search = CommandSearch(folder, recipe, timeout=options.timeout)
    limits = _limits(recipe, options.evaluations, options.time, options.target)
    return _run(search, options, {"jobs": options.jobs or 1, **limits})


def resume(options: Resume) -> int:
    """Go on with the search of a folder."""
    search = command_search.reopened(options.run)
    if options.target_accuracy is not None or options.target_score is not None:
        raise InputError(f"{options.run} is a search of gradless run: use --target-loss")
    limits = _limits(search.recipe, options.evaluations, options.time, options.target_loss)
    return _run(search, options, limits)


def _limits(
    recipe: Recipe, evaluations: int | None, seconds: float | None, target: float | None
) -> dict[str, Any]:
    if evaluations is None and seconds is None:
        evaluations = _EVALUATIONS * len(recipe.numbers)
    if target is not None and recipe.maximize:
        target = -target
    return {"evaluations": evaluations, "seconds": seconds, "target_loss": target}


def _run(search: CommandSearch, output: Output, arguments: dict[str, Any]) -> int:
    console = output.console()
    with status.held(search.folder):
        if search.table.known:
            known = words.plural(search.table.known, "evaluation")
            console.print(f"{known} of {search.folder} known", highlight=False, soft_wrap=True)
        quiet = output.quiet or output.json
        try:
            found, best = search.run(verbose=False if quiet else None, **arguments)
        except ProgramError as error:
            search.forget_unbegun()
            values = search.recipe.values(
                {number.name: number.start_coordinate for number in search.recipe.numbers}
            )
            raise InputError(
                f"{error}\nIt was run with the values to begin with; see what it does: "
                f"{search.command.line(values)}"
            ) from None
    value = search.value_of(found.best_loss)
    facts = {
        "folder": str(search.folder),
        "values": best,
        "value": value,
        "command": search.command.line(best),
        "evaluations": found.evaluations,
        "failed": found.raised,
        "seconds": found.seconds,
        "stopped_because": found.stopped_because,
        "strategy": found.strategy.name,
    }
    if output.json:
        print(json.dumps(facts))
    shown = [(name, f"{value:.6g}" if isinstance(value, float) else str(value))
             for name, value in best.items()]  # fmt: skip
    failed = words.plural(found.raised, "run")
    console.print(
        Facts(
            [
                ("best value", f"{value:.6g}"),
                *shown,
                ("evaluations", f"{found.evaluations:,}"),
                *(
                    [("failed", f"{failed}, see {search.folder / FAILURES}")]
                    if found.raised
                    else []
                ),
                ("time", words.seconds(found.seconds)),
                ("stopped because", found.stopped_because),
            ]
        )
    )
    console.print(f"\n{search.command.line(best)}", highlight=False, soft_wrap=True)
    console.print(f"\nall evaluations: {search.folder / command_search.EVALUATIONS}",
                  highlight=False, soft_wrap=True)  # fmt: skip
    sys.stdout.flush()
    return interrupts.exit_code()
