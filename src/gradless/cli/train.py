"""``gradless train``: from data to a trained network that a person can look at, keep and use."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gradless._core import interrupts, words
from gradless._core.errors import InputError
from gradless._core.terminal import say
from gradless._core.tree import Params
from gradless.cli.commands import Train
from gradless.cli.options import Output
from gradless.cli.recipes import recipe_of, stop_of
from gradless.objectives import Objective
from gradless.objectives.quality import Metric
from gradless.runs import diagnosis, run_folder
from gradless.runs.baseline import baseline, verdicts
from gradless.runs.recipe import Prepared, prepare
from gradless.runs.run_folder import Network
from gradless.strategies import Strategy
from gradless.training import checkpoint
from gradless.training.checkpoint import Keeper
from gradless.training.history import History
from gradless.training.loop import TARGET_LOSS, Record, Run, Stop, check_budget
from gradless.training.validation import PATIENCE, VALIDATED, Validation, evaluations_of, watched
from gradless.views import model_card, pictures, report
from gradless.views.report import Result


def main(options: Train) -> int:
    """Train, report."""
    recipe = recipe_of(options)
    stop = stop_of(options, recipe.objective)
    prepared = prepare(recipe, stop)
    say(*prepared.notes)
    check_budget(prepared.strategy, stop)
    folder = run_folder.claim(
        options.out or run_folder.default_folder(recipe.data, prepared.strategy.name)
    )
    with interrupts.farewell(lambda: run_folder.forget_unbegun(folder)), run_folder.held(folder):
        run_folder.write_config(folder, prepared)
        if prepared.recipe.why is not None:
            options.console().print(
                f"strategy: {prepared.strategy.name}. {prepared.recipe.why}",
                highlight=False,
                soft_wrap=True,
            )
        if prepared.note is not None:
            options.console().print(prepared.note, highlight=False, markup=False, soft_wrap=True)
        with run_folder.reported(folder):
            validation = prepared.validator(options.patience or PATIENCE)
            return run(
                folder, prepared, prepared.begin(), History(), stop, options,
                every=options.checkpoint_every, validation=validation,
            )  # fmt: skip


def run(
    folder: Path,
    prepared: Prepared,
    begun: Run,
    history: History,
    stop: Stop,
    output: Output,
    *,
    every: float,
    not_finite: int = 0,
    validation: Validation | None = None,
) -> int:
    """Train from ``begun``, show it, and write the run folder; returns the exit code.

    ``every`` is the time between checkpoints in seconds, ``not_finite`` the losses of that kind so
    far; the limits are those of the whole run, except the seconds, which are of this call.
    ``validation`` judges its networks on the validation rows.
    """
    console = output.console()
    spent = history.last.seconds if len(history) else 0.0
    # As they were given, so that a run that goes on again counts from its beginning.
    whole = dataclasses.replace(stop, seconds=stop.seconds and stop.seconds + spent)

    def about() -> dict[str, Any]:
        return run_folder.about(prepared, whole, history, not_finite, validation)

    def kept() -> Any:
        return None if validation is None else validation.kept

    with (
        report.Display(
            console,
            stop,
            history,
            prepared.problem.objective,
            on_batches=prepared.problem.uses_minibatches,
        ) as display,
        Keeper(folder, every, failed=_warn) as keeper,
    ):
        if not checkpoint.found(folder):
            keeper.write(begun, history, about, kept())  # from here on, it can be killed
        for record in watched(
            prepared.problem, prepared.strategy, begun, stop, validation, interrupts.asked
        ):
            interrupts.save_first()
            shown = record._replace(seconds=record.seconds + spent)
            history.append(**shown.rows)
            not_finite += record.not_finite
            display.show(shown)
            keeper.offer(record.run, history, about, kept())
    found_best, chosen = _chosen(prepared, record, validation)
    network = _network(prepared, found_best)
    objective = prepared.problem.objective
    why = record.stopped_because or ""
    if why == TARGET_LOSS:
        why = f"target {objective.quantity} reached"
    elif why == VALIDATED and prepared.validation is not None:
        why = f"no improvement on the {prepared.validation.n_samples:,} validation rows"
    try:
        keeper.write(record.run, history, about, kept())
        run_folder.write_run(folder, network, history, prepared, chosen)
    except OSError as error:
        raise InputError(
            f"the run could not be written to {folder} ({error.strerror or error}). Make room, "
            f"then continue from its last checkpoint with: gradless resume {folder}"
        ) from None
    finding = None
    if record.stopped_because != VALIDATED:  # which is no stall, but as it should be
        finding = diagnosis.diagnose(
            history,
            prepared.strategy,
            record.run.state,
            uses_minibatches=prepared.problem.uses_minibatches,
            not_finite=not_finite,
            stopped_because=record.stopped_because,
            objective=objective,
        )
    result = _result(folder, prepared, found_best, history, record, why)
    if chosen is not None and chosen.best is not None:
        at = evaluations_of(chosen.best, prepared.strategy)
        result = dataclasses.replace(result, kept_at=at)
    if finding is not None:
        result = dataclasses.replace(result, stalled=finding.seen, advice=finding.advice)
    found: list[Metric] = []
    simple: list[Metric] = []
    if prepared.is_measured:
        samples = prepared.test or prepared.train
        found, answers = report.measured(network, samples.features, samples.targets)
        simple = report.measured_baseline(prepared, samples)
        best = baseline(prepared)
        result = dataclasses.replace(
            result,
            baseline=report.stored_baseline(best, prepared),
            verdict=verdicts(objective, *_values(objective, result), best),
        )
        if prepared.test is not None:
            on_test = {metric.name: metric.as_json() for metric in found}
            result = dataclasses.replace(result, test_metrics=on_test)
    run_folder.write_result(folder, result.as_json())
    was_interrupted = record.stopped_because == interrupts.INTERRUPTED
    looks = () if chosen is None else chosen.shown
    drawn = pictures.draw(folder, history, network, prepared, stop, looks, result.as_json())
    if prepared.is_measured:
        model_card.write(folder, prepared, result, found, simple, answers, drawn)
    run_folder.write_status(folder, "interrupted" if was_interrupted else "finished", why)
    if output.json:
        print(json.dumps(result.as_json()))
    console.print(report.closing_table(result, prepared))
    if not_finite:
        losses = words.plural(not_finite, "loss", "losses")
        console.print(f"{losses} not finite; these candidates were ranked last.")
    if prepared.test is not None and found:
        console.print(f"\n{prepared.test.n_samples:,} rows kept aside to test:", highlight=False)
        console.print(report.metrics_table(found, simple), highlight=False, markup=False)
        if few := report.caution(prepared.test.n_samples):
            console.print(few, highlight=False, soft_wrap=True)
    for sentence in result.verdict or ():
        console.print(f"\n{sentence}", highlight=False, markup=False, soft_wrap=True)
    if finding is not None:
        console.print(f"stalled: {finding.seen}", highlight=False, markup=False, soft_wrap=True)
        console.print(f"try: {finding.advice}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"\nrun folder: {folder}", highlight=False, soft_wrap=True)
    if prepared.is_measured:
        console.print(f"model card: {folder / model_card.CARD}", highlight=False, soft_wrap=True)
    if was_interrupted:
        print(f"gradless: saved; resume with: gradless resume {folder}", file=sys.stderr)
    return interrupts.exit_code()


def _warn(text: str) -> None:
    print(f"gradless: {text}", file=sys.stderr)


def _chosen(
    prepared: Prepared, record: Record, validation: Validation | None
) -> tuple[Params, Validation | None]:
    """The parameters that a run ends with, and what chose them if validation rows did.

    They do not where a target was reached: the network that reached it was asked for.
    """
    reached = (record.stopped_because or "").startswith("target")
    if reached or validation is None or (vector := validation.network) is None:
        return _params(prepared, record), None
    network: Any = vector
    return prepared.structure.unravel(network), validation


def _values(objective: Objective, result: Result) -> tuple[float, float | None]:
    """Of the objective, on training and test rows."""
    test = None if result.test_loss is None else objective.value(result.test_loss)
    return objective.value(result.loss), test


def _params(prepared: Prepared, record: Record) -> Params:
    """The parameters that a run ends with, as the search has them.

    The best that was seen, or with minibatches the strategy's center: there, the best loss is that
    of a lucky batch.
    """
    best: Any = np.asarray(record.run.best)  # cut by NumPy: JAX would compile every cut
    params = prepared.structure.unravel(best)
    if prepared.problem.uses_minibatches:
        center = _center(prepared.strategy, record.run.state)
        if np.isfinite(prepared.judge(center, prepared.train).value):
            params = center
    return params


def _network(prepared: Prepared, params: Params) -> Network:
    """The network with all that it takes to use it."""
    return Network(
        prepared.model,
        params,
        prepared.preprocessing,
        tuple(column.name for column in prepared.table),
        prepared.train.class_names,
        prepared.target,
        prepared.outputs,
        prepared.recipe.missing,
    )


@jax.jit
def _center(strategy: Strategy, state: Any) -> Params:
    return strategy.center(state)


def _result(
    folder: Path, prepared: Prepared, params: Params, history: History, record: Record, why: str
) -> Result:
    """The closing numbers, on all the data."""
    train_score = prepared.judge(params, prepared.train)
    test_score, validation_score = (
        None if part is None else prepared.judge(params, part)
        for part in (prepared.test, prepared.validation)
    )
    # The loss is what was minimised, as in the history.
    objective = prepared.problem.objective
    return Result(
        run=str(folder),
        strategy=prepared.recipe.strategy,
        objective=objective.name,
        evaluations=history.last.evaluations,
        seconds=round(history.last.seconds, 3),
        compile_seconds=round(record.compile_seconds, 3),
        loss=objective.value(train_score.value),
        accuracy=train_score.accuracy,
        test_loss=None if test_score is None else objective.value(test_score.value),
        test_accuracy=None if test_score is None else test_score.accuracy,
        stopped_because=why,
        validation_loss=(
            None if validation_score is None else objective.value(validation_score.value)
        ),
        validation_accuracy=None if validation_score is None else validation_score.accuracy,
    )
