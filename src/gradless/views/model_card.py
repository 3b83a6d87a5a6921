"""What should someone know who uses a network? A page about it: the model card in a run folder.

After Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gradless._core import storage, words
from gradless.data.columns import Column
from gradless.data.dates import is_date_kind
from gradless.data.preprocessing import MISSING
from gradless.objectives import quality
from gradless.objectives.quality import Metric
from gradless.runs.prepared import Prepared
from gradless.views.report import Result, caution, decision_words, kept_words, penalty_words

CARD = "model_card.md"
# Of more classes the picture alone shows the confusion matrix.
_CLASSES_IN_TEXT = 10
_LISTED = 8
_LEFT_OUT = 20


def write(
    folder: Path,
    prepared: Prepared,
    result: Result,
    found: Sequence[Metric],
    simple: Sequence[Metric],
    answers: np.ndarray,
    pictures: Sequence[Path],
) -> None:
    """Write the card of a finished run.

    Parameters
    ----------
    folder
        The run folder.
    prepared, result
        The run.
    found, answers
        Metrics, and the network's probabilities or numbers, on the test data; on the training data
        if there are none.
    simple
        The same metrics of one answer for all rows.
    pictures
        In the folder.
    """
    parts = (
        _heading(prepared),
        _quality(prepared, result, found, simple, answers, pictures),
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
    prepared: Prepared,
    result: Result,
    found: Sequence[Metric],
    simple: Sequence[Metric],
    answers: np.ndarray,
    pictures: Sequence[Path],
) -> Iterator[str]:
    train, test = prepared.train, prepared.test
    shown = train if test is None else test
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
    others = {metric.name: metric.text for metric in simple}
    yield from _table(
        ("measure", "value", "95 % interval", "baseline", "meaning"),
        [
            (_cell(m.label), m.text, m.interval or "-", others.get(m.name, "-"), m.meaning)
            for m in found
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
        yield ""
    if train.class_names is not None and len(train.class_names) <= _CLASSES_IN_TEXT:
        counts = quality.confusion_matrix(shown.targets, answers)
        heads = [f"predicted {_cell(name)}" for name in train.class_names]
        yield from _table(
            ("", *heads),
            [
                (f"true {_cell(name)}", *(f"{count:,}" for count in row))
                for name, row in zip(train.class_names, counts, strict=True)
            ],
        )
    for path in pictures:
        yield f"![{path.stem.replace('_', ' ')}]({path.name})"
    yield ""


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
    if left := prepared.left_out:
        listed = ", ".join(f"{_code(each.name)} ({each.why})" for each in left[:_LEFT_OUT])
        more = f" and {len(left) - _LEFT_OUT:,} more" if len(left) > _LEFT_OUT else ""
        yield f"Not used, since nothing general can be learned from them: {listed}{more}."
    for leak in prepared.leaks:
        yield f"**Caution:** {leak}."
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
    if any(is_date_kind(kind) for kind in kinds):
        yield "Of dates, the network sees days, year, and month and weekday as places on a circle."
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

    def besides(part: str) -> str:
        also = (result.measures or {}).get(part, {})
        return "".join(f", {name} {words.loss(value)}" for name, value in also.items())

    kept, penalty = kept_words(result, prepared), penalty_words(result)
    decided = decision_words(result)
    on_validation = []
    if result.penalty is not None and result.validation_loss is not None:
        figures = reached(result.validation_loss, result.validation_accuracy)
        on_validation = [("in cross-validation, on rows not seen", figures)]
    if prepared.validation is not None:
        figures = reached(result.validation_loss, result.validation_accuracy)
        on_validation = [("on the validation rows", figures + besides("validation"))]
    on_test = []
    if result.test_loss is not None:
        figures = reached(result.test_loss, result.test_accuracy) + besides("test")
        on_test = [("on the test rows", figures)]
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
            ("on the training rows", reached(result.loss, result.accuracy) + besides("training")),
            *on_validation,
            *on_test,
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
    if is_date_kind(column.kind):
        return column.kind.replace("date", "dates", 1)
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
