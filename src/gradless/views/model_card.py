"""What should someone know who uses a network? A page about it: the model card in a run folder.

After Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from gradless._core import storage, words
from gradless.data.columns import Column
from gradless.data.preprocessing import MISSING
from gradless.objectives import quality
from gradless.objectives.thresholds import thresholds
from gradless.runs.importance import rows_used
from gradless.runs.prepared import Prepared
from gradless.views.findings import Findings
from gradless.views.report import (
    Result,
    caution,
    decision_words,
    kept_words,
    linear_words,
    penalty_words,
)

CARD = "model_card.md"
# Of more classes the picture alone shows the confusion matrix.
_CLASSES_IN_TEXT = 10
_LISTED = 8
_COLUMNS = 15
_OF_COLUMNS = ("importance", "dependence")  # pictures


def write(
    folder: Path,
    prepared: Prepared,
    result: Result,
    known: Findings,
    pictures: Sequence[Path],
) -> None:
    """Write the card of a finished run.

    Parameters
    ----------
    folder
        The run folder.
    prepared, result
        The run.
    known
        How good it is, on the test data; on the training data if there are none.
    pictures
        In the folder.
    """
    parts = (
        _heading(prepared),
        _quality(prepared, result, known, pictures),
        _columns(prepared, known, pictures),
        _data(prepared),
        _training(prepared, result),
        _use(folder),
    )
    text = "\n".join(itertools.chain(*parts))
    storage.write_bytes(folder / CARD, (text.rstrip() + "\n").encode())


def _heading(prepared: Prepared) -> Iterator[str]:
    train = prepared.train
    target = _code(prepared.target) if prepared.target else "the class"
    yield f"# Model card: {train.name}"
    yield ""
    what = words.plural(len(prepared.table), "column")
    if train.class_names is None:
        yield f"A neural network that predicts the number {target} from {what} of a table."
    else:
        names = _one_of([_code(name) for name in train.class_names])
        yield f"A neural network that predicts {target} from {what} of a table: {names}."
    yield "It was trained without gradients, by gradless."
    yield ""


def _quality(
    prepared: Prepared, result: Result, known: Findings, pictures: Sequence[Path]
) -> Iterator[str]:
    train, test, shown = prepared.train, prepared.test, known.rows
    yield "## How good is it?"
    yield ""
    if test is None:
        yield (
            "**Not known.** No rows were kept aside, so these are figures of the "
            f"{train.n_samples:,} training rows. On new rows they will be worse."
        )
    else:
        yield (
            f"Measured once, at the end, on {test.n_samples:,} rows that were kept aside and took "
            "no part in training:"
        )
    yield ""
    beside = known.beside()
    others = [{metric.name: metric.text for metric in metrics} for metrics in beside.values()]
    yield from _table(
        ("measure", "value", "95 % interval", *beside, "meaning"),
        [
            (
                _cell(m.label),
                m.text,
                m.interval or "-",
                *(texts.get(m.name, "-") for texts in others),
                m.meaning,
            )
            for m in known.found
        ],
    )
    for sentence in result.verdict or ():
        yield f"**{_cell(sentence)}**"
        yield ""
    yield (
        "The intervals (bootstrap over these rows) say how much a value depends on which rows "
        "happened to be measured. They say nothing about rows of another kind."
    )
    if few := caution(shown.n_samples):
        yield f"**{few[0].upper()}{few[1:]}.**"
    if result.baseline is not None:
        yield f"The baseline answers every row alike: {_cell(str(result.baseline['answer']))}."
    if result.linear is not None:
        yield f"The linear model is a {linear_words(result)}, on the same inputs."
        for sentence in _advantage(result):
            yield sentence
    yield ""
    if train.class_names is not None and len(train.class_names) <= _CLASSES_IN_TEXT:
        counts = quality.confusion_matrix(shown.targets, known.answers)
        heads = [f"predicted {_cell(name)}" for name in train.class_names]
        yield from _table(
            ("", *heads),
            [
                (f"true {_cell(name)}", *(f"{count:,}" for count in row))
                for name, row in zip(train.class_names, counts, strict=True)
            ],
        )
    if train.class_names is not None and len(train.class_names) == 2:
        yield from _thresholds(prepared, result, known)
    yield from _images(path for path in pictures if path.stem not in _OF_COLUMNS)


def _thresholds(prepared: Prepared, result: Result, known: Findings) -> Iterator[str]:
    """Where the decision is, and what moving it would cost."""
    if not np.isfinite(known.answers).all():
        return
    assert prepared.train.class_names is not None
    name = _code(prepared.train.class_names[1])
    yield f"It decides for {name} where that is the more likely class. With another threshold:"
    yield ""

    def share(value: float | None) -> str:
        return "-" if value is None else words.percent(value)

    yield from _table(
        ("probability of at least", f"taken for {name}", "precision", "recall", "F1"),
        [
            (
                f"**{words.loss(one.probability)}, as it is**" if one.used
                else words.loss(one.probability),
                share(one.share),
                share(one.precision),
                share(one.recall),
                words.loss(one.f1),
            )
            for one in thresholds(known.rows.targets, known.answers[:, 1])
        ],
    )  # fmt: skip
    moved = result.decision is not None and result.decision["kind"] != "argmax"
    if moved:
        yield (
            f"The decision was chosen for {result.objective}: probabilities were moved for it, and "
            "are no longer those of how often a class occurs."
        )
    yield "A threshold that is chosen by this table is to be judged on other rows."
    yield ""


def _images(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield f"![{path.stem.replace('_', ' ')}]({path.name})"
    yield ""


def _columns(prepared: Prepared, known: Findings, pictures: Sequence[Path]) -> Iterator[str]:
    """How important columns are."""
    if not known.importance:
        return
    objective = prepared.problem.objective
    change = "falls" if objective.greater_is_better else "rises"
    yield "## Which columns count?"
    yield ""
    yield (
        f"How much the {objective.quantity} ({objective.name}) {change} when a column's values are "
        f"shuffled among {rows_used(prepared):,} {'test' if prepared.test else 'training'} rows:"
    )
    yield ""
    yield from _table(
        ("column", "importance", "95 % interval"),
        [
            (
                _cell(one.name),
                words.loss(one.value),
                f"{words.loss(one.low)} to {words.loss(one.high)}",
            )
            for one in known.importance[:_COLUMNS]
        ],
    )
    if (more := len(known.importance) - _COLUMNS) > 0:
        yield f"Less important: {words.plural(more, 'other column')}."
    yield (
        "Columns that say the same share their importance, and none is a cause: the network uses "
        "what goes together with the answer."
    )
    yield ""
    yield from _images(path for path in pictures if path.stem in _OF_COLUMNS)


def _advantage(result: Result) -> Iterator[str]:
    """How much better than the linear model it is."""
    advantage = None if result.linear is None else result.linear["advantage"]
    if advantage is None:
        return
    value, low, high = (words.loss(advantage[part]) for part in ("value", "low", "high"))
    yield (
        f"The advantage of the network over it in {result.objective} is {value} on these "
        f"rows, and {low} to {high} over resamples of them (95 % interval of the paired "
        "difference); below 0, the linear model is better."
    )


def _data(prepared: Prepared) -> Iterator[str]:
    train, test, recipe = prepared.train, prepared.test, prepared.recipe
    parts = [part for part in (train, prepared.validation, test) if part is not None]
    samples = sum(part.n_samples for part in parts)
    kept = "none" if test is None else f"{test.n_samples:,}"
    yield "## Data"
    yield ""
    kept += " of them kept aside to test" if test is not None else " of them kept aside"
    if test is not None and train.class_names is not None:
        kept += ", with the classes in the same proportions"
    yield f"{_code(prepared.recipe.data)}: {samples:,} rows, {kept}."
    if prepared.validation is not None:
        yield (
            f"Of the others, {prepared.validation.n_samples:,} selected the network and stopped "
            "the training; the search did not learn from them."
        )
    elif recipe.regularization is not None and recipe.regularization["alpha"] is None:
        folds = recipe.regularization["folds"]
        yield (
            f"The others were divided into {folds} folds: networks trained without a fold were "
            "judged on it, to choose the penalty. Then networks were trained on all of them."
        )
    elif prepared.note is not None:
        yield f"{prepared.note[0].upper()}{prepared.note[1:]}."
    if prepared.recipe.drop:
        yield f"Left out: {', '.join(map(_code, prepared.recipe.drop))}."
    yield ""
    if train.class_names is not None:
        targets = np.concatenate([part.targets for part in parts])
        counts = np.bincount(targets, minlength=len(train.class_names))
        yield from _table(
            ("class", "rows", "share"),
            [
                (_cell(name), f"{count:,}", words.percent(count / samples))
                for name, count in zip(train.class_names, counts, strict=True)
            ],
        )
    else:
        low, high = train.targets.min(), train.targets.max()
        yield f"The target runs from {words.shortest(low)} to {words.shortest(high)} in training."
        yield ""
    yield from _table(
        ("column", "holds", "empty cells"),
        [(_cell(column.name), _holds(column), f"{column.missing:,}") for column in prepared.table],
    )
    if prepared.preprocessing is not None:
        yield from _preprocessing(prepared)
        yield ""


def _preprocessing(prepared: Prepared) -> Iterator[str]:
    kinds = {column.kind for column in prepared.table}
    if "number" in kinds:
        scaled = "; then numbers are scaled to mean 0 and standard deviation 1"
        yield (
            "Missing numbers are replaced by the column's median"
            f"{scaled if prepared.recipe.standardize else ''}."
        )
    inputs = prepared.train.feature_names
    if any(f"{column.name} is missing" in inputs for column in prepared.table):
        yield "The network also receives an indicator for each missing number."
    if "category" in kinds:
        gaps = any(f"{column.name} = {MISSING}" in inputs for column in prepared.table)
        yield f"Each category has an input of its own{', and so has a missing one' * gaps}."
    if prepared.outputs is not None:
        yield "Outputs of the network were scaled to mean and spread of the target."
    yield "The preprocessing was fitted on the training rows alone."


def _training(prepared: Prepared, result: Result) -> Iterator[str]:
    recipe, model = prepared.recipe, prepared.model
    yield "## Training"
    yield ""
    sizes = "-".join(map(str, model.sizes))
    chosen = "" if recipe.why is None else f", chosen automatically. {recipe.why}"

    def reached(loss: float | None, accuracy: float | None) -> str:
        assert loss is not None
        share = "" if accuracy is None else words.percent(accuracy)
        if result.objective == "accuracy":
            return f"accuracy {share}"
        value = words.loss(prepared.problem.objective.value(loss))
        return f"{result.objective} {value}{share and f', accuracy {share}'}"

    kept, penalty = kept_words(result, prepared), penalty_words(result)
    decided = decision_words(result)
    on_validation = []
    if result.penalty is not None and result.validation_loss is not None:
        figures = reached(result.validation_loss, result.validation_accuracy)
        on_validation = [("in cross-validation, on rows not seen", figures)]
    if prepared.validation is not None:
        figures = reached(result.validation_loss, result.validation_accuracy)
        on_validation = [("on the validation rows", figures)]
    yield from _table(
        ("", ""),
        [
            (
                "network",
                f"{sizes}, {recipe.activation}, {model.n_parameters:,} parameters, weights in "
                f"{model.weights}",
            ),
            ("objective", result.objective),
            ("strategy", f"{recipe.strategy}{_cell(chosen)}"),
            (
                "effort",
                f"{result.evaluations:,} networks evaluated in {words.seconds(result.seconds)}",
            ),
            ("stopped because", result.stopped_because),
            *([] if penalty is None else [("penalty", penalty)]),
            *([] if decided is None else [("decision", decided)]),
            *([] if kept is None else [("network kept", kept)]),
            ("on the training rows", reached(result.loss, result.accuracy)),
            *on_validation,
            ("seed", str(recipe.seed)),
        ],
    )
    if result.stalled is not None:
        yield f"It stalled: {result.stalled}. To try: {result.advice}."
        yield ""


def _use(folder: Path) -> Iterator[str]:
    run = shlex.quote(str(folder))
    yield "## Use"
    yield ""
    yield "```sh"
    yield f"gradless predict {run} NEW.csv         # answers for new rows"
    yield f"gradless evaluate {run} LABELLED.csv   # how good it is on other rows with answers"
    yield "```"
    yield ""
    yield (
        "A table needs the columns above by name, in any order; others are ignored. Rows unlike "
        "those it was trained on get an answer, too, and it may be wrong however sure it looks."
    )


def _holds(column: Column) -> str:
    if column.kind == "number":
        return "numbers"
    names = [_cell(name) for name in column.categories[:_LISTED]]
    more = len(column.categories) - len(names)
    shown = ", ".join(names) + (f" and {more:,} more" if more else "")
    return f"{words.plural(len(column.categories), 'category', 'categories')}: {shown}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown, and an empty line."""
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _one_of(names: Sequence[str]) -> str:
    """Names with an ``or`` before the last one, not all of them if there are many."""
    if len(names) > _LISTED:
        return f"{', '.join(names[:_LISTED])} or one of {len(names) - _LISTED:,} more"
    return words.either(names)


def _cell(text: str) -> str:
    """Text that stays what it is in a Markdown table."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in text)


def _code(text: str) -> str:
    """Text as code, whatever it is."""
    return f"`{text.replace('`', chr(39))}`"
