"""What decides the outcome of a run? Everything in a recipe, which is what a run folder keeps."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradless import objectives, strategies
from gradless._core import forked, free_memory, words
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError, unknown_name
from gradless._core.hardware import LANES
from gradless._core.programs import compiled
from gradless._core.tree import Params, Structure
from gradless.data import datasets, fingerprints
from gradless.data.cells import short
from gradless.data.columns import Column, Columns
from gradless.data.datasets import Dataset
from gradless.data.fingerprints import Fingerprints
from gradless.data.named import DATASETS
from gradless.data.parts import VALIDATION, Parts, divide
from gradless.data.preprocessing import Preprocessing
from gradless.data.scaling import check_deviation, is_blurred, mean_and_scale
from gradless.data.table import Table
from gradless.data.targets import class_indices
from gradless.models.facts import check_precision
from gradless.models.mlp import MLP
from gradless.objectives import Objective
from gradless.problems.supervised import OutputScale, SupervisedProblem
from gradless.strategies import Strategy
from gradless.training import auto, memory
from gradless.training.loop import Run, Stop, begin, evaluations_per_generation
from gradless.training.memory import Needed, Setting
from gradless.training.validation import PATIENCE, GrowingLooks, Validation, answers

_TEST_FRACTION = 0.25
_LEAST_BATCH, _LEAST_POPULATION, _LEAST_NEURONS = 32, 16, 4  # that are advised
_INIT_STREAM = 2**32 - 1  # of the run's key: generations use the streams from 0 upwards

_TYPES: dict[str, Any] = {
    "data": str,
    "target": str | None,
    "task": str,
    "drop": list,
    "categories": list,
    "missing": list | None,
    "numbers": str,
    "positive": str | None,
    "test_fraction": float | int | None,
    "validation": float | int | None,
    "standardize": bool | None,
    "scale_outputs": bool | None,
    "hidden": list,
    "activation": str,
    "initializer": str,
    "weights": str,
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

    ``missing`` is as for :func:`gradless.data.table.read_table`. ``numbers`` are those that a table
    holds until they are scaled: float64, or float32 in runs of before. ``positive`` is the one of
    two classes that is to be found, made the second one; None leaves them in the order of their
    names. ``validation`` is the share of the training rows by which the network that is kept is
    chosen (``training.validation``); None holds out a fifth of them where data are measured and
    enough. ``test_fraction`` and ``standardize`` of None mean: none of it for
    the data sets generated in the plane, as in the chapter; a quarter, and yes, for measured data.
    ``scale_outputs`` brings the outputs to mean and about the deviation of the training targets,
    where these are numbers; None does so with ``standardize``. A strategy of ``"auto"`` is replaced
    by the one chosen when the recipe is prepared, and ``why`` says what it was chosen for.
    """

    data: str
    target: str | None = None
    task: Literal["auto", "classification", "regression"] = "auto"
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    missing: tuple[str, ...] | None = None
    numbers: str = "float64"
    positive: str | None = None
    test_fraction: float | None = None
    validation: float | None = 0.0
    standardize: bool | None = None
    scale_outputs: bool | None = None
    hidden: tuple[int, ...] = (64,)
    activation: str = "relu"
    initializer: str = "he"
    weights: str = "float32"
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
        lists = {name: tuple(value.get(name, ())) for name in ("hidden", "drop", "categories")}
        # Of the runs that did not know them.
        before: dict[str, Any] = {"scale_outputs": False, "numbers": "float32"}
        if value.get("missing") is not None:
            lists["missing"] = tuple(value["missing"])
        return cls(**{**before, **value, **lists})

    def model(self, sizes: tuple[int, ...]) -> MLP:
        """Its network, with ``sizes`` from inputs to outputs."""
        return MLP(sizes, self.activation, self.initializer, self.weights)


class Judged(NamedTuple):
    """The objective's value and, for classification, the accuracy."""

    value: float
    accuracy: float | None


@dataclass(frozen=True)
class Prepared:
    """A recipe with its data loaded and everything checked, ready to begin."""

    recipe: Recipe
    train: Dataset
    validation: Dataset | None  # rows by which the network that is kept is chosen
    test: Dataset | None
    preprocessing: Preprocessing | None  # None where features are used as they are
    table: tuple[Column, ...]
    notes: tuple[str, ...]  # of how it was read
    target: str | None  # the name of a file's column
    model: MLP
    problem: SupervisedProblem
    outputs: OutputScale | None  # None where those of the network are used as they are
    strategy: Strategy
    columns: dict[str, str]  # a checksum of each, to say which one has changed
    rows: Fingerprints  # of the training and validation rows
    note: str | None = None  # what a person should know of the validation rows

    def begin(self) -> Run:
        """The run before its first generation."""
        return _begun(self.model, self.strategy, np.uint32(self.recipe.seed))

    @property
    def params(self) -> Params:
        """Shapes of the network's parameters."""
        return _params(self.model)

    @property
    def structure(self) -> Structure:
        """The same as a structure."""
        return Structure.of(self.params)

    @property
    def is_measured(self) -> bool:
        """Whether the data come from somewhere, and are not drawn in the plane."""
        return not _is_planar(self.recipe)

    def judge(self, params: Params, dataset: Dataset) -> Judged:
        """How good a network of the search is on a whole data set, scaled as in training."""
        loss, measures = self.problem_of(dataset).score_all(params)
        objective = self.problem.objective
        accuracy = measures.get("accuracy")
        return Judged(objective.value(float(loss)), None if accuracy is None else float(accuracy))

    def problem_of(self, dataset: Dataset) -> SupervisedProblem:
        """The objective of the search on a whole data set."""
        return SupervisedProblem.of(
            dataset, self.model, self.problem.objective, outputs=self.outputs
        )

    def loss_on(self, dataset: Dataset) -> Callable[[NDArray[np.float32]], float]:
        """Makes a loss on a whole data set of the parameters as a vector."""
        problem, structure = self.problem_of(dataset), self.structure

        def loss_of(vector: Any) -> float:  # cut by NumPy: JAX would compile every cut
            return float(problem.score_all(structure.unravel(vector)).loss)

        return loss_of

    def validator(self, patience: float = PATIENCE) -> Validation | None:
        """What judges networks on the validation rows; None if there are none."""
        if self.validation is None:
            return None
        return Validation(
            GrowingLooks(evaluations_per_generation(self.strategy), patience),
            self.loss_on(self.validation),
            answers(self.strategy, self.problem.uses_minibatches),
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the training data as the network sees it."""
        digest = hashlib.sha256(self.train.features.tobytes())
        digest.update(self.train.targets.tobytes())
        if self.validation is not None:
            digest.update(self.validation.features.tobytes())
            digest.update(self.validation.targets.tobytes())
        return digest.hexdigest()


def _params(model: MLP) -> Params:
    """Shapes of a network's parameters; nothing is allocated."""
    return jax.eval_shape(lambda: model.init(jax.random.key(0)))


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@compiled(static_argnames=["model"])
def _begun(model: MLP, strategy: Strategy, seed: Any) -> Run:
    params = model.init(jax.random.fold_in(jax.random.key(seed), _INIT_STREAM))
    return begin(strategy, params, seed)


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
    forked.check()
    use_all_cores()
    if not 0 <= recipe.seed < 2**32:
        raise InputError(
            f"seed {recipe.seed} was given, expected a whole number from 0 to 2**32 - 1; "
            "give for example 0"
        )
    if recipe.strategy != auto.AUTO:
        strategies.get(recipe.strategy, **recipe.hyperparameters)
    elif recipe.hyperparameters:
        raise InputError(
            f"hyperparameters {', '.join(recipe.hyperparameters)} were given for the strategy "
            f"{auto.AUTO!r}, expected none, since it is not known which one is chosen; name the "
            "strategy too"
        )
    wanted = None if recipe.objective is None else objectives.get(recipe.objective)
    # Raised for bad names and sizes before a large file is read.
    check_precision(recipe.precision, recipe.model((1, *recipe.hidden, 1)))
    if recipe.data in DATASETS and recipe.target is not None:
        raise InputError(
            f"target {recipe.target!r} was given for the data set {recipe.data!r}, expected none; "
            "a target names the column of a file"
        )
    task = recipe.task
    classes_only = wanted is not None and "regression" not in wanted.tasks
    if task == "auto" and classes_only and recipe.data not in DATASETS:
        task = "classification"
    table = datasets.load_table(
        recipe.data,
        target=recipe.target,
        task=task,
        seed=recipe.seed,
        drop=recipe.drop,
        categories=recipe.categories,
        missing=recipe.missing,
    )
    if recipe.numbers == "float32":
        table = table.in_float32()
    if task != recipe.task and table.class_names is not None:
        _check_classes(recipe, table, table.class_names)
    fraction = recipe.test_fraction
    samples, planar = len(table.targets), _is_planar(recipe)
    if fraction is None:
        fraction = 0.0 if planar or samples < 20 else _TEST_FRACTION
    scale = not planar if recipe.standardize is None else recipe.standardize
    parts = divide(
        datasets.name_of(recipe.data), table.targets, table.class_names, test=fraction,
        validation=0.0 if recipe.validation is None and planar else recipe.validation,
        seed=recipe.seed,
    )  # fmt: skip
    train, validation, test, preprocessing = _inputs(recipe, table, parts, scale)
    if recipe.positive is not None:  # after the split, which is then the same for both
        train = _with_second(train, recipe.positive)
        validation, test = (
            None if part is None else _with_second(part, recipe.positive)
            for part in (validation, test)
        )

    default = "cross_entropy" if train.is_classification else "squared_error"
    objective = wanted or objectives.get(default)
    scale_outputs = scale if recipe.scale_outputs is None else recipe.scale_outputs
    outputs = None
    if scale_outputs and not train.is_classification:
        outputs = _output_scale(train)
    plan = _planned(recipe, train, objective, stop)
    _check_memory(plan, recipe, train, objective, stop)
    model, given = plan.model, plan.strategy
    problem = SupervisedProblem.of(
        train, model, objective, recipe.batch_size, recipe.precision, outputs=outputs
    )
    named = dataclasses.replace(
        recipe,
        strategy=given.name,
        why=plan.why,
        # A run folder is used from anywhere.
        data=recipe.data if recipe.data in DATASETS else str(Path(recipe.data).resolve()),
        objective=objective.name,
        hyperparameters=dataclasses.asdict(given),  # type: ignore[call-overload]
        test_fraction=fraction,
        # As it was asked for, or none: the rows are the same without the rule of today.
        validation=0.0 if validation is None else recipe.validation or VALIDATION,
        standardize=scale,
        scale_outputs=outputs is not None,
    )
    return Prepared(
        named,
        train,
        validation,
        test,
        preprocessing,
        table.columns.described(),
        (*table.notes, *_blurred(recipe, table, inputs=not scale, target=outputs is None)),
        table.target,
        model,
        problem,
        outputs,
        given,
        _checksums(table),
        _fingerprints(table, parts),
        parts.note,
    )


def _blurred(recipe: Recipe, table: Table, *, inputs: bool, target: bool) -> Iterator[str]:
    """What to say of a file's numbers that a network sees as they are, but in float32."""
    if recipe.data in DATASETS:
        return
    columns = zip(table.feature_names, table.categories, table.features.T, strict=True)
    seen = [(name, values) for name, names, values in columns if inputs and names is None]
    if target and table.class_names is None:
        seen.append((str(table.target), table.targets))
    for name, values in seen:
        if is_blurred(values):
            yield (
                f"column {short(name)}: its numbers are too near to each other for float32, in "
                "which a network computes; take an offset off, or leave out --standardize no"
            )


def _output_scale(train: Dataset) -> OutputScale:
    """Mean and about the standard deviation of the targets, the squares of which have to fit."""
    shift, scale = mean_and_scale(train.targets[:, None].astype(np.float64))
    check_deviation(scale, f"{train.name}: targets")
    # A power of two: the last layer takes it without a rounding, also where it has eight bits.
    return OutputScale(np.exp2(np.round(np.log2(scale))), shift)


def _check_classes(recipe: Recipe, table: Table, class_names: tuple[str, ...]) -> None:
    """Refuse numbers that only the objective makes classes of."""
    if len(class_names) > len(table.targets) / 2:
        raise InputError(
            f"objective {recipe.objective!r} judges classes, and the target {table.target!r} has "
            f"{len(class_names):,} different values in {len(table.targets):,} rows, expected "
            "classes that repeat; choose an objective for numbers, such as r2, or another target "
            "column"
        )


def _with_second(dataset: Dataset, name: str) -> Dataset:
    """The same samples with this class as the second of two."""
    names = dataset.class_names or ()
    if len(names) != 2:
        raise InputError(
            f"positive class {name!r} was given for {len(names) or 'no'} classes, expected one of "
            "two; leave it out"
        )
    (index,) = class_indices([name], names)
    if index is None:
        raise unknown_name("class", name, names)
    if index == 1:
        return dataset
    return dataclasses.replace(dataset, targets=1 - dataset.targets, class_names=names[::-1])


def _is_planar(recipe: Recipe) -> bool:
    return recipe.data in DATASETS and DATASETS[recipe.data].planar


def _inputs(
    recipe: Recipe, table: Table, parts: Parts, scale: bool
) -> tuple[Dataset, Dataset | None, Dataset | None, Preprocessing | None]:
    """Training, validation and test samples as the network sees them."""
    name, columns, preprocessing = datasets.name_of(recipe.data), table.columns, None
    if scale or recipe.data not in DATASETS:
        preprocessing = Preprocessing.fit(columns.rows(parts.train), scale=scale)
        _check_inputs(len(table.targets), len(preprocessing.input_names))

    def dataset(rows: Any) -> Dataset:
        own: Columns = columns.rows(rows)
        if preprocessing is None:
            inputs, names = own.features.astype(np.float32), own.feature_names
        else:
            inputs, names = preprocessing.transform(own), preprocessing.input_names
        return Dataset(name, inputs, table.targets[rows], names, table.class_names)

    validation, test = (
        dataset(rows) if len(rows) else None for rows in (parts.validation, parts.test)
    )
    return dataset(parts.train), validation, test, preprocessing


def _fingerprints(table: Table, parts: Parts) -> Fingerprints:
    """Of the rows that have a part in what the network becomes."""
    rows = np.concatenate([parts.train, parts.validation])
    return fingerprints.of_rows(table.columns.rows(rows), table.targets[rows], table.class_names)


def _check_inputs(rows: int, inputs: int) -> None:
    """Refuse categories that become more inputs than fit into memory."""
    needed, free = 4 * rows * inputs, free_memory.free()
    if free is not None and needed > free / 2:  # the network needs some, too
        raise InputError(
            f"{rows:,} rows become {inputs:,} inputs each, which take {words.size(needed)}, "
            f"expected at most half of the {words.size(free)} that are free; leave out columns "
            "of many categories with --drop, or take fewer rows"
        )


def _checksums(table: Table) -> dict[str, str]:
    """Of each column; the order of the samples counts."""
    samples = len(table.targets)
    weights = (2 * np.arange(samples, dtype=np.uint32) + 1) * np.uint32(2654435761)
    of_features = _weighed(weights, table.features)
    for column, names in enumerate(table.categories):
        if names is not None:  # by their names: their order is that of the file
            texts = [zlib.crc32((text or "").encode()) for text in table.columns.texts(column)]
            of_features[column] = weights @ np.array(texts, np.uint32)
    of_target = _weighed(weights, table.targets[:, None])
    named = zip(table.feature_names, of_features, strict=True)
    checksums = {name: f"{checksum:08x}" for name, checksum in named}
    return {**checksums, "the target": f"{of_target.sum(dtype=np.uint32):08x}"}


def _weighed(weights: NDArray[np.uint32], columns: NDArray[Any]) -> NDArray[np.uint32]:
    """One sum of each column, (columns,), over the bits of all of its numbers."""
    words = np.ascontiguousarray(columns).view(np.uint32).reshape(*columns.shape, -1)
    sums = (weights @ words[..., k] for k in range(words.shape[-1]))
    return functools.reduce(lambda one, other: one * np.uint32(31) + other, sums)


# --- Memory ---------------------------------------------------------------------------------------


class _Plan(NamedTuple):
    """What a recipe makes of some data, before anything is allocated."""

    model: MLP
    problem: SupervisedProblem  # of shapes
    strategy: Strategy
    why: str | None

    @property
    def needed(self) -> Needed:
        """What its run needs."""
        params = _params(self.model)
        return memory.estimate(self.problem, self.strategy, params, checkpoints=True)


def _planned(recipe: Recipe, train: Dataset, objective: Objective, stop: Stop | None) -> _Plan:
    model = recipe.model((train.n_features, *recipe.hidden, train.n_outputs))
    problem = _shapes(train, model, objective, recipe)
    if recipe.strategy != auto.AUTO:
        strategy = strategies.get(recipe.strategy, **recipe.hyperparameters)
        return _Plan(model, problem, strategy, recipe.why)
    limits = stop or Stop()
    choice = auto.choose(
        dimension=model.n_parameters,
        evaluations=limits.evaluations,
        seconds=limits.seconds,
        operations=problem.cost.operations,
        # Rounded to bfloat16, weights and outputs change in steps.
        smooth=objective.smooth
        and not model.is_piecewise_constant
        and recipe.precision == "float32",
        minibatches=problem.uses_minibatches,
        is_count=not objective.smooth and train.is_classification,
    )

    def needed(strategy: Strategy) -> Needed:
        return _Plan(model, problem, strategy, None).needed

    return _Plan(model, problem, *auto.that_fits(choice, needed))


def _shapes(train: Dataset, model: MLP, objective: Objective, recipe: Recipe) -> SupervisedProblem:
    """The problem of the recipe with shapes in the place of arrays."""
    samples = train.n_samples
    one = dataclasses.replace(train, features=train.features[:1], targets=train.targets[:1])
    small = SupervisedProblem.of(one, model, objective, precision=recipe.precision)

    def shape(*sizes: int) -> Any:
        return jax.ShapeDtypeStruct(sizes, np.float32)

    # A size that is none is refused when the problem is made.
    batch_size = max(1, min(recipe.batch_size or samples, samples))
    whole = batch_size == samples
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


def _check_memory(
    plan: _Plan, recipe: Recipe, train: Dataset, objective: Objective, stop: Stop | None
) -> None:
    """Refuse a run that does not fit into memory, before anything is allocated for it."""

    def needed(smaller: Recipe) -> Needed:
        return _planned(smaller, train, objective, stop).needed

    what = f"{memory.described(plan.strategy, _params(plan.model))} on {train.n_samples:,} samples"
    memory.check(plan.needed, what, _smaller(recipe, plan, train.n_samples, needed))


def _smaller(
    recipe: Recipe, plan: _Plan, samples: int, needed: Callable[[Recipe], Needed]
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
    hidden = recipe.hidden
    layers = []
    while max(hidden := tuple(-(-neurons // 2) for neurons in hidden), default=0) >= _LEAST_NEURONS:
        layers.append(hidden)
    yield [
        setting(f"hidden layers of {' '.join(map(str, each))} neurons", hidden=each)
        for each in layers
    ]
