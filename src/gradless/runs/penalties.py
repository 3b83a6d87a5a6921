"""Is a recipe a fit with a penalty, or a search?"""

from __future__ import annotations

import dataclasses
from typing import Any

from gradless.objectives import Objective, Task
from gradless.runs.recipe import Recipe
from gradless.strategies import restarting
from gradless.training import auto
from gradless.training.loop import Stop
from gradless.training.regularization import STRATEGY, described, obstacle, settings_of, too_large
from gradless.training.regularized import Settings
from gradless.training.samples import Samples


def settings(recipe: Recipe, task: Task, objective: Objective, stop: Stop) -> Settings | None:
    """How its network is fitted with a penalty; None for a search.

    Raises
    ------
    InputError
        If a penalty was asked for, and something else that does not go with it.
    """
    if recipe.regularization is not None:  # as it was planned before
        written = recipe.regularization
        return Settings(**{**written, "strengths": tuple(written["strengths"])})
    why = obstacle(
        objective, task, recipe.model((1, *recipe.neurons, 1)), stop,
        precision=recipe.precision, batch_size=recipe.batch_size,
    )  # fmt: skip
    if recipe.is_planar:
        why = "data drawn in the plane are searched on as in the chapter"
    elif recipe.strategy != auto.AUTO:
        why = "a strategy was named"
    elif recipe.restarts != restarting.NONE:
        why = "restarts were asked for"
    elif recipe.validation is not None:
        why = "validation rows were asked for"
    return settings_of(recipe.alpha, why, "--alpha")


def if_fitting(
    planned: Settings,
    recipe: Recipe,
    samples: Samples,
    n_outputs: int,
    objective: Objective,
    stop: Stop,
) -> Settings | None:
    """The same if the samples are neither too many nor the budget too small.

    Raises
    ------
    InputError
        If they are, and the penalty was given.
    """
    task: Task = "regression" if samples.targets.ndim == 2 else "classification"
    member = recipe.model((samples.inputs.shape[1], *recipe.neurons, n_outputs))
    why = too_large(samples, task, member, objective, stop, planned)
    return settings_of(planned.alpha, why, "--alpha")


def penalised(recipe: Recipe, planned: Settings) -> Recipe:
    """The recipe with the fit written down, so that it is the same when it is read again."""
    member = recipe.model((1, *recipe.neurons, 1))
    return dataclasses.replace(
        recipe,
        regularization=as_plain(planned),
        strategy=STRATEGY.name,
        hyperparameters=dataclasses.asdict(STRATEGY),
        why=described(planned, member),
    )


def as_plain(planned: Settings) -> dict[str, Any]:
    """Settings as JSON can hold them."""
    return {**planned._asdict(), "strengths": list(planned.strengths)}
