"""What decides the outcome of a run? Everything in a recipe, which is what a run folder keeps."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from gradless import auto, data, objectives, strategies
from gradless.data import DATASETS, Dataset, Scaling
from gradless.errors import InputError
from gradless.evaluate import Score, SupervisedProblem, check_precision
from gradless.models import MLP, STEPS
from gradless.strategies import Strategy
from gradless.train import Run, Stop, begin
from gradless.tree import Params, Structure

_TEST_FRACTION = 0.25
_INIT_STREAM = 2**32 - 1  # of the run's key: generations use the streams from 0 upwards

_TYPES: dict[str, Any] = {
    "data": str,
    "target": str | None,
    "task": str,
    "test_fraction": float | int | None,
    "standardize": bool | None,
    "hidden": list,
    "activation": str,
    "initializer": str,
    "objective": str | None,
    "strategy": str,
    "why": str | None,
    "hyperparameters": dict,
    "batch_size": int | None,
    "precision": str,
    "seed": int,
}


@dataclass(frozen=True)
class Recipe:
    """Data, network, objective, strategy and seed of a run.

    ``test_fraction`` and ``standardize`` of None mean: none of it for the data sets generated in
    the plane, as in the chapter; a quarter, and yes, for measured data. A strategy of ``"auto"`` is
    replaced by the one chosen when the recipe is prepared, and ``why`` says what it was chosen for.
    """

    data: str
    target: str | None = None
    task: Literal["auto", "classification", "regression"] = "auto"
    test_fraction: float | None = None
    standardize: bool | None = None
    hidden: tuple[int, ...] = (64,)
    activation: str = "relu"
    initializer: str = "he"
    objective: str | None = None
    strategy: str = auto.AUTO
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    why: str | None = None
    batch_size: int | None = None
    precision: str = "float32"
    seed: int = 0

    @classmethod
    def from_json(cls, value: Any) -> Recipe:
        """Recipe from what :func:`dataclasses.asdict` and JSON made of it."""
        fits = isinstance(value, dict) and "data" in value and value.keys() <= _TYPES.keys()
        if not fits or not all(isinstance(value[name], _TYPES[name]) for name in value):
            raise InputError("the run's config.json holds no recipe that this version can read")
        return cls(**{**value, "hidden": tuple(value.get("hidden", ()))})


class Judged(NamedTuple):
    """The objective's value and, for classification, the accuracy."""

    value: float
    accuracy: float | None


@dataclass(frozen=True)
class Prepared:
    """A recipe with its data loaded and everything checked, ready to begin."""

    recipe: Recipe
    train: Dataset
    test: Dataset | None
    scaling: Scaling | None
    model: MLP
    problem: SupervisedProblem
    strategy: Strategy

    def begin(self) -> Run:
        """The run before its first generation."""
        return _begun(self.model, self.strategy, np.uint32(self.recipe.seed))

    @property
    def structure(self) -> Structure:
        """Shapes of the network's parameters."""
        return Structure.of(jax.eval_shape(lambda: self.model.init(jax.random.key(0))))

    def judge(self, params: Params, dataset: Dataset) -> Judged:
        """How good a network is on a whole data set, scaled as in training."""
        problem = SupervisedProblem.of(dataset, self.model, self.problem.objective)
        loss, accuracy = map(float, _score(problem, params))
        value = -loss if problem.objective.greater_is_better else loss
        return Judged(value, accuracy if dataset.is_classification else None)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the training data as the network sees it."""
        digest = hashlib.sha256(self.train.features.tobytes())
        digest.update(self.train.targets.tobytes())
        return digest.hexdigest()


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@functools.partial(jax.jit, static_argnums=0)
def _begun(model: MLP, strategy: Strategy, seed: Any) -> Run:
    params = model.init(jax.random.fold_in(jax.random.key(seed), _INIT_STREAM))
    return begin(strategy, params, seed)


@jax.jit
def _score(problem: SupervisedProblem, params: Params) -> Score:
    return problem.score(params, problem.batch(jax.random.key(0)), rows=False)


def prepare(recipe: Recipe, stop: Stop | None = None) -> Prepared:
    """Load the data and build the problem; every bad input is found here, before any training.

    Parameters
    ----------
    recipe
        What to train.
    stop
        The budget, by which a strategy is chosen if the recipe leaves that open.

    Raises
    ------
    InputError
        For whatever cannot be trained.
    """
    if not 0 <= recipe.seed < 2**32:
        raise InputError(
            f"seed {recipe.seed} was given, expected a whole number from 0 to 2**32 - 1; "
            "give for example 0"
        )
    given = None
    if recipe.strategy != auto.AUTO:
        given = strategies.get(recipe.strategy, **recipe.hyperparameters)
    elif recipe.hyperparameters:
        raise InputError(
            f"hyperparameters {', '.join(recipe.hyperparameters)} were given for the strategy "
            f"{auto.AUTO!r}, expected none, since it is not known which one is chosen; name the "
            "strategy too"
        )
    wanted = None if recipe.objective is None else objectives.get(recipe.objective)
    # Raised for bad names and sizes before a large file is read.
    MLP((1, *recipe.hidden, 1), recipe.activation, recipe.initializer)
    check_precision(recipe.precision)
    if recipe.data in DATASETS and recipe.target is not None:
        raise InputError(
            f"target {recipe.target!r} was given for the data set {recipe.data!r}, expected none; "
            "a target names the column of a CSV file"
        )
    task = recipe.task
    classes_only = wanted is not None and wanted.tasks == ("classification",)
    if task == "auto" and classes_only and recipe.data not in DATASETS:
        task = "classification"
    dataset = data.load(recipe.data, target=recipe.target, task=task, seed=recipe.seed)
    planar = recipe.data in DATASETS and DATASETS[recipe.data].planar

    test = None
    fraction = recipe.test_fraction
    if fraction is None:
        fraction = 0.0 if planar or dataset.n_samples < 20 else _TEST_FRACTION
    train = dataset
    if fraction > 0:
        train, test = data.split(dataset, fraction, recipe.seed)
    elif fraction != 0:
        raise InputError(f"test fraction {fraction} was given, expected a share from 0 to below 1")
    scaling = None
    if not planar if recipe.standardize is None else recipe.standardize:
        scaling = data.standardize(train)
        train = dataclasses.replace(train, features=scaling.apply(train.features))
        if test is not None:
            test = dataclasses.replace(test, features=scaling.apply(test.features))

    default = "cross_entropy" if dataset.is_classification else "squared_error"
    objective = wanted or objectives.get(default)
    sizes = (dataset.n_features, *recipe.hidden, dataset.n_outputs)
    model = MLP(sizes, recipe.activation, recipe.initializer)
    _check_memory(model, recipe.batch_size or train.n_samples)
    problem = SupervisedProblem.of(train, model, objective, recipe.batch_size, recipe.precision)
    why = recipe.why
    if given is None:
        limits = stop or Stop()
        given, why = auto.choose(
            dimension=model.n_parameters,
            evaluations=limits.evaluations,
            seconds=limits.seconds,
            operations=problem.operations,
            # Rounded to bfloat16, weights and outputs change in steps.
            smooth=objective.smooth
            and model.activation not in STEPS
            and recipe.precision == "float32",
            minibatches=problem.uses_minibatches,
        )
    named = dataclasses.replace(
        recipe,
        strategy=given.name,
        why=why,
        # A run folder is used from anywhere.
        data=recipe.data if recipe.data in DATASETS else str(Path(recipe.data).resolve()),
        objective=objective.name,
        hyperparameters=dataclasses.asdict(given),  # type: ignore[call-overload]
        test_fraction=fraction,
        standardize=scaling is not None,
    )
    return Prepared(named, train, test, scaling, model, problem, given)


def _check_memory(model: MLP, samples: int) -> None:
    """Refuse a network that this machine cannot hold, before anything is allocated."""
    # The best network, the strategy's copy, and on each core a candidate and its noise; and the
    # activations of two neighbouring layers there.
    cores = jax.local_device_count()
    held = model.n_parameters * (4 + 4 * cores) + 2 * samples * max(model.sizes) * cores
    needed = 4 * held
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.9 * available:
        raise InputError(
            f"a network of {model.n_parameters:,} parameters on {samples:,} samples needs about "
            f"{needed / 2**30:,.0f} GiB, expected at most the {available / 2**30:,.0f} GiB of this "
            "machine; use fewer neurons, or a smaller batch size"
        )
