"""What will a recipe need on these data, and which strategy fits? Told from shapes.

Nothing is allocated before it is known that it fits into memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from gradless import strategies
from gradless._core.hardware import LANES
from gradless._core.tree import Params
from gradless.data.datasets import Dataset
from gradless.models.mlp import MLP
from gradless.objectives import Objective, Task, extras
from gradless.problems.supervised import SupervisedProblem
from gradless.runs.recipe import Recipe
from gradless.strategies import Strategy, restarting
from gradless.training import auto, memory
from gradless.training.learning import First, Kind, fits, planned_first, rest_limits
from gradless.training.loop import Stop
from gradless.training.memory import Needed, Setting

_LEAST_BATCH, _LEAST_POPULATION, _LEAST_NEURONS = 32, 16, 4  # that are advised


class Learned(NamedTuple):
    """Training data, as much as a size says of them."""

    dataset: Dataset
    samples: int  # that are different
    size: Callable[[int], int]  # to which they are filled up; 0 for none


def params_of(model: MLP) -> Params:
    """Shapes of a network's parameters; nothing is allocated."""
    return jax.eval_shape(lambda: model.init(jax.random.key(0)))


class Sizing(NamedTuple):
    """What a recipe makes of some data, before anything is allocated."""

    model: MLP
    problem: SupervisedProblem  # of shapes
    strategy: Strategy
    why: str | None
    first: First | None

    @property
    def needed(self) -> Needed:
        """What its run needs."""
        params = params_of(self.model)
        return memory.estimate(self.problem, self.strategy, params, checkpoints=True)


def sized(recipe: Recipe, data: Learned, objective: Objective, stop: Stop | None) -> Sizing:
    """What a recipe makes of some data, with the strategies chosen."""
    train = data.dataset
    model = recipe.model((train.n_features, *recipe.widths, train.n_outputs))
    problem = _shapes(data, model, objective, recipe)
    kind = kind_of(recipe, train, model, objective)
    first = _first(recipe, kind, problem, stop)
    if recipe.strategy != auto.AUTO:
        strategy = strategies.get(recipe.strategy, **recipe.hyperparameters)
        strategy = restarting.restarting(strategy, recipe.restarts)
        return Sizing(model, problem, strategy, recipe.why, first)
    limits = stop or Stop()
    if first is not None and fits(first.strategy, limits):
        limits = rest_limits(limits, first.stop, first.strategy)
    strategy, why = kind.choice(
        problem, params_of(model), limits, restarts=recipe.restarts, checkpoints=True
    )
    return Sizing(model, problem, restarting.restarting(strategy, recipe.restarts), why, first)


def kind_of(recipe: Recipe, train: Dataset, model: MLP, objective: Objective) -> Kind:
    """What kind of learning it is."""
    task: Task = "classification" if train.is_classification else "regression"
    return Kind(task, model, objective, recipe.precision)


def _first(
    recipe: Recipe, kind: Kind, problem: SupervisedProblem, stop: Stop | None
) -> First | None:
    """The first phase on log loss: as it was planned before, or by the limits."""
    if recipe.first is not None:
        planned = dict(recipe.first)
        strategy = strategies.get(planned.pop("strategy"), **planned.pop("hyperparameters"))
        return First(strategy, Stop(**planned))
    penalised = recipe.regularization is not None
    if stop is None or penalised or not kind.begins_with_log_loss(recipe.log_loss_first):
        return None
    named = None
    if recipe.strategy != auto.AUTO:
        named = strategies.get(recipe.strategy, **recipe.hyperparameters)
    return planned_first(kind, problem, params_of(kind.model), stop, named)


def _shapes(data: Learned, model: MLP, objective: Objective, recipe: Recipe) -> SupervisedProblem:
    """The problem of the recipe with shapes in the place of arrays."""
    train, samples = data.dataset, data.samples
    one = dataclasses.replace(
        train,
        features=train.features[:1],
        targets=train.targets[:1],
        extras=extras.at(train.extras, slice(1)),
    )
    small = SupervisedProblem.of(one, model, objective, precision=recipe.precision)

    def shape(*sizes: int) -> Any:
        return jax.ShapeDtypeStruct(sizes, np.float32)

    # A size that is none is refused when the problem is made.
    batch_size = max(1, min(recipe.batch_size or samples, samples))
    whole = batch_size == samples
    if whole:
        samples = data.size(samples) or samples
    features, filled = train.n_features, -(-samples // LANES) * LANES
    return dataclasses.replace(
        small,
        inputs=shape(features, filled) if whole else shape(filled, features),
        targets={
            name: shape(*x.shape[:-1], filled) if x.ndim else shape()
            for name, x in small.targets.items()
        },
        n_samples=samples,
        batch_size=None if whole else batch_size,
    )


def check_memory(
    plan: Sizing, recipe: Recipe, data: Learned, objective: Objective, stop: Stop | None
) -> None:
    """Refuse a run that does not fit into memory, before anything is allocated for it."""

    def needed(smaller: Recipe) -> Needed:
        return sized(smaller, data, objective, stop).needed

    samples = data.dataset.n_samples
    what = f"{memory.described(plan.strategy, params_of(plan.model))} on {samples:,} samples"
    memory.check(plan.needed, what, _smaller(recipe, plan, samples, needed))


def _smaller(
    recipe: Recipe, plan: Sizing, samples: int, needed: Callable[[Recipe], Needed]
) -> Iterator[list[Setting]]:
    """Recipes that need less, the mildest change first."""

    def setting(text: str, **changes: Any) -> Setting:
        return Setting(text, lambda: needed(dataclasses.replace(recipe, **changes)))

    batch_sizes = memory.halvings(recipe.batch_size or samples, _LEAST_BATCH)
    yield [setting(f"batch size {size}", batch_size=size) for size in batch_sizes]
    if recipe.strategy != auto.AUTO:
        yield [
            setting(
                f"population {size}", hyperparameters={**recipe.hyperparameters, "population": size}
            )
            for size in memory.halvings(plan.strategy.population, _LEAST_POPULATION)
        ]
    yield [setting(f"strategy {name}", strategy=name, hyperparameters={}) for name in memory.LEAN]
    hidden = recipe.neurons
    layers = []
    while max(hidden := tuple(-(-neurons // 2) for neurons in hidden), default=0) >= _LEAST_NEURONS:
        layers.append(hidden)
    yield [
        setting(f"hidden layers of {' '.join(map(str, each))} neurons", hidden=each)
        for each in layers
    ]
