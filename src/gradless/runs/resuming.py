"""How does a run go on from where it was? As it would have, or not at all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

from gradless._core.errors import InputError
from gradless.runs.preparation import prepare
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.runs.run_folder import CONFIG, dictionary, read_config, versions
from gradless.training import checkpoint, sessions
from gradless.training.checkpoint import Saved
from gradless.training.loop import Stop
from gradless.training.sessions import AnySession


def about(prepared: Prepared, stop: Stop, session: AnySession) -> dict[str, Any]:
    """What a checkpoint says of its run besides its numbers, with the limits of the whole run."""
    history = session.history
    return {
        "recipe": _as_json(prepared.recipe),
        "fingerprint": prepared.fingerprint,
        "versions": versions(),
        "stop": dataclasses.asdict(stop),
        "evaluations": session.evaluations,
        "seconds": session.seconds,
        "best_loss": history.last.best_loss if len(history) else None,
    }


def _as_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON gives it back."""
    return dict(json.loads(json.dumps(dataclasses.asdict(recipe))))


class Reopened(NamedTuple):
    """A run that can go on.

    Attributes
    ----------
    prepared, saved
        The run, and its newest checkpoint.
    session
        As far as it is, without an end: those that go on restore their own.
    stop
        The limits that it had.
    """

    prepared: Prepared
    saved: Saved
    session: AnySession
    stop: Stop


def reopen(folder: Path) -> Reopened:
    """Everything needed to go on with a run.

    Raises
    ------
    InputError
        If it cannot go on as it would have, because its data or its configuration have changed, or
        if no checkpoint can be read.
    """
    config = read_config(folder)
    prepared = prepare(Recipe.from_json(config["recipe"]))
    described, features = config["data"], [column.name for column in prepared.table]
    if (described.get("fingerprint"), described["features"]) != (prepared.fingerprint, features):
        raise InputError(
            f"the data of {folder} have changed since it began: "
            f"{_changed(described, prepared)}; "
            "restore them, or start a new run with gradless train"
        )
    session = sessions.begun(prepared.plan(Stop()))
    saved = checkpoint.newest(folder, session.like)
    _check_unchanged(folder, prepared, saved)
    try:
        session.restore(saved)
        return Reopened(prepared, saved, session, Stop(**saved.about["stop"]))
    except (KeyError, TypeError, ValueError, InputError):
        raise InputError(
            f"the checkpoints in {folder} do not say how far the run is and what limits it had; "
            "start a new run with gradless train"
        ) from None


def _changed(then: dict[str, Any], prepared: Prepared) -> str:
    """What is different about the data."""
    features, before = [column.name for column in prepared.table], list(then["features"])
    if features != before:
        more = [f"features {_some(sorted(set(features) - set(before)))} are new"]
        less = [f"features {_some(sorted(set(before) - set(features)))} are gone"]
        kept = more * (not set(features) <= set(before)) + less * (not set(before) <= set(features))
        return " and ".join(kept) or "the features are in another order"
    if (count := then.get("training_samples")) != prepared.train.n_samples:
        return f"{prepared.train.n_samples} training samples, were {count}"
    columns, checksums = dictionary(then.get("columns")), prepared.columns
    changed = [name for name in checksums if columns.get(name) != checksums[name]]
    # Rows, target and columns are the same: then their preprocessing is not.
    return f"other values in {_some(changed)}" if changed else "they are preprocessed otherwise"


def _some(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def _check_unchanged(folder: Path, prepared: Prepared, saved: Saved) -> None:
    now = _as_json(prepared.recipe)
    try:
        then = _as_json(Recipe.from_json(saved.about.get("recipe")))
    except InputError:
        then = {}
    if not then or saved.about.get("fingerprint") != prepared.fingerprint:
        raise InputError(f"the checkpoints in {folder} are those of another run; restore its own")
    then, now = ({**recipe, **dictionary(recipe["hyperparameters"])} for recipe in (then, now))
    for name in sorted((now.keys() | then.keys()) - {"hyperparameters"}):
        if now.get(name) != then.get(name):
            raise InputError(
                f"{folder / CONFIG} was changed since the run began: {name} is {now.get(name)!r}, "
                f"its checkpoint has {then.get(name)!r}; change it back, or start a new run"
            )


def differing_versions(saved: Saved) -> str | None:
    """What a run that goes on should know: bits depend on these versions."""
    then, now = saved.about.get("versions", {}), versions()
    changed = [
        f"{name} {then.get(name)} is now {now[name]}"
        for name in ("gradless", "jax", "backend")
        if then.get(name) != now[name]
    ]
    return ", ".join(changed) or None
