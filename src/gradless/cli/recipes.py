"""What run is asked for on the command line? A recipe, and what ends it."""

from __future__ import annotations

import dataclasses
from typing import Any

from gradless import objectives
from gradless._core import defaults
from gradless._core.errors import InputError, known_name
from gradless.cli.options import Limits, Problem
from gradless.data.named import spelled
from gradless.models.mlp import ACTIVATIONS, INITIALIZERS
from gradless.objectives import cost_table
from gradless.objectives.extras import ROLES
from gradless.runs.recipe import Recipe
from gradless.training.loop import Stop
from gradless.training.regularization import checked_alpha


def recipe_of(options: Problem, **more: Any) -> Recipe:
    """The recipe of these options, with what else decides a run; names as they are spelled."""
    names = {field.name for field in dataclasses.fields(Recipe)}
    chosen = {name: value for name, value in vars(options).items() if name in names}
    roles = {role: getattr(options, f"{role}_column") for role in ROLES}
    chosen["extras"] = {role: name for role, name in roles.items() if name is not None}
    if options.costs is not None:
        if options.objective is not None:
            raise InputError(
                f"--costs is an objective of its own, got --objective {options.objective} as well; "
                "remove one of them"
            )
        chosen["objective"] = cost_table.name_of(options.costs)
    for name in ("standardize", "log_loss_first"):
        if name in chosen:
            chosen[name] = {"auto": None, "yes": True, "no": False}[chosen[name]]
    if "alpha" in chosen:
        chosen["alpha"] = checked_alpha(chosen["alpha"])
    chosen["data"] = spelled(options.data)
    chosen["activation"] = known_name("activation", options.activation, ACTIVATIONS)
    chosen["initializer"] = known_name("initializer", options.initializer, INITIALIZERS)
    return Recipe(**{**chosen, **more})


def stop_of(limits: Limits, objective: str | None) -> Stop:
    """The limits as the loop takes them; without any, the default time.

    ``objective`` is its name, None for the default one.
    """
    stop = Stop(
        limits.evaluations,
        limits.time,
        target(limits.target_loss, limits.target_score, objective),
        limits.target_accuracy,
        limits.stagnation,
    )
    if stop.evaluations is None and stop.seconds is None and stop.stagnation is None:
        # A target alone may never be reached.
        return dataclasses.replace(stop, seconds=defaults.SECONDS)
    return stop


def are_given(limits: Limits) -> bool:
    """Whether any limit was given but the patience, which leaves the others as they are."""
    names = [field.name for field in dataclasses.fields(Limits) if field.name != "patience"]
    return any(getattr(limits, name) is not None for name in names)


def target(loss: float | None, score: float | None, objective: str | None) -> float | None:
    """The loss to be reached, from a loss or a value of the objective.

    Raises
    ------
    InputError
        If it is not what this objective has: lower losses are better, higher scores.
    """
    # The default objectives are losses.
    measure = None if objective is None else objectives.get(objective)
    greater = measure is not None and measure.greater_is_better
    wanted, refused = (score, loss) if greater else (loss, score)
    if refused is None:
        return wanted if measure is None or wanted is None else measure.value(wanted)
    given, expected = ("loss", "score") if greater else ("score", "loss")
    better = "higher" if greater else "lower"
    raise InputError(
        f"--target-{given} does not apply to {objective or 'a loss'}, where {better} is better; "
        f"use --target-{expected}"
    )
