"""``gradless train``: from data to a trained network that a person can look at, keep and use."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from gradless._core import defaults, interrupts, words
from gradless._core.errors import InputError
from gradless._core.terminal import say
from gradless._core.tree import Params
from gradless.cli import logs, watch
from gradless.cli.commands import Train
from gradless.cli.options import Output
from gradless.cli.recipes import are_given, recipe_of, stop_of
from gradless.objectives import Objective
from gradless.pages import serving
from gradless.runs import diagnosis, resuming, run_folder, seeds, status
from gradless.runs.baseline import unseen, verdicts
from gradless.runs.live_rows import LiveRows
from gradless.runs.network import Network
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.training import sessions
from gradless.training.checkpoint import Saved
from gradless.training.decisions import Tuned
from gradless.training.keeping import Keeping
from gradless.training.loop import TARGET_LOSS, Record, Stop, check_budget
from gradless.training.observers import Observer, RunInfo
from gradless.training.plan import MAIN
from gradless.training.regularized_session import RegularizedSession
from gradless.training.session import Session, Trained
from gradless.training.sessions import AnySession
from gradless.training.validation import VALIDATED
from gradless.views import model_card, pictures, report
from gradless.views.findings import findings
from gradless.views.report import Result
from gradless.views.tables import Facts, Paragraph


def main(options: Train) -> int:
    """Train, report."""
    if options.watch:
        serving.check_installed()
    recipe = recipe_of(options)
    if options.patience is not None and recipe.alpha is None:
        recipe = dataclasses.replace(recipe, alpha=0.0)  # which has nothing to wait for
    stop = stop_of(options, recipe.objective)
    logs.observers(options.log, Path())  # whose packages are there
    prepared = prepare(recipe, stop)
    seeds.check(prepared)
    _say_understood(prepared, options)
    if prepared.recipe.regularization is None:
        check_budget(prepared.strategy, stop)
    elif not are_given(options):
        stop = Stop()  # it ends by itself
    folder = run_folder.claim(
        options.out or run_folder.default_folder(recipe.data, prepared.recipe.strategy)
    )
    with (
        watch.beside(folder.parent) if options.watch else contextlib.nullcontext(),
        interrupts.farewell(lambda: run_folder.forget_unbegun(folder)),
        status.held(folder),
    ):
        run_folder.write_config(folder, prepared)
        if prepared.recipe.why is not None:
            chosen = f"strategy: {prepared.recipe.strategy}. {prepared.recipe.why}"
            if prepared.recipe.regularization is not None:
                chosen = f"{prepared.recipe.why}."
            options.console().print(Paragraph(chosen))
        if (first := prepared.recipe.first) is not None:
            text = f"first half of the budget: log loss, by {first['strategy']}"
            options.console().print(Paragraph(text))
        if prepared.note is not None:
            options.console().print(Paragraph(prepared.note))
        with status.reported(folder):
            return run(
                folder, prepared, stop, options, every=options.checkpoint_every,
                patience=options.patience, log=options.log,
            )  # fmt: skip


def _say_understood(prepared: Prepared, options: Train) -> None:
    """What was understood of a file, before anything is trained."""
    say(*prepared.notes)
    console = options.console()
    if prepared.understood:
        console.print(Facts(prepared.understood))
    for leak in prepared.leaks:
        console.print(Paragraph(f"Caution: {leak}."))


class Shown(Observer):
    """Shows a session, which is saved before a signal ends it."""

    def __init__(self, display: report.Display, session: AnySession | None = None) -> None:
        """Show it there; the session is that of a fit with a penalty."""
        self._display, self._session = display, session
        self._told = 0

    def begin(self, info: RunInfo) -> None:
        """Say what a phase improves."""
        self._display.begin(info)

    def record(self, record: Record) -> str | None:
        """Show what it brings."""
        interrupts.save_first()
        if isinstance(self._session, RegularizedSession):
            judged = list(self._session.judged.items())
            told, self._told = judged[self._told :], len(judged)
            how = self._session.plan.regularization
            is_log_loss = how is not None and how.task == "classification"
            loss_of = "log loss" if is_log_loss else "scaled loss"
            self._display.show_share(
                self._session.share,
                [
                    f"penalty {alpha:g}: {loss_of} on rows not seen {words.loss(loss)}, "
                    f"standard error {words.loss(error)}"
                    for alpha, (loss, error) in told
                ],
            )
        else:
            self._display.show(record)
        return None

    def end(self, reason: str | None) -> None:
        """Leave what was shown."""


def run(
    folder: Path,
    prepared: Prepared,
    stop: Stop,
    output: Output,
    *,
    every: float,
    patience: float | None = None,
    saved: Saved | None = None,
    log: str | None = None,
) -> int:
    """Train, show it, and write the run folder; returns the exit code.

    ``every`` is the time between checkpoints in seconds; the limits are those of the whole run,
    except the seconds, which are of this call. It goes on from what was ``saved``, and has the
    patience of before unless another one is given. ``log`` names a tracker to log it for.
    """
    console = output.console()

    def about() -> dict[str, Any]:
        return resuming.about(prepared, whole, session)

    observers = [*logs.observers(log, folder), LiveRows(folder)]
    session = sessions.begun(
        prepared.plan(stop, patience or defaults.PATIENCE),
        observers,
        asked_to_stop=interrupts.asked,
        keeping=Keeping(folder, every, about, _warn),
    )
    if saved is not None:
        session.restore(saved)
        if session.validation is not None and patience is not None:
            session.validation.plan = session.validation.plan._replace(patience=patience)
    seed_log = seeds.log_of(folder, prepared, session)
    if seed_log is not None:
        observers.insert(0, seed_log)
    # As they were given, so that a run that goes on again counts from its beginning.
    whole = dataclasses.replace(stop, seconds=stop.seconds and stop.seconds + session.seconds)
    objective = prepared.problem.objective
    try:
        with report.Display(
            console,
            stop,
            session.history,
            objective,
            on_batches=prepared.problem.uses_minibatches,
        ) as display:
            observers.insert(0, Shown(display, session))
            trained = session.train()
        seeds.keep(seed_log, session, trained)
        history, not_finite = session.history, session.not_finite
        chosen = session.validation if trained.chosen else None
        found_best, stopped_because = trained.params, trained.stopped_because
        network = _network(prepared, found_best)
        run_folder.write_run(folder, network, history, prepared, chosen)
    except OSError as error:
        raise InputError(
            f"the run could not be written to {folder} ({error.strerror or error}). Make room, "
            f"then continue from its last checkpoint with: gradless resume {folder}"
        ) from None
    why = stopped_because
    if why == TARGET_LOSS:
        why = f"target {objective.quantity} reached"
    elif why == VALIDATED and prepared.validation is not None:
        why = f"no improvement on the {prepared.validation.n_samples:,} validation rows"
    finding = None
    # Which is no stall, but as it should be; and a first phase is not what it is about.
    searched = prepared.recipe.regularization is None
    if stopped_because != VALIDATED and session.phase == MAIN and searched:
        assert session.run is not None
        finding = diagnosis.diagnose(
            history,
            prepared.strategy,
            session.run.state,
            uses_minibatches=prepared.problem.uses_minibatches,
            not_finite=not_finite,
            stopped_because=stopped_because,
            objective=objective,
        )
    result = _result(folder, prepared, session, trained, why)
    if chosen is not None and chosen.best is not None:
        result = dataclasses.replace(result, kept_at=chosen.best.evaluations)
    if finding is not None:
        result = dataclasses.replace(result, stalled=finding.seen, advice=finding.advice)
    known = None
    if prepared.is_measured:
        known = findings(network, prepared)
        values = _values(objective, result)
        by_heart = prepared.recipe.regularization is None
        said = verdicts(objective, *values, known.baseline, by_heart=by_heart)
        said += known.verdicts(prepared, values[1])
        if prepared.test is None:
            said += unseen(objective, _cross_validated(session, objective), known.baseline)
        result = dataclasses.replace(result, **known.stored(prepared), verdict=said)
        if prepared.test is not None:
            on_test = {metric.name: metric.as_json() for metric in known.found}
            result = dataclasses.replace(result, test_metrics=on_test)
    run_folder.write_result(folder, result.as_json())
    was_interrupted = stopped_because == interrupts.INTERRUPTED
    looks = () if chosen is None else chosen.shown
    shuffled = [] if known is None else known.importance
    drawn = pictures.draw(
        folder, history, network, prepared, stop, looks, result.as_json(), "png", shuffled
    )
    if known is not None:
        model_card.write(folder, prepared, result, known, drawn)
    status.write_status(folder, "interrupted" if was_interrupted else "finished", why)
    if output.json:
        print(json.dumps(result.as_json()))
    console.print(report.closing_table(result, prepared))
    if not_finite:
        losses = words.plural(not_finite, "loss", "losses")
        console.print(f"{losses} not finite; these candidates were ranked last.")
    if prepared.test is not None and known is not None:
        console.print(f"\n{prepared.test.n_samples:,} rows kept aside to test:", highlight=False)
        console.print(report.metrics_table(known.found, known.beside()))
        if few := report.caution(prepared.test.n_samples):
            console.print(Paragraph(few))
    for sentence in result.verdict or ():
        console.print()
        console.print(Paragraph(sentence))
    if finding is not None:
        console.print(Facts([("stalled:", finding.seen), ("try:", finding.advice)]))
    console.print(f"\nrun folder: {folder}", highlight=False, soft_wrap=True)
    if seed_log is not None:
        path = folder / run_folder.SEEDS
        console.print(f"seed log:   {path}", highlight=False, soft_wrap=True)
    if log is not None:
        how = logs.how_to_look(log, folder)
        console.print(f"log: {how}", highlight=False, markup=False, soft_wrap=True)
    if prepared.is_measured:
        console.print(f"model card: {folder / model_card.CARD}", highlight=False, soft_wrap=True)
        console.print(f"as a page:  {folder / model_card.PAGE}", highlight=False, soft_wrap=True)
    if was_interrupted:
        print(f"gradless: saved; resume with: gradless resume {folder}", file=sys.stderr)
    return interrupts.exit_code()


def _warn(text: str) -> None:
    print(f"gradless: {text}", file=sys.stderr)


def _values(objective: Objective, result: Result) -> tuple[float, float | None]:
    """Of the objective, on training and test rows."""
    test = None if result.test_loss is None else objective.value(result.test_loss)
    return objective.value(result.loss), test


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
        prepared.recipe.how,
    )


def _result(
    folder: Path, prepared: Prepared, session: AnySession, trained: Trained, why: str
) -> Result:
    """The closing numbers, on all the data."""
    params = trained.params
    train_score = prepared.judge(params, prepared.train)
    test_score, validation_score = (
        None if part is None else prepared.judge(params, part)
        for part in (prepared.test, prepared.validation)
    )
    scores = {"training": train_score, "validation": validation_score, "test": test_score}
    also = {part: dict(score.also) for part, score in scores.items() if score and score.also}
    # The loss is what was minimised, as in the history.
    objective = prepared.problem.objective
    result = Result(
        run=str(folder),
        strategy=prepared.recipe.strategy,
        objective=objective.name,
        evaluations=session.evaluations,
        seconds=round(session.seconds, 3),
        compile_seconds=round(trained.compile_seconds, 3),
        loss=objective.value(train_score.value),
        accuracy=train_score.accuracy,
        test_loss=None if test_score is None else objective.value(test_score.value),
        test_accuracy=None if test_score is None else test_score.accuracy,
        stopped_because=why,
        validation_loss=(
            None if validation_score is None else objective.value(validation_score.value)
        ),
        validation_accuracy=None if validation_score is None else validation_score.accuracy,
        measures=also or None,
    )
    return dataclasses.replace(result, **_of_penalty(session))


def _cross_validated(session: AnySession, objective: Objective) -> float | None:
    """Of the objective in cross-validation, if there was one."""
    if isinstance(session, Session) or session.cross_validated is None:
        return None
    return float(objective.value(session.cross_validated[0]))


def _of_decision(tuned: Tuned) -> dict[str, Any]:
    """A decision in a few numbers."""
    promise = tuned.promise
    return {
        "metric": tuned.decision.objective,
        "kind": tuned.decision.kind,
        "value": promise.value.value,
        "argmax": promise.argmax.value,
        "improvement": list(promise.improvement),
    }


def _of_penalty(session: AnySession) -> dict[str, Any]:
    """What is known of a fit with a penalty: how it was chosen, and how good it is without luck."""
    if isinstance(session, Session) or session.found is None:
        return {}
    found = session.found
    named = {name: getattr(found, name) for name in ("strengths", "losses", "errors", "fitted")}
    loss, accuracy = session.cross_validated or (None, None)
    return {
        "penalty": {"alpha": float(found.alpha)}
        | {name: [float(each) for each in of] for name, of in named.items()},
        "decision": None if session.tuned is None else _of_decision(session.tuned),
        "validation_loss": loss,
        "validation_accuracy": accuracy,
    }
