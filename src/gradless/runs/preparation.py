"""How does a recipe become a run? Its data are loaded and divided, everything is checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradless import objectives, strategies
from gradless._core import defaults, forked, free_memory, words
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError, unknown_name
from gradless.data import datasets, describing, fingerprints
from gradless.data.cells import short
from gradless.data.checksums import checksums
from gradless.data.columns import Columns
from gradless.data.datasets import Dataset
from gradless.data.fingerprints import Fingerprints
from gradless.data.leaks import leaks
from gradless.data.named import DATASETS
from gradless.data.parts import Parts, divide
from gradless.data.preprocessing import Preprocessing
from gradless.data.scaling import Moments, Scales, check_deviation, is_blurred
from gradless.data.sources import STDIN
from gradless.data.table import Table
from gradless.data.targets import class_indices
from gradless.data.together import Together
from gradless.models.facts import check_precision
from gradless.objectives import Objective, Task, extras
from gradless.problems.supervised import OutputScale
from gradless.runs import penalties
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.runs.sizing import Learned, check_memory, kind_of, params_of, sized
from gradless.strategies import restarting
from gradless.training import auto
from gradless.training.learning import First, Learning
from gradless.training.loop import Stop
from gradless.training.regularized import Settings
from gradless.training.samples import Samples, filled


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
            f"the seed must be a whole number from 0 to 2**32 - 1, got {recipe.seed}. For "
            "example: 0"
        )
    if recipe.strategy != auto.AUTO:
        given_by_name = strategies.get(recipe.strategy, **recipe.hyperparameters)
        restarting.restarting(given_by_name, recipe.restarts)
    elif recipe.hyperparameters:
        raise InputError(
            f"hyperparameters must be left out for the strategy {auto.AUTO!r}, since it is not "
            f"known which one is chosen, got {', '.join(recipe.hyperparameters)}; name the "
            "strategy too"
        )
    wanted = None if recipe.objective is None else objectives.get(recipe.objective)
    extras.needed(wanted or objectives.get("cross_entropy"), recipe.extras)
    # Raised for bad names and sizes before a large file is read.
    check_precision(recipe.precision, recipe.model((1, *recipe.neurons, 1)))
    if recipe.data in DATASETS and recipe.target is not None:
        raise InputError(
            f"the target must be left out for the built-in data set {recipe.data!r}, which has "
            f"its own, got {recipe.target!r}"
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
        text=recipe.text,
        missing=recipe.missing,
        how=recipe.how,
        beside=tuple(
            dict.fromkeys(filter(None, [*recipe.extras.values(), recipe.group, recipe.time_column]))
        ),
    )
    if task != recipe.task and table.class_names is not None:
        _check_classes(recipe, table, table.class_names)
    fraction = recipe.test_fraction
    samples, planar = len(table.targets), recipe.is_planar
    if fraction is None:
        fraction = 0.0 if planar or samples < 20 else defaults.TEST_FRACTION
    scale = not planar if recipe.standardize is None else recipe.standardize
    default = "squared_error" if table.class_names is None else "cross_entropy"
    objective = (wanted or objectives.get(default)).for_rows(samples)
    together = Together.of(table.beside, recipe.group, recipe.time_column)
    table = _with_extras(recipe, objective, table)
    of_classes: Task = "regression" if table.class_names is None else "classification"
    planned = penalties.settings(recipe, of_classes, objective, stop or Stop())
    shares = (
        fraction,
        0.0 if planned is not None or (planar and recipe.validation is None) else None,
    )
    parts, inputs = _divided(recipe, table, together, shares, scale)
    if planned is not None and recipe.regularization is None:
        planned = _if_fitting(planned, recipe, table, parts, inputs, objective, stop)
        if planned is None:
            parts, inputs = _divided(recipe, table, together, (fraction, None), scale)
    if planned is not None:
        recipe = penalties.penalised(recipe, planned)
    train, validation, test = inputs.train, inputs.validation, inputs.test
    if recipe.positive is not None:  # after the split, which is then the same for both
        train = _with_second(train, recipe.positive)
        validation, test = (
            None if part is None else _with_second(part, recipe.positive)
            for part in (validation, test)
        )
    objective = objective.for_classes(train.class_names)
    scale_outputs = scale if recipe.scale_outputs is None else recipe.scale_outputs
    outputs, turned = None, train.class_names != table.class_names
    if scale_outputs and not train.is_classification:
        first, weight = parts.samples
        outputs = _output_scale(train.name, table.targets[first], weight)
    size: Callable[[int], int] = (lambda _: 0) if planar else filled
    learned = Learned(train, len(parts.samples[0]), size)
    plan = sized(recipe, learned, objective, stop)
    check_memory(plan, recipe, learned, objective, stop)
    model, given = plan.model, plan.strategy
    kind = kind_of(recipe, train, model, objective)
    objective.check(kind.task, train.n_outputs)
    _check_batch(recipe.batch_size, train.n_samples)
    learning = Learning(
        kind=kind,
        samples=_samples(inputs, table, parts.samples, outputs, turned)._replace(
            groups=together.blocks(parts.samples[0])
        ),
        held_out=(
            None if validation is None else _samples(inputs, table, parts.held_out, outputs, turned)
        ),
        stop=stop or Stop(),
        seed=recipe.seed,
        strategy=given,
        why=plan.why or "",
        first=plan.first,
        output_scale=None if outputs is None else outputs.scale,
        batch_size=recipe.batch_size,
        size=size,
        member=recipe.model((train.n_features, *recipe.neurons, train.n_outputs)),
        settings=planned,
    )
    problem = learning.problem(learning.samples, params_of(model))
    named_by = restarting.inside(given)
    named = dataclasses.replace(
        recipe,
        strategy=named_by.name,
        why=plan.why,
        # A run folder is used from anywhere.
        data=recipe.data if recipe.data in (*DATASETS, STDIN) else str(Path(recipe.data).resolve()),
        objective=objective.name,
        hyperparameters=dataclasses.asdict(named_by),  # type: ignore[call-overload]
        test_fraction=fraction,
        # As it was asked for, or none: the rows are the same without the rule of today.
        validation=0.0 if validation is None else recipe.validation or defaults.VALIDATION,
        standardize=scale,
        scale_outputs=outputs is not None,
        hidden=recipe.neurons,
        first=None if plan.first is None else _as_plain(plan.first),
    )
    return Prepared(
        named,
        train,
        validation,
        test,
        inputs.preprocessing,
        table.columns.described(),
        (*table.notes, *_blurred(recipe, table, inputs=not scale, target=outputs is None)),
        table.target,
        model,
        problem,
        outputs,
        given,
        checksums(table),
        _fingerprints(table, parts),
        learning,
        parts.note,
        table.left_out,
        *_understood(recipe, table, parts, objective.name),
    )


def _understood(
    recipe: Recipe, table: Table, parts: Parts, objective: str
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """What was understood of a file, and what to say of columns that give its target away."""
    if recipe.data in DATASETS:
        return (), ()
    target, columns = str(table.target), table.columns
    known = (table.targets, table.class_names)
    found = [*describing.facts(columns, table.left_out, target, *known)]
    rows = describing.parts(len(parts.train), len(parts.validation), len(parts.test))
    found += [("rows", rows), ("objective", objective)]
    return tuple(found), tuple(leaks(columns, *known, target))


def _divided(
    recipe: Recipe,
    table: Table,
    together: Together,
    shares: tuple[float, float | None],
    scale: bool,
) -> tuple[Parts, _Inputs]:
    """The rows of each part, ``shares`` for the test and for validation, and their inputs."""
    test, validation = shares
    parts = divide(
        datasets.name_of(recipe.data), table.targets, table.class_names, test=test,
        validation=recipe.validation if validation is None else validation,
        seed=recipe.seed,
        features=None if recipe.is_planar else extras.beside(table.features, table.beside),
        apart=recipe.data not in DATASETS,
        groups=together.groups, times=together.times,
    )  # fmt: skip
    return parts, _inputs(recipe, table, parts, scale)


def _with_extras(recipe: Recipe, objective: Objective, table: Table) -> Table:
    """The table with what the objective looks at besides, by role and as numbers."""
    if not objective.needs:
        return table._replace(beside=None)
    given = {role: (table.beside or {})[name] for role, name in recipe.extras.items()}
    return table._replace(beside=extras.checked(objective, given, table.targets))


def _if_fitting(
    planned: Settings, recipe: Recipe, table: Table, parts: Parts, inputs: _Inputs,
    objective: Objective, stop: Stop | None,
) -> Settings | None:  # fmt: skip
    """A fit with a penalty if the rows and the budget are for one."""
    rows, weight = parts.samples
    targets = table.targets[rows]
    outputs = len(table.class_names or ()) or 1
    if table.class_names is None:
        targets = targets.astype(np.float64)[:, None]
    # Of their number alone: to make them is half of the work.
    shape = len(rows), inputs.train.n_features
    samples = Samples(np.broadcast_to(np.float32(0), shape), targets, weight)
    return penalties.if_fitting(planned, recipe, samples, outputs, objective, stop or Stop())


class _Inputs(NamedTuple):
    """Samples as the network sees them, and what makes them of columns."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    preprocessing: Preprocessing | None
    of: Callable[[Any], NDArray[np.float32]]  # inputs of rows


def _inputs(recipe: Recipe, table: Table, parts: Parts, scale: bool) -> _Inputs:
    """Training, validation and test samples as the network sees them."""
    name, columns, preprocessing = datasets.name_of(recipe.data), table.columns, None
    names = columns.feature_names
    if scale or recipe.data not in DATASETS:
        first, weight = parts.samples
        preprocessing = Preprocessing.fit(
            columns.rows(parts.train), scale=scale, samples=columns.rows(first), weight=weight,
            targets=table.targets[parts.train],
        )  # fmt: skip
        places = np.full(len(table.targets), -1)
        places[parts.train] = np.arange(len(parts.train))
        names = preprocessing.input_names
        _check_inputs(len(table.targets), len(names))

    def of(rows: Any) -> NDArray[np.float32]:
        own: Columns = columns.rows(rows)
        if preprocessing is None:
            return own.features.astype(np.float32)
        return preprocessing.with_crossed(preprocessing.transform(own), places[rows])

    def dataset(rows: Any) -> Dataset:
        beside = extras.at(table.beside, rows)
        return Dataset(name, of(rows), table.targets[rows], names, table.class_names, beside)

    validation, test = (
        dataset(rows) if len(rows) else None for rows in (parts.validation, parts.test)
    )
    return _Inputs(dataset(parts.train), validation, test, preprocessing, of)


def _samples(
    inputs: _Inputs,
    table: Table,
    part: tuple[Any, NDArray[np.float64]],
    outputs: OutputScale | None,
    turned: bool,
) -> Samples:
    """Rows as a network learns from them; ``turned`` if the two classes have changed places."""
    rows, weight = part
    targets: NDArray[Any] = table.targets[rows]
    if turned:
        targets = 1 - targets
    if table.class_names is None:
        targets = targets.astype(np.float64)[:, None]
        if outputs is not None:
            scales = Scales(np.zeros(1), np.ones(1), outputs.shift, outputs.scale)
            targets = scales.targets(targets, np.ones(1))
    return Samples(inputs.of(rows), targets, weight, extras=extras.at(table.beside, rows))


def _output_scale(name: str, targets: NDArray[Any], weight: NDArray[np.float64]) -> OutputScale:
    """Mean and standard deviation of the targets, the squares of which have to fit.

    A target that is constant is predicted whatever the network says: its scale is 0.
    """
    moments = Moments.of(targets.astype(np.float64)[:, None], weight)
    check_deviation(moments.spread, f"{name}: targets")
    return OutputScale(moments.spread, moments.mean)


def _check_batch(batch_size: int | None, samples: int) -> None:
    if batch_size is not None and not 1 <= batch_size <= samples:
        raise InputError(
            f"the batch size must be from 1 to the number of training samples, {samples}, got "
            f"{batch_size}"
        )


def _as_plain(first: First) -> dict[str, Any]:
    """A first phase as a recipe has it."""
    strategy: Any = first.strategy
    stop = first.stop
    return {
        "strategy": strategy.name,
        "hyperparameters": dataclasses.asdict(strategy),
        "evaluations": stop.evaluations,
        "seconds": stop.seconds,
        "stagnation": stop.stagnation,
    }


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
                "which a network computes. Subtract an offset, or remove --standardize no"
            )


def _check_classes(recipe: Recipe, table: Table, class_names: tuple[str, ...]) -> None:
    """Refuse numbers that only the objective makes classes of."""
    if len(class_names) > len(table.targets) / 2:
        raise InputError(
            f"objective {recipe.objective!r} must have classes that repeat, got a target "
            f"{table.target!r} of {len(class_names):,} different values in "
            f"{len(table.targets):,} rows. Use an objective for numbers, such as r2, or another "
            "target column"
        )


def _with_second(dataset: Dataset, name: str) -> Dataset:
    """The same samples with this class as the second of two."""
    names = dataset.class_names or ()
    if len(names) != 2:
        raise InputError(
            f"the positive class must be one of two classes, got {name!r} for "
            f"{len(names) or 'no'} classes. Remove --positive"
        )
    (index,) = class_indices([name], names)
    if index is None:
        raise unknown_name("class", name, names)
    if index == 1:
        return dataset
    return dataclasses.replace(dataset, targets=1 - dataset.targets, class_names=names[::-1])


def _fingerprints(table: Table, parts: Parts) -> Fingerprints:
    """Of the rows that have a part in what the network becomes."""
    rows = np.concatenate([parts.train, parts.validation])
    return fingerprints.of_rows(table.columns.rows(rows), table.targets[rows], table.class_names)


def _check_inputs(rows: int, inputs: int) -> None:
    """Refuse categories that become more inputs than fit into memory."""
    needed, free = 4 * rows * inputs, free_memory.free()
    if free is not None and needed > free / 2:  # the network needs some, too
        raise InputError(
            f"inputs must need at most half of the {words.size(free)} free, got {rows:,} rows of "
            f"{inputs:,} inputs, {words.size(needed)}. Use --drop for columns of many "
            "categories, or fewer rows"
        )
